# SPDX-License-Identifier: MIT
"""The nightly run: asked for by the timer, told by journalctl -u kopi-docka, one run whoever asks."""
import json
import re

import world


def run_over(machine):
    world.until(lambda: machine.show("kopi-docka", "ActiveState") in ("inactive", "failed") and
                machine.show("kopi-docka", "ExecMainExitTimestampMonotonic") != "0", "the run is over", 120)


def history(machine):
    return json.loads(machine.ctl("--json", "history", check=0).stdout)["runs"]


def test_story(machine):
    """Units, items, data, service and window, in readable lines; the daemon was not running."""
    machine.container("db", project="shop", volumes=["data:/data", "more:/more"])
    machine.container("single", volumes=["own:/data"])
    machine.sh("systemctl start kopi-docka.service")
    story = machine.journal("kopi-docka")
    for line in [r"^shop: data complete, service up, window [0-9.]+ s", r"^single: data complete, service up, window [0-9.]+ s",
                 r"^ +volume:data +", r"^ +volume:more +", r"^ +volume:own +", r"^run 20\d{6}T\d{6}Z: ok$"]:
        assert re.search(line, story, re.M), f"{line} in {story}"
    assert "\x1b" not in story and "\r" not in story
    assert machine.show("kopi-docka", "Result") == "success"
    assert len(history(machine)) == 1


def test_missed_run_is_caught_up(machine):
    """The machine was off at two: the timer, started now, fires. Its next time is tomorrow at two."""
    machine.container("one", volumes=["data:/data"])
    machine.drop_in("kopi-docka.timer", "[Timer]\nRandomizedDelaySec=0\n")
    machine.sh("mkdir -p /var/lib/systemd/timers; touch -d '3 days ago' /var/lib/systemd/timers/stamp-kopi-docka.timer")
    machine.sh("systemctl start kopi-docka.timer")
    run_over(machine)
    assert "run 20" in machine.journal("kopi-docka") and len(history(machine)) == 1
    world.until(lambda: " 02:00:00 " in machine.show("kopi-docka.timer", "NextElapseUSecRealtime"), "the next is at two")
    machine.sh("systemctl restart kopi-docka.timer")  # not caught up twice
    world.until(lambda: " 02:00:00 " in machine.show("kopi-docka.timer", "NextElapseUSecRealtime"), "the next is at two")
    assert len(history(machine)) == 1


def test_delay(machine):
    machine.sh("systemctl start kopi-docka.timer")
    next_one = machine.show("kopi-docka.timer", "NextElapseUSecRealtime")
    assert re.search(r" 02:(0\d|1[0-5]):", next_one), next_one
    assert machine.show("kopi-docka.timer", "RandomizedDelayUSec") == "15min" and machine.show("kopi-docka.timer", "Persistent") == "yes"


def test_warnings_are_seen_and_no_failure(machine):
    machine.configure(backup__stop_timeout=1)
    machine.container("stubborn", command=world.STUBBORN, volumes=["data:/data"])
    machine.sh("systemctl start kopi-docka.timer; systemctl start kopi-docka.service")
    assert machine.show("kopi-docka", "Result") == "success" and machine.show("kopi-docka", "ExecMainStatus") == "3"
    assert "warning: stubborn did not stop" in machine.journal("kopi-docka")


def test_failure_is_a_failed_unit(machine):
    machine.container("one", volumes=["data:/data"])
    machine.sh("rm -rf /srv/repo/*")
    assert machine.run("systemctl", "start", "kopi-docka.service", check=False).returncode != 0
    assert machine.show("kopi-docka", "Result") == "exit-code"
    assert "error:" in machine.journal("kopi-docka")
    assert machine.running() == {"one"}


def test_timer_and_schedule_are_one_run(machine):
    """The daemon has a schedule of its own, the timer fires, a person asks: whoever comes while a run goes on joins it."""
    machine.configure(schedule__interval_minutes=60)
    machine.container("one", volumes=["data:/data"])
    machine.sh("systemctl start kopi-dockad.service; touch /run/hold-tar")
    machine.sh("systemctl start --no-block kopi-docka.service")
    world.until(lambda: "one" not in machine.running(), "the run is in its window")
    client = machine.begin_backup()
    world.until(lambda: "one: read" in client.stdout.readline(), "the second caller sees the first one's run")
    machine.let_go()
    assert client.wait(120) == 0
    world.until(lambda: machine.show("kopi-docka", "ActiveState") in ("inactive", "failed"), "the timer's call is over")
    assert machine.show("kopi-docka", "Result") == "success"
    assert len(history(machine)) == 1
