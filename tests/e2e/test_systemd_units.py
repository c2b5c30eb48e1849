# SPDX-License-Identifier: MIT
"""The shipped units in a real systemd: well-formed, as closed as they say, started by the socket, written by write-units."""
import re

import pytest

import world

DIRECTORY = "/usr/lib/systemd/system"


def test_verify(machine):
    """systemd-analyze has nothing to say about them."""
    r = machine.sh(f"systemd-analyze verify --man=no {DIRECTORY}/kopi-docka* 2>&1; echo exit=$?")
    assert r.split() == ["exit=0"], r


@pytest.mark.parametrize("unit,tenths", [("kopi-dockad.service", 50), ("kopi-docka.service", 10), ("kopi-dockad-recover.service", 24)])
def test_exposure_does_not_rise(machine, unit, tenths):
    r = machine.run("systemd-analyze", "security", "--offline=true", f"--threshold={tenths}", f"{DIRECTORY}/{unit}", check=False)
    said = re.search(r"exposure level for \S+: ([0-9.]+)", r.stdout)[1]
    assert r.returncode == 0, f"{said}: more is open than before"
    if unit == "kopi-dockad.service":  # it says the level itself
        assert f"# says {said} of 10" in (world.TOP / "data/systemd/kopi-dockad.service.in").read_text()


def test_socket_starts_the_daemon(machine):
    machine.sh("systemctl start kopi-dockad.socket")
    assert machine.show("kopi-dockad", "ActiveState") == "inactive"
    machine.ctl("status", check=0)
    assert machine.show("kopi-dockad", "ActiveState") == "active"
    assert machine.sh("stat -c '%a %U:%G' /run/kopi-docka/io.kopidocka").strip() == "660 root:kopi-docka"
    # The socket outlives the service: who asks next starts it again.
    machine.sh("systemctl stop kopi-dockad.service")
    machine.ctl("status", check=0)
    assert machine.show("kopi-dockad", "ActiveState") == "active"


def test_client_starts_it_through_systemd(machine):
    """Nothing runs, nothing is enabled: root's call gets the service, not a daemon of its own."""
    machine.ctl("status", check=0)
    assert machine.show("kopi-dockad", "ActiveState") == "active" and machine.show("kopi-dockad.socket", "ActiveState") == "active"
    assert machine.sh("pgrep -f '[-]-detach' || true") == ""


def test_group_of_the_configuration(machine):
    """access.group counts for the socket that systemd made, too."""
    machine.configure(access__group="daemon")
    machine.sh("systemctl start kopi-dockad.socket")
    machine.ctl("status", check=0)
    assert machine.sh("stat -c '%a %U:%G' /run/kopi-docka/io.kopidocka").strip() == "660 root:daemon"
    r = machine.run("setpriv", "--reuid=1", "--regid=1", "--clear-groups", "kopi-docka", "status", check=False)
    assert r.returncode == 0, r.stderr


def test_wrong_configuration_is_a_failed_unit(machine):
    """It ends with the sentence in the journal; it is not tried for ever."""
    machine.sh("sed -i 's/stop_timeout/stop_timout/' /etc/kopi-docka.conf")
    machine.drop_in("kopi-dockad.service", "[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=100ms\n")
    assert machine.run("systemctl", "start", "kopi-dockad.service", check=False).returncode != 0
    world.until(lambda: machine.show("kopi-dockad", "Result") == "start-limit-hit" or
                machine.show("kopi-dockad", "ActiveState") == "failed", "given up")
    assert "stop_timeout" in machine.journal("kopi-dockad")


# --- write-units -------------------------------------------------------------------------------------


def states(text):
    return {line.split()[1].rsplit("/", 1)[1]: line.split()[0] for line in text.splitlines() if line.split()[1:2] and
            line.split()[1].startswith("/etc/")}


def test_write_units(machine):
    """The same units under /etc, for this installation; what a person changed stays."""
    machine.sh("mkdir -p /opt/kd/bin /opt/kd/sbin; cp -a /usr/bin/kopi-docka* /opt/kd/bin; cp /usr/sbin/kopi-dockad /opt/kd/sbin")
    write = "/opt/kd/bin/kopi-docka write-units"
    r = machine.sh(write)
    assert set(states(r).values()) == {"written"} and len(states(r)) == 5
    assert "systemctl daemon-reload" in r and "enable --now kopi-docka.timer" in r
    machine.sh("systemctl daemon-reload")
    assert "/opt/kd/sbin/kopi-dockad" in machine.show("kopi-dockad", "ExecStart")
    assert "/opt/kd/bin/kopi-docka" in machine.show("kopi-docka", "ExecStart")
    verified = machine.sh("systemd-analyze verify --man=no /etc/systemd/system/kopi-docka* 2>&1; echo exit=$?")
    assert verified.split() == ["exit=0"], verified
    for unit in states(r):  # one source: only the first line and the paths differ
        shipped = machine.sh(f"cat {DIRECTORY}/{unit}").replace("/usr/sbin/", "/opt/kd/sbin/").replace("/usr/bin/", "/opt/kd/bin/")
        assert machine.sh(f"tail -n +2 /etc/systemd/system/{unit}") == shipped
    assert set(states(machine.sh(write)).values()) == {"unchanged"}
    machine.sh("systemctl start kopi-dockad.socket")
    machine.sh("/opt/kd/bin/kopi-docka status")
    assert machine.show("kopi-dockad", "ActiveState") == "active"

    machine.sh("sed -i s/02:00:00/04:00:00/ /etc/systemd/system/kopi-docka.timer; ln -sf /dev/null /etc/systemd/system/kopi-docka.service")
    r = machine.run("sh", "-c", write, check=False)
    assert r.returncode == 3 and "--force" in r.stderr
    assert {u for u, s in states(r.stdout).items() if s == "kept"} == {"kopi-docka.timer", "kopi-docka.service"}
    assert "04:00:00" in machine.sh("cat /etc/systemd/system/kopi-docka.timer")
    # What only we wrote follows the program.
    r = machine.run("kopi-docka", "write-units", check=False)
    assert r.returncode == 3 and states(r.stdout)["kopi-dockad.service"] == "updated"
    r = machine.run("kopi-docka", "write-units", "--force")
    assert states(r.stdout)["kopi-docka.timer"] == "replaced" and "02:00:00" in machine.sh("cat /etc/systemd/system/kopi-docka.timer")
    assert machine.sh("readlink /etc/systemd/system/kopi-docka.service || true") == ""
    machine.sh("rm -rf /opt/kd")


def test_write_units_says_what_is_wrong(machine):
    r = machine.run("kopi-docka", "write-units", "--directory", "/nowhere", check=False)
    assert r.returncode == 1 and "/nowhere is not a directory" in r.stderr
    r = machine.run("setpriv", "--reuid=1", "--regid=1", "--clear-groups", "kopi-docka", "write-units", check=False)
    assert r.returncode == 1 and r.stderr.strip(), r
    machine.sh("mkdir -p '/opt/my programs'; cp /usr/bin/kopi-docka '/opt/my programs'; cp /usr/sbin/kopi-dockad '/opt/my programs'")
    r = machine.run("/opt/my programs/kopi-docka", "write-units", check=False)
    assert r.returncode == 1 and "/opt/my programs/kopi-dockad" in r.stderr
    assert machine.sh("ls /etc/systemd/system/kopi-docka* 2>/dev/null || true") == ""
    machine.sh("rm -rf '/opt/my programs'")


def test_own_configuration(machine):
    """A configuration that is found elsewhere, or another runtime directory: the units say so."""
    machine.sh("mkdir /srv/conf; mv /etc/kopi-docka.conf /srv/conf/my.conf; printf '[paths]\nruntime = /run/other\n' >>/srv/conf/my.conf")
    machine.run("kopi-docka", "--config", "/srv/conf/my.conf", "write-units")
    machine.sh("systemctl daemon-reload; systemctl start kopi-dockad.socket")
    assert machine.show("kopi-dockad.socket", "Listen").startswith("/run/other/io.kopidocka")
    machine.run("kopi-docka", "--config", "/srv/conf/my.conf", "status")
    assert "--config /srv/conf/my.conf" in machine.show("kopi-dockad", "ExecStart")
    assert machine.show("kopi-dockad", "ActiveState") == "active"
