# SPDX-License-Identifier: MIT
"""A reload is answered at once, rights go at once, and what the contract says of jobs and units is there."""
import json
import os
import socket
import subprocess
import threading
import time

import world

ASK = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for line in sys.stdin:
    s.sendall(line.strip().encode() + b"\\0")
    data = b""
    while not data.endswith(b"\\0"):
        data += s.recv(65536)
    print(data[:-1].decode(), flush=True)
"""


class User:
    """One connection of another user, kept open."""

    def __init__(self, daemon, uid):
        self.p = subprocess.Popen(["setpriv", f"--reuid={uid}", "--clear-groups", "/usr/bin/python3", "-c", ASK, str(daemon.socket)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, method, parameters):
        self.p.stdin.write(json.dumps({"method": f"io.kopidocka.{method}", "parameters": parameters}) + "\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)


def busy(engine, daemon, name="slow"):
    """A backup that stops for some seconds, and the thread that waits for it."""
    engine.container(name, command=world.STUBBORN, volumes=["vol:/data"])
    t = threading.Thread(target=lambda: daemon.call("Backup", {"units": [name]}))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    return t


def test_a_reload_is_answered_at_once(engine, daemon):
    assert daemon.call("Reload")["parameters"] == {"pending": False}
    assert daemon.call("Reload", more=True) == [{"parameters": {"pending": False}}]
    t = busy(engine, daemon)
    begin = time.monotonic()
    assert daemon.call("Reload")["parameters"] == {"pending": True}
    assert time.monotonic() - begin < 1
    r = daemon.ctl("reload", check=0)
    assert "when the running job is over" in r.stdout
    replies = daemon.call("Reload", more=True)  # returns when it is applied
    assert replies == [{"parameters": {"pending": True}, "continues": True}, {"parameters": {"pending": False}}]
    assert daemon.call("Status")["parameters"]["jobs"] == []
    t.join()


def test_who_waits_for_a_reload_and_goes(engine, daemon):
    t = busy(engine, daemon)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(daemon.socket))
        s.sendall(b'{"method":"io.kopidocka.Reload","more":true}\0')
        assert b"continues" in s.recv(1000)
    daemon.process.terminate()
    assert daemon.process.wait(60) == 0
    t.join()


def test_questions_do_not_keep_a_reload_waiting(engine, directory):
    """Lists that follow each other without end: it is applied between two of them."""
    program = world.kopia_wrapper(directory, 'case " $* " in *" snapshot list "*) sleep 0.5;; esac')
    daemon = world.Daemon(engine, directory, kopia__program=program).start().init()
    stop = threading.Event()

    def ask(n):
        i = 0
        while not stop.is_set():
            i += 1
            daemon.call("ListRestorePoints", {"unit": f"{n}.{i}"})
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    world.until(lambda: len(world.asked(directory, "snapshot list")) > 3, "they ask")
    assert daemon.call("Reload", more=True)[-1]["parameters"] == {"pending": False}
    stop.set()
    for t in threads:
        t.join()


def test_rights_taken_away_are_gone_at_once(engine, directory):
    """Also where the connection was there before, and the new configuration waits for the running job."""
    daemon = world.Daemon(engine, directory, access__uids="65534").start().init()
    os.chmod(directory, 0o755)
    os.chmod(daemon.socket, 0o666)
    user = User(daemon, 65534)
    assert user.ask("Cancel", {"job": 4711})["error"] == "io.kopidocka.NoSuchJob"
    t = busy(engine, daemon)
    daemon.conf.write_text(daemon.conf.read_text().replace("uids = 65534", "uids = 1"))
    assert daemon.call("Reload")["parameters"] == {"pending": True}
    assert user.ask("Cancel", {"job": 4711})["error"] == "io.kopidocka.NotPermitted"
    assert user.ask("ListEntries", {"unit": "x", "item": "y"})["error"] == "io.kopidocka.NotPermitted"
    assert "version" in user.ask("Status", {})["parameters"]
    user.close()
    t.join()


def job_of(replies):
    return max(r["parameters"]["progress"]["job"] for r in replies if "progress" in r["parameters"])


def test_job_numbers_go_on_over_restarts(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    first = job_of(daemon.call("Backup", {"units": ["one"]}, more=True))
    daemon.stop()
    daemon.start()
    second = job_of(daemon.call("Backup", {"units": ["one"]}, more=True))
    daemon.kill()
    daemon.start()
    third = job_of(daemon.call("Backup", {"units": ["one"]}, more=True))
    assert first < second < third, (first, second, third)


def test_a_job_names_its_units(engine, daemon):
    engine.container("fast", volumes=["other:/data"])
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    t = threading.Thread(target=lambda: daemon.call("Backup", {}))
    t.start()
    jobs = lambda: daemon.call("Status")["parameters"]["jobs"]
    world.until(lambda: sorted((jobs() or [{"units": []}])[0]["units"]) == ["fast", "slow"], "the units of a backup of all")
    queued = threading.Thread(target=lambda: daemon.call("ApplyRetention", {"unit": "fast"}))
    queued.start()
    world.until(lambda: any(j["operation"] == "retention" and j["units"] == ["fast"] for j in jobs()), "the unit of one that waits")
    busy_now = daemon.call("Status")["parameters"]["jobs"][0]
    assert busy_now["operation"] == "backup"
    queued.join()
    t.join()


def test_last_complete(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    unit = lambda: daemon.call("ListUnits")["parameters"]["units"][0]
    assert "last_complete" not in unit()
    at = daemon.backup("one")["backup_id"]
    assert unit()["last_complete"].replace("-", "").replace(":", "") == at
    assert daemon.call("Plan")["parameters"]["plans"][0]["unit"]["last_complete"] == unit()["last_complete"]
