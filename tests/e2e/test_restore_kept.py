# SPDX-License-Identifier: MIT
"""What restores have kept goes after restore.kept_days, and nothing else does; restores wait for what is under way."""
import json
import pathlib
import threading
import time

import world

OLD = "20200101T000000Z"


def restored(engine, daemon, **more):
    """A restore whose old copies and record are made to look years old, behind the back of a daemon that has ended: a
    running one looks for them after every job."""
    now = daemon.call("Restore", {"unit": "app", **more})["parameters"]["restore_id"]
    daemon.stop()
    path = daemon.state / f"restores/{now}.json"
    record = json.loads(path.read_text())
    for swap in record["swaps"]:
        if "kept" in swap:
            pathlib.Path(swap["kept"]).parent.rename(pathlib.Path(swap["kept"]).parent.with_name(OLD))
    record["swaps"] = json.loads(json.dumps(record["swaps"]).replace(now, OLD))
    record["restore_id"] = OLD
    path.with_name(f"{OLD}.json").write_text(json.dumps(record))
    path.unlink()
    for recipe in (daemon.state / "restored").glob(f"{now}-*"):
        recipe.rename(recipe.with_name(f"{OLD}-app"))
    return record


def test_kept_days(engine, daemon, directory):
    bind = directory / "bind"
    bind.mkdir()
    engine.container("app", volumes=["vol:/data", f"{bind}:/bind"])
    engine.sh("app", "echo old > /data/f; echo old > /bind/f")
    daemon.backup("app")
    young = daemon.call("Restore", {"unit": "app"})["parameters"]
    engine.sh("app", "echo new > /data/f; echo new > /bind/f")
    record = restored(engine, daemon)
    kept = [pathlib.Path(s["kept"]) for s in record["swaps"]]
    assert all((k / "f").read_text() == "new\n" for k in kept)
    # a record that was tampered with, or is of someone else, takes nothing along
    precious = directory / "precious"
    precious.mkdir()
    evil = {**record, "restore_id": "20200102T000000Z", "swaps": [{**record["swaps"][0], "kept": str(precious), "failed": str(precious)}]}
    (daemon.state / "restores/20200102T000000Z.json").write_text(json.dumps(evil))
    daemon.stop()
    daemon.start()
    world.until(lambda: not (daemon.state / f"restores/{OLD}.json").exists(), "the old record is gone")
    world.until(lambda: not daemon.call("Status")["parameters"]["jobs"], "nothing is under way")
    assert not any(k.exists() for k in kept)
    recipe = pathlib.Path(young["recipe_directory"])
    assert list(recipe.parent.glob("2*")) == [recipe], "recipes that were laid out go with the copies"
    assert "old copy of volume:vol removed after 7 days" in daemon.log.read_text()
    assert all(pathlib.Path(i["kept"], "f").exists() for i in young["restored"]), "the young stay"
    assert precious.exists() and "cannot be removed yet" in daemon.log.read_text()
    assert engine.sh("app", "cat /data/f /bind/f") == "old\nold\n"


def test_a_clock_that_leaps(engine, daemon):
    """Nobody can tell a clock that is years ahead from a long pause: the days count anew from there."""
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app")
    record = restored(engine, daemon)
    clock, kept = daemon.state / "clock.json", pathlib.Path(record["swaps"][0]["kept"].replace(record["swaps"][0]["kept"].split("/")[-2], OLD))
    days = lambda n: int((time.time() - n * 86400) * 1000)
    clock.write_text(json.dumps({"looked_ms": days(300), "leap_ms": 0}))
    daemon.start()
    world.until(lambda: json.loads(clock.read_text())["leap_ms"], "it is noted")
    assert "stays for 7 days from now" in daemon.log.read_text()
    daemon.backup("app")  # and looks again after it
    assert kept.exists() and (daemon.state / f"restores/{OLD}.json").exists()
    daemon.stop()
    clock.write_text(json.dumps({"looked_ms": days(0.1), "leap_ms": days(8)}))
    daemon.start()
    world.until(lambda: not (daemon.state / f"restores/{OLD}.json").exists(), "the old record is gone")
    assert not kept.exists()


def test_kept_days_of_safety_copies(engine, daemon):
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app")
    daemon.call("Restore", {"unit": "app", "in_place": True})
    restored(engine, daemon, in_place=True)
    count = lambda: [s["tags"]["tag:type"] for s in json.loads(daemon.kopia("snapshot", "list", "--all", "--json").stdout)].count("safety")
    assert count() == 2
    daemon.stop()
    daemon.start()
    world.until(lambda: not (daemon.state / f"restores/{OLD}.json").exists(), "the old record is gone")
    assert count() == 1
    assert len(daemon.call("ListRestorePoints")["parameters"]["restore_points"]) == 1


def test_for_ever(engine, daemon):
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app")
    engine.sh("app", "echo new > /data/f")
    record = restored(engine, daemon)
    daemon.stop()
    daemon.configure(restore__kept_days=0)
    daemon.start()
    daemon.backup("app")
    assert pathlib.Path(record["swaps"][0]["kept"], "f").exists()


def test_waits_for_a_backup(engine, daemon):
    engine.container("slow", volumes=["slow:/data"], command=world.STUBBORN)
    engine.container("app", volumes=["vol:/data"])
    engine.sh("app", "echo old > /data/f")
    daemon.backup("app")
    result = {}
    t = threading.Thread(target=lambda: result.update(daemon.call("Backup", {"units": ["slow"]})["parameters"]))
    t.start()
    world.until(lambda: not engine.all_states()["slow"] or daemon.call("Status")["parameters"]["jobs"], "the backup is under way")
    reply = daemon.call("Restore", {"unit": "app"})["parameters"]
    assert reply["service"] == "up"
    # when the restore was over, the backup before it had long been
    assert "restore of app: find" in daemon.log.read_text().split(" slow: finish")[-1]
    t.join()
    assert result["result"]["state"] in ("ok", "warnings")


def test_kopia(engine, daemon):
    engine.container("app", volumes=["vol:/data"])
    daemon.backup("app")
    call = lambda *argv: world.run(world.BUILD / "client/kopi-dockactl", "--config", daemon.conf, "kopia", *argv, check=False)
    r = call("repository", "status")
    assert r.returncode == 0 and str(daemon.repo) in r.stdout, r.stderr
    r = call("snapshot", "list", "--all", "--json")
    assert {s["tags"]["tag:type"] for s in json.loads(r.stdout)} == {"volume", "recipe"}
    assert call("--version").returncode == 0 and call("no-such-command").returncode != 0
    assert daemon.password not in "".join(pathlib.Path("/proc/self/cmdline").read_text())
    r = world.run("setpriv", "--reuid=65534", "--clear-groups", world.BUILD / "client/kopi-dockactl", "kopia", "repository", "status", check=False)
    assert r.returncode == 1 and "run this as root" in r.stderr, r.stderr
