# SPDX-License-Identifier: MIT
"""Where systemd is, the client's call starts the service, not a daemon of its own."""
import json

import world


def daemons(machine):
    return machine.sh("pgrep -x kopi-dockad || true").split()


def test_call_starts_the_service(machine):
    machine.container("one", volumes=["vol:/data"])
    r = json.loads(machine.ctl("--json", "status", check=0).stdout)
    assert machine.show("kopi-dockad", "MainPID") == str(r["pid"])
    machine.ctl("backup", check=0)
    assert daemons(machine) == [str(r["pid"])]


def test_for_a_call_it_ends_when_idle_enabled_it_stays(machine):
    idle_exit = lambda: "--idle-exit" in machine.sh("tr '\\0' ' ' </proc/$(pgrep -x kopi-dockad)/cmdline")
    machine.ctl("status", check=0)
    assert idle_exit()
    machine.sh("systemctl enable kopi-dockad && systemctl restart kopi-dockad")
    machine.ctl("status", check=0)
    assert not idle_exit()


def test_service_that_cannot_begin_is_heard(machine):
    """Its sentence from the journal, and 4; nothing detached beside it."""
    machine.sh("sed -i 's/stop_timeout/stop_timout/' /etc/kopi-docka.conf")
    machine.drop_in("kopi-dockad.service", "[Unit]\nStartLimitBurst=1\n[Service]\nRestart=no\n")
    r = machine.ctl("status")
    assert r.returncode == 4 and "unknown key 'stop_timout'" in r.stderr, r.stderr
    assert not daemons(machine)


def test_engine_that_another_daemon_has(machine):
    machine.write("/etc/other.conf", "[paths]\nstate = /srv/other/state\nruntime = /srv/other/run\ncache = /srv/other/cache\n", "600")
    assert machine.run("kopi-dockad", "--config", "/etc/other.conf", "--detach").returncode == 0
    pid, = daemons(machine)
    machine.drop_in("kopi-dockad.service", "[Service]\nRestart=no\n")
    r = machine.ctl("status")
    machine.sh(f"kill {pid}")
    assert r.returncode == 75 and f"pid {pid}" in r.stderr, r.stderr


def test_own_configuration_is_detached(machine):
    """The unit reads the system's file: another one gets a daemon for the call."""
    machine.write("/etc/other.conf", "[paths]\nstate = /srv/other/state\nruntime = /srv/other/run\ncache = /srv/other/cache\n", "600")
    r = json.loads(machine.ctl("--config", "/etc/other.conf", "--json", "status", check=0).stdout)
    assert machine.show("kopi-dockad", "ActiveState") == "inactive" and daemons(machine) == [str(r["pid"])]
    machine.sh(f"kill {r['pid']}")


def test_what_a_power_cut_made_miss(machine):
    """The always-on service with a calendar: what was due while the machine was off is done after boot, once."""
    machine.container("one", "--restart=always", volumes=["vol:/data"])
    machine.configure(schedule__calendar="daily")
    machine.sh("systemctl enable --now kopi-dockad")
    machine.sh("systemctl stop kopi-dockad; sed -i 's/\"since_ms\": *[0-9]*/\"since_ms\": 1790000000000/' /var/lib/kopi-docka/schedule.json")
    machine.power_cut()
    runs = lambda: json.loads(machine.ctl("--json", "history", check=0).stdout)["runs"]
    world.until(lambda: [r["state"] for r in runs()] == ["ok"], "the run that was missed", 120)
    machine.sh("systemctl restart kopi-dockad")
    status = json.loads(machine.ctl("--json", "status", check=0).stdout)
    assert not status["jobs"] and status["next_run"] and len(runs()) == 1
