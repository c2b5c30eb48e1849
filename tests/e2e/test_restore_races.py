# SPDX-License-Identifier: MIT
"""Law 11 at close range: the programs that stage, extract and exchange, one by one and without an engine, while the owner of the
directories around the item exchanges the item and whatever root makes beside it for links to what is root's. The filesystem is
the user's from its top, so that there is no better place than beside the item. KOPI_DOCKA_ROUNDS times ten rounds."""
import io
import json
import os
import subprocess
import tarfile

import pytest

import world

ROUNDS = 10 * int(os.environ.get("KOPI_DOCKA_ROUNDS", "4"))
USER = 12345
HELPERS = world.BUILD / "helpers"

ATTACK = r"""
import ctypes, os, random, signal, sys, time
libc = ctypes.CDLL(None, use_errno=True)
app, victim = sys.argv[1:]
exchange = lambda a, b: libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2) == 0
ended, done = [], 0
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
pairs = [(f"{app}/{n}", f"{app}/{n}.trap") for n in ("data", ".kopi-docka-staging", ".kopi-docka-kept")]
for _, trap in pairs:
    os.symlink(victim, trap)
print("ready", flush=True)
while not ended:
    one, trap = random.choice(pairs)
    if exchange(one, trap):
        time.sleep(random.choice((0, 0.0005, 0.001)))
        done += 1
        while not exchange(one, trap):
            pass
    time.sleep(random.choice((0.001, 0.003, 0.006)))
for _, trap in pairs:
    os.unlink(trap)
print(done)
"""


def look(top):
    found = {}
    for d, directories, files in os.walk(top):
        for name in (".", *directories, *files):
            p = os.path.join(d, name)
            st = os.lstat(p)
            found[p] = (st.st_mode, st.st_uid, st.st_ino, st.st_mtime_ns, os.listxattr(p), open(p).read() if name in files else sorted(os.listdir(p)))
    return found


@pytest.fixture
def place(directory):
    directory.chmod(0o711)
    home, victim = directory / "home", directory / "victim"
    home.mkdir()
    world.run("mount", "-t", "tmpfs", "-o", f"uid={USER},gid={USER},mode=0755", "kd-test", home)
    (home / "app/data").mkdir(parents=True)
    (home / "app/data/f").write_text("old\n")
    for p in (home / "app", home / "app/data", home / "app/data/f"):
        os.chown(p, USER, USER)
    # what would be met through a link: the same names, and places that look like ours
    for name in ("f", "sub/f"):
        (victim / name).parent.mkdir(parents=True, exist_ok=True)
        (victim / name).write_text("root's\n")
    victim.chmod(0o700)  # as what is ours
    yield home / "app", victim, directory
    world.run("umount", "-l", home)


def archive():
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        for name, kind in ((".", tarfile.DIRTYPE), ("./sub", tarfile.DIRTYPE), ("./f", None), ("./sub/f", None)):
            i = tarfile.TarInfo(name)
            i.type, i.mode, i.uid, i.gid = kind or tarfile.REGTYPE, 0o755, USER, USER
            i.size = 0 if kind else 4
            t.addfile(i, None if kind else io.BytesIO(b"new\n"))
    return b.getvalue()


def place_(*words):
    return subprocess.run([HELPERS / "kopi-docka-place", *map(str, words)], capture_output=True, text=True)


def one_round(app, directory, n, count):
    r = place_("stage", "--id", f"r{n}", "--name", "n", app / "data")
    if r.returncode:
        return
    count["staged"] += 1
    o = json.loads(r.stdout)
    assert o["staged"].startswith(f"{app}/.kopi-docka-staging/"), o
    tar = subprocess.run([HELPERS / "kopi-docka-exec", "-", "--in", o["staged"], "--is", o["staged_is"], "--", "/bin/tar", "-xpf", "-",
                          "--delay-directory-restore"], input=archive(), capture_output=True)
    x = ("--mode", "rename", "--new", o["staged"], "--dest", o["dest"], "--kept", o["kept"], "--failed", o["failed"], "--marker",
         directory / f"marker{n}", "--staged", o["staged"], "--staged-is", o["staged_is"], "--dest-is", o["dest_is"])
    if tar.returncode == 0:
        count["extracted"] += 1
        count["swapped"] += place_("swap", *x).returncode == 0
        if n % 2:
            count["undone"] += place_("undo", *x).returncode == 0
    count["swept"] += place_("sweep", "--staged-is", o["staged_is"], o["staged"]).returncode == 0
    count["forgotten"] += place_("forget", f"r{n}", o["kept"], o["failed"]).returncode == 0


def test_races(place, capsys):
    app, victim, directory = place
    before = look(victim)
    count = dict.fromkeys(("staged", "extracted", "swapped", "undone", "swept", "forgotten"), 0)
    attack = subprocess.Popen(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "/usr/bin/python3", "-c", ATTACK, app, victim],
                              stdout=subprocess.PIPE, text=True, cwd="/")
    try:
        assert attack.stdout.readline() == "ready\n"
        for n in range(ROUNDS):
            one_round(app, directory, n, count)
            assert look(victim) == before, n
    finally:
        attack.terminate()
        done = int(attack.communicate(timeout=60)[0])
    with capsys.disabled():
        print(f"\n{done} exchanges against {ROUNDS} rounds: {count}")
    assert done and all(count.values()), "neither of them was idle"
    assert look(victim) == before
