# SPDX-License-Identifier: MIT
"""Who owns the directory above an item exchanges it while root reads: another directory is never what was saved (law 11)."""
import ctypes
import threading
import time

import pytest

import world

LIBC = ctypes.CDLL(None, use_errno=True)
EXCHANGE = 2


def exchange(a, b):
    assert LIBC.renameat2(-100, bytes(a), -100, bytes(b), EXCHANGE) == 0, ctypes.get_errno()


class Exchanger:
    """Puts the link in the item's place for 15 ms, again and again, from the moment the container is down."""

    def __init__(self, item, link, pid):
        self.item, self.link, self.pid, self.over = item, link, pid, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.over.is_set() and world.pathlib.Path(f"/proc/{self.pid}").exists():
            time.sleep(0.001)
        for _ in range(25):
            if self.over.is_set():
                return
            exchange(self.item, self.link)
            time.sleep(0.015)
            exchange(self.item, self.link)
            time.sleep(0.004)

    def end(self):
        self.over.set()
        self.thread.join(10)


@pytest.fixture
def app(engine, directory):
    (directory / "app/data").mkdir(parents=True)
    (directory / "secret").mkdir(mode=0o700)
    (directory / "secret/only-root-may-read").write_text("x" * 3000)
    (directory / "app/link").symlink_to(directory / "secret")
    for i in range(300):
        (directory / f"app/data/f{i}").write_text("mine" * 100)
    engine.container("app", volumes=[f"{directory}/app/data:/d"])
    return directory / "app"


@pytest.mark.parametrize("method", ["stream", "spool"])
def test_a_directory_exchanged_for_a_link_while_it_is_read(engine, daemon, app, method):
    daemon.stop()
    daemon.configure(backup__method=method)
    daemon.start()
    refused = 0
    for _ in range(3):
        exchanger = Exchanger(app / "data", app / "link", engine.inspect("app")["State"]["Pid"])
        unit = daemon.call("Backup", {"units": ["app"]})["parameters"]["result"]["units"][0]
        exchanger.end()
        assert (app / "data").is_dir() and not (app / "data").is_symlink()
        refused += any("another directory" in e and "app/data" in e for e in unit["errors"])
        if unit["data"] != "complete":
            assert unit["errors"], unit
        engine.docker("restart", "-t", "1", "app")  # the engine itself may have bound the link when it was started again
    assert refused, "not one exchange was seen: the test proves nothing"
    for snapshot in world.json.loads(daemon.kopia("snapshot", "list", "--all", "--json").stdout):
        if "/binds/" in snapshot["source"]["path"]:
            content = daemon.kopia("show", snapshot["rootEntry"]["obj"] + "/" + list_names(daemon, snapshot)[0], text=False).stdout
            assert b"only-root-may-read" not in content and b"./f299" in content


def list_names(daemon, snapshot):
    return [line.split()[-1] for line in daemon.kopia("ls", snapshot["rootEntry"]["obj"]).stdout.splitlines()]


def test_a_file_exchanged_for_another(engine, daemon, directory):
    (directory / "app").mkdir()
    (directory / "app/one.conf").write_text("mine\n")
    (directory / "secret").write_text("only root may read\n")
    (directory / "app/link").symlink_to(directory / "secret")
    engine.container("app", volumes=[f"{directory}/app/one.conf:/one.conf"])
    exchanger = Exchanger(directory / "app/one.conf", directory / "app/link", engine.inspect("app")["State"]["Pid"])
    unit = daemon.call("Backup", {"units": ["app"]})["parameters"]["result"]["units"][0]
    exchanger.end()
    if unit["data"] == "complete":
        daemon.ctl("restore", "app", "--target", directory / "to", "--yes", check=0)
        assert world.run("grep", "-rl", "only root", directory / "to", check=False).stdout == ""
    else:
        assert any("another file" in e for e in unit["errors"]), unit


def test_a_file_behind_a_link(engine, daemon, directory):
    """What the container has mounted is the file, so that is what is saved, under the name it was asked for by."""
    (directory / "disk").mkdir()
    (directory / "disk/real&\\name").write_text("content\n")
    (directory / "a&b\\c.conf").symlink_to(directory / "disk/real&\\name")
    engine.container("app", volumes=[f"{directory}/a&b\\c.conf:/one.conf"])
    assert daemon.backup("app")["units"][0]["data"] == "complete"
    daemon.ctl("restore", "app", "--target", directory / "to", "--yes", check=0)
    found = [p for p in (directory / "to").rglob("*") if p.is_file() and not p.is_symlink() and p.name == "a&b\\c.conf"]
    assert len(found) == 1 and found[0].read_text() == "content\n"
