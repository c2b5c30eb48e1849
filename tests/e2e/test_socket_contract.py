# SPDX-License-Identifier: MIT
"""What a call may say, and that an error says which of it was wrong, and what there is instead."""
import json
import threading

import world

INVALID = "org.varlink.service.InvalidParameter"


def refused(daemon, method, parameters, name):
    reply = daemon.call(method, parameters)
    assert reply.get("error") == INVALID and reply["parameters"]["parameter"] == name, (method, parameters, reply)
    return reply["parameters"]["text"]


def test_an_empty_list_is_not_all(engine, daemon):
    """"units": [] backed up everything, and "items": [] put everything back."""
    engine.container("one", volumes=["vol:/data"])
    point = daemon.backup("one")["backup_id"]
    engine.sh("one", "echo new > /data/new")
    before = engine.running()
    for method, parameters, name in (
            ("Backup", {"units": []}, "units"), ("Plan", {"units": []}, "units"), ("ListUnits", {"units": []}, "units"),
            ("Restore", {"unit": "one", "items": []}, "items"), ("Restore", {"unit": "one", "items": ["volume:vol"], "paths": []}, "paths"),
            ("RenderRestore", {"unit": "one", "items": []}, "items")):
        assert "means none" in refused(daemon, method, parameters, name)
    assert engine.running() == before and engine.sh("one", "cat /data/new") == "new\n"
    assert [r["backup_id"] for r in daemon.call("History")["parameters"]["runs"]] == [point]


def test_the_wrong_one_is_named(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    daemon.backup("one")
    for method, parameters, name in (
            ("Restore", {}, "unit"), ("Restore", {"unit": None}, "unit"), ("ListEntries", {"unit": "one"}, "item"),
            ("Cancel", {}, "job"), ("AcknowledgeMissing", {}, "unit"), ("RenderRestore", {"backup_id": "x"}, "unit"),
            ("Restore", {"unit": "one", "backupid": "x"}, "backupid"), ("History", {"limit": 3, "unit": 5}, "unit")):
        assert name in refused(daemon, method, parameters, name)
    for parameters in ({"units": ["one", "nope"]}, {"units": ["nope", "one"]}):
        reply = daemon.call("Backup", parameters)
        assert reply["error"] == "io.kopidocka.NoSuchUnit" and reply["parameters"]["unit"] == "nope", reply
    for method in ("Restore", "RenderRestore"):
        reply = daemon.call(method, {"unit": "one", "items": ["volume:vol", "volume:nope"]})
        assert reply["error"] == "io.kopidocka.NoSuchItem" and reply["parameters"]["item"] == "volume:nope", reply
        assert reply["parameters"]["unit"] == "one"


def test_what_there_is_instead(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    engine.container("two", volumes=["other:/data"])
    daemon.backup()
    engine.docker("rm", "-f", "two")
    for method, parameters in (("Backup", {"units": ["nope"]}), ("Plan", {"units": ["nope"]}), ("PlanRetention", {"unit": "nope"}),
                               ("AcknowledgeMissing", {"unit": "nope"})):
        reply = daemon.call(method, parameters)
        assert reply["error"] == "io.kopidocka.NoSuchUnit" and reply["parameters"]["unit"] == "nope", reply
        assert reply["parameters"]["known"] == ["one", "two"], reply
    for method, parameters in (("Restore", {"unit": "one", "items": ["volume:nope"]}), ("ListEntries", {"unit": "one", "item": "volume:nope"}),
                               ("RenderRestore", {"unit": "one", "items": ["volume:nope"]})):
        reply = daemon.call(method, parameters)
        assert reply["error"] == "io.kopidocka.NoSuchItem" and reply["parameters"]["known"] == ["volume:vol"], reply


def test_many_wrong_names_are_one_question(engine, directory):
    program = world.kopia_wrapper(directory)
    daemon = world.Daemon(engine, directory, kopia__program=program).start().init()
    engine.container("one", volumes=["vol:/data"])
    daemon.backup("one")
    before = len(world.asked(directory, "snapshot list"))
    ask = lambda: daemon.call("Restore", {"unit": "one", "items": ["volume:nope"]})
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(ask())) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(r["parameters"]["known"] == ["volume:vol"] for r in replies) and len(replies) == 12
    assert len(world.asked(directory, "snapshot list")) - before < 12  # of the jobs, and fewer than one an error


def test_a_reply_too_large_says_so(daemon):
    """It was a closed connection."""
    history = daemon.state / "history"
    history.mkdir(exist_ok=True)
    run = {"started": "2026-01-01T00:00:00Z", "state": "failed", "units": [], "errors": ["x" * 2_000_000]}
    for n in range(9):
        name = f"2026010{n + 1}T000000Z"
        (history / f"{name}.json").write_text(json.dumps({"backup_id": name, **run}))
    reply = daemon.call("History", {"limit": 1000})
    assert reply["error"] == "io.kopidocka.ReplyTooLarge", str(reply)[:300]
    p = reply["parameters"]
    assert p["size_bytes"] > p["max_bytes"] == 16 << 20 and "limit" in p["advice"]
    assert len(daemon.call("History", {"limit": 8})["parameters"]["runs"]) == 8
    r = daemon.ctl("history", "--limit", "1000", check=1)
    assert "16777216" in r.stderr and "lower limit" in r.stderr
