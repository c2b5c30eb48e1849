# SPDX-License-Identifier: MIT
"""The script that `restore --script` prints: all items or none, around what is mounted, as it was before."""
import json
import os
import signal
import subprocess

import pytest

import test_fidelity
import world

SHELLS = [["dash"], ["busybox", "ash"]]


def render(daemon, directory, unit, *argv):
    script = directory / "restore.sh"
    script.write_text(daemon.ctl("restore", unit, "--script", *argv, check=0).stdout)
    return script


def environment(engine, daemon, directory, **more):
    return {**os.environ, "KOPIA_PASSWORD": daemon.password, "DOCKER_HOST": f"unix://{engine.socket}", "SAFETY": str(directory / "safety"),
            "HOME": str(directory), "KOPIA_CHECK_FOR_UPDATES": "false", **more}


def follow(engine, daemon, directory, script, shell=("sh",), check=0, **more):
    r = subprocess.run([*shell, script], env=environment(engine, daemon, directory, **more), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert check is None or r.returncode == check, r.stdout + r.stderr
    return r


def wrapper(directory, name, script):
    """A program of that name before the real one; "$real" is that."""
    place = directory / "bin"
    place.mkdir(exist_ok=True)
    real = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
    (place / name).write_text(f'#!/bin/sh\nreal={real}\n{script}\nexec "$real" "$@"\n')
    (place / name).chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


def left_of(*places):
    return [str(p) for place in places for p in place.rglob(".kopi-docka*")]


@pytest.fixture
def mounts():
    made = []

    def mount(*argv):
        world.run("mount", *argv)
        made.append(argv[-1])

    yield mount
    for place in reversed(made):
        world.run("umount", "-l", place, check=False)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[-1])
def test_fidelity_below_default_acls(engine, daemon, directory, shell):
    """A tree that has everything, in a bind whose parent and top hand ACLs down; the top had attributes that the backup has not."""
    place = directory / "app/data"
    place.mkdir(parents=True)
    test_fidelity.plant(place)
    os.setxattr(place, "user.kept", b"1")
    os.chown(place, 77, 78)
    place.chmod(0o751)
    os.utime(place, ns=(1, 1500000000123456789))
    engine.container("one", volumes=[f"{place}:/data"])
    wanted = test_fidelity.describe(place), place.stat().st_mtime_ns
    daemon.backup("one")
    (place / "plain").write_text("newer")
    subprocess.run(["setfacl", "-d", "-m", "u:4711:rwx,g:4712:rwx", place.parent], check=True)
    subprocess.run(["setfacl", "-m", "u:4711:rwx", "-d", "-m", "u:4711:rwx", place], check=True)
    os.setxattr(place, "user.stale", b"1")
    place.chmod(0o777)
    r = follow(engine, daemon, directory, render(daemon, directory, "one"), shell)
    assert (test_fidelity.describe(place), place.stat().st_mtime_ns) == wanted
    kept = [line.split("what was there: ")[1] for line in r.stdout.splitlines() if "what was there: " in line]
    assert len(kept) == 1 and open(f"{kept[0]}/plain").read() == "newer"
    assert engine.running().keys() == {"one"}


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[-1])
def test_around_what_is_mounted(engine, daemon, directory, mounts, shell):
    """The item is a mount point, and in it others are mounted, one of them deep; what these hold stays, all else is exchanged."""
    place = directory / "disk"
    place.mkdir()
    mounts("-t", "tmpfs", "none", place)
    for name in ("media", "a/b/deep", "a/other", ".hidden"):
        (place / name).mkdir(parents=True)
    for name in ("f", "a/f", "a/b/f", ".hidden/f", "a/other/f"):
        (place / name).write_text("one\n")
    os.setxattr(place, "trusted.kept", b"1")
    os.chown(place / "a/b", 7, 8)
    (place / "a/b").chmod(0o2755)
    os.chown(place, 5, 6)
    place.chmod(0o1777)
    mounts("-t", "tmpfs", "none", place / "media")
    mounts("-t", "tmpfs", "none", place / "a/b/deep")
    for name in ("media/film", "a/b/deep/film"):
        (place / name).write_text("mine\n")
    last = directory / "the/last/and/longest/path/of/all/items"
    last.mkdir(parents=True)
    engine.container("one", volumes=[f"{place}:/data", f"{last}:/last"])
    daemon.call("Backup", {"units": ["one"]})
    os.utime(place, ns=(1, 1400000000 * 10**9))
    for name in ("f", "a/f", "a/b/f", "new", "a/b/new"):
        (place / name).write_text("two\n")
    os.chown(place / "a/b", 0, 0)
    place.chmod(0o700)
    os.setxattr(place, "trusted.stale", b"1")
    r = follow(engine, daemon, directory, render(daemon, directory, "one"), shell)
    assert "around" not in r.stderr
    for name in ("f", "a/f", "a/b/f", ".hidden/f", "a/other/f"):
        assert (place / name).read_text() == "one\n", name
    assert not (place / "new").exists() and not (place / "a/b/new").exists()
    for name in ("media/film", "a/b/deep/film"):
        assert (place / name).read_text() == "mine\n"
    top, below = place.stat(), (place / "a/b").stat()
    assert (top.st_uid, top.st_gid, top.st_mode & 0o7777) == (5, 6, 0o1777)
    assert (below.st_uid, below.st_gid, below.st_mode & 0o7777) == (7, 8, 0o2755)
    assert os.listxattr(place) == ["trusted.kept"]
    kept = [line.split("what was there: ")[1] for line in r.stdout.splitlines() if "what was there: " in line][0]
    assert open(f"{kept}/a/b/new").read() == "two\n" and engine.sh("one", "cat /data/f") == "one\n"
    # and the way back, from the end of it
    (place / "a/f").write_text("three\n")
    before = test_fidelity.describe(place)
    (directory / "safety").rename(directory / "safety.1")
    more = wrapper(directory, "kopia", 'case "$*" in *" show "*last*) exit 1;; esac')
    r = follow(engine, daemon, directory, directory / "restore.sh", shell, check=1, **more)
    assert "what was there is back" in r.stdout
    assert test_fidelity.describe(place) == before and engine.running().keys() == {"one"}


def two_items(engine, directory):
    """The second is a large one."""
    places = [directory / "app/data", directory / "app/more"]
    for p in places:
        p.mkdir(parents=True)
        (p / "f").write_text("one\n")
    engine.container("one", volumes=[f"{places[0]}:/data", f"{places[1]}:/more"])
    return places


@pytest.mark.parametrize("signum,when", [(signal.SIGTERM, "show"), (signal.SIGTERM, "after"), (signal.SIGHUP, "after")])
def test_a_signal_leaves_no_mixture(engine, daemon, directory, signum, when):
    """In the middle of the second item, and when the second has just been exchanged."""
    places = two_items(engine, directory)
    daemon.backup("one")
    for p in places:
        (p / "f").write_text("two\n")
    script = render(daemon, directory, "one")
    wait = f"touch {directory}/now; until [ -e {directory}/go ]; do sleep 0.05; done"
    if when == "show":
        more = wrapper(directory, "kopia", f'case "$*" in *" show "*more*) {wait};; esac')
    else:
        more = wrapper(directory, "mv", f'case "$*" in *./new*more) "$real" "$@"; {wait}; exit 0;; esac')
    p = subprocess.Popen(["sh", script], env=environment(engine, daemon, directory, **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, text=True)
    world.until(lambda: (directory / "now").exists(), "the second item is at work")
    assert (places[0] / "f").read_text() == "one\n"
    p.send_signal(signum)
    (directory / "go").touch()
    out, _ = p.communicate(timeout=60)
    assert p.returncode != 0, out
    assert [(x / "f").read_text() for x in places] == ["two\n", "two\n"], out
    assert engine.running().keys() == {"one"} and not left_of(directory / "app")
    assert engine.sh("one", "cat /data/f /more/f") == "two\ntwo\n"


def test_only_what_ran_and_paused_again(engine, daemon, directory):
    engine.container("idle", volumes=["vol:/data"])
    engine.container("quiet", volumes=["vol:/data"])
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "echo one >/data/f")
    daemon.backup("one")
    engine.sh("one", "echo two >/data/f")
    script = render(daemon, directory, "one")
    engine.docker("stop", "idle")
    engine.docker("pause", "quiet")
    r = follow(engine, daemon, directory, script)
    states = {n: engine.inspect(n)["State"]["Status"] for n in ("idle", "quiet", "one")}
    assert states == {"idle": "exited", "quiet": "paused", "one": "running"}, r.stdout + r.stderr
    assert engine.sh("one", "cat /data/f") == "one\n"
    engine.docker("unpause", "quiet")


def test_an_item_in_an_item(engine, daemon, directory, mounts):
    """The outer one first; the way back in reverse."""
    outer, inner = directory / "app", directory / "app/zz/data"
    inner.mkdir(parents=True)
    mounts("-t", "tmpfs", "none", inner)
    for p in (outer, inner):
        (p / "f").write_text("one\n")
    engine.container("one", volumes=[f"{inner}:/data", f"{outer}:/app"])
    daemon.backup("one")
    for p in (outer, inner):
        (p / "f").write_text("two\n")
    script = render(daemon, directory, "one")
    more = wrapper(directory, "kopia", f'case "$*" in *" show "*zz*) [ ! -e {directory}/fail ] || exit 1;; esac')
    (directory / "fail").touch()
    r = follow(engine, daemon, directory, script, check=1, **more)
    assert [(p / "f").read_text() for p in (outer, inner)] == ["two\n", "two\n"], r.stdout + r.stderr
    (directory / "fail").unlink()
    (directory / "safety").rename(directory / "safety.1")
    follow(engine, daemon, directory, script, **more)
    assert [(p / "f").read_text() for p in (outer, inner)] == ["one\n", "one\n"]
    assert engine.sh("one", "cat /data/f /app/f /app/zz/data/f") == "one\none\none\n"


def test_into_a_directory(engine, daemon, directory):
    """--target: root's, 0700; not where others own it."""
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "echo one >/data/f; chmod 777 /data")
    daemon.backup("one")
    before = engine.running()
    target = directory / "new/there"
    follow(engine, daemon, directory, render(daemon, directory, "one", "--target", target))
    assert (target / "volume%3Avol/f").read_text() == "one\n" and target.stat().st_mode & 0o7777 == 0o700
    os.chown(target, 12345, 0)
    r = follow(engine, daemon, directory, directory / "restore.sh", check=1)
    assert f"{target} is a directory that others than root can change" in r.stderr
    assert engine.running() == before


def test_a_safety_directory_of_others(engine, daemon, directory):
    engine.container("one", volumes=["vol:/data"])
    daemon.backup("one")
    before = engine.running()
    (directory / "theirs/safety").mkdir(parents=True)
    os.chown(directory / "theirs", 12345, 0)
    r = follow(engine, daemon, directory, render(daemon, directory, "one"), check=1, SAFETY=str(directory / "theirs/safety"))
    assert "name a directory where only root can" in r.stderr and engine.running() == before
    assert json.loads(engine.docker("inspect", "one").stdout)[0]["State"]["Running"]
