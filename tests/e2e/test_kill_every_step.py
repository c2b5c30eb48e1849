# SPDX-License-Identifier: MIT
"""Law 1: killed with SIGKILL at the begin and the end of every step of the table; after the next start
everything runs that ran, and nothing that did not. The steps come from the program itself."""
import pytest

import world

PHASES = world.run(world.BUILD / "daemon/kopi-dockad", "--list-phases", check=False).stdout.split() or ["unbuilt"]
POINTS = [p for phase in PHASES for p in (phase, phase + ".end")]


@pytest.mark.parametrize("at", POINTS)
def test_killed(engine, directory, at):
    engine.container("shop-db-1", project="shop", service="db", volumes=["shopdata:/data"])
    engine.container("shop-web-1", project="shop", service="web", depends_on="db:service_started:false")
    engine.container("shop-init-1", project="shop", service="init", command="exit 0")
    world.until(lambda: not engine.inspect("shop-init-1")["State"]["Running"], "the one-shot ended")
    engine.sh("shop-db-1", "echo one > /data/f")
    before = engine.all_states()
    d = world.Daemon(engine, directory).start().init()
    d.stop()
    d.start(KOPI_DOCKA_KILL_AT=at)
    try:
        d.call("Backup", {"units": ["shop"]})
        raise AssertionError(f"the daemon did not die at {at}")
    except ConnectionError:
        pass
    assert d.process.wait(10) == -9
    d.start()
    world.until(lambda: engine.all_states() == before, f"after {at}: {before}", 40)
    world.until(lambda: d.call("Status")["parameters"]["recovering"] == [], "nothing is open any more", 60)
    assert d.temporaries() == [], at
    # no half of a run is left, and the next one works
    points = d.call("ListRestorePoints")["parameters"]["restore_points"]
    assert all(p["complete"] for p in points)
    d.backup("shop")
    assert engine.all_states() == before
    d.stop()


def test_recover_alone(engine, directory):
    """What ExecStopPost= and the boot unit run."""
    engine.container("one", volumes=["vol:/data"])
    d = world.Daemon(engine, directory).start().init()
    d.stop()
    d.start(KOPI_DOCKA_KILL_AT="read")
    with pytest.raises(ConnectionError):
        d.call("Backup", {})
    d.process.wait(10)
    assert not engine.all_states()["one"]
    world.run(world.BUILD / "daemon/kopi-dockad", "--config", d.conf, "--recover")
    assert engine.all_states()["one"]
