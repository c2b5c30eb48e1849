# SPDX-License-Identifier: MIT
"""Volumes behind a server: a driver's, with a filesystem of its own. It may die at any moment, and costs its item only."""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

import world


@pytest.fixture
def driver(engine, directory):
    """A volume driver of that name, its volume "vault" used by the unit "app" beside "own"; its directory."""
    name = f"kopi-docka-test-{os.getpid()}"
    place = directory / "driver"
    place.mkdir()
    (place / "content.json").write_text(json.dumps({"film": "f" * 100000, "note": "n"}))
    process = subprocess.Popen([sys.executable, pathlib.Path(__file__).parent / "fuse_volume.py", name, place])
    socket = pathlib.Path(f"/run/docker/plugins/{name}.sock")
    try:
        world.until(socket.exists, "the driver is there")
        engine.docker("volume", "create", "-d", name, "vault")
        engine.container("app", volumes=["vault:/vault", "own:/own"])
        engine.sh("app", "echo x > /own/file")
        yield place
        for hang in ("hang", "hang-on-read"):
            (place / hang).unlink(missing_ok=True)
        engine.clean()
        engine.docker("volume", "rm", "vault")
    finally:
        process.kill()
        process.wait(10)
        socket.unlink(missing_ok=True)
        for line in open("/proc/self/mountinfo").read().splitlines():
            if line.split()[4].startswith(str(place)):
                world.run("umount", "-l", line.split()[4], check=False)


@pytest.fixture
def quick(daemon):
    daemon.stop()
    daemon.configure(backup__stall_timeout="3s", backup__parallel_workers=4)
    return daemon.start()


class Pulse:
    """Asks the daemon how it is, all the time: the longest answer, in seconds."""

    def __init__(self, d):
        self.daemon, self.longest, self.over = d, 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            begin = time.monotonic()
            self.daemon.call("Status")
            self.longest = max(self.longest, time.monotonic() - begin)
            time.sleep(0.05)

    def end(self):
        self.over = True
        self.thread.join(30)
        return self.longest


def check(engine, d, word):
    """The item behind the server fails alone, in a sentence with that word; the containers run; the daemon answered all the while."""
    pulse = Pulse(d)
    unit = d.backup("app", state="failed")["units"][0]
    assert pulse.end() < 5  # a second, where nothing else runs
    assert unit["data"] == "partial" and unit["service"] == "up", (unit, d.log.read_text()[-3000:])
    assert engine.inspect("app")["State"]["Running"]
    assert [i["id"] for i in unit["items"] if i.get("object")] == ["volume:own"], unit
    assert any("volume:vault" in e and word in e for e in unit["errors"]), unit
    return unit


def test_a_drivers_volume(engine, daemon, driver):
    """Held as the engine's own are; other hosts can write there, which is said in the plan, the result and the point."""
    unit = daemon.backup("app")["units"][0]
    assert unit["data"] == "complete" and " film\n" in daemon.ctl("ls", "app", "--item", "volume:vault", check=0).stdout
    assert "cold on this host: other hosts can write to fuse.driver" in daemon.ctl("list", "--units", check=0).stdout
    assert not unit["warnings"]
    vault = next(i for i in unit["items"] if i["id"] == "volume:vault")
    assert vault["cold"] and vault["note"] == "cold on this host: other hosts can write to fuse.driver"
    assert "tag:shared_fs" in daemon.kopia("snapshot", "list", "--all", "--json").stdout
    engine.docker("rm", "-f", "app")
    world.until(lambda: str(driver) not in open("/proc/self/mountinfo").read(), "nothing of it stays")


def test_dead_before(engine, quick, driver):
    """Nothing is stopped: what uses a dead server's volume could not start again."""
    (driver / "hang").touch()
    before, pulse = engine.running(), Pulse(quick)
    unit = quick.backup("app", state="failed")["units"][0]
    assert pulse.end() < 5 and engine.running() == before
    assert unit["service"] == "untouched" and "volume:vault does not answer" in unit["errors"][0], unit


def test_dies_while_it_is_read(engine, quick, driver):
    """tar waits in the kernel and no signal ends it: it is given up, and the containers start."""
    (driver / "hang-on-read").touch()
    check(engine, quick, "")


