# SPDX-License-Identifier: MIT
"""Volumes that the engine mounts only while a container uses them: held before the stop, read, put back. What one of
them does not give leaves the rest of its unit alone."""
import contextlib
import json

import pytest

import world


@contextlib.contextmanager
def disk(directory, name="disk", kind="ext4"):
    """A block device of 64 MiB (btrfs: 128) with a filesystem."""
    image = directory / f"{name}.img"
    with open(image, "wb") as f:
        f.truncate((128 if kind == "btrfs" else 64) << 20)
    world.run(f"mkfs.{kind}", "-q", image)
    device = world.run("losetup", "-f", "--show", image).stdout.strip()
    try:
        yield device
    finally:
        world.run("losetup", "-d", device, check=False)


@pytest.fixture
def nas(engine, directory):
    """The volume "nas" on a disk that is mounted on demand."""
    with disk(directory) as device:
        engine.docker("volume", "create", "--opt", "type=ext4", "--opt", f"device={device}", "nas")
        yield engine.volume("nas")
        engine.clean()


def mounted(path):
    return any(line.split()[4] == str(path) for line in open("/proc/self/mountinfo"))


def names(d, unit, item):
    return d.ctl("ls", unit, "--item", item, check=0).stdout


@pytest.mark.parametrize("method", ["stream", "spool"])
def test_a_device_is_held_and_saved(engine, daemon, nas, method):
    """case 16: the item that leaves with its container is saved with its content, and so is the rest of the unit."""
    daemon.stop()
    daemon.configure(backup__method=method)
    daemon.start()
    engine.container("media", volumes=["nas:/media", "appconf:/config"])
    engine.sh("media", "echo film > /media/film; mkdir /media/sub; echo x > /media/sub/x; echo c > /config/c")
    unit = daemon.backup("media")["units"][0]
    assert unit["data"] == "complete" and all(i["cold"] for i in unit["items"])
    assert " film\n" in (listed := names(daemon, "media", "volume:nas")) and " sub/\n" in listed
    assert mounted(nas) and engine.sh("media", "cat /media/film") == "film\n"
    engine.docker("rm", "-f", "media")
    world.until(lambda: not mounted(nas), "it leaves with its container: nothing of ours keeps it")


def test_btrfs_device(engine, daemon, directory):
    with disk(directory, kind="btrfs") as device:
        engine.docker("volume", "create", "--opt", "type=btrfs", "--opt", f"device={device}", "pool")
        engine.container("app", volumes=["pool:/d"])
        engine.sh("app", "echo x > /d/file")
        assert daemon.backup("app")["units"][0]["data"] == "complete"
        assert "file" in names(daemon, "app", "volume:pool")
        engine.clean()


def test_memory_is_not_saved_and_said(engine, daemon):
    """case 26: a volume in memory, beside one under another name that is saved."""
    engine.docker("volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "transcode")
    engine.container("plex", volumes=["transcode:/t", "config:/config"])
    engine.sh("plex", "echo x > /t/x; echo c > /config/c")
    assert [i["id"] for i in daemon.backup("plex")["units"][0]["items"]] == ["volume:config"]
    assert "not saved" in (listed := daemon.ctl("list", "--units", check=0).stdout) and "kept in memory" in listed


def test_not_mounted_leaves_the_rest_alone(engine, daemon, nas):
    """No container that uses it runs: an error about that item, and the other one is saved."""
    engine.container("media", volumes=["nas:/media", "appconf:/config"])
    engine.sh("media", "echo c > /config/c")
    engine.docker("stop", "media")
    unit = daemon.backup("media", state="failed")["units"][0]
    assert unit["data"] == "partial" and [i["id"] for i in unit["items"] if i.get("object")] == ["volume:appconf"]
    assert any("volume:nas" in e and "not mounted now" in e for e in unit["errors"]), unit
    assert not engine.running()


def test_nothing_to_read_stops_nothing(engine, daemon, nas):
    engine.container("media", volumes=["nas:/media"])
    world.run("umount", nas)  # as an engine does that restarted with live-restore
    before = engine.running()
    unit = daemon.backup("media", state="failed")["units"][0]
    assert "is not the directory that media has mounted" in unit["errors"][0] and engine.running() == before, unit


def test_left_out_by_name(engine, daemon, nas):
    """exclude_mounts: not saved, not looked at, shown with the pattern; a unit of which nothing is left has a warning."""
    daemon.stop()
    daemon.configure(backup__exclude_mounts='["na?", "/srv/*"]')
    daemon.start()
    engine.container("media", volumes=["nas:/media", "appconf:/config"])
    engine.container("only", volumes=["nas:/media"])
    engine.sh("media", "echo c > /config/c")
    result = daemon.backup(state="warnings")
    assert [i["id"] for u in result["units"] for i in u["items"]] == ["volume:appconf"], result
    listed = daemon.ctl("list", "--units", check=0).stdout
    assert "left out by exclude_mounts: na?" in listed and "leaves nothing of only" in listed


def test_restore_is_refused_before_the_stop(engine, daemon, nas, directory):
    """What would be put into its directory once its container is down would lie below the mount, unseen."""
    engine.container("media", volumes=["nas:/media", "appconf:/config"])
    engine.sh("media", "echo film > /media/film; echo c > /config/c")
    daemon.backup("media")
    before = engine.running()
    for options in ((), ("--script",)):
        r = daemon.ctl("restore", "media", "--yes", *options)
        assert r.returncode == 1 and "volume:nas is mounted only while a container uses it" in r.stdout + r.stderr, (options, r)
    assert engine.running() == before
    daemon.ctl("restore", "media", "--item", "volume:appconf", "--yes", check=0)
    daemon.ctl("restore", "media", "--item", "volume:nas", "--target", directory / "out", "--yes", check=0)
    assert [p.read_text() for p in (directory / "out").rglob("film")] == ["film\n"]
    engine.docker("rm", "-f", "media")
    engine.docker("volume", "rm", "nas")  # nor is one made anew and filled while nothing has it mounted
    r = daemon.ctl("restore", "media", "--item", "volume:nas", "--yes")
    assert r.returncode == 1 and "is mounted only while" in r.stdout + r.stderr, r


def test_patterns_are_counted_there_too(engine, daemon, nas):
    """It is measured by a child of its own, which knows the same patterns."""
    daemon.stop()
    daemon.configure(backup__exclude_patterns='["*.tmp"]')
    daemon.start()
    engine.container("media", volumes=["nas:/media"])
    engine.sh("media", "echo film > /media/film; echo x > /media/a.tmp; echo x > /media/b.tmp")
    item = daemon.backup("media")["units"][0]["items"][0]
    assert item["excluded_entries"] == 2 and item["excluded_bytes"] == 4, item
