# SPDX-License-Identifier: MIT
"""Laws of the design that no other scenario shows by itself: nothing in the window that can be outside (3), secrets stay
inside (8), a dead mount blocks a child and nobody else (9)."""
import ctypes
import datetime
import os
import shutil
import threading

import pytest

import world


def wrapped(daemon, body):
    """A kopia that runs a piece of shell before it is kopia."""
    program = daemon.directory / "kopia"
    program.write_text(f'#!/bin/sh\n{body}\nexec {shutil.which("kopia")} "$@"\n')
    program.chmod(0o755)
    return program


def seconds(stamp):
    return datetime.datetime.fromisoformat(stamp[:26].rstrip("Z") + "+00:00").timestamp()


@pytest.mark.parametrize("method", ["spool", "stream"])
def test_no_kopia_begins_in_the_window(engine, daemon, method):
    log = daemon.directory / "kopia.log"
    program = wrapped(daemon, f'echo "$(date +%s.%N) $*" >>{log}')
    for n in ("a", "b"):
        engine.container(f"shop-{n}-1", project="shop", service=n, volumes=[f"{n}{n}:/data"])
        engine.sh(f"shop-{n}-1", "dd if=/dev/urandom of=/data/f bs=1M count=8 2>/dev/null")
    daemon.stop()
    daemon.configure(backup__method=method, kopia__program=program)
    daemon.start()
    daemon.backup("shop")
    states = [engine.inspect(f"shop-{n}-1")["State"] for n in ("a", "b")]
    stopped = min(seconds(s["FinishedAt"]) for s in states)
    started = max(seconds(s["StartedAt"]) for s in states)
    begun = [(float(line.split()[0]), line) for line in log.read_text().splitlines()]
    assert begun and not [line for at, line in begun if stopped <= at <= started]
    creates = [at for at, line in begun if "snapshot create" in line and "/volumes/" in line]
    # a stream's kopia waits before the window; a spool is uploaded after it; the recipe is always last
    assert len(creates) == 2 and all(at < stopped if method == "stream" else at > started for at in creates)
    assert [at for at, line in begun if "/recipes/" in line and "snapshot create" in line][0] > started


def test_a_slow_repository_is_not_in_the_window(engine, daemon):
    """Each kopia takes two seconds more than it needs; none of them runs while the container is down."""
    log = daemon.directory / "kopia.log"
    program = daemon.directory / "kopia"
    program.write_text(f'#!/bin/sh\nbegin=$(date +%s.%N)\nsleep 2\n{shutil.which("kopia")} "$@"\nstatus=$?\n'
                       f'echo "$begin $(date +%s.%N) $*" >>{log}\nexit $status\n')
    program.chmod(0o755)
    engine.container("one", volumes=["vol:/data"])
    daemon.stop()
    daemon.configure(backup__method="spool", kopia__program=program)
    daemon.start()
    unit = daemon.backup("one")["units"][0]
    state = engine.inspect("one")["State"]
    stopped, started = seconds(state["FinishedAt"]), seconds(state["StartedAt"])
    runs = [line.split(maxsplit=2) for line in log.read_text().splitlines()]
    assert [what for begin, end, what in runs if float(begin) <= started and float(end) >= stopped] == []
    assert any("/volumes/" in what and float(begin) > started for begin, end, what in runs)
    assert unit["phases"]["upload_ms"] > 2000


def test_secrets_stay_inside(engine, daemon):
    """The password is in no argv, no log, no reply, and no file of ours that others can read."""
    log = daemon.directory / "argv.log"
    program = wrapped(daemon, f'tr "\\0" " " </proc/$$/cmdline >>{log}; echo "$*" >>{log}')
    engine.container("one", "-e", "DB_PASSWORD=canary-in-env", volumes=["vol:/data"])
    daemon.stop()
    daemon.configure(kopia__program=program)
    daemon.start()
    replies = [daemon.call(m, p, more) for m, p, more in (
        ("Backup", {}, True), ("Status", {}, False), ("ListUnits", {}, False), ("Plan", {}, False),
        ("ListRestorePoints", {}, False), ("History", {}, False), ("Doctor", {}, False),
        ("RenderRestore", {"unit": "one"}, False))]
    assert "snapshot create" in log.read_text()
    for text in (log.read_text(), daemon.log.read_text(), str(replies)):
        assert daemon.password not in text and "canary-in-env" not in text
    for root, _, files in os.walk(daemon.directory):
        for name in files:
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.stat(path).st_mode & 0o044 or path in (str(log), str(daemon.log), str(program)):
                continue
            assert daemon.password.encode() not in open(path, "rb").read(), path


class DeadMount:
    """A FUSE file system whose server never answers: who touches it waits, as on an NFS server that is gone."""

    def __init__(self, path):
        self.path = str(path).encode()
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        assert self.libc.mount(b"dead", self.path, b"fuse", 0, options) == 0, os.strerror(ctypes.get_errno())

    def end(self):
        self.libc.umount2(self.path, 1 | 2)  # MNT_FORCE, MNT_DETACH
        os.close(self.fd)


@pytest.fixture
def bind(directory):
    """A directory to bind, what makes it die, and what ends that."""
    source = directory / "source"
    source.mkdir()
    (source / "f").write_text("x")
    dead = []

    def revive():
        while dead:
            dead.pop().end()
    yield source, lambda: dead.append(DeadMount(source)), revive
    revive()


def ask(daemon, method, parameters, box):
    def work():
        try:
            box.update(daemon.call(method, parameters))
        except ConnectionError:
            box["broken"] = True
    t = threading.Thread(target=work)
    t.start()
    return t


@pytest.fixture
def dead_below(directory):
    """A directory to bind, in which something dead can be mounted: the container has the directory still."""
    source, dead = directory / "source", []
    (source / "sub").mkdir(parents=True)
    yield source, lambda: dead.append(DeadMount(source / "sub"))
    for mount in dead:
        mount.end()


def test_a_dead_mount_blocks_a_child_only(engine, daemon, dead_below):
    source, die = dead_below
    engine.container("one", "-v", f"{source}:/data")
    before = engine.running()
    die()
    plan, backup = {}, {}
    planning = ask(daemon, "Plan", {"units": ["one"]}, plan)
    running = ask(daemon, "Backup", {"units": ["one"]}, backup)
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "plan", "it plans")
    # it answers others, also what needs the engine; the job can be ended, and nothing was stopped
    assert daemon.call("ListUnits")["parameters"]["units"][0]["name"] == "one"
    job = daemon.call("Status")["parameters"]["jobs"][0]["job"]
    assert daemon.call("Cancel", {"job": job})["parameters"]["state"] == "cancelled"
    running.join(20)
    assert not running.is_alive() and planning.is_alive()
    assert engine.running() == before
    # and the daemon can be killed and started again beside a child that hangs
    daemon.kill()
    planning.join(20)
    assert plan == {"broken": True}
    daemon.start()
    assert engine.running() == before


def test_a_mount_that_dies_in_the_window(engine, daemon, bind):
    """It died while the container stopped: the reading is given up. The engine itself waits for the mount when it
    starts the container, so that runs as soon as the mount is back, however long that takes."""
    source, die, revive = bind
    engine.container("slow", "-v", f"{source}:/data", command=world.STUBBORN)
    box = {}
    running = ask(daemon, "Backup", {"units": ["slow"]}, box)
    phase = lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase")
    world.until(lambda: phase() == "stop", "it is stopping")
    die()
    world.until(lambda: phase() == "start", "the reading was given up")
    revive()
    running.join(90)
    assert not running.is_alive()
    unit = box["parameters"]["result"]["units"][0]
    assert unit["data"] == "none" and any("dead mount" in e for e in unit["errors"]), unit
    world.until(lambda: engine.all_states()["slow"], "it runs again")
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more")
