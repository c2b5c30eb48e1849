# SPDX-License-Identifier: MIT
"""Machines of one name on one repository: none reads, writes or deletes as another without a word. A second machine is
a daemon with state of its own that sees another /etc/machine-id (in a mount namespace of its own)."""
import json
import os
import shutil
import subprocess

import pytest

import world


class Machine(world.Daemon):
    """On the repository of another one; machine: its id, None: the same as this one's."""

    def __init__(self, engine, directory, name, repo, machine=None, **keys):
        self.machine = machine
        super().__init__(engine, directory / name, kopia__repository_path=repo, retention__latest=1, retention__daily=0,
                         retention__weekly=0, retention__monthly=0, retention__yearly=0, **keys)

    def start(self, *argv, **env):
        script = 'exec "$@"'
        if self.machine:
            (self.directory / "machine-id").write_text(self.machine * 32 + "\n")
            script = f"mount --bind {self.directory}/machine-id /etc/machine-id; {script}"
        self.process = subprocess.Popen(["unshare", "-m", "sh", "-ec", script, "sh", world.BUILD / "daemon/kopi-dockad", "--config",
                                         self.conf, *argv], stdout=open(self.log, "ab"), stderr=subprocess.STDOUT, env={**os.environ, **env})
        world.Daemon.started.append(self.process)
        world.until(lambda: self.alive() and self.answers(), "the daemon answers")
        return self

    def identity(self):
        return json.loads((self.state / "identity.json").read_text())["identity"]

    def points(self, **more):
        return [p["backup_id"] for p in self.call("ListRestorePoints", more)["parameters"]["restore_points"]]


@pytest.fixture
def first(engine, directory):
    engine.container("web", volumes=["web-data:/data"])
    engine.sh("web", "echo first > /data/who")
    a = Machine(engine, directory, "a", directory / "repo", machine="a").start().init()
    a.backup()
    a.stop()  # one daemon an engine
    return a


def snapshots(d):
    return json.loads(d.kopia("snapshot", "list", "--all", "--json").stdout)


def test_tags(first):
    assert first.identity() == f"kopi-docka@{os.uname().nodename}"
    instance = json.loads((first.state / "identity.json").read_text())["instance"]
    for s in snapshots(first):
        assert s["tags"]["tag:machine"] == "a" * 32 and s["tags"]["tag:instance"] == instance and len(instance) == 16


def test_another_machine_of_the_name(engine, directory, first):
    """It gets a name of its own, and the first keeps its only point; what it takes over, it takes over by --adopt."""
    b = Machine(engine, directory, "b", directory / "repo", machine="b").start()
    text = b.ctl("init", check=0).stdout
    assert f"{first.identity()} is another machine's there: this one is {first.identity()}-bbbbbbbb" in text and "init --adopt" in text
    assert f"kopi-docka list --restore-points --host {first.identity()}" in text
    assert b.points() == []
    empty = b.ctl("list", "--restore-points", check=0).stdout
    assert "there is no restore point" in empty and f"restore UNIT --host {first.identity()}" in empty
    r = b.ctl("restore", "web", "--yes", check=1)
    assert f"{first.identity()} has some" in r.stderr and f"kopi-docka restore web --host {first.identity()}" in r.stderr
    engine.sh("web", "echo second > /data/who")
    b.backup()
    b.ctl("retention", "--yes", check=0)
    assert len(b.points(all_hosts=True)) == 2
    host = os.uname().nodename  # the host alone is enough
    old = b.points(host=host)
    assert len(old) == 1 and old != b.points()
    b.ctl("restore", "web", "--host", host, "--yes", check=0)
    assert engine.sh("web", "cat /data/who") == "first\n"
    assert "volume:web-data" in b.ctl("ls", "web", "--host", host, check=0).stdout

    text = b.ctl("init", "--adopt", check=0).stdout
    assert b.identity() == first.identity() and "restore points of this host: 1 unit" in text
    new = b.backup()["backup_id"]
    assert b.points() == [new]  # the adopted one was ours, and went by our retention
    assert all(s["source"]["userName"] == "kopi-docka" for s in snapshots(b))
    b.stop()

    first.start()  # it lives after all: it is refused, and nothing is lost
    result = first.call("Backup")["parameters"]["result"]
    assert result["state"] == "failed" and "another machine writes" in json.dumps(result)
    assert first.call("Backup")["parameters"]["result"]["units"][0]["data"] == "none"
    for argv in (["retention", "--yes"], ["restore", "web", "--yes"], ["maintain"], ["init"]):
        r = first.ctl(*argv, check=1)
        assert "another machine writes" in r.stderr and "--new-identity" in r.stderr, (argv, r.stderr)
    r = first.ctl("list", "--restore-points", check=3)
    assert "another machine writes" in r.stdout
    checks = {c["name"]: c for c in first.call("Doctor")["parameters"]["checks"]}
    assert checks["identity"]["state"] == "failed" and checks["repository"]["state"] == "ok"
    first.ctl("init", "--new-identity", check=0)
    first.backup()
    assert first.points(host=b.identity()) == [new]


def test_a_configured_name_is_that_or_none(engine, directory, first):
    b = Machine(engine, directory, "b", directory / "repo", machine="b", kopia__identity=first.identity()).start()
    r = b.ctl("init", check=1)
    assert "is another machine's" in r.stderr and "init --adopt" in r.stderr
    assert not (b.state / "identity.json").exists() and not (b.state / "repository.config").exists()
    b.ctl("init", "--adopt", check=0)
    assert len(b.points()) == 1


@pytest.mark.parametrize("machine", ["a", "c"])
def test_a_copy_of_the_disk(engine, directory, first, machine):
    """The state too is a copy: with another machine-id it is seen at once; with the same one by who comes second."""
    b = Machine(engine, directory, "b", directory / "repo", machine=machine)
    shutil.copytree(first.state, b.state)
    config = b.state / "repository.config"
    config.write_text(config.read_text().replace(str(first.directory), str(b.directory)))
    b.start()
    result = b.call("Backup")["parameters"]["result"]
    if machine == "a":  # nothing tells it from the first, until that one comes
        assert result["state"] == "ok"
        b.stop()
        first.start()
        result, b = first.call("Backup")["parameters"]["result"], first
    assert result["state"] == "failed"
    said = "made by a copy of this machine" if machine == "a" else "is the identity of another machine"
    assert said in json.dumps(result)
    before = b.points(all_hosts=True)
    assert said in b.ctl("retention", "--yes", check=1).stderr
    b.ctl("init", "--new-identity", check=0)
    assert b.identity().startswith(f"{'kopi-docka@' + os.uname().nodename}-")
    b.backup()
    assert set(before) < set(b.points(all_hosts=True))


def test_the_state_is_lost(engine, directory, first):
    """The same machine goes on as before; what was there is deleted only once somebody has said that it is ours."""
    old = snapshots(first)
    shutil.rmtree(first.state)
    first.start()
    assert "never deleted until kopi-docka init --adopt" in first.ctl("init", check=0).stdout
    new = first.backup()["backup_id"]
    assert len(first.points()) == 2 and {s["id"] for s in old} < {s["id"] for s in snapshots(first)}
    assert "unclaimed" in first.ctl("retention", "--dry-run", check=0).stdout
    checks = {c["name"]: c for c in first.call("Doctor")["parameters"]["checks"]}
    assert checks["identity"]["state"] == "warning"
    first.ctl("init", "--adopt", check=0)
    first.ctl("retention", "--yes", check=0)
    assert first.points() == [new]


def test_another_repository_is_meant(engine, directory, first):
    """A disk was replaced: no file of ours is removed by hand. And back again: its points are still this host's."""
    first.start()
    old = first.points()
    moved = directory / "moved"
    first.repo = directory / "repo"
    first.repo.rename(moved)
    r = first.ctl("init", check=1)
    assert "is its disk mounted?" in r.stderr and "kopi-docka init --reconnect" in r.stderr
    assert "created" in first.ctl("init", "--reconnect", check=0).stdout
    new = first.backup()["backup_id"]
    assert first.points() == [new] and first.identity() == f"kopi-docka@{os.uname().nodename}"
    first.repo.rename(directory / "other")
    moved.rename(first.repo)
    for argv in (["backup"], ["init"]):
        r = first.ctl(*argv, check=1)
        assert "another repository" in r.stdout + r.stderr, r
    assert "--reconnect" in r.stderr
    text = first.ctl("init", "--reconnect", check=0).stdout
    assert "connected to" in text and "restore points of this host: 1 unit" in text
    assert first.points() == old
    newest = first.backup()["backup_id"]
    assert first.points() == [newest]
