# SPDX-License-Identifier: MIT
"""Root runs the script, or follows RESTORE.md, where a user owns the directories above: nobody leads it by the nose."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import test_fidelity
import test_recipe_restore_md
import test_script
import world

UID = 12345
ROUNDS = int(os.environ.get("KOPI_DOCKA_ROUNDS", "4"))  # 100 by hand

# Whoever owns a directory: puts a link to root's in place of each name in it, and the name back, as fast as it goes.
ADVERSARY = """
import os, sys
top, aim, uid, how = sys.argv[1:]
os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
os.chdir(top)
print("ready", flush=True)
n = 0
def turn(place, name):
    global n
    n += 1
    hidden, name = f"{place}/.hidden{n}", f"{place}/{name}"
    try:
        os.rename(name, hidden)
        try:
            os.symlink(aim, name)
            if n % 3:
                os.unlink(name)
            else:
                os.rename(name, hidden + ".link")
                os.unlink(hidden + ".link")
        finally:
            os.rename(hidden, name)
    except OSError:
        pass
while True:
    for place in (".", "data"):
        try:
            names = os.listdir(place)
        except OSError:
            continue
        rooms = [n for n in names if n.startswith(".kopi")]
        for name in rooms if how == "rooms" else names if how == "all" or rooms else []:
            if not name.startswith(".hidden"):
                turn(place, name)
"""


class Ground:
    """A directory of a user's with the item in it, and one of root's that the user would like to have changed or read."""

    def __init__(self, directory):
        self.app, self.roots = directory / "home/app", directory / "roots"
        self.data = self.app / "data"
        directory.chmod(0o711)
        (self.data / "sub").mkdir(parents=True)
        (self.roots / "sub").mkdir(parents=True)
        for name in ("f", "sub/g"):
            (self.data / name).write_text("one\n")
            (self.roots / name).write_text("only root's\n")
        self.roots.chmod(0o700)
        for p in (self.app.parent, self.app, self.data, *self.data.rglob("*")):
            os.chown(p, UID, UID)
        self.before = test_fidelity.describe(self.roots), self.roots.stat().st_mtime_ns, self.roots.stat().st_ino

    def check(self):
        assert (test_fidelity.describe(self.roots), self.roots.stat().st_mtime_ns, self.roots.stat().st_ino) == self.before
        told = subprocess.run(["grep", "-rl", "only root's", self.app.parent], capture_output=True, text=True).stdout
        assert not told, told

    def clean(self):
        """What earlier rounds left; the item is there under its name again, if the user left it anywhere."""
        for left in self.app.iterdir():
            if left.name.startswith(".kopi"):
                shutil.rmtree(left, ignore_errors=True)

    def adversary(self, how):
        """all: at any time; late: from when root has begun to lay something out; rooms: only there where it does."""
        p = subprocess.Popen([sys.executable, "-c", ADVERSARY, self.app, self.roots, str(UID), how], stdout=subprocess.PIPE)
        assert p.stdout.readline() == b"ready\n"
        return p


@pytest.fixture
def ground(directory):
    return Ground(directory)


def test_a_link_of_the_user_is_refused(engine, daemon, directory, ground):
    """No race needed; also where it is a directory above that was exchanged."""
    engine.container("one", volumes=[f"{ground.data}:/data"])
    daemon.backup("one")
    script = test_script.render(daemon, directory, "one")
    before = engine.running()
    for place, aim in ((ground.data, ground.roots), (ground.app, directory / "other")):
        aim.mkdir(exist_ok=True)
        (aim / "data").mkdir(exist_ok=True)
        ground.before = test_fidelity.describe(ground.roots), ground.roots.stat().st_mtime_ns, ground.roots.stat().st_ino
        place.rename(f"{place}.away")
        place.symlink_to(aim)
        r = test_script.follow(engine, daemon, directory, script, check=1)
        assert "nothing was stopped" in r.stderr and f"{place.name} in {place.parent} is a link" in r.stderr, r.stderr
        assert engine.running() == before
        place.unlink()
        pathlib.Path(f"{place}.away").rename(place)
        ground.check()


def test_a_link_that_the_container_has_mounted(engine, daemon, directory, ground):
    """People put data on another disk that way; root's own links are the way, too."""
    disk = directory / "an other disk"
    ground.data.rename(disk)
    ground.data.symlink_to(disk)
    os.lchown(ground.data, UID, UID)
    engine.container("one", volumes=[f"{ground.data}:/data"])
    engine.container("two", volumes=["vol:/data"])
    engine.sh("two", "echo one >/data/f")
    daemon.backup("one")
    daemon.backup("two")
    (disk / "f").write_text("two\n")
    r = test_script.follow(engine, daemon, directory, test_script.render(daemon, directory, "one"))
    assert f"{ground.data} leads to {disk}, and so it is mounted" in r.stdout
    assert ground.data.is_symlink() and (disk / "f").read_text() == "one\n" and engine.sh("one", "cat /data/f") == "one\n"
    # led elsewhere since
    shutil.rmtree(directory / "safety")
    ground.data.unlink()
    ground.data.symlink_to(ground.roots)
    before = engine.running()
    r = test_script.follow(engine, daemon, directory, directory / "restore.sh", check=1)
    assert "nothing was stopped" in r.stderr and engine.running() == before
    ground.check()
    # a volume's directory that root has put elsewhere
    place, elsewhere = engine.volume("vol"), engine.data / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    engine.docker("restart", "-t", "1", "two")
    engine.sh("two", "echo two >/data/f")
    test_script.follow(engine, daemon, directory, test_script.render(daemon, directory, "two"))
    assert (elsewhere / "f").read_text() == "one\n" and place.is_symlink()
    place.unlink()
    elsewhere.rename(place)  # or docker would not remove it


def fakes(engine, daemon, directory, unit):
    """docker and kopia for many rounds: the archive is what the real one shows, containers are not touched."""
    point = daemon.call("ListRestorePoints", {"unit": unit})["parameters"]["restore_points"][0]
    assert point["complete"]
    place = directory / "fakes"
    place.mkdir()
    for snapshot in json.loads(daemon.kopia("snapshot", "list", "--all", "--json").stdout):
        if snapshot["tags"].get("tag:type") == "bind":
            name = daemon.kopia("ls", snapshot["rootEntry"]["obj"]).stdout.split()[-1]
            archive = daemon.kopia("show", f'{snapshot["rootEntry"]["obj"]}/{name}', text=False).stdout
            (place / "archive.tar").write_bytes(archive)
    (place / "kopia").write_text(f"""#!/bin/sh
case " $* " in
*' show '*) head -c 4096 {place}/archive.tar; sleep 0.05; tail -c +4097 {place}/archive.tar;;
*' list '*) echo '[{{"rootEntry":{{"obj":"k1"}}}}]';;
esac
""")
    (place / "docker").write_text('#!/bin/sh\ncase "$*" in inspect*Status*) echo running;; esac\n')
    for name in ("kopia", "docker"):
        (place / name).chmod(0o755)
    return {"PATH": f"{place}:/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.mark.parametrize("how", ["late", "rooms"])
def test_the_script_against_an_adversary(engine, daemon, directory, ground, how):
    engine.container("one", volumes=[f"{ground.data}:/data"])
    daemon.backup("one")
    script = test_script.render(daemon, directory, "one")
    env = fakes(engine, daemon, directory, "one")
    ended = []
    p = ground.adversary(how)
    try:
        for i in range(ROUNDS):
            r = test_script.follow(engine, daemon, directory, script, check=None, SAFETY=str(directory / f"safety.{i}"), **env)
            ended.append(r.returncode)
            ground.check()
            ground.clean()
    finally:
        p.kill()
        p.wait()
    assert set(ended) <= {0, 1}


def test_restore_md_goes_no_way_of_the_users(engine, daemon, directory, ground):
    """A link on the way, and ACLs that a directory above hands down; the user's own compose file in a directory of theirs."""
    label = "com.docker.compose.project"
    (ground.app / "compose.yml").write_text("services: {one: {image: bb, network_mode: none}}\n")
    (ground.data / "f").chmod(0o640)
    engine.container("app-one-1", "-l", f"{label}.working_dir={ground.app}", "-l", f"{label}.config_files={ground.app}/compose.yml", project="app", service="one",
                     volumes=[f"{ground.data}:/data"])
    wanted, links = test_fidelity.describe(ground.data)
    daemon.backup("app")
    recipe = test_recipe_restore_md.recipe_of(daemon, "app")
    engine.clean()
    shutil.rmtree(ground.app)
    ground.app.symlink_to(ground.roots)
    os.lchown(ground.app, UID, UID)
    r = test_recipe_restore_md.follow(engine, daemon, directory, recipe)
    assert r.returncode != 0 and f"app in {ground.app.parent} is a link" in r.stderr, r.stderr
    ground.check()
    ground.app.unlink()
    ground.app.mkdir()
    os.chown(ground.app, UID, UID)
    subprocess.run(["setfacl", "-d", "-m", "u:4711:rwx,g:4712:rwx", ground.app], check=True)
    test_recipe_restore_md.follow(engine, daemon, directory, recipe)
    assert test_fidelity.describe(ground.data) == (wanted, links)
    assert (ground.app / "compose.yml").read_text().startswith("services") and not list(ground.app.glob(".kopi*"))
