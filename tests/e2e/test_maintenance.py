# SPDX-License-Identifier: MIT
"""The repository's maintenance: by itself when a run is over and it is due, never beside one, and seen where it fails."""
import datetime
import json

import world


def hours_ago(n):
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=n)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def age(d, **record):
    """Set up here long ago, and the record as given; the daemon reads both again."""
    identity = json.loads((d.state / "identity.json").read_text())
    identity["initialised"] = hours_ago(9999)
    (d.state / "identity.json").write_text(json.dumps(identity))
    (d.state / "maintenance.json").write_text(json.dumps(record))
    assert "error" not in d.call("Reload")


def record(d):
    path = d.state / "maintenance.json"
    return json.loads(path.read_text()) if path.exists() else {}


def idle(d):
    return d.call("Status")["parameters"]["jobs"] == []


def runs(d):
    return world.asked(d.directory, "maintenance run")


def doctors(d):
    return next(c for c in d.call("Doctor")["parameters"]["checks"] if c["name"] == "maintenance")


def start(engine, directory, script="", **keys):
    engine.container("shop", volumes=["shop-data:/data"])
    return world.Daemon(engine, directory, kopia__program=world.kopia_wrapper(directory, script), **keys).start().init()


def test_when_it_is_due(engine, directory):
    d = start(engine, directory)
    d.backup()
    world.until(lambda: idle(d), "all is over")
    assert not world.asked(directory, "maintenance")  # a fresh repository needs none
    age(d)
    d.backup()
    world.until(lambda: "full" in record(d), "the full one is done")
    info = json.loads(d.kopia("maintenance", "info", "--json").stdout)
    assert info["owner"] == record(d)["owner"]
    assert all(r["success"] for r in info["schedule"]["runs"]["snapshot-gc"])
    assert len(runs(d)) == 1 and runs(d)[0].endswith("run --full")
    words = (directory / "kopia.log").read_text().splitlines()
    assert words.index(runs(d)[0]) == len(words) - 1  # behind all that the run asked
    assert doctors(d)["state"] == "ok" and record(d)["full"] in doctors(d)["detail"]

    d.backup()
    world.until(lambda: idle(d), "all is over")
    assert len(runs(d)) == 1  # not again so soon
    age(d, full=hours_ago(2), quick=hours_ago(2))
    d.backup()
    world.until(lambda: len(runs(d)) == 2 and idle(d), "a quick one")
    assert runs(d)[1].endswith("maintenance run") and record(d)["quick"] > record(d)["full"]
    d.ctl("maintain", "--full", check=0)
    assert record(d)["full"] >= record(d)["quick"] > hours_ago(1)
    d.stop()


def test_somebody_elses_and_off(engine, directory):
    d = start(engine, directory)
    d.kopia("maintenance", "set", "--owner=root@elsewhere")
    age(d)
    d.backup()
    world.until(lambda: record(d).get("owner") == "root@elsewhere" and idle(d), "it was asked whose it is")
    assert not runs(d) and "error" not in record(d)
    assert doctors(d)["state"] == "ok" and "root@elsewhere does it" in doctors(d)["detail"]
    assert "another host does this repository's maintenance" in d.ctl("maintain", check=1).stderr

    d.configure(kopia__program=directory / "kopia", kopia__maintenance="off")
    age(d)
    (directory / "kopia.log").unlink()
    d.backup()
    world.until(lambda: idle(d), "all is over")
    assert not world.asked(directory, "maintenance") and "off" in doctors(d)["detail"]


def test_it_makes_way_for_a_backup(engine, directory):
    d = start(engine, directory, f'case "$*" in *"maintenance run"*) echo $$ > {directory}/pid; exec sleep 600;; esac')
    age(d)

    def pid():
        return (directory / "pid").read_text().strip() if (directory / "pid").exists() else ""

    def gone(p):
        try:
            return "sleep" not in open(f"/proc/{p}/cmdline").read()
        except OSError:
            return True

    d.backup()
    first = world.until(pid, "the maintenance goes on")
    d.backup()
    assert gone(first) and "tried" not in record(d)
    second = world.until(lambda: pid() != first and pid(), "it is due as before, and begins again")
    job = d.call("Status")["parameters"]["jobs"][0]
    assert job["operation"] == "maintain" and job["state"] == "running"
    assert d.call("Cancel", {"job": job["job"]})["parameters"]["state"] == "cancelled"
    world.until(lambda: idle(d), "all is over")
    assert gone(second) and "tried" in record(d) and len(runs(d)) == 2  # who cancels means it
    (d.state / "maintenance.json").unlink()
    d.backup()
    third = world.until(lambda: pid() not in (first, second) and pid(), "once more")
    d.stop()
    assert gone(third)


def test_what_cannot_be_written_down_is_not_begun_for_ever(engine, directory):
    d = start(engine, directory, f'case "$*" in *"maintenance run"*) touch {directory}/ran; sleep 1;; esac')
    age(d)
    (d.state / "maintenance.json").unlink()
    (d.state / "maintenance.json").mkdir()  # no file takes its place
    d.backup()
    world.until(lambda: (directory / "ran").exists(), "it goes on")
    world.until(lambda: idle(d), "it is over, and nothing follows it")
    assert "cannot be written down" in d.log.read_text()
    d.backup()
    world.until(lambda: idle(d), "all is over")
    assert len(runs(d)) == 1


def test_a_failure_is_seen(engine, directory):
    d = start(engine, directory, 'case "$*" in *"maintenance run"*) echo "ERROR index is upset" >&2; exit 1;; esac')
    age(d)
    d.backup()
    world.until(lambda: "error" in record(d), "it failed")
    assert "index is upset" in record(d)["error"] and "full" not in record(d)
    assert doctors(d)["state"] == "warning" and "index is upset" in doctors(d)["detail"]
    assert "full maintenance failed" in d.log.read_text()
    d.backup()
    world.until(lambda: idle(d), "all is over")
    assert len(runs(d)) == 1  # an attempt at most hourly
    world.kopia_wrapper(directory)
    d.ctl("maintain", "--full", check=0)
    assert "error" not in record(d) and doctors(d)["state"] == "ok"
