# SPDX-License-Identifier: MIT
"""What follows the units of a run: a stage that fails is seen, and undoes nothing."""
import json


def test_a_failing_stage_is_in_the_result(engine, daemon):
    engine.container("web", volumes=["data:/data"])
    engine.sh("web", "echo 1 > /data/f")
    history = daemon.state / "history"
    history.rename(daemon.state / "away")
    history.write_text("not a directory")
    r = daemon.ctl("--json", "backup", check=3)
    result = json.loads(r.stdout.splitlines()[-1])["result"]
    assert result["state"] == "warnings"
    assert result["units"][0]["data"] == "complete"
    assert len(result["errors"]) == 1 and result["errors"][0].startswith("history: ") and str(history) in result["errors"][0]
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"][0]["complete"]
    text = daemon.ctl("backup", check=3)
    assert "error: history: " in text.stdout and ": warnings" in text.stdout
    history.unlink()
    (daemon.state / "away").rename(history)
    daemon.backup()
