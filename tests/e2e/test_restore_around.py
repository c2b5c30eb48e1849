# SPDX-License-Identifier: MIT
"""What is mounted inside an item (a filesystem, a directory bound over another, a btrfs subvolume) is not part of what is restored:
it stays where it is, at any depth, and everything around it is exchanged; and items inside one another."""
import contextlib
import os
import subprocess

import pytest

import world
from test_restore_kill import kill_at


@contextlib.contextmanager
def disk(directory, name, place, kind="ext4", size="32M"):
    image = directory / f"{name}.img"
    place.mkdir(parents=True, exist_ok=True)
    world.run("truncate", "-s", size, image)
    world.run(f"mkfs.{kind}", "-q", image)
    world.run("mount", "-o", "loop", image, place)
    try:
        yield place
    finally:
        world.run("umount", "-l", place)


def is_mounted(path):
    return any(line.split()[4] == str(path) for line in open("/proc/self/mountinfo"))


def look(top):
    """What it is made of, without what is mounted in it."""
    found = {}
    device = os.stat(top).st_dev
    for d, directories, files in os.walk(top):
        directories[:] = [n for n in directories if os.lstat(f"{d}/{n}").st_dev == device and not is_mounted(f"{d}/{n}")
                          and not n.startswith(".kopi-docka")]
        for name in [".", *files]:
            path = os.path.join(d, name)
            st = os.lstat(path)
            found[os.path.relpath(path, top)] = (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns if name == "." else 0,
                                                 {n: os.getxattr(path, n) for n in os.listxattr(path)} if name == "." else None,
                                                 None if name == "." else open(path).read())
    return found


def fill(top, word):
    """Of each kind: beside what is mounted, on the way to it, and elsewhere; owners, modes, ACLs and times of their own."""
    for name in ("a/b", "plain/deep", f"only-{word}/x"):
        (top / name).mkdir(parents=True, exist_ok=True)
    for name in ("f", "a/f", "a/b/f", "plain/deep/f", f"only-{word}/x/f"):
        (top / name).write_text(f"{word}\n")
    old = word == "old"
    world.run("setfacl", "-m", f"u:{5 if old else 6}:rwx,d:u:{5 if old else 6}:r-x", top / "a")
    for n, name in enumerate((".", "a", "a/b", "plain")):
        os.chown(top / name, 1000 + n, 2000 + n if old else 1)
        os.chmod(top / name, 0o2751 if old else 0o700)
        os.utime(top / name, ns=(1, (1577836800 if old else 1609459200) * 10**9 + 123456789))


@pytest.fixture
def around(engine, daemon, directory):
    """An item with two things mounted in it, one of them of its own filesystem; a backup of "old", and "new" now."""
    directory.chmod(0o711)
    top, other = directory / "srv/item", directory / "srv/other"
    other.mkdir(parents=True)
    (other / "o").write_text("other\n")
    (top / "a/b/bound").mkdir(parents=True)
    with disk(directory, "media", top / "a/b/media"):
        world.run("mount", "--bind", other, top / "a/b/bound")
        (top / "a/b/media/film").write_text("film\n")
        fill(top, "old")
        engine.container("app", volumes=[f"{top}:/data"])
        daemon.backup("app", state="warnings")
        old = look(top)
        world.run("sh", "-c", f"rm -r {top}/only-old")
        fill(top, "new")
        yield top, old, look(top)
        world.run("umount", "-l", top / "a/b/bound")


def mounted_is_there(engine, top):
    assert (top / "a/b/media/film").read_text() == "film\n" and is_mounted(top / "a/b/media")
    assert (top / "a/b/bound/o").read_text() == "other\n" and is_mounted(top / "a/b/bound")
    assert engine.sh("app", "cat /data/a/b/media/film /data/a/b/bound/o") == "film\nother\n"


def item(top):
    return ["restore", "app", "--yes", "--item", f"bind:{top}"]


def test_there_and_back(engine, daemon, around):
    top, old, new = around
    daemon.ctl(*item(top), check=0)
    assert look(top) == old
    mounted_is_there(engine, top)
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
    assert look(top) == new
    mounted_is_there(engine, top)


def test_in_place(engine, daemon, around):
    top, old, new = around
    daemon.ctl(*item(top), "--in-place", check=0)
    assert look(top) == old
    mounted_is_there(engine, top)
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
    assert look(top) == new
    mounted_is_there(engine, top)


@pytest.mark.parametrize("how", [{}, {"in_place": True}])
def test_killed(engine, daemon, around, how):
    top, old, new = around
    for at in ("swap", "swap.1"):
        kill_at(daemon, at, "app", items=[f"bind:{top}"], **how)
        assert look(top) == new, at
        mounted_is_there(engine, top)
    assert engine.all_states() == {"app": True}


def test_more_is_mounted_now(engine, daemon, around, directory):
    """Where the point has data, it is said and nothing is lost; where it has none, the mount stays."""
    top, old, new = around
    with disk(directory, "late", top / "only-new"):
        (top / "only-new/mine").write_text("mine\n")
        daemon.ctl(*item(top), check=0)
        assert (top / "only-new/mine").read_text() == "mine\n" and (top / "f").read_text() == "old\n"
        daemon.ctl("restore", "app", "--back", "last", "--yes")
    fill(top, "new")
    before = engine.all_states()
    with disk(directory, "later", top / "plain"):
        (top / "plain/mine").write_text("mine\n")
        r = daemon.ctl(*item(top))
        assert r.returncode == 1 and "something is mounted at" in r.stderr and str(top / "plain") in r.stderr, r.stderr
        assert (top / "f").read_text() == "new\n" and (top / "plain/mine").read_text() == "mine\n"
        world.until(lambda: engine.all_states() == before, "it runs")


def test_old_copies_go_and_what_hangs_in_them_does_not(engine, daemon, directory):
    """As older versions left it: a mount in an old copy."""
    kept = directory / "base/.kopi-docka-kept/20200101T000000Z/item"
    (kept / "bound").mkdir(parents=True)
    for d in (kept.parent, kept.parent.parent):
        d.chmod(0o700)
    other = directory / "other"
    other.mkdir()
    (other / "o").write_text("other\n")
    world.run("mount", "--bind", other, kept / "bound")
    try:
        r = subprocess.run([world.BUILD / "helpers/kopi-docka-place", "forget", "20200101T000000Z", kept], capture_output=True, text=True)
        assert r.returncode == 1 and (other / "o").read_text() == "other\n", r.stderr
    finally:
        world.run("umount", kept / "bound")


def test_subvolume(engine, daemon, directory):
    """Of an item that is a subvolume itself, and holds one."""
    with disk(directory, "btrfs", directory / "pool", "btrfs", "256M") as pool:
        for name in ("data", "data/media"):
            world.run("btrfs", "-q", "subvolume", "create", pool / name)
        for top in (pool / "data", pool / "plain"):
            top.mkdir(exist_ok=True)
            (top / "f").write_text("old\n")
        world.run("btrfs", "-q", "subvolume", "create", pool / "plain/inner")
        for name in ("data/media", "plain/inner"):
            (pool / name / "film").write_text("film\n")
        engine.container("app", volumes=[f"{pool}/data:/data", f"{pool}/plain:/plain"])
        daemon.backup("app", state="warnings")
        for top in (pool / "data", pool / "plain"):
            (top / "f").write_text("new\n")
        daemon.ctl("restore", "app", "--yes", check=0)
        assert engine.sh("app", "cat /data/f /plain/f /data/media/film /plain/inner/film") == "old\nold\nfilm\nfilm\n"
        assert (pool / "plain/inner/film").read_text() == "film\n"
        daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
        assert engine.sh("app", "cat /data/f /plain/f /data/media/film /plain/inner/film") == "new\nnew\nfilm\nfilm\n"
        engine.docker("rm", "-f", "app")


def test_one_inside_another(engine, daemon, directory):
    """A disk inside a bind is an item of its own. Where it is not mounted any more, both come back all the same: outer first."""
    top = directory / "srv/outer"
    with disk(directory, "inner", top / "inner"):
        (top / "f").write_text("old\n")
        (top / "inner/deep").mkdir()
        (top / "inner/deep/f").write_text("old\n")
        engine.container("app", volumes=[f"{top}:/data", f"{top}/inner/deep:/data/inner/deep"])
        daemon.backup("app", state="warnings")
        (top / "f").write_text("new\n")
        (top / "inner/deep/f").write_text("new\n")
        daemon.ctl("restore", "app", "--yes", check=0)
        assert engine.sh("app", "cat /data/f /data/inner/deep/f") == "old\nold\n"
        daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
        assert engine.sh("app", "cat /data/f /data/inner/deep/f") == "new\nnew\n"
        engine.docker("rm", "-f", "app")
    (top / "inner/deep").mkdir()
    (top / "inner/deep/f").write_text("disk\n")
    (top / "f").write_text("disk\n")
    engine.container("app", volumes=[f"{top}:/data", f"{top}/inner/deep:/data/inner/deep"])
    daemon.ctl("restore", "app", "--yes", check=0)
    assert engine.sh("app", "cat /data/f /data/inner/deep/f") == "old\nold\n"
    assert (top / "inner/deep/f").read_text() == "old\n"
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
    assert engine.sh("app", "cat /data/f /data/inner/deep/f") == "disk\ndisk\n"
