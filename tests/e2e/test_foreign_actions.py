# SPDX-License-Identifier: MIT
"""Someone else acts in the window: they win, and nothing is called cold that was not."""
import threading

import world


def window(engine, daemon, act, config):
    """Run a backup whose read takes long enough for act()."""
    daemon.stop()
    daemon.configure(**config)
    daemon.start()
    box = {}
    t = threading.Thread(target=lambda: box.update(r=daemon.call("Backup", {"units": ["one"]})))
    t.start()
    world.until(lambda: not engine.all_states().get("one", False), "it is stopped")
    act()
    t.join()
    return box["r"]["parameters"]["result"]


def big(engine):
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "dd if=/dev/urandom of=/data/big bs=1M count=300 2>/dev/null")


def test_started_by_someone(engine, daemon):
    big(engine)
    result = window(engine, daemon, lambda: engine.docker("start", "one"), {"backup__method": "stream"})
    # tried again once at the end of the run, undisturbed
    assert result["units"][0]["data"] == "complete"
    assert any("tried twice" in w for w in result["units"][0]["warnings"])
    assert engine.all_states()["one"]
    points = daemon.call("ListRestorePoints")["parameters"]["restore_points"]
    assert len(points) == 1 and points[0]["complete"]


def test_removed_by_someone(engine, daemon):
    big(engine)
    result = window(engine, daemon, lambda: engine.docker("rm", "one"), {"backup__method": "stream"})
    unit = result["units"][0]
    assert result["state"] == "failed" and unit["data"] == "none"
    assert "one" not in engine.all_states()
    kept = list((daemon.state / "removed").iterdir())
    assert len(kept) == 1 and kept[0].stat().st_mode & 0o777 == 0o600
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open")


def test_stopped_members_stay_down(engine, daemon):
    engine.container("shop-a-1", project="shop", service="a", volumes=["vol:/data"])
    engine.container("shop-b-1", project="shop", service="b", volumes=["wol:/data"])
    engine.sh("shop-a-1", "echo x > /data/x")
    engine.sh("shop-b-1", "echo x > /data/x")
    engine.docker("stop", "shop-b-1")
    unit = daemon.backup("shop")["units"][0]
    assert unit["restarted"] == ["shop-a-1"]
    assert len(unit["items"]) == 2, "a stopped member's volume is saved as well"
    assert not engine.all_states()["shop-b-1"]


def test_paused_is_paused_again(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    engine.docker("pause", "one")
    daemon.backup("one")
    assert engine.inspect("one")["State"]["Paused"]


def test_guest_stops_with_the_unit(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    engine.container("other", volumes=["vol:/elsewhere"])
    before = engine.running()
    unit = daemon.backup("one")["units"][0]
    assert sorted(unit["restarted"]) == ["one", "other"]
    after = engine.running()
    assert all(after[n] != before[n] for n in before)


def test_engine_restarts_in_the_window(engine, daemon):
    big(engine)

    def restart():
        engine.stop()
        engine.start()

    result = window(engine, daemon, restart, {"backup__method": "stream", "backup__start_timeout": "60"})
    world.until(lambda: engine.all_states()["one"], "it runs again", 60)
    assert result["units"][0]["unit"] == "one"


def test_removed_what_another_needs(engine, daemon):
    """The container whose network it shares is gone: it cannot be started, is said to be down, and stays ours to start."""
    big(engine)
    engine.docker("run", "-d", "--name", "sharer", "--network", "container:one", "bb:latest", "/bin/sh", "-c", world.GOOD)

    def act():
        world.until(lambda: not engine.all_states()["sharer"], "it is stopped, too")
        engine.docker("rm", "one")
    result = window(engine, daemon, act, {"backup__method": "stream"})
    unit = result["units"][0]
    assert result["state"] == "failed" and unit["service"] == "down" and "sharer" in unit["not_restarted"], unit
    assert engine.all_states() == {"sharer": False}
    assert any("sharer" in r for r in daemon.call("Status")["parameters"]["recovering"])
    assert not any("sharer" in p.name for p in (daemon.state / "removed").iterdir())
