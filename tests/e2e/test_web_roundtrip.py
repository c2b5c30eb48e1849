# SPDX-License-Identifier: MIT
"""A project of two containers: backed up, destroyed, restored, and run again."""


def make(engine):
    engine.container("shop-db-1", project="shop", service="db", volumes=["shopdata:/data"])
    engine.container("shop-web-1", project="shop", service="web", depends_on="db:service_started:false", volumes=["shopweb:/www"])


def test_roundtrip(engine, daemon):
    make(engine)
    engine.sh("shop-db-1", "echo one > /data/f; ln /data/f /data/g; mkdir /data/d; chmod 2750 /data/d")
    before = engine.running()
    result = daemon.backup()
    unit = result["units"][0]
    assert unit["data"] == "complete" and unit["service"] == "up"
    assert unit["window_ms"] > 0 and unit["phases"]["stop_ms"] >= 0
    assert sorted(unit["restarted"]) == ["shop-db-1", "shop-web-1"]
    after = engine.running()
    assert after.keys() == before.keys() and all(after[n] != before[n] for n in before)
    # the dependent was started after what it depends on
    assert after["shop-web-1"] > after["shop-db-1"]

    engine.clean()
    make(engine)
    out = daemon.ctl("restore", "shop", "--yes", check=0).stdout
    assert "service up" in out
    assert engine.sh("shop-db-1", "cat /data/f; stat -c %a /data/d; stat -c %h /data/f") == "one\n2750\n2\n"


def test_restore_of_removed_volumes_and_containers(engine, daemon):
    engine.docker("volume", "create", "--label", "keep=me", "shopdata")
    make(engine)
    engine.sh("shop-db-1", "echo one > /data/f")
    daemon.backup("shop")
    engine.clean()
    out = daemon.ctl("restore", "shop", "--yes", check=0).stdout
    assert "docker compose -p shop up -d" in out
    assert (engine.volume("shopdata") / "f").read_text() == "one\n"
    assert "keep=me" in engine.docker("volume", "inspect", "-f", "{{.Labels}}", "shopdata").stdout.replace(":", "=")


def test_the_old_is_kept(engine, daemon):
    make(engine)
    engine.sh("shop-db-1", "echo one > /data/f")
    daemon.backup("shop")
    engine.sh("shop-db-1", "echo two > /data/f")
    reply = daemon.call("Restore", {"unit": "shop"})["parameters"]
    kept = [i["kept"] for i in reply["restored"] if i["id"] == "volume:shopdata"][0]
    assert open(kept + "/f").read() == "two\n"
    assert engine.sh("shop-db-1", "cat /data/f") == "one\n"


def test_restore_points_and_history(engine, daemon):
    make(engine)
    engine.sh("shop-db-1", "echo one > /data/f")
    first = daemon.backup("shop")["backup_id"]
    second = daemon.backup("shop")["backup_id"]
    assert second > first
    points = daemon.call("ListRestorePoints", {"unit": "shop"})["parameters"]["restore_points"]
    assert [p["backup_id"] for p in points] == [second, first]
    assert all(p["complete"] and not p["missing"] for p in points)
    runs = daemon.call("History", {"unit": "shop"})["parameters"]["runs"]
    assert [r["backup_id"] for r in runs] == [second, first]
    assert "shop" in daemon.ctl("list", "--restore-points", check=0).stdout
    # pinned, so that kopia's own retention cannot tear a point apart
    assert all("kopi-docka" in s["pins"] for s in __import__("json").loads(daemon.kopia("snapshot", "list", "--all", "--json").stdout))


def test_target(engine, daemon, directory):
    make(engine)
    engine.sh("shop-db-1", "echo one > /data/f")
    daemon.backup("shop")
    before = engine.running()
    daemon.ctl("restore", "shop", "--item", "volume:shopdata", "--target", directory / "t", check=0)
    assert (directory / "t/volume%3Ashopdata/f").read_text() == "one\n"
    for ours in (daemon.repo, daemon.repo / "below", daemon.state):
        r = daemon.ctl("restore", "shop", "--target", ours)
        assert r.returncode == 1 and str(ours) in r.stderr and "another directory" in r.stderr, r.stderr
    assert engine.running() == before


def test_stream(engine, daemon):
    daemon.stop()
    daemon.configure(backup__method="stream")
    daemon.start()
    make(engine)
    engine.sh("shop-db-1", "dd if=/dev/urandom of=/data/big bs=1M count=20 2>/dev/null; md5sum /data/big > /data/sum")
    unit = daemon.backup("shop")["units"][0]
    assert {i["method"] for i in unit["items"]} == {"stream"}
    engine.sh("shop-db-1", "rm /data/big")
    daemon.ctl("restore", "shop", "--yes", check=0)
    assert "OK" in engine.sh("shop-db-1", "md5sum -c /data/sum")


def test_dry_run_touches_nothing(engine, daemon):
    make(engine)
    before = engine.running()
    out = daemon.ctl("backup", "--dry-run", check=0).stdout
    assert "nothing was stopped" in out and "volume:shopdata" in out and "window" in out
    assert engine.running() == before
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"] == []
