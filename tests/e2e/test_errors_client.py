# SPDX-License-Identifier: MIT
"""What someone reads who may not, or cannot, reach the daemon."""
import os
import shutil
import signal
import subprocess

import pytest

import world


def test_no_permission(daemon, tmp_path_factory):
    """A user outside the group: a sentence and exit 4, never a daemon of their own."""
    os.chmod(daemon.directory, 0o755)
    program = daemon.directory / "kopi-dockactl"  # the build directory may not be theirs to enter
    shutil.copy(world.BUILD / "client/kopi-dockactl", program)
    program.chmod(0o755)
    r = world.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "--socket", daemon.socket, "status", check=False)
    assert r.returncode == 4 and "ermission" in r.stderr and str(daemon.socket) in r.stderr


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["backup", "--nonsense"], ["restore"], ["list", "--units", "extra"], ["--socket"]])
def test_usage(daemon, argv):
    r = daemon.ctl(*argv)
    assert r.returncode == 2 and r.stderr and not r.stdout


def test_json_is_json_and_nothing_else(engine, daemon):
    import json
    engine.container("one", volumes=["vol:/data"])
    for argv in (["status"], ["list", "--units"], ["backup"], ["list", "--restore-points"], ["history"], ["doctor"]):
        r = daemon.ctl("--json", *argv)
        assert r.returncode in (0, 3), argv  # the doctor has something to say about a machine of tests
        lines = r.stdout.splitlines()
        assert lines and all(isinstance(json.loads(line), dict) for line in lines), argv


def test_interrupted_client_ends_with_everything_started(engine, daemon):
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    before = engine.all_states()
    p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "backup"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    assert p.returncode == 1 and "cancel" in (out + err).lower()
    assert engine.all_states() == before


def test_client_that_goes_away_cancels_nothing(engine, daemon):
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "backup"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    p.kill()
    p.wait(10)
    world.until(lambda: daemon.call("Status")["parameters"].get("last"), "the run is over")
    last = daemon.call("Status")["parameters"]["last"]
    assert last["state"] == "warnings" and last["units"][0]["data"] == "complete"
    assert engine.all_states()["slow"]


def test_output_that_cannot_be_written(engine, daemon):
    """A restore script on a full disk is cut off: that is no success."""
    engine.container("one", volumes=["vol:/data"])
    daemon.backup("one")
    for argv in (["restore", "one", "--script"], ["list", "--units"], ["--json", "history"]):
        with open("/dev/full", "w") as full:
            r = daemon.ctl(*argv, stdout=full)
        assert r.returncode == 1 and "could not be written" in r.stderr, (argv, r)
