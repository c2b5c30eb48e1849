# SPDX-License-Identifier: MIT
"""The report of each run below backup_base_path, and that the history has the same."""
import json
import os
import socket
import stat

import world


def reported(d, directory):
    return {p.name: p for p in directory.glob("*") if not p.name.startswith(".")}


def same_as_history(d, path):
    text = path.read_text()
    assert text == (d.state / "history" / path.name).read_text(), "one serialisation"
    run = json.loads(text)
    known = d.call("History", {"limit": 1000})["parameters"]["runs"]
    assert run in known, (run, known)
    return run


def test_report_of_each_run(engine, directory):
    """Made with its directory, 0600, the same text as the history; rotated by name, strangers stay."""
    reports = directory / "base"
    d = world.Daemon(engine, directory, backup__backup_base_path=reports).start().init()
    engine.container("web", volumes=["data:/data"])
    result = d.backup()
    name = f"{result['backup_id']}.json"
    assert list(reported(d, reports)) == [name]
    assert stat.S_IMODE((reports / name).stat().st_mode) == 0o600 and stat.S_IMODE(reports.stat().st_mode) == 0o700
    assert same_as_history(d, reports / name) == result
    assert result["units"][0]["phases"]["read_ms"] >= 0 and result["units"][0]["items"][0]["id"] == "volume:data"
    for i in range(1000):
        (reports / f"20200101T{i // 60:02d}{i % 60:02d}00Z.json").write_text("{}")
    for stranger in ("20200101T000000Z.json.bak", "notes.json", "20200101T000000Z"):
        (reports / stranger).write_text("mine")
    d.backup()
    left = reported(d, reports)
    assert len([n for n in left if n.endswith("Z.json")]) == 1000
    assert name in left and "20200101T000000Z.json" not in left and "20200101T000200Z.json" in left
    assert {"20200101T000000Z.json.bak", "notes.json", "20200101T000000Z"} <= set(left)


def test_every_partial_failure_is_in_it(engine, directory):
    """One unit is refused, the other is saved: the run tells each, in both places."""
    reports = directory / "base"
    d = world.Daemon(engine, directory, backup__backup_base_path=reports).start().init()
    engine.container("good", volumes=["data:/data"])
    engine.container("removed-with-it", "--rm", volumes=["other:/data"])
    result = d.backup(state="failed")
    run = same_as_history(d, reports / f"{result['backup_id']}.json")
    units = {u["unit"]: u for u in run["units"]}
    assert units["good"]["data"] == "complete" and not units["good"]["errors"]
    assert units["removed-with-it"]["data"] == "none" and "--rm" in units["removed-with-it"]["errors"][0]
    assert run["state"] == "failed"


def test_no_report_is_a_warning(engine, directory):
    """A path that cannot be written: the run says so, the data is saved, the history has it."""
    reports = directory / "above/base"
    d = world.Daemon(engine, directory, backup__backup_base_path=reports).start().init()
    engine.container("web", volumes=["data:/data"])
    result = d.backup(state="warnings")
    assert result["units"][0]["data"] == "complete"
    assert str(reports) in result["errors"][0] and "No such file" in result["errors"][0]
    assert json.loads((d.state / "history" / f"{result['backup_id']}.json").read_text()) == result
    reports.parent.mkdir()
    d.backup(state="ok")


def test_run_that_cannot_begin(engine, directory):
    """The engine is away: the call fails, and the run is in history and reports all the same; a mistyped unit is no run."""
    path = directory / "relay/docker.sock"
    path.parent.mkdir()
    relay = world.Relay(path, engine)
    d = world.Daemon(engine, directory, docker__socket=path, backup__backup_base_path=directory / "base").start().init()
    engine.container("web")
    d.ctl("backup", "--unit", "wbe", check=1)
    assert d.call("History")["parameters"]["runs"] == []
    relay.refused = "/"
    assert d.ctl("backup", check=1).stderr
    run = d.call("History")["parameters"]["runs"][0]
    assert run["state"] == "failed" and run["units"] == [] and "docker" in run["errors"][0], run
    assert same_as_history(d, directory / "base" / f"{run['backup_id']}.json") == run
    relay.shutdown()
    relay.server_close()


def test_interrupted_run(engine, directory):
    """A daemon killed in the second unit: the next one puts the run into history and reports, the first unit's result too."""
    reports = directory / "base"
    d = world.Daemon(engine, directory, backup__backup_base_path=reports).start().init()
    engine.container("one", volumes=["one:/data"])
    engine.container("two", volumes=["two:/data"], command=world.STUBBORN)
    call = socket.socket(socket.AF_UNIX)
    call.connect(str(d.socket))
    call.sendall(json.dumps({"method": "io.kopidocka.Backup", "parameters": {}}).encode() + b"\0")

    def stopping_two():
        progress = d.call("Status")["parameters"].get("progress") or {}
        return progress.get("unit") == "two" and progress.get("phase") == "stop"
    world.until(stopping_two, "two is being stopped")
    d.kill()
    call.close()
    d.start()
    run = world.until(lambda: next((r for r in d.call("History")["parameters"]["runs"] if r["state"] == "interrupted"), None),
                      "the interrupted run is in the history")
    units = {u["unit"]: u for u in run["units"]}
    assert units["one"]["data"] == "complete" and units["two"]["data"] == "none"
    assert "middle of it" in units["two"]["errors"][0] and "finished" not in run
    world.until(lambda: (reports / f"{run['backup_id']}.json").exists(), "and in the reports")
    same_as_history(d, reports / f"{run['backup_id']}.json")
    world.until(lambda: not (d.state / "run-under-way.json").exists(), "the note is gone")
    world.until(lambda: set(engine.running()) == {"one", "two"}, "all run")
    d.stop()
    d.start()
    assert len(d.call("History")["parameters"]["runs"]) == 1, "once only"
    assert d.backup("one")["backup_id"] > run["backup_id"]


def test_a_hanging_path_delays_nothing_but_itself(engine, directory):
    """A path that does not answer: the run ends all the same, with an error of the report."""
    helpers = directory / "helpers"
    helpers.mkdir()
    for p in (world.BUILD / "helpers").iterdir():
        if p.is_file():
            (helpers / p.name).symlink_to(p)
    (helpers / "kopi-docka-report").unlink()
    (helpers / "kopi-docka-report").write_text("#!/bin/sh\nexec sleep 1000\n")
    (helpers / "kopi-docka-report").chmod(0o755)
    d = world.Daemon(engine, directory, backup__backup_base_path=directory / "base")
    d.start(KOPI_DOCKA_HELPERS=str(helpers)).init()
    engine.container("web", volumes=["data:/data"])
    result = d.backup(state="warnings")
    assert "did not end in time" in result["errors"][0]
    assert os.path.exists(d.state / "history" / f"{result['backup_id']}.json")
