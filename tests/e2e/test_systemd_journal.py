# SPDX-License-Identifier: MIT
"""What the daemon says in the journal: fields one can ask by, a catalog, a level that changes on reload."""
import re

import world


def test_fields(machine):
    machine.sh("mkdir -p /srv/files; echo x >/srv/files/x; systemctl start kopi-dockad.service")
    machine.container("app", volumes=["data:/data", "/srv/files:/files"])
    machine.ctl("backup", check=0)
    said = machine.entries("_SYSTEMD_UNIT=kopi-dockad.service")
    items = {(e["KOPI_DOCKA_BACKUP_TYPE"], e["KOPI_DOCKA_VOLUME"]) for e in said if "KOPI_DOCKA_VOLUME" in e}
    assert items == {("volume", "data"), ("bind", "/srv/files")}
    of_run = [e for e in said if "KOPI_DOCKA_BACKUP_ID" in e]
    assert len({e["KOPI_DOCKA_BACKUP_ID"] for e in of_run}) == 1
    assert len({e["KOPI_DOCKA_JOB"] for e in of_run}) == 1
    assert all(e["SYSLOG_IDENTIFIER"] == "kopi-dockad" and len(e["MESSAGE_ID"]) == 32 for e in of_run), of_run
    one = machine.entries("KOPI_DOCKA_VOLUME=data")
    assert [e["KOPI_DOCKA_UNIT"] for e in one] == ["app"] * len(one)
    assert [e["MESSAGE"].split(" of app ")[1].split(":")[0] for e in one] == ["was read", "is in the repository"]
    assert all("password" not in str(e).lower() or "a-password-of-the-tests" not in str(e) for e in said)


def test_catalog_explains(machine):
    machine.container("app", volumes=["data:/data"])
    machine.sh("systemctl start kopi-dockad.service")
    machine.ctl("backup", check=0)
    said = machine.journal("kopi-dockad", "-x", output="short")
    assert "Subject: A unit is stopped for its backup" in said
    assert "The window of unit app is open" in said and "volume data of unit app is whole" in said
    assert "@KOPI_DOCKA" not in said
    assert machine.sh("journalctl --list-catalog | grep -c kopi-docka").strip() != "0"


def test_level_changes_on_reload(machine):
    machine.container("app", volumes=["data:/data"])
    machine.sh("systemctl start kopi-dockad.service")
    machine.ctl("backup", check=0)
    assert machine.entries("_SYSTEMD_UNIT=kopi-dockad.service", "PRIORITY=7") == []
    for level, priorities in [("DEBUG", {"6", "7"}), ("WARNING", set())]:
        machine.configure(logging__level=level)
        pid = machine.show("kopi-dockad", "MainPID")
        machine.sh("systemctl reload kopi-dockad")
        world.until(lambda: machine.show("kopi-dockad", "SubState") == "running", "reloaded")
        # The reply of the next call comes after the reload.
        machine.ctl("status", check=0)
        machine.from_now()
        machine.ctl("backup", check=0)
        assert {e["PRIORITY"] for e in machine.entries(f"_PID={pid}")} == priorities


def test_readable_without_a_journal(machine):
    """On a terminal or into a file: time, level, text."""
    out = machine.sh("timeout -s TERM 3 kopi-dockad 2>&1 || true")
    assert re.search(r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d info +kopi-dockad .*engine at", out, re.M), out
