# SPDX-License-Identifier: MIT
"""The shipped units in a real systemd."""
import rig


def test_verify(machine):
    """systemd-analyze has nothing to say about them."""
    r = machine.sh("systemd-analyze verify --man=no /usr/lib/systemd/system/kopi-docka* 2>&1; echo exit=$?")
    assert r.split() == ["exit=0"], r


def test_socket_starts_the_daemon(machine):
    machine.sh("systemctl start kopi-dockad.socket")
    assert machine.show("kopi-dockad", "ActiveState") == "inactive"
    r = machine.ctl("status", check=0)
    assert machine.show("kopi-dockad", "ActiveState") == "active", r.stdout
