# SPDX-License-Identifier: MIT
"""The daemon is dead and someone else acts: at its next start they win, whatever the ledger says."""
import pytest

import world


@pytest.fixture
def dead(engine, directory):
    """dead(PHASE): one container, a backup of it, and a daemon that died in that phase."""

    def die(at):
        engine.container("one", volumes=["vol:/data"])
        engine.sh("one", "echo x > /data/f")
        d = world.Daemon(engine, directory).start().init()
        d.stop()
        d.start(KOPI_DOCKA_KILL_AT=at)
        with pytest.raises(ConnectionError):
            d.call("Backup", {"units": ["one"]})
        assert d.process.wait(10) == -9
        return d

    return die


def settled(d):
    d.start()
    world.until(lambda: d.call("Status")["parameters"]["recovering"] == [], "nothing is open any more", 60)


def test_stopped_after_we_had_started_it(engine, dead):
    d = dead("start.end")
    assert engine.all_states()["one"]
    engine.docker("stop", "one")
    settled(d)
    assert not engine.all_states()["one"], "its entry was closed with its start: it is theirs"


def test_started_and_stopped_again(engine, dead):
    d = dead("read")
    engine.docker("start", "one")
    engine.docker("stop", "one")
    settled(d)
    assert not engine.all_states()["one"], "StartedAt is not the recorded one: someone else's last word counts"


def test_started_by_someone(engine, dead):
    d = dead("read")
    engine.docker("start", "one")
    before = engine.running()
    settled(d)
    assert engine.running() == before


def test_recreated_by_someone(engine, dead):
    d = dead("read")
    engine.docker("rm", "one")
    engine.docker("create", "--name", "one", "--network", "none", "-v", "vol:/data", "bb:latest")
    settled(d)
    assert not engine.all_states()["one"], "the new one is not ours to start"
    assert len(list((d.state / "removed").iterdir())) == 1, "the old one's inspect is kept"


def test_removed_by_someone(engine, dead):
    d = dead("read")
    engine.docker("rm", "one")
    settled(d)
    assert "one" not in engine.all_states()
    kept = list((d.state / "removed").iterdir())
    assert len(kept) == 1 and kept[0].stat().st_mode & 0o777 == 0o600


def test_dockerd_killed_meanwhile(engine, dead):
    d = dead("read")
    engine.stop(hard=True)
    d.start()
    engine.start()
    world.until(lambda: engine.all_states().get("one"), "it runs again as soon as an engine answers", 90)
    world.until(lambda: d.call("Status")["parameters"]["recovering"] == [], "nothing is open any more", 60)


def test_engine_without_its_disk(engine, directory, dead):
    """After a power cut it comes up with an empty data root: nobody has removed anything, and when the disk is back
    the container is still ours to start."""
    d = dead("read")
    engine.stop()
    away = engine.data.with_name("data.away")
    engine.data.rename(away)
    try:
        engine.start()
        d.start()
        world.until(lambda: "its image" in d.log.read_text(), "it has looked")
        assert d.call("Status")["parameters"]["recovering"] != []
        d.kill()
    finally:
        engine.stop()
        world.run("rm", "-rf", engine.data)
        away.rename(engine.data)
        engine.start()
    settled(d)
    assert engine.all_states()["one"]


def test_state_of_another_daemon(engine, directory, daemon):
    """Two engines' daemons with one state directory would settle each other's ledger."""
    with world.private_engine() as other:
        second = world.Daemon(other, directory / "second", paths__state=daemon.state)
        second.start(wait=False)
        assert second.process.wait(20) == 75
        assert str(daemon.state) in second.log.read_text()
    daemon.start()  # the fixture's world ended it with the other engine
