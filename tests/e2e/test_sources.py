# SPDX-License-Identifier: MIT
"""A source is what the container has mounted, whatever its name: other writers, users, replaced directories."""
import os
import threading

import pytest

import world


@pytest.fixture
def disk(directory):
    """One directory of many names: itself, a link, a second mount of its disk."""
    (directory / "disk/app").mkdir(parents=True)
    (directory / "opt").mkdir()
    (directory / "opt/app").symlink_to(directory / "disk/app")
    (directory / "second").mkdir()
    world.run("mount", "--bind", directory / "disk", directory / "second")
    yield directory
    world.run("umount", "-l", directory / "second")


NAMES = ["disk/app", "opt/app", "second/app", "second"]


@pytest.mark.parametrize("other", ["opt/app", "second/app", "second"])
def test_a_second_writer_by_another_name_stops(engine, daemon, disk, other):
    engine.container("app", volumes=[f"{disk}/disk/app:/d"])
    engine.container("other", volumes=[f"{disk}/{other}:/d"])
    engine.container("apart", volumes=[f"{disk}/opt:/d"])
    (disk / "disk/app/f").write_text("x")
    before = engine.running()
    unit = daemon.backup("app")["units"][0]
    assert sorted(unit["restarted"]) == ["app", "other"] and unit["items"][0]["cold"], unit
    after = engine.running()
    assert after["apart"] == before["apart"] and after["other"] != before["other"]


def test_a_writer_that_comes_in_the_window(engine, daemon, disk):
    """Between plan and reading somebody starts a container that has the item by another name: not cold, tried again."""
    engine.container("app", volumes=[f"{disk}/disk/app:/d"], command='trap "sleep 2; exit 0" TERM; while :; do sleep 0.1; done')
    (disk / "disk/app/f").write_text("x")
    result = []
    thread = threading.Thread(target=lambda: result.append(daemon.call("Backup", {"units": ["app"]})))
    thread.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it stops")
    engine.container("late", volumes=[f"{disk}/second/app:/d"])
    thread.join(120)
    log = daemon.log.read_text()
    assert "container late, which is not of unit app, can write to its items" in log, log[-3000:]
    unit = result[0]["parameters"]["result"]["units"][0]
    assert unit["data"] == "complete" and "late" in unit["restarted"], unit  # the second try knows it


@pytest.mark.parametrize("how", ["moved", "removed", "hidden"])
def test_a_directory_replaced_while_it_ran(engine, daemon, directory, how):
    data = directory / "app/data"
    data.mkdir(parents=True)
    (data / "f").write_text("what counts")
    engine.container("app", volumes=[f"{data}:/d"])
    before = engine.running()
    if how == "moved":
        data.rename(directory / "app/old")
        data.mkdir()
    elif how == "removed":
        world.run("rm", "-r", data)
        data.mkdir()
    else:
        world.run("mount", "-t", "tmpfs", "none", data)
    try:
        unit = daemon.backup("app", state="failed")["units"][0]
        assert unit["data"] == "none" and any(str(data) in e and "was replaced meanwhile" in e for e in unit["errors"]), unit
        assert engine.running() == before
        assert engine.sh("app", "cat /d/f", check=False) == ("" if how == "removed" else "what counts")
    finally:
        if how == "hidden":
            world.run("umount", data)


def test_a_moved_volume(engine, daemon, directory):
    """The engine's own directory, by hand: also of a named volume what is mounted counts."""
    engine.container("app", volumes=["vol:/d"])
    data = engine.volume("vol")
    (data / "f").write_text("what counts")
    data.rename(data.parent / "elsewhere")
    data.mkdir()
    unit = daemon.backup("app", state="failed")["units"][0]
    assert any("was replaced meanwhile" in e for e in unit["errors"]), unit


def test_a_link_that_others_set_is_not_followed_blindly(engine, daemon, directory):
    """Nobody has it mounted who could say what it is: a stopped container whose source became a link of somebody else's."""
    home, secret = directory / "home", directory / "secret"
    home.mkdir()
    os.chown(home, 12345, 12345)
    secret.mkdir(mode=0o700)
    (secret / "f").write_text("root's")
    (home / "data").mkdir()
    engine.container("app", volumes=[f"{home}/data:/d"])
    engine.docker("stop", "-t", "1", "app")
    (home / "data").rmdir()
    (home / "data").symlink_to(secret)
    os.lchown(home / "data", 12345, 12345)
    unit = daemon.backup("app", state="failed")["units"][0]
    assert unit["data"] == "none" and any("leads over the link" in e and f"{home}/data" in e for e in unit["errors"]), unit


def test_what_is_taken_away_while_it_stops(engine, daemon):
    """Measured, then nearly all of it is gone: no plainly good archive. What is there then is the next run's."""
    engine.container("app", volumes=["vol:/d"], command='trap "rm -f /d/big*; exit 0" TERM; while :; do sleep 0.1; done')
    data = engine.volume("vol")
    for i in range(10):
        (data / f"big{i}").write_bytes(os.urandom(3 << 20))
    (data / "small").write_text("x")
    unit = daemon.backup("app", state="failed")["units"][0]
    assert unit["data"] != "complete" and any("was taken away meanwhile" in e for e in unit["errors"]), unit
    assert engine.running().keys() == {"app"}


def test_what_changed_while_it_was_read_is_named(engine, daemon, directory):
    data = directory / "d"
    data.mkdir()
    for i in range(200):
        (data / f"f{i}").write_bytes(os.urandom(100000))
    engine.container("app", volumes=[f"{data}:/d"])
    over = threading.Event()

    def write():
        while not over.is_set():
            for i in (1, 100, 199):
                with open(data / f"f{i}", "ab") as f:
                    f.write(b"x" * 10000)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        unit = daemon.backup("app", state="failed")["units"][0]
    finally:
        over.set()
        thread.join()
    assert unit["data"] != "complete" and any(f"./f{i}:" in e for e in unit["errors"] for i in (1, 100, 199)), unit
