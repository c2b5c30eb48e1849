# SPDX-License-Identifier: MIT
"""What is said before a restore, by the daemon that would do it, and after it."""
import pytest

import world
from test_restore_way_back import picky

CTL = world.BUILD / "client/kopi-dockactl"


@pytest.fixture
def shop(engine, daemon):
    engine.container("shop-db-1", project="shop", service="db", volumes=["data:/data"])
    engine.container("shop-web-1", project="shop", service="web", volumes=["www:/www"])
    engine.container("reader", volumes=["www:/www:ro"])
    engine.container("agent", volumes=["/:/host:ro"])
    engine.sh("shop-db-1", "echo old >/data/f")
    engine.sh("shop-web-1", "echo old >/www/f")
    daemon.backup("shop")
    return engine


def test_dry_run(shop, daemon):
    before, files = shop.running(), sorted(world.run("find", shop.data / "volumes").stdout.split())
    point = daemon.call("ListRestorePoints", {"unit": "shop"})["parameters"]["restore_points"][0]["backup_id"]
    r = daemon.ctl("restore", "shop", "--dry-run", check=0)
    for line in (f"shop as it was at {point} (", "volume:data", "volume:www", "reader (of another unit)", "shop-db-1", "shop-web-1", "--back last"):
        assert line in " ".join(r.stdout.split()), line
    assert "agent" not in r.stdout, "who reads a directory above sees the new data without a start"
    assert r.stdout.endswith("nothing was stopped or changed\n")
    r = daemon.ctl("restore", "shop", "--item", "volume:data", "--path", "f", "--dry-run", check=0)
    assert "only f" in r.stdout and "reader" not in r.stdout and "volume:www" not in r.stdout
    assert daemon.ctl("restore", "shop", "20200101T000000Z", "--dry-run").returncode == 1
    assert "Nobody is stopped" in daemon.ctl("restore", "shop", "--target", str(daemon.directory / "t"), "--dry-run", check=0).stdout
    assert shop.running() == before and sorted(world.run("find", shop.data / "volumes").stdout.split()) == files
    assert not (daemon.directory / "t").exists()


def test_question_and_way_back(shop, daemon):
    agent = shop.running()["agent"]
    shop.sh("shop-db-1", "echo new >/data/f")
    with world.Terminal(CTL, "--socket", daemon.socket, "restore", "shop") as t:
        asked = t.expect("Go on?")
        assert "volume:data  10.0 KiB" in asked and "reader (of another unit)" in " ".join(asked.split())
        t.type("y")
        assert t.end() == 0
    assert shop.sh("shop-db-1", "cat /data/f") == "old\n"
    back = [line for line in t.output.splitlines() if line.startswith("to go back: kopi-docka restore shop --back ")]
    assert len(back) == 1
    daemon.ctl(*back[0].split()[4:], check=0)
    assert shop.sh("shop-db-1", "cat /data/f") == "new\n" and shop.running()["agent"] == agent


def test_rolled_back_is_not_restored(engine, daemon):
    picky(engine, daemon)
    r = daemon.ctl("restore", "shop", "--yes", check=1)
    assert "NOT restored: what was there before" in r.stdout and "\nrestored " not in r.stdout and "to go back" not in r.stdout


def test_unhealthy_before_is_not_up(engine, daemon):
    engine.container("sick", "--health-cmd", "false", "--health-interval", "200ms", "--health-retries", "1", volumes=["d1:/data"])
    world.until(lambda: engine.inspect("sick")["State"]["Health"]["Status"] == "unhealthy", "it is unhealthy")
    daemon.ctl("backup", "--unit", "sick")
    r = daemon.ctl("restore", "sick", "--yes", check=3)
    assert "service degraded" in r.stdout and "sick was unhealthy before the restore" in r.stdout
