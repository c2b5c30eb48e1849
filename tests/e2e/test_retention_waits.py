# SPDX-License-Identifier: MIT
"""Retention by a clock that was ahead: seen from the run, the other points are ten years old. Their effect is what is guarded."""
import json

import test_retention


def test_ten_years_at_once(engine, directory, daemon):
    engine.container("shop", volumes=["shop-data:/data"])
    old = test_retention.make_all(daemon, "shop", [test_retention.days_ago(3650 + n) for n in range(8)])
    old += test_retention.make_all(daemon, "gone", [test_retention.days_ago(3650)])
    result = daemon.backup(state="warnings")
    said = result["errors"][0]
    assert result["units"][0]["data"] == "complete" and len(result["errors"]) == 1
    assert said.startswith("retention: unit shop: ") and "would go at once" in said and "was the clock ahead?" in said
    assert len(test_retention.ids(daemon, "shop")) == 9

    checks = {c["name"]: c for c in daemon.call("Doctor")["parameters"]["checks"]}
    assert checks["retention"]["state"] == "failed" and "unit shop" in checks["retention"]["detail"]
    assert "retention --yes" in checks["retention"]["advice"]
    assert "WAITS       retention, unit shop: " in daemon.ctl("status", check=0).stdout
    assert "WAITS for kopi-docka retention --yes" in daemon.ctl("retention", "--dry-run", check=0).stdout
    assert "retention: unit shop" in daemon.ctl("backup", check=3).stdout  # each run says so, until
    r = daemon.ctl("retention", check=1)
    assert "unit shop: " in r.stderr and "retention --yes" in r.stderr
    assert len(test_retention.ids(daemon, "shop")) == 10 and not set(old) - set(test_retention.ids(daemon, "shop") +
                                                                               test_retention.ids(daemon, "gone"))
    daemon.ctl("retention", "--yes", check=0)
    assert len(test_retention.ids(daemon, "shop")) == 3
    assert not daemon.backup().get("errors")
    assert "retention_waits" not in daemon.call("Status")["parameters"]
    assert json.loads((daemon.state / "retention.json").read_text())["gone"]["seen"] == old[-1]
