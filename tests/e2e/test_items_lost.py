# SPDX-License-Identifier: MIT
"""What had data at its last point and has none is an error until it is accepted by name; what lost most of it is told (law 5)."""
import shutil

import world


def points(daemon, unit):
    return daemon.call("ListRestorePoints", {"unit": unit})["parameters"]["restore_points"]


def shop(engine):
    engine.container("shop-1", project="shop", service="x", volumes=["db:/db", "files:/files"])
    engine.sh("shop-1", "echo x >/db/f; echo y >/files/f")


def test_emptied_until_accepted(engine, daemon, directory):
    shop(engine)
    daemon.backup("shop")
    assert "nothing to accept" in daemon.ctl("accept", "shop", "--item", "volume:db", check=1).stderr
    engine.sh("shop-1", "rm /db/f")
    assert "volume:db: has no data now" in daemon.ctl("backup", "--dry-run").stdout
    before = engine.running()
    unit = daemon.backup("shop", state="failed")["units"][0]
    assert unit["data"] == "partial" and any("volume:db: has no data now" in e and "accept shop --item volume:db" in e for e in unit["errors"])
    item = {i["id"]: i for i in unit["items"]}
    assert item["volume:db"]["error"] and "object" not in item["volume:db"] and "error" not in item["volume:files"]
    assert engine.running().keys() == before.keys()
    newest = points(daemon, "shop")[0]
    assert not newest["complete"] and newest["missing"] == ["volume:db"]
    # what is restored without a name is the point that has it
    daemon.ctl("restore", "shop", "--yes", check=0)
    assert engine.sh("shop-1", "cat /db/f") == "x\n"
    engine.sh("shop-1", "rm /db/f")
    assert "volume:db" in daemon.ctl("backup", check=1).stdout

    for words, text in ((("shop",), "is there"), (("shop", "--item", "volume:files"), "nothing to accept"), (("nope", "--item", "x"), "no unit nope"),
                        (("shop", "--item", "volume:nope"), "no item volume:nope")):
        assert text in daemon.ctl("accept", *words, check=1).stderr
    daemon.ctl("accept", "shop", "--item", "volume:db", "cleared by hand", check=0)
    listed = daemon.call("ListAccepted")["parameters"]["accepted"]
    assert [(a["unit"], a["item"], a["what"], a["reason"]) for a in listed] == [("shop", "volume:db", "empty", "cleared by hand")]
    assert "cleared by hand" in daemon.ctl("accept", "--list", check=0).stdout
    daemon.stop()
    daemon.start()
    daemon.backup("shop")
    # it has data again, and loses it again: told again
    engine.sh("shop-1", "echo z >/db/f")
    daemon.backup("shop")
    assert "nothing is accepted" in daemon.ctl("accept", "--list", check=0).stdout
    engine.sh("shop-1", "rm /db/f")
    daemon.backup("shop", state="failed")


def test_a_file_that_is_a_directory(engine, daemon, directory):
    (directory / "app.db").write_text("data\n")
    engine.container("fb", volumes=[f"{directory}/app.db:/app.db"])
    daemon.backup("fb")
    engine.docker("rm", "-f", "fb")
    (directory / "app.db").unlink()
    engine.container("fb", volumes=[f"{directory}/app.db:/app.db"])
    assert (directory / "app.db").is_dir()
    started = engine.running()
    unit = daemon.backup("fb", state="failed")["units"][0]
    assert any("was a file and is a directory now" in e for e in unit["errors"]) and unit["service"] == "untouched"
    assert engine.running() == started and len(points(daemon, "fb")) == 1, "nobody is stopped where nothing is left"
    daemon.ctl("accept", "fb", "--item", f"bind:{directory}/app.db", check=0)
    daemon.backup("fb")


def test_an_unmounted_disk_and_a_new_state(engine, daemon, directory):
    """The restore points say what there was where the state directory does not."""
    disk = directory / "nas"
    disk.mkdir()
    world.run("mount", "-t", "tmpfs", "none", disk)
    try:
        (disk / "photo").write_text("p")
        engine.container("photos", volumes=[f"{disk}:/photos"])
        daemon.backup("photos")
        engine.docker("stop", "-t", "1", "photos")
    finally:
        world.run("umount", disk)
    engine.docker("start", "photos")
    daemon.stop()
    shutil.rmtree(daemon.state / "units")
    daemon.start()
    unit = daemon.backup(state="failed")["units"][0]
    assert any(f"bind:{disk}: has no data now" in e for e in unit["errors"]), unit


def test_most_is_gone_and_nothing_expires(engine, directory):
    daemon = world.Daemon(engine, directory, retention__latest=1, retention__daily=0, retention__weekly=0, retention__monthly=0,
                          retention__yearly=0).start().init()
    shop(engine)
    engine.sh("shop-1", "for i in $(seq 40); do echo $i >/db/$i; done")
    first = daemon.backup("shop")["backup_id"]
    engine.sh("shop-1", "rm /db/1* /db/2* /db/3*")
    for _ in range(2):
        unit = daemon.backup("shop", state="warnings")["units"][0]
        assert unit["data"] == "complete" and any("volume:db lost most" in w and "no restore point of shop expires" in w for w in unit["warnings"])
    assert len(points(daemon, "shop")) == 3
    plan = daemon.call("PlanRetention", {"unit": "shop"})["parameters"]["units"][0]
    assert "volume:db" in plan["held"] and all(p["stays"] for p in plan["points"])
    assert "no complete point goes" in daemon.ctl("retention", "--dry-run").stdout
    daemon.ctl("accept", "shop", "--item", "volume:db", check=0)
    daemon.backup("shop")
    assert first not in [p["backup_id"] for p in points(daemon, "shop")]
