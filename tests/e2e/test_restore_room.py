# SPDX-License-Identifier: MIT
"""A filesystem that has no room for two copies: a copy of the old first, and then in place; never nothing."""
import os

import pytest

import world


@pytest.fixture
def small(directory):
    """An ext4 of 64 MiB: 40 MiB of data do not fit twice."""
    image, top = directory / "image", directory / "small"
    top.mkdir()
    world.run("truncate", "-s", "64M", image)
    world.run("mkfs.ext4", "-q", image)
    world.run("mount", "-o", "loop", image, top)
    yield top
    world.run("umount", top)


@pytest.fixture
def full(engine, daemon, small):
    data = small / "data"
    data.mkdir()
    os.chmod(data, 0o2750)
    (data / "big").write_bytes(os.urandom(40 << 20))
    (data / "f").write_text("old\n")
    engine.container("app", volumes=[f"{data}:/data"])
    daemon.backup("app")
    old = (data / "big").read_bytes()
    (data / "big").write_bytes(os.urandom(40 << 20))
    (data / "f").write_text("new\n")
    (data / "only-now").write_text("new\n")
    return data, old


def snapshots(daemon, kind):
    import json
    return [s for s in json.loads(daemon.kopia("snapshot", "list", "--all", "--json").stdout) if s["tags"].get("tag:type") == kind]


def test_into_the_repository(engine, daemon, full):
    data, old = full
    new = (data / "big").read_bytes()
    before = engine.running()
    reply = daemon.call("Restore", {"unit": "app"})["parameters"]
    assert reply["service"] == "up", reply
    assert (data / "big").read_bytes() == old and sorted(os.listdir(data)) == ["big", "f"]
    assert os.stat(data).st_mode & 0o7777 == 0o2750
    assert engine.running()["app"] != before["app"]
    # the copy: pinned, named in the reply, and no restore point
    safety, = snapshots(daemon, "safety")
    assert safety["pins"] == ["kopi-docka"] and safety["rootEntry"]["obj"] in reply["restored"][0]["safety"]
    assert len(daemon.call("ListRestorePoints")["parameters"]["restore_points"]) == 1
    # and it is one: the way back
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
    assert (data / "big").read_bytes() == new and (data / "only-now").exists()


def test_into_a_directory(engine, daemon, full, directory):
    data, old = full
    out = daemon.ctl("restore", "app", "--yes", "--safety-directory", directory / "safety", check=0).stdout
    assert (data / "big").read_bytes() == old
    tar, = (directory / "safety").iterdir()
    assert str(tar) in out and tar.stat().st_mode & 0o777 == 0o600
    assert "./only-now" in world.run("tar", "-tf", tar).stdout
    assert not snapshots(daemon, "safety")


def test_nothing_fits(engine, daemon, full, small, directory):
    """Neither beside the old, nor in its place, nor the copy where it was to go: refused, and nothing was stopped."""
    data, _ = full
    before = engine.running()
    (data / "big").unlink()
    (small / "filler").write_bytes(bytes(30 << 20))
    r = daemon.ctl("restore", "app", "--yes")
    assert r.returncode == 1 and "no room at" in r.stderr and "--target" in r.stderr, r.stderr
    (small / "filler").unlink()
    (data / "big").write_bytes(os.urandom(40 << 20))
    r = daemon.ctl("restore", "app", "--yes", "--safety-directory", small / "here")
    assert r.returncode == 1 and "a copy of the old comes first" in r.stderr, r.stderr
    assert engine.running() == before and (data / "f").read_text() == "new\n"


@pytest.mark.parametrize("at", ["safety", "swap", "swap-back"])
def test_killed(engine, daemon, full, at):
    """Half emptied, half filled: no container starts on that; the copy comes back first."""
    data, old = full
    new = (data / "big").read_bytes()
    daemon.stop()
    daemon.start(KOPI_DOCKA_KILL_AT=at)
    with pytest.raises(ConnectionError):
        daemon.call("Restore", {"unit": "app"})
    daemon.process.wait(10)
    if at == "swap":  # as a kill in the middle of the exchange leaves it
        record, = (daemon.state / "restores").glob("*.json")
    daemon.start()
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more")
    assert engine.all_states()["app"]
    assert (data / "big").read_bytes() in (old, new)
    assert (data / "f").read_text() == ("old\n" if (data / "big").read_bytes() == old else "new\n")


def test_killed_in_the_middle(engine, daemon, full):
    data, _ = full
    new = (data / "big").read_bytes()
    request = {"unit": "app"}
    import threading
    broken = []
    def ask():
        try:
            daemon.call("Restore", request)
        except ConnectionError:
            broken.append(True)
    t = threading.Thread(target=ask)
    t.start()
    # emptied, and not filled yet
    world.until(lambda: list((daemon.state / "restores").glob("*.begun*")), "the item is being emptied")
    daemon.kill()
    t.join()
    if broken:
        daemon.start()
        world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more")
        assert (data / "big").read_bytes() == new and (data / "only-now").exists()
    assert engine.all_states()["app"]


def test_room_is_enough(engine, daemon, full):
    """In place on demand, too."""
    data, old = full
    r = daemon.ctl("restore", "app", "--yes", "--in-place", check=0)
    assert "a copy of what was there is in repository" in r.stdout
    assert (data / "big").read_bytes() == old


def test_mount_point(engine, daemon, small):
    """The item is the mount point itself: its entries move, it stays, and what is kept in it is not backed up with it."""
    os.chown(small, 5, 6)
    os.chmod(small, 0o2751)
    os.setxattr(small, "user.of", b"old")
    (small / "f").write_text("old\n")
    engine.container("app", volumes=[f"{small}:/data"])
    daemon.backup("app")
    (small / "f").write_text("new\n")
    (small / "g").write_text("new\n")
    os.chmod(small, 0o700)
    os.setxattr(small, "user.of", b"new")
    reply = daemon.call("Restore", {"unit": "app"})["parameters"]
    kept = reply["restored"][0]["kept"]
    assert (small / "f").read_text() == "old\n" and not (small / "g").exists()
    st = os.stat(small)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777, os.getxattr(small, "user.of")) == (5, 6, 0o2751, b"old")
    assert kept.startswith(str(small / ".kopi-docka-kept")) and open(f"{kept}/g").read() == "new\n"
    daemon.backup("app")
    item = {"unit": "app", "item": f"bind:{small}"}
    entries = daemon.call("ListEntries", item)["parameters"]["entries"]
    assert {e["path"] for e in entries} - {"lost+found"} == {"f"}
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
    assert (small / "f").read_text() == "new\n" and (small / "g").exists()
    assert os.stat(small).st_mode & 0o7777 == 0o700 and os.getxattr(small, "user.of") == b"new"


def test_a_safety_directory_in_the_item_is_refused(engine, daemon):
    """It would be emptied with the item: the only copy of the old."""
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "echo old > /data/f")
    daemon.backup("one")
    engine.sh("one", "echo precious > /data/f")
    volume = engine.volume("vol")
    before = engine.running()
    for place in (volume, volume / "sub", volume / "sub/deep"):
        r = daemon.ctl("restore", "one", "--yes", "--in-place", "--safety-directory", place)
        assert r.returncode == 1 and str(place.parent if "deep" in str(place) else place) in r.stderr, r.stderr
    assert (volume / "f").read_text() == "precious\n" and os.listdir(volume) == ["f"]
    assert engine.running() == before
    # nor is an item named twice put in place twice, nor an empty path the whole item
    daemon.ctl("restore", "one", "--yes", "--item", "volume:vol", "--item", "volume:vol", check=0)
    assert (volume / "f").read_text() == "old\n"
    r = daemon.ctl("restore", "one", "--yes", "--item", "volume:vol", "--path", "")
    assert r.returncode in (1, 2) and "path" in r.stderr and "empty" in r.stderr, r.stderr
