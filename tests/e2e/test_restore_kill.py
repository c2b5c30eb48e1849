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


def kill_at(d, at, **parameters):
    d.stop()
    d.start(KOPI_DOCKA_KILL_AT=at)
    with pytest.raises(ConnectionError):
        d.call("Restore", {"unit": "shop", **parameters})
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
        assert now in ({"old"}, {mark}), f"{at}: never one of each: {now}"
        if now == {"old"}:  # what was there is kept
            kept = found(engine, "-path", "*/.kopi-docka-kept/*", "-name", "f")
            assert sum(open(k).read() == mark + "\n" for k in kept) == 2, at
        assert not found(engine, "-path", "*/.kopi-docka-staging/*/*"), at
        outcomes[at] = "old" if now == {"old"} else "new"
    # both outcomes were met, and the exchange is what lies between them: half of it is undone
    assert [outcomes[at] for at in ("swap", "swap.1", "start")] == ["new", "new", "old"], outcomes


def test_back(engine, daemon):
    picky(engine, daemon)
    running = {"shop-db-1": True, "shop-web-1": True}
    for at in BACK + ["swap-back.1", "swap-back.2", BACK[-1] + ".end"]:
        kill_at(daemon, at, way_back=True)
        now = contents(engine)
        assert now in ({"old"}, {"new"}), f"{at}: never one of each: {now}"
        if now == {"old"}:  # killed before the exchange back began: what was restored is in place, and its container does not want it
            assert at in ("stop-again", "swap-back")
            daemon.ctl("restore", "shop", "--back", "last", "--yes", check=0)
        world.until(lambda: engine.all_states() == running, f"after {at} all run with the old data")
        assert contents(engine) == {"new"}
        assert not found(engine, "-path", "*/.kopi-docka-staging/*/*"), at
