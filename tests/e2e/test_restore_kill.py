# SPDX-License-Identifier: MIT
"""Laws 1 and 6 in a restore: killed with SIGKILL in every phase of its table, on the way there and on the way back. After the
next start everything runs that ran, and the data of all items is wholly old or wholly new, with the other kept. The phases
come from the program itself; one world is used for all of them, so each also begins with what the kill before it left."""
import pytest

import world
from test_restore_way_back import picky

PHASES = world.run(world.BUILD / "daemon/kopi-dockad", "--list-phases=restore", check=False).stdout.split() or ["unbuilt"]
BACK = PHASES[PHASES.index("healthy") + 1:] if "healthy" in PHASES else []


def contents(engine):
    return {(engine.volume(v) / "f").read_text().strip() for v in ("shopdata", "shopweb")}


def kill_at(d, at, unit="shop", **parameters):
    d.stop()
    d.start(KOPI_DOCKA_KILL_AT=at)
    with pytest.raises(ConnectionError):
        d.call("Restore", {"unit": unit, **parameters})
    assert d.process.wait(10) == -9
    d.start()
    world.until(lambda: d.call("Status")["parameters"]["recovering"] == [], f"nothing is open any more after {at}", 60)


def found(engine, *words):
    return world.run("find", engine.data, *words).stdout.split()


def test_there(engine, daemon):
    engine.container("shop-db-1", project="shop", service="db", volumes=["shopdata:/data"])
    engine.container("shop-web-1", project="shop", service="web", depends_on="db:service_started:false", volumes=["shopweb:/www"])
    engine.sh("shop-db-1", "echo old > /data/f")
    engine.sh("shop-web-1", "echo old > /www/f")
    daemon.backup("shop")
    before = engine.all_states()
    outcomes = {}
    for at in PHASES + ["swap.1", "swap.2", PHASES[-1] + ".end"]:
        mark = f"new-{at}"
        engine.sh("shop-db-1", f"echo {mark} > /data/f")
        engine.sh("shop-web-1", f"echo {mark} > /www/f")
        kill_at(daemon, at)
        assert engine.all_states() == before, at
        now = contents(engine)
        assert daemon.temporaries() == [], at
        assert now in ({"old"}, {mark}), f"{at}: never one of each: {now}"
        if now == {"old"}:  # what was there is kept
            kept = found(engine, "-path", "*/.kopi-docka-kept/*", "-name", "f")
            assert sum(open(k).read() == mark + "\n" for k in kept) == 2, at
        assert not found(engine, "-path", "*/.kopi-docka-staging/*/*"), at
        outcomes[at] = "old" if now == {"old"} else "new"
    # both outcomes were met, and the exchange is what lies between them: half of it is undone
    assert [outcomes[at] for at in ("swap", "swap.1", "start")] == ["new", "new", "old"], outcomes


def settled(daemon, what):
    """The sentence of the log about an interrupted restore."""
    return [line for line in daemon.log.read_text().splitlines() if "was interrupted" in line and what in line]


def test_back(engine, daemon):
    picky(engine, daemon)
    running = {"shop-db-1": True, "shop-web-1": True}
    for at in ["start"] + BACK + ["swap-back.1", "swap-back.2", BACK[-1] + ".end"]:
        kill_at(daemon, at, way_back=True)
        assert contents(engine) == {"new"}, f"{at}: what its container does not want is not left to it"
        world.until(lambda: engine.all_states() == running, f"after {at} all run with the old data")
        assert not found(engine, "-path", "*/.kopi-docka-staging/*/*"), at
    assert settled(daemon, "they are not (shop-db-1: ended")


def test_no_way_back_was_asked_for(engine, daemon):
    """It stays, as without the kill, and how to go back is told."""
    picky(engine, daemon)
    kill_at(daemon, "start")
    assert contents(engine) == {"old"} and not engine.all_states()["shop-db-1"]
    assert "kopi-docka restore shop --back 2" in settled(daemon, "not healthy with it")[-1]
    daemon.ctl("restore", "shop", "--back", "last", "--yes", check=0)
    world.until(lambda: engine.all_states()["shop-db-1"], "the database runs")
    assert contents(engine) == {"new"}
    # and one that is healthy stays without more ado, whoever asked for what
    engine.sh("shop-db-1", "touch /tmp/once")
    kill_at(daemon, "healthy", way_back=True)
    assert contents(engine) == {"old"} and settled(daemon, "what was restored stays")


def healthy_by(engine, word):
    """Healthy while /data/f says ${word}; never, not even for a moment, with anything else."""
    engine.container("app", "--health-cmd", f"grep -q {word} /data/f", "--health-interval", "200ms", "--health-retries", "3",
                     "--health-start-period", "1s", volumes=["vol:/data"])


def unhealthy_point(engine, daemon):
    """What is in the repository is not what its healthcheck wants; what is there now is."""
    healthy_by(engine, "new")
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app", state="warnings")
    engine.sh("app", "echo new > /data/f")
    world.until(lambda: engine.inspect("app")["State"]["Health"]["Status"] == "healthy", "it is healthy")


@pytest.mark.parametrize("at", ["start", "healthy", "healthy.end", "stop-again.end"])
def test_unhealthy(engine, daemon, at):
    """It runs, and its healthcheck does not like what was restored: the verdict is waited for after the next start."""
    unhealthy_point(engine, daemon)
    kill_at(daemon, at, "app", way_back=True)
    assert (engine.volume("vol") / "f").read_text() == "new\n" and engine.all_states() == {"app": True}
    world.until(lambda: engine.inspect("app")["State"]["Health"]["Status"] == "healthy", "it is healthy again")
    assert settled(daemon, "what was there before is in place")


def test_killed_while_it_judges(engine, daemon):
    """Twice: the second start goes on with what the first one had begun; and who ends the daemon does not wait for it."""
    unhealthy_point(engine, daemon)
    daemon.stop()
    daemon.start(KOPI_DOCKA_KILL_AT="healthy")
    with pytest.raises(ConnectionError):
        daemon.call("Restore", {"unit": "app", "way_back": True})
    daemon.process.wait(10)
    daemon.start()
    daemon.kill()
    daemon.start()
    daemon.stop()
    daemon.start()
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more")
    assert (engine.volume("vol") / "f").read_text() == "new\n" and engine.all_states() == {"app": True}
