# SPDX-License-Identifier: MIT
"""Law 11: an unprivileged user who owns the directories above an item, and exchanges them for links as fast as it can, while root
backs up and restores in each of the six ways. Nothing of root's is read, changed, made or removed; whether a round succeeds or
is refused does not matter. KOPI_DOCKA_ROUNDS: how many rounds a way (scripts/full adversary: 100)."""
import json
import os
import shutil
import signal
import subprocess

import pytest

import world
from test_recipe_restore_md import follow, recipe_of

ROUNDS = int(os.environ.get("KOPI_DOCKA_ROUNDS", "4"))
USER = 12345
SECRET = b"only-root-may-read-this-9d1f"


class Place:
    """A user's home with an application in it, a disk of theirs, and what is root's beside it."""

    def __init__(self, directory):
        directory.chmod(0o711)
        self.home, self.victim = directory / "user", directory / "victim"
        self.data, self.disk = self.home / "app/data", self.home / "mnt"
        for d in (self.data / "sub", self.disk):
            d.mkdir(parents=True)
        image = directory / "disk.img"
        world.run("truncate", "-s", "16M", image)
        world.run("mkfs.ext4", "-q", image)
        world.run("mount", "-o", "loop", image, self.disk)
        (self.disk / "sub").mkdir()
        (self.victim / "sub").mkdir(parents=True)
        (self.victim / "data/sub").mkdir(parents=True)
        for top in (self.data, self.disk):
            self.fill(top)
        for name in ("f", "passwd", "sub/f", "data/f", "data/sub/f"):
            (self.victim / name).write_text(f"root's {name}\n")
        for name in ("secret", "sub/secret", "data/secret", "data/sub/secret"):
            (self.victim / name).write_bytes(SECRET)
            (self.victim / name).chmod(0o600)
        self.own()
        self.before = self.look()

    def fill(self, top):
        (top / "sub").mkdir(parents=True, exist_ok=True)
        for name in ("f", "passwd", "sub/f", "sub/secret"):
            (top / name).write_text(f"the user's {name}\n")

    def own(self):
        for d, directories, files in os.walk(self.home):
            for name in (".", *directories, *files):
                os.lchown(os.path.join(d, name), USER, USER)

    def look(self):
        """All that root's directory is made of."""
        found = {}
        for d, directories, files in os.walk(self.victim):
            for name in (".", *directories, *files):
                path = os.path.join(d, name)
                st = os.lstat(path)
                found[os.path.relpath(path, self.victim)] = (
                    st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_ino, st.st_mtime_ns, os.listxattr(path, follow_symlinks=False),
                    os.readlink(path) if os.path.islink(path) else open(path, "rb").read() if os.path.isfile(path) else None)
        return found

    def heal(self):
        """What an attack left lying about goes, so that the next round begins as the first did."""
        for d, directories, files in os.walk(self.home):
            for name in directories + files:
                path = os.path.join(d, name)
                if ".trap" in name or ".away" in name:
                    shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.path.lexists(path) and os.unlink(path)
        # two ways at once can leave the link in the place of what they moved away: a container begun on that would have what is root's
        for path in (self.data.parent, self.data):
            if path.is_symlink():
                path.unlink()
        if not self.data.exists():
            self.fill(self.data)
            self.own()

    def check(self, what):
        now = self.look()
        assert now == self.before, (what, {k: (self.before.get(k), now.get(k)) for k in self.before.keys() | now.keys()
                                           if self.before.get(k) != now.get(k)})
        r = world.run("grep", "-rlaF", SECRET.decode(), self.home, check=False)
        assert r.stdout == "", f"{what}: the user got what only root may read: {r.stdout}"


class Attack:
    counts = {}

    def __init__(self, place):
        self.place = place

    def __enter__(self):
        self.process = subprocess.Popen(
            ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "/usr/bin/python3", "-c",
             (world.TOP / "tests/e2e/adversary.py").read_text(), self.place.home, self.place.victim],
            stdout=subprocess.PIPE, text=True, cwd="/")
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        for name, n in json.loads(self.process.communicate(timeout=60)[0]).items():
            Attack.counts[name] = Attack.counts.get(name, 0) + n
        self.place.heal()


@pytest.fixture
def place(directory):
    p = Place(directory)
    yield p
    world.run("umount", "-l", p.disk, check=False)


def begin(engine, place, unit):
    """The unit's container on the user's own directory; one that the engine led astray at its start is made anew."""
    source = {"app": place.data, "disk": place.disk}[unit]
    engine.docker("rm", "-f", unit, check=False)
    engine.container(unit, volumes=[f"{source}:/data"])


def is_led_astray(engine, place, unit):
    pid = engine.inspect(unit)["State"]["Pid"] if unit in engine.all_states() else 0
    try:
        st = os.stat(f"/proc/{pid}/root/data")
    except OSError:
        return True
    return (st.st_dev, st.st_ino) in {(os.stat(v).st_dev, os.stat(v).st_ino) for v in (place.victim, place.victim / "data")}


def archives(daemon):
    """Every archive in the repository, once each: what is in it besides the user's own?"""
    snapshots = json.loads(daemon.kopia("snapshot", "list", "--all", "--json").stdout)
    objects = {(s["rootEntry"]["obj"], s["source"]["path"]) for s in snapshots}
    for obj, path in sorted(objects):
        for name in daemon.kopia("ls", obj).stdout.split("\n"):
            if name:
                yield path, subprocess.run(["kopia", f"--config-file={daemon.state}/repository.config", "show", f"{obj}/{name}"], check=True, capture_output=True,
                                           env={**os.environ, "KOPIA_PASSWORD": daemon.password, "HOME": str(daemon.directory)}).stdout


def script(engine, daemon, unit, directory):
    text = daemon.ctl("restore", unit, "--script")
    if text.returncode:
        return text
    env = {"PATH": os.environ["PATH"], "HOME": str(directory), "KOPIA_PASSWORD": daemon.password, "DOCKER_HOST": f"unix://{engine.socket}",
           "KOPIA_CHECK_FOR_UPDATES": "false", "SAFETY": str(directory / "safety")}
    return world.run("sh", "-c", text.stdout, env=env, check=False, stdin=subprocess.DEVNULL)


def restore_md(engine, daemon, unit, directory):
    recipe = recipe_of(daemon, unit)
    engine.docker("rm", "-f", unit, check=False)
    return follow(engine, daemon, directory, recipe)


def restore(*words):
    return lambda engine, daemon, unit, directory: daemon.ctl("restore", unit, "--yes", *words)


WAYS = {
    "backup": ("app", lambda engine, daemon, unit, directory: daemon.ctl("backup", "--unit", unit)),
    "swap": ("app", restore()),
    "mount-point": ("disk", restore()),
    "in-place": ("app", restore("--in-place")),
    "path": ("app", lambda engine, daemon, unit, directory: daemon.ctl(
        "restore", unit, "--yes", "--item", f"bind:{directory}/user/app/data", "--path", "sub")),
    "script": ("app", script),
    "restore-md": ("app", restore_md),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_roots(engine, directory, place, way, capsys):
    daemon = world.Daemon(engine, directory / "kd", backup__stop_timeout=1).start().init()
    unit, act = WAYS[way]
    Attack.counts.clear()
    begin(engine, place, unit)
    daemon.backup(unit)
    good = 0
    for n in range(ROUNDS):
        with Attack(place):
            r = act(engine, daemon, unit, directory)
            good += r.returncode in (0, 3)
        place.check((way, n, r.returncode, r.stdout, r.stderr))
        if is_led_astray(engine, place, unit):
            begin(engine, place, unit)
    for path, archive in archives(daemon):
        assert SECRET not in archive, f"{way}: {path} holds what only root may read"
    with capsys.disabled():
        print(f"\n{way}: {good} of {ROUNDS} rounds went through, {Attack.counts}")
    assert all(Attack.counts.values()) or way == "backup" and Attack.counts["flip"], Attack.counts
