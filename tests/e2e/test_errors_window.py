# SPDX-License-Identifier: MIT
"""The window is bounded while it is open, too (law 10)."""
import shutil

import pytest

import world


@pytest.mark.parametrize("limit", ["backup", "unit"])
def test_max_window_reached_while_reading(engine, daemon, directory, limit):
    """kopia takes a little at a time: no stall, but far beyond what was forecast."""
    slow = directory / "kopia"
    slow.write_text('#!/bin/sh\ncase " $* " in *" snapshot create "*) echo "Snapshotting x" >&2\n'
                    "while dd of=/dev/null bs=4096 count=1 2>/dev/null; do sleep 0.05; done;; esac\n"
                    f'exec {shutil.which("kopia")} "$@"\n')
    slow.chmod(0o755)
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "dd if=/dev/urandom of=/data/big bs=1M count=16 2>/dev/null")
    daemon.stop()
    keys = {"kopia__program": slow, "backup__method": "stream", "backup__stall_timeout": "60s"}
    keys["backup__max_window" if limit == "backup" else "unit:one__max_window"] = "3s"
    daemon.configure(**keys)
    daemon.start()
    before = engine.all_states()
    unit = daemon.backup("one", state="failed")["units"][0]
    assert any("max_window" in e and "was reached" in e for e in unit["errors"]), unit
    assert unit["data"] == "none" and unit["service"] == "up"
    assert 3000 <= unit["window_ms"] < 6000
    assert engine.all_states() == before
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"] == []
