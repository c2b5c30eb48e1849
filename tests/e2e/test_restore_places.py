# SPDX-License-Identifier: MIT
"""Where restored data goes: never through somebody else's link, never staged where somebody else can write, and into places
that are not as they were made: linked, mounted once more, a directory where a file was, with ACLs that are handed on."""
import os
import pathlib
import shutil

import pytest

import world

USER = 12345


def tree(top):
    return {str(p.relative_to(top)): (p.lstat().st_mode, p.lstat().st_uid, p.read_bytes() if p.is_file() else None)
            for p in pathlib.Path(top).rglob("*")}


@pytest.fixture
def home(directory):
    """A user's directory with an application's data, and beside it what is root's."""
    directory.chmod(0o711)
    data = directory / "user/app/data"
    data.mkdir(parents=True)
    (data / "f").write_text("old\n")
    for p in (data / "f", data, data.parent, data.parent.parent):
        os.chown(p, USER, USER)
    victim = directory / "victim"
    (victim / "sub").mkdir(parents=True)
    (victim / "f").write_text("root's\n")
    return data


def test_link_of_somebody_else(engine, daemon, home, directory):
    """Without any race: refused by name, before anything is stopped; whether the container runs or not."""
    victim, away = directory / "victim", home.with_name("away")
    engine.container("app", volumes=[f"{home}:/data"])
    daemon.backup("app")
    before, running = tree(victim), engine.running()
    home.rename(away)
    home.symlink_to(victim)
    os.lchown(home, USER, USER)
    for options in ((), ("--in-place",), ("--item", f"bind:{home}", "--path", "f")):
        r = daemon.ctl("restore", "app", "--yes", *options)
        assert r.returncode == 1 and f"{home} " in r.stderr and "link" in r.stderr, (options, r.stderr)
        assert engine.running() == running and tree(victim) == before, options
    # a component above it, and nobody who could say what is meant
    home.unlink()
    away.rename(home)
    engine.docker("rm", "-f", "app")
    home.parent.rename(home.parent.with_name("was"))
    home.parent.symlink_to(victim)
    os.lchown(home.parent, USER, USER)
    r = daemon.ctl("restore", "app", "--yes", "--item", f"bind:{home}")
    assert r.returncode == 1 and f"{home.parent} is a link" in r.stderr, r.stderr
    assert tree(victim) == before


def test_link_to_what_is_mounted(engine, daemon, home, directory):
    """A user's own directory on another disk: the container has just that, so it is meant. And it is stopped for it."""
    disk = directory / "disk"
    home.rename(disk)
    home.symlink_to(disk)
    os.lchown(home, USER, USER)
    engine.container("app", volumes=[f"{home}:/data"])
    engine.container("beside", volumes=[f"{disk}:/data"])
    daemon.backup("app")
    (disk / "f").write_text("new\n")
    before = engine.running()
    r = daemon.ctl("restore", "app", "--yes", check=0)
    assert f"{home} is a link" in r.stdout, r.stdout
    after = engine.running()
    assert after["app"] != before["app"] and after["beside"] != before["beside"], "whoever has it, by whatever name"
    assert engine.sh("app", "cat /data/f") == engine.sh("beside", "cat /data/f") == "old\n" and home.is_symlink()
    engine.sh("app", "echo later > /data/later")
    assert (disk / "later").exists(), "it writes to what was restored, not to the old copy"


def test_link_in_the_item(engine, daemon, home, directory):
    """A single path below a directory that is a link now."""
    (home / "sub").mkdir()
    (home / "sub/f").write_text("old\n")
    engine.container("app", volumes=[f"{home}:/data"])
    daemon.backup("app")
    before, running = tree(directory / "victim"), engine.running()
    (home / "sub").rename(home / "was")
    (home / "sub").symlink_to(directory / "victim/sub")
    r = daemon.ctl("restore", "app", "--yes", "--item", f"bind:{home}", "--path", "sub/f")
    assert r.returncode == 1 and f"{home}/sub is no directory now" in r.stderr, r.stderr
    assert engine.running() == running and tree(directory / "victim") == before


@pytest.fixture
def volume(engine, daemon):
    engine.container("db", volumes=["dbv:/data"])
    engine.sh("db", "echo old > /data/f")
    daemon.backup("db")
    engine.sh("db", "echo new > /data/f")
    yield engine.volume("dbv")
    for place in (engine.volume("dbv"), engine.volume("dbv").parent, engine.data / "volumes"):
        world.run("umount", "-l", place, check=False)


def back(engine, daemon):
    """Restored, and the way back works, too."""
    reply = daemon.call("Restore", {"unit": "db"})
    assert "error" not in reply, reply
    assert engine.sh("db", "cat /data/f") == "old\n"
    kept = pathlib.Path(reply["parameters"]["restored"][0]["kept"])
    assert (kept / "f").read_text() == "new\n"
    daemon.ctl("restore", "db", "--back", "last", "--yes", check=0)
    assert engine.sh("db", "cat /data/f") == "new\n"
    return kept


def test_volume_data_is_a_link(engine, daemon, volume, directory):
    big = directory / "big"
    engine.docker("stop", "-t1", "db")
    shutil.move(volume, big)  # dockerd has its directory mounted on itself
    volume.symlink_to(big)
    engine.docker("start", "db")
    try:
        back(engine, daemon)
        assert volume.is_symlink()
    finally:
        volume.unlink()
        shutil.move(big, volume)


@pytest.mark.parametrize("what", ["volumes", "dbv", "_data"])
def test_mounted_once_more(engine, daemon, volume, what):
    """The filesystem is the same, the mount is not: nothing can be renamed from one to the other."""
    place = {"volumes": engine.data / "volumes", "dbv": volume.parent, "_data": volume}[what]
    world.run("mount", "--bind", place, place)
    engine.docker("restart", "-t1", "db")
    kept = back(engine, daemon)
    assert kept.is_relative_to(volume if what == "_data" else volume.parent), kept
    # the engine takes every directory beside its volumes for one
    assert not [p.name for p in (engine.data / "volumes").iterdir() if p.name.startswith(".kopi")]


def test_file_became_a_directory(engine, daemon, directory):
    """The engine makes an empty directory where the file of a bind is missing."""
    f = directory / "app.db"
    f.write_text("data\n")
    engine.container("fb", volumes=[f"{f}:/app.db"])
    point = daemon.backup("fb")["backup_id"]
    engine.docker("rm", "-f", "fb")
    f.unlink()
    f.mkdir()
    daemon.ctl("restore", "fb", point, "--yes", check=0)
    assert f.read_text() == "data\n"
    # a container that was made with it could not start with a file there: it goes on as it is, and who made it is told
    f.unlink()
    engine.container("fb", volumes=[f"{f}:/app.db"])
    running = engine.running()
    r = daemon.ctl("restore", "fb", point, "--yes", check=0)
    assert f.read_text() == "data\n" and engine.running() == running and "make it anew" in r.stdout, r.stdout
    engine.docker("rm", "-f", "fb")
    # with something in it, somebody must say where to
    f.unlink()
    f.mkdir()
    (f / "x").touch()
    r = daemon.ctl("restore", "fb", point, "--yes")
    assert r.returncode == 1 and f"{f} is a directory" in r.stderr and "move it away" in r.stderr, r.stderr


def test_acls_and_times(engine, daemon, directory):
    """What the directory above, or the item as it is now, hands on to new files is not the backup's."""
    above = directory / "above"
    data = above / "data"
    (data / "sub").mkdir(parents=True)
    (data / "secret").write_text("old\n")
    (data / "secret").chmod(0o640)
    os.setxattr(data, "user.of", b"old")
    os.utime(data, ns=(1, 1577836800_123456789))
    engine.container("app", volumes=[f"{data}:/data"])
    daemon.backup("app")
    wanted = world.run("getfacl", "-pR", data).stdout
    for place in (above, data):
        world.run("setfacl", "-m", "u:77:rwx,d:u:77:rwx,d:g:78:rwx", place)
    os.setxattr(data, "user.since", b"new")
    for options in ((), ("--item", f"bind:{data}", "--path", "secret", "--path", "sub")):
        r = daemon.ctl("restore", "app", "--yes", *options, check=0)
        if not options:
            assert world.run("getfacl", "-pR", data).stdout == wanted
            assert data.stat().st_mtime_ns == 1577836800_123456789 and os.listxattr(data) == ["user.of"]
            world.run("setfacl", "-m", "u:77:rwx,d:u:77:rwx", data)
            shutil.rmtree(data / "sub")
    assert world.run("getfacl", "-p", data / "secret").stdout in wanted and world.run("getfacl", "-p", data / "sub").stdout in wanted


def test_times_of_a_mount_point(engine, daemon, directory):
    """What we lay out and keep in it does not change its own."""
    image, top = directory / "image", directory / "disk"
    top.mkdir()
    world.run("truncate", "-s", "16M", image)
    world.run("mkfs.ext4", "-q", image)
    world.run("mount", "-o", "loop", image, top)
    try:
        (top / "f").write_text("old\n")
        os.utime(top, ns=(1, 1577836800_123456789))
        engine.container("app", volumes=[f"{top}:/data"])
        daemon.backup("app")
        (top / "f").write_text("new\n")
        world.run("setfacl", "-m", "d:u:77:rwx", top)
        reply = daemon.call("Restore", {"unit": "app"})["parameters"]
        assert (top / "f").read_text() == "old\n" and top.stat().st_mtime_ns == 1577836800_123456789, reply
        assert "default" not in world.run("getfacl", "-p", top).stdout and "user:77" not in world.run("getfacl", "-p", top / "f").stdout
        # it could write to where the new was laid out, so that had to wait for its stop
        log = daemon.log.read_text().split("restore of app: find")[-1]
        assert log.index("restore of app: stop") < log.index("restore of app: extract-late") and "phase" not in reply
    finally:
        world.run("umount", "-l", top)


def test_target_is_private(engine, daemon, directory):
    engine.container("app", volumes=["vol:/data"])
    daemon.backup("app")
    os.umask(0o022)
    daemon.ctl("restore", "app", "--target", directory / "new/deep", check=0)
    assert [oct((directory / p).stat().st_mode & 0o777) for p in ("new", "new/deep")] == ["0o700", "0o700"]
    # one that is there already: closed while it is empty, and else left to whoever put something in it
    (directory / "empty").mkdir()
    (directory / "full").mkdir()
    (directory / "full/x").touch()
    os.mkdir(directory / "others")
    os.chown(directory / "others", USER, USER)
    daemon.ctl("restore", "app", "--target", directory / "empty", check=0)
    assert (directory / "empty").stat().st_mode & 0o777 == 0o700
    for name, why in (("full", "others can enter"), ("others", "others than root can change")):
        r = daemon.ctl("restore", "app", "--target", directory / name)
        assert r.returncode == 1 and f"{why} {directory}/{name}" in r.stderr, r.stderr
        assert (directory / name).stat().st_mode & 0o777 == 0o755 and not list((directory / name).glob("volume*"))
    # and not through somebody's link
    theirs = directory / "theirs"
    theirs.mkdir()
    (theirs / "t").symlink_to(directory)
    os.chown(theirs, USER, USER)
    r = daemon.ctl("restore", "app", "--target", theirs / "t/x")
    assert r.returncode == 1 and f"{theirs}/t is a link" in r.stderr and not (directory / "x").exists(), r.stderr


def test_hard_link_of_an_odd_name(engine, daemon, directory):
    """What the archive has the data under is named by tar in its message, in C escapes."""
    engine.container("app", volumes=["vol:/data"])
    top = os.fsencode(engine.volume("vol"))
    odd = [b"a new\nline", b"b back\\slash", b"c \xff raw", b"d it's: quoted", "e ünï".encode()]
    for n, name in enumerate(odd):
        with open(os.path.join(top, name), "wb") as f:
            f.write(name)
        os.link(os.path.join(top, name), os.path.join(top, b"z%d" % n))
    daemon.backup("app")
    paths = [w for n in range(len(odd)) for w in ("--path", f"z{n}")]
    daemon.ctl("restore", "app", "--item", "volume:vol", *paths, "--target", directory / "t", check=0)
    assert [(directory / f"t/volume%3Avol/z{n}").read_bytes() for n in range(len(odd))] == odd
