# SPDX-License-Identifier: MIT
"""Runs that the daemon begins by itself, and who joins which run."""
import json
import signal
import subprocess
import threading
import time

import world


def history(d):
    return d.call("History", {"limit": 100})["parameters"]["runs"]


def idle(d):
    return not d.call("Status")["parameters"]["jobs"]


def units_of(run):
    return sorted(u["unit"] for u in run["units"])


def set_schedule(d, **keys):
    d.configure(**{f"schedule__{k}": v for k, v in keys.items()})


def missed(d, rule, **row):
    """As if a daemon with that schedule had last run a week ago."""
    (d.state / "schedule.json").write_text(json.dumps({"*": {"rule": rule, "since_ms": int((time.time() - 7 * 86400) * 1000), **row}}))


def test_again_and_again(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    set_schedule(daemon, calendar="*:*:0/5")
    daemon.ctl("reload", check=0)
    world.until(lambda: len(history(daemon)) >= 2, "two runs")
    assert all(r["state"] == "ok" and units_of(r) == ["one"] for r in history(daemon))
    assert daemon.call("Status")["parameters"]["next_run"].endswith(("0Z", "5Z"))
    set_schedule(daemon)
    daemon.ctl("reload", check=0)
    world.until(lambda: "next_run" not in daemon.call("Status")["parameters"], "no schedule any more")


def test_missed_runs_are_one(engine, daemon):
    """Down for a week: one run when it is there again, and none when it starts once more."""
    engine.container("one", volumes=["vol:/data"])
    daemon.stop()
    set_schedule(daemon, calendar="daily")
    missed(daemon, "daily")
    daemon.start()
    world.until(lambda: history(daemon) and idle(daemon), "what was missed is done")
    daemon.stop()
    daemon.start()
    assert idle(daemon) and len(history(daemon)) == 1
    daemon.stop()
    set_schedule(daemon, calendar="daily", catch_up="false")
    missed(daemon, "daily")
    daemon.start()
    assert idle(daemon) and len(history(daemon)) == 1
    daemon.stop()
    missed(daemon, "daily")
    daemon.start("--no-schedule")
    assert idle(daemon) and len(history(daemon)) == 1 and "next_run" not in daemon.call("Status")["parameters"]


def test_timer_and_schedule_are_one_run(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    daemon.stop()
    set_schedule(daemon, calendar="daily")
    missed(daemon, "daily")
    daemon.start()
    world.until(lambda: history(daemon) and idle(daemon), "the schedule's run")
    first = history(daemon)[0]["backup_id"]
    reply = daemon.ctl("--json", "backup", "--reason", "timer", check=0).stdout.splitlines()[-1]
    assert json.loads(reply)["result"]["backup_id"] == first
    daemon.stop()  # it is remembered over a restart
    daemon.start()
    assert daemon.call("Backup", {"reason": "timer"})["parameters"]["result"]["backup_id"] == first
    assert daemon.backup()["backup_id"] != first  # a person's is always done


def test_units_with_schedules_of_their_own(engine, daemon):
    for name in ("one", "own", "rare"):
        engine.container(name, volumes=[f"{name}:/data"])
    daemon.conf.write_text(daemon.conf.read_text() + "[unit:own]\nschedule = *:*:0/5\n[unit:rare]\nschedule = never\n")
    daemon.ctl("reload", check=0)
    world.until(lambda: any(units_of(r) == ["own"] for r in history(daemon)), "the unit's own run")
    daemon.conf.write_text(daemon.conf.read_text().replace("*:*:0/5", "daily"))
    daemon.ctl("reload", check=0)
    timer = daemon.call("Backup", {"reason": "timer"})["parameters"]["result"]
    assert units_of(timer) == ["one"]
    assert units_of(daemon.backup()) == ["one", "own", "rare"]


def test_interval_instead_of_the_calendar(engine, directory):
    d = world.Daemon(engine, directory, schedule__calendar="*:*:0/5").start("--interval-minutes", "1440")
    status = d.call("Status")["parameters"]
    ahead = time.mktime(time.strptime(status["next_run"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
    assert 86400 - 300 < ahead <= 86400
    assert "min" in world.run(world.BUILD / "daemon/kopi-dockad", "--interval-minutes", "0", check=False).stderr


def test_who_has_joined_cancels_nothing(engine, daemon):
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    results = []
    t = threading.Thread(target=lambda: results.append(daemon.call("Backup")["parameters"]["result"]))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "backup", "--unit", "slow"],
                         stderr=subprocess.PIPE, text=True)
    p.stderr.readline()
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 130 and "others had asked" in p.stderr.read()
    t.join()
    assert results[0]["state"] == "warnings" and results[0]["units"][0]["data"] == "complete"


def test_who_joins_whom(engine, daemon):
    """While a run goes on: its units join it, whatever the reason; others get a run of their own behind it."""
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    engine.container("quick", volumes=["quick:/data"])
    answers = {}

    def ask(name, parameters):
        answers[name] = daemon.call("Backup", parameters)
    threads = [threading.Thread(target=ask, args=("all", {}))]
    threads[0].start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    engine.container("late", volumes=["late:/data"])
    for name, parameters in {"timer": {"reason": "timer"}, "slow": {"units": ["slow"], "reason": "me"}, "both": {"units": ["quick", "slow"]},
                             "late": {"units": ["late"]}, "nobody": {"units": ["nobody"]}}.items():
        threads.append(threading.Thread(target=ask, args=(name, parameters)))
        threads[-1].start()
    for t in threads:
        t.join()
    ids = {k: a["parameters"]["result"]["backup_id"] for k, a in answers.items() if "error" not in a}
    assert ids["all"] == ids["timer"] == ids["slow"] == ids["both"] != ids["late"]
    assert answers["nobody"]["error"] == "io.kopidocka.NoSuchUnit"
    assert len(history(daemon)) == 2
