#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""adversary.py HOME VICTIM: an unprivileged user who owns HOME and what is in it, and wants root to read, write or remove in
VICTIM, which is root's. Run as that user; goes on until SIGTERM. Three ways at once, each in a process of its own:

  flip    a directory that root will use and a link to VICTIM change names: for some milliseconds whenever a program of a backup
          or restore is born (/proc shows them to everybody), and now and then without a reason
  inner   the same for a directory inside the item, without a pause
  hunt    whatever root makes in a directory of ours (staging, copies, temporary files) is moved away, and a link to VICTIM
          gets its name; a moment later it is put back

Prints one JSON line at the end: how often each succeeded, so that a test can see that there was an attack."""
import ctypes
import json
import os
import random
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, EXCHANGE = -100, 2
PROGRAMS = {"tar", "kopi-docka-pack", "kopi-docka-plac", "kopi-docka-exec", "kopi-docka-copy", "mv", "cp", "rm", "chown", "mkdir", "setfacl", "stat"}
ended = False


def end(*_):
    global ended
    ended = True


def exchange(a, b):
    return LIBC.renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), EXCHANGE) == 0


def quiet(call, *argv):
    try:
        call(*argv)
        return True
    except OSError:
        return False


def linked(path, victim):
    """A link to VICTIM beside ${path}, to change names with."""
    trap = f"{path}.trap"
    quiet(os.symlink, victim, trap)
    return trap


def flip(item, victim):
    trap, seen, done = linked(item, victim), set(), 0
    while not ended:
        born, now = False, set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            now.add(pid)
            if pid not in seen:
                try:
                    born = born or open(f"/proc/{pid}/comm").read().strip() in PROGRAMS
                except OSError:
                    continue
        seen = now
        if born or random.random() < 0.002:
            if exchange(item, trap):
                done += 1
                time.sleep(random.choice((0, 0.001, 0.003, 0.015)))
                while os.path.islink(item) and not exchange(item, trap):
                    time.sleep(0.001)
    while os.path.islink(item) and not exchange(item, trap):
        time.sleep(0.001)
    return done


def inner(item, victim):
    trap, done = f"{item}/sub.trap", 0
    while not ended:
        if not os.path.lexists(trap):
            quiet(os.symlink, victim, trap)
        if exchange(f"{item}/sub", trap):
            done += 1
        time.sleep(random.choice((0, 0, 0.0005)))
    return done


def foreign(home):
    """What somebody else made in directories of ours."""
    for directory in (home, f"{home}/app", f"{home}/app/data", f"{home}/mnt"):
        try:
            with os.scandir(directory) as entries:
                for e in entries:
                    if e.stat(follow_symlinks=False).st_uid != os.getuid() and ".away" not in e.name:
                        yield e.path
        except OSError:
            continue


def hunt(home, victim):
    done = 0
    while not ended:
        for path in list(foreign(home)):
            away = f"{path}.away"
            if quiet(os.rename, path, away):
                done += 1
                made = quiet(os.symlink, victim, path)
                time.sleep(random.choice((0, 0.002, 0.02)))
                if made and os.path.islink(path):
                    quiet(os.unlink, path)
                quiet(os.rename, away, path)
        time.sleep(0.0005)
    return done


def main():
    home, victim = sys.argv[1:]
    signal.signal(signal.SIGTERM, end)
    ways = {"flip": (flip, f"{home}/app/data"), "inner": (inner, f"{home}/app/data"), "hunt": (hunt, home),
            "flip-above": (flip, f"{home}/app"), "inner-mount": (inner, f"{home}/mnt")}
    pipes = {}
    for name, (function, what) in ways.items():
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            random.seed(name)
            os.write(w, str(function(what, victim)).encode())
            os._exit(0)
        os.close(w)
        pipes[name] = (pid, r)
    print("ready", flush=True)
    while not ended:
        signal.pause()
    counts = {}
    for name, (pid, r) in pipes.items():
        quiet(os.kill, pid, signal.SIGTERM)
        counts[name] = int(os.read(r, 64) or b"0")
        os.waitpid(pid, 0)
    print(json.dumps(counts), flush=True)


main()
