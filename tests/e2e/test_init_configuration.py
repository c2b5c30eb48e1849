# SPDX-License-Identifier: MIT
"""init where there is no configuration: one is written, commented, with a password of its own; never over another.
In a copy-on-write root of its own, so that /etc and /backup are real and the host's are not touched."""
import configparser
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

import world

CTL = world.BUILD / "client/kopi-dockactl"
DAEMON = world.BUILD / "daemon/kopi-dockad"


class Machine:
    """An overlay of / with fresh /var/lib, /var/cache and /run; what runs in it sees the engine's socket."""

    def __init__(self, directory, engine):
        self.root = directory / "root"
        self.env = {**os.environ, "HOME": "/root", "DOCKER_HOST": f"unix://{engine.socket}"}
        base = directory / "overlay"
        base.mkdir()
        self.root.mkdir()
        world.run("mount", "-t", "tmpfs", "none", base)
        for name in ("up", "work"):
            (base / name).mkdir()
        world.run("mount", "-t", "overlay", "none", "-o", f"lowerdir=/,upperdir={base}/up,workdir={base}/work", self.root)
        self.mounts = [base, self.root]
        self.socket = self.root / "run/kopi-docka/io.kopidocka"
        self.bind("/proc")
        self.bind("/dev")
        for path in ("/run", "/var/lib", "/var/cache"):
            self.mount("tmpfs", path, "-t", "tmpfs")
        self.bind(engine.directory)
        self.bind(world.BUILD)

    def mount(self, source, path, *options):
        to = self.root / str(path).lstrip("/")
        to.mkdir(parents=True, exist_ok=True)
        world.run("mount", *options, source, to)
        self.mounts.append(to)

    def bind(self, path):
        self.mount(path, path, "--bind")

    def stop(self):
        """The daemon that a call has started, or we; by its own pid."""
        r = self.run(CTL, "--json", "status", "--socket", "/run/kopi-docka/io.kopidocka") if self.socket.exists() else None
        if r and r.returncode == 0:
            pid = json.loads(r.stdout)["pid"]
            os.kill(pid, signal.SIGTERM)
            world.until(lambda: not self.socket.exists(), "the daemon has ended")

    def remove(self):
        self.stop()
        for m in reversed(self.mounts):
            world.run("umount", "-l", m, check=False)

    def run(self, *argv, **kw):
        return world.run("chroot", self.root, *argv, check=False, env=self.env, **kw)

    def start(self, *argv):
        p = subprocess.Popen(["chroot", self.root, DAEMON, *argv], env=self.env, stdout=open(self.root.parent / "log", "ab"),
                             stderr=subprocess.STDOUT)
        world.Daemon.started.append(p)
        world.until(lambda: p.poll() is None and self.socket.exists() and self.run(CTL, "status").returncode == 0, "the daemon answers")
        return p


@pytest.fixture
def machine(engine, directory):
    m = Machine(directory, engine)
    try:
        yield m
    finally:
        m.remove()
        world.Daemon.end_all()


def test_order_of_a_new_user(machine, engine):
    """A daemon without configuration, then init: written, read, the repository made; the next backup works."""
    machine.start()
    r = machine.run(CTL, "init")
    assert r.returncode == 0, r
    assert "wrote /etc/kopi-docka.conf" in r.stderr and "keep a copy elsewhere" in r.stderr
    assert "made /backup" in r.stderr and "disk of the system" in r.stderr
    assert "created filesystem:/backup/kopia-repo" in r.stdout
    conf = machine.root / "etc/kopi-docka.conf"
    assert conf.stat().st_mode & 0o777 == 0o600 and (conf.stat().st_uid, conf.stat().st_gid) == (0, 0)
    text = conf.read_text()
    password = re.search(r"^password = (\S+)$", text, re.M).group(1)
    assert len(password) == 32 and "changeme" not in text and password not in r.stdout + r.stderr
    template = (world.TOP / "data/kopi-docka.conf.example").read_text()
    assert text == template.replace("changeme-very-secret", password), "one text"
    check = machine.run(DAEMON, "--check")
    assert check.returncode == 0 and "warning" not in check.stderr, check
    engine.container("web", volumes=["data:/data"])
    assert machine.run(CTL, "backup").returncode == 0
    assert list((machine.root / "backup/kopi-docka").glob("*.json")), "with its report"
    before = conf.stat()
    again = machine.run(CTL, "init")
    assert again.returncode == 0 and "connected to" in again.stdout and again.stderr == ""
    after = conf.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns) and conf.read_text() == text


def test_not_by_others(machine):
    """Whoever is not root is told so, and nothing is written."""
    r = machine.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent", CTL, "init")
    assert r.returncode == 1 and "only root" in r.stderr and "sudo kopi-docka init" in r.stderr
    assert not (machine.root / "etc/kopi-docka.conf").exists()


def test_file_named(machine):
    """--config FILE that is not there: made there, not elsewhere; a daemon for the call reads it. Another password each."""
    r = machine.run(CTL, "--config", "/root/a.conf", "init")
    assert r.returncode == 0 and "created filesystem:/backup/kopia-repo" in r.stdout, r
    r = machine.run(CTL, "--config", "/root/b.conf", "init")
    assert r.returncode == 1 and "reads /root/a.conf" in r.stderr and not (machine.root / "root/b.conf").exists(), r
    machine.stop()
    r = machine.run(CTL, "--config", "/root/b.conf", "init")
    assert r.returncode == 1 and "password is wrong" in r.stderr, r
    machine.stop()
    texts = [(machine.root / f"root/{n}.conf").read_text() for n in "ab"]
    assert texts[0] != texts[1] and not (machine.root / "etc/kopi-docka.conf").exists()
    r = machine.run(CTL, "--config", "/nowhere/x.conf", "init")
    assert r.returncode == 1 and "/nowhere/x.conf" in r.stderr


def test_never_over_another(machine):
    """One that exists, also a broken one, stays as it is; a running daemon's own counts."""
    conf = machine.root / "etc/kopi-docka.conf"
    conf.write_text("[kopia]\nrepository_pth = /x\n")
    conf.chmod(0o600)
    r = machine.run(CTL, "init")
    assert r.returncode == 1 and "repository_pth" in r.stderr and "repository_path" in r.stderr
    assert conf.read_text() == "[kopia]\nrepository_pth = /x\n"
    conf.write_text("[kopia]\nrepository_path = /root/repo\npassword = quite-another-one\n")
    machine.start()
    r = machine.run(CTL, "--config", "/root/new.conf", "init")
    assert r.returncode == 1 and "/etc/kopi-docka.conf" in r.stderr and not (machine.root / "root/new.conf").exists()
    assert machine.run(CTL, "init").returncode == 0
    assert "quite-another-one" in conf.read_text()


def test_template_has_the_keys_of_the_order():
    """Every key of the order's example but exclude_patterns stands in ours with the order's value; all commented keys exist."""
    order = {
        "kopia": {"repository_path": "/backup/kopia-repo", "password": "changeme-very-secret", "compression": "zstd-fastest",
                  "encryption": "aes256", "cache_directory": "/var/cache/kopia"},
        "backup": {"backup_base_path": "/backup/kopi-docka", "parallel_workers": "auto", "stop_timeout": "30", "start_timeout": "60",
                   "update_recovery_bundle": "false",
                   "recovery_bundle_path": "/backup/recovery", "recovery_bundle_retention": "3"},
        "retention": {"daily": "7", "weekly": "4", "monthly": "12", "yearly": "2"},
        "logging": {"level": "INFO"},
    }
    template = world.TOP / "data/kopi-docka.conf.example"
    c = configparser.ConfigParser()
    c.read(template)
    for section, keys in order.items():
        for key, value in keys.items():
            assert c[section][key] == value, (section, key)
    # what would leave data out is the admin's to switch on
    assert "exclude_patterns" not in c["backup"]
    assert '#exclude_patterns = ["*.tmp", "*.cache", "lost+found"]' in template.read_text()
    uncommented = re.sub(r"^#(?=[a-z_]+ = )", "", template.read_text(), flags=re.M)
    path = world.scratch() / "all.conf"
    path.write_text(uncommented)
    path.chmod(0o600)
    try:
        assert world.run(DAEMON, "--check", "--config", path).returncode == 0
    finally:
        path.unlink()
        pathlib.Path(path).parent.rmdir()
