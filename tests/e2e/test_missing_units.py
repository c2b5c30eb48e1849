# SPDX-License-Identifier: MIT
"""A unit that had restore points and is gone is an error until somebody says that it is meant."""
import json
import shutil


def gone(daemon):
    return daemon.call("ListUnits")["parameters"]["missing_units"]


def test_missing_until_acknowledged(engine, daemon):
    for name in ("shop", "mail"):
        engine.container(f"{name}-1", project=name, service="x", volumes=[f"{name}:/d"])
    daemon.backup()
    assert gone(daemon) == []
    engine.docker("rm", "-f", "mail-1")
    assert gone(daemon) == ["mail"]
    assert "unit that had restore points and is gone: mail" in daemon.ctl("list", "--units", check=0).stdout

    assert "accept mail" in daemon.ctl("backup", "--dry-run").stdout

    # a run of all units is not ok, and saves the others
    result = daemon.backup(state="failed")
    units = {u["unit"]: u for u in result["units"]}
    assert units["shop"]["data"] == "complete" and not units["shop"]["errors"]
    assert units["mail"]["data"] == "none" and units["mail"]["service"] == "untouched" and "accept mail" in units["mail"]["errors"][0]
    r = daemon.ctl("backup", check=1)
    assert "accept mail" in r.stdout + r.stderr
    assert any(u["unit"] == "mail" and u["errors"] for u in daemon.call("History")["parameters"]["runs"][0]["units"])
    row = [c for c in daemon.call("Doctor")["parameters"]["checks"] if c["name"] == "missing units"]
    assert len(row) == 1 and row[0]["state"] == "failed" and "mail" in row[0]["detail"]
    # a run of a unit that is there is not concerned
    daemon.backup("shop")

    # a stopped one is not gone, nor can it be acknowledged
    r = daemon.ctl("forget", "shop", check=1)
    assert "shop is there" in r.stderr
    r = daemon.ctl("forget", "nobody", check=1)
    assert "no unit nobody" in r.stderr
    assert daemon.ctl("forget", check=2)

    daemon.ctl("forget", "mail", check=0)
    assert gone(daemon) == []
    daemon.stop()
    daemon.start()
    assert gone(daemon) == []
    daemon.backup()
    points = daemon.call("ListRestorePoints", {"unit": "mail"})["parameters"]["restore_points"]
    assert len(points) == 1 and points[0]["complete"], "the restore points stay"
    # back again, and gone again: an error again
    engine.container("mail-1", project="mail", service="x", volumes=["mail:/d"])
    daemon.backup()
    engine.docker("rm", "-f", "mail-1")
    assert gone(daemon) == ["mail"]


def test_nothing_left_is_not_nothing_to_do(engine, daemon):
    engine.container("only-1", project="only", service="x", volumes=["d:/d"])
    daemon.backup()
    engine.clean()
    result = daemon.backup(state="failed")
    assert [u["unit"] for u in result["units"]] == ["only"]


def test_known_from_the_repository_where_the_state_is_lost(engine, daemon):
    for name in ("shop", "mail"):
        engine.container(f"{name}-1", project=name, service="x", volumes=[f"{name}:/d"])
    daemon.backup()
    engine.docker("rm", "-f", "mail-1")
    daemon.stop()
    for name in ("units", "history"):
        shutil.rmtree(daemon.state / name)
    daemon.start()
    row = [c for c in daemon.call("Doctor")["parameters"]["checks"] if c["name"] == "missing units"][0]
    assert row["state"] == "unknown", row
    result = daemon.backup(state="failed")
    assert {u["unit"] for u in result["units"]} == {"shop", "mail"}, json.dumps(result)
    # a new state directory altogether: init asks
    daemon.stop()
    shutil.rmtree(daemon.state)
    daemon.start().init()
    assert gone(daemon) == ["mail"]
