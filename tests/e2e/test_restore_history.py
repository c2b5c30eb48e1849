# SPDX-License-Identifier: MIT
"""Restores are in the history, by number, and the number is what restore --back takes; one that undid itself is not the last."""
import json

import test_restore_way_back
import world
from test_restore_kill import kill_at


def restores(daemon, **more):
    return daemon.call("History", more)["parameters"]["restores"]


def test_by_number(engine, daemon):
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo one > /data/f")
    first = daemon.backup("app")["backup_id"]
    engine.sh("app", "echo two > /data/f")
    daemon.backup("app")
    assert restores(daemon) == []
    daemon.ctl("restore", "app", "20200101T000000Z", "--yes", check=1)  # a mistyped one is none
    reply = daemon.call("Restore", {"unit": "app", "backup_id": first})["parameters"]
    assert reply["number"] == 1
    daemon.ctl("restore", "app", "--target", daemon.directory / "look", check=0)
    last, one = restores(daemon)
    assert one["restore_id"] == reply["restore_id"] and one["items"] == ["volume:vol"] and one["backup_id"] == first
    assert (one["number"], one["unit"], one["state"], one["service"], one["put_back"]) == (1, "app", "ok", "up", False)
    assert one["started"] <= one["finished"] and last["number"] == 2 and last["target"] == str(daemon.directory / "look")
    assert restores(daemon, unit="other") == [] and len(restores(daemon, limit=1)) == 1
    text = daemon.ctl("history", check=0).stdout
    assert f"restore 1  app, ok, " in text and f", of {first}, service up" in text
    assert text.index("restore 2") < text.index("restore 1") < text.index(first + "  ")  # as it happened, runs among them
    printed = json.loads(daemon.ctl("--json", "history", check=0).stdout)
    assert [r["number"] for r in printed["restores"]] == [2, 1] and len(printed["runs"]) == 2

    daemon.ctl("restore", "app", "--back", "1", "--yes", check=0)
    assert engine.sh("app", "cat /data/f") == "two\n"
    assert restores(daemon)[0]["back"] == "1" and restores(daemon)[0]["number"] == 3
    assert "back from restore 1" in daemon.ctl("history", check=0).stdout
    for wrong in ("7", "2"):  # none of that number; and one into a directory
        assert f"there is no restore {wrong} of unit app to go back from" in daemon.ctl("restore", "app", "--back", wrong, "--yes", check=1).stderr
    daemon.stop()
    daemon.start()
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)  # of the way back
    assert engine.sh("app", "cat /data/f") == "one\n"
    assert restores(daemon)[0]["number"] == 4


def test_the_last_is_not_one_that_undid_itself(engine, daemon):
    test_restore_way_back.picky(engine, daemon)
    daemon.ctl("restore", "shop", "--item", "volume:shopweb", "--yes", check=0)
    assert test_restore_way_back.data(engine) == ("new", "old")
    daemon.ctl("restore", "shop", "--item", "volume:shopdata", "--yes", check=1)
    undone, good = restores(daemon)
    assert undone["put_back"] and undone["state"] == "failed" and undone["error"] and undone["number"] == 2
    assert "restore 2  shop, failed" in daemon.ctl("history", check=0).stdout
    daemon.ctl("restore", "shop", "--back", "last", "--yes", check=0)
    assert test_restore_way_back.data(engine) == ("new", "new") and good["number"] == 1


def test_one_that_was_cut_off(engine, daemon):
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app")
    engine.sh("app", "echo new > /data/f")
    kill_at(daemon, "swap.1", unit="app")
    cut, = world.until(lambda: restores(daemon), "it is remembered")
    assert (cut["number"], cut["state"], cut["unit"], cut["put_back"]) == (1, "interrupted", "app", True)
    assert "restore 1  app, interrupted" in daemon.ctl("history", check=0).stdout
    assert "no restore of unit app" in daemon.ctl("restore", "app", "--back", "last", "--yes", check=1).stderr
    assert engine.sh("app", "cat /data/f") == "new\n"
