# SPDX-License-Identifier: MIT
"""An engine with userns-remap shifts every owner. Owners travel by number, so a point of another mapping is not put in place:
its containers could not read what is theirs."""
import pytest

import world


@pytest.fixture
def relay(engine, daemon, directory):
    """Between daemon and engine, which then can say that it maps users."""
    r = world.Relay(directory / "relay", engine)
    daemon.stop()
    daemon.configure(docker__socket=directory / "relay")
    daemon.start()
    yield r
    r.shutdown()


def remapped(engine):
    return {"SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"], "DockerRootDir": f"{engine.data}/100000.100000"}


def refused(daemon, *words):
    before = daemon.engine.running()
    r = daemon.ctl("restore", "app", "--yes", "--item", "volume:vol", *words)
    assert r.returncode == 1 and daemon.engine.running() == before, r.stdout
    return r.stderr


def test_another_mapping(engine, daemon, relay, directory):
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app")
    engine.sh("app", "echo new > /data/f")
    relay.info = remapped(engine)
    text = refused(daemon)
    assert '"host"' in text and '"userns-remap 100000.100000"' in text and "--keep-owners" in text, text
    assert engine.sh("app", "cat /data/f") == "new\n"
    # elsewhere it is only looked at, and whoever says so has it as it is
    daemon.ctl("restore", "app", "--target", directory / "look", check=0)
    daemon.ctl("restore", "app", "--yes", "--keep-owners", check=0)
    assert engine.sh("app", "cat /data/f") == "old\n"


def test_the_same_mapping(engine, daemon, relay):
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    relay.info = {**remapped(engine), "DockerRootDir": str(engine.data)}
    daemon.backup("app")
    engine.sh("app", "echo new > /data/f")
    daemon.ctl("restore", "app", "--yes", check=0)
    assert engine.sh("app", "cat /data/f") == "old\n"
    relay.info = {}
    assert '"userns-remap"' in refused(daemon)


def test_without_a_part_in_it(engine, daemon, relay):
    """--userns=host: its owners are the host's, whatever the engine does with others."""
    engine.container("app", "--userns=host", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    relay.info = {**remapped(engine), "DockerRootDir": str(engine.data)}
    daemon.backup("app")
    engine.sh("app", "echo new > /data/f")
    relay.info = {}
    daemon.ctl("restore", "app", "--yes", check=0)
    assert engine.sh("app", "cat /data/f") == "old\n"
