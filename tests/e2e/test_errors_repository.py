# SPDX-License-Identifier: MIT
"""The repository goes away while a run is under way."""
import shutil
import threading

import pytest

import world


@pytest.mark.parametrize("method", ["stream", "spool"])
@pytest.mark.parametrize("left", ["empty directory", "nothing"])
def test_gone_in_the_window(engine, daemon, method, left):
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    engine.sh("slow", "echo x > /data/f")
    daemon.stop()
    daemon.configure(backup__method=method)
    daemon.start()
    before = engine.all_states()
    box = {}
    t = threading.Thread(target=lambda: box.update(r=daemon.call("Backup", {"units": ["slow"]})))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    away = daemon.directory / "away"
    daemon.repo.rename(away)
    if left == "empty directory":
        daemon.repo.mkdir()
    t.join()
    unit = box["r"]["parameters"]["result"]["units"][0]
    assert unit["data"] == "none" and unit["errors"], unit
    assert engine.all_states() == before
    assert left == "nothing" or not (daemon.repo / "kopia.repository.f").exists()
    # it comes back: no half of a run is in it, and the next backup is good
    shutil.rmtree(daemon.repo, ignore_errors=True)
    away.rename(daemon.repo)
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"] == []
    daemon.backup("slow", state="warnings")


def test_hangs_before_the_window(engine, daemon, directory):
    """A repository that answers nothing: the socket does, and the run can be cancelled with nothing stopped."""
    hanging = directory / "kopia"
    hanging.write_text(f'#!/bin/sh\ncase " $* " in *" --version "*) ;; *) exec sleep 600;; esac\nexec {shutil.which("kopia")} "$@"\n')
    hanging.chmod(0o755)
    engine.container("one", volumes=["vol:/data"])
    daemon.stop()
    daemon.configure(kopia__program=hanging)
    daemon.start()
    before = engine.running()
    box = {}
    t = threading.Thread(target=lambda: box.update(r=daemon.call("Backup", {"units": ["one"]})))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"]["jobs"], "it is under way")
    job = daemon.call("Status")["parameters"]["jobs"][0]["job"]
    assert daemon.call("Cancel", {"job": job})["parameters"]["state"] == "cancelled"
    t.join(30)
    assert not t.is_alive() and engine.running() == before
    assert daemon.answers()


def test_another_repository_than_before(engine, daemon):
    """Taken over on purpose: nothing of the old one's cache is in the way, and what else lies there stays."""
    engine.container("one", volumes=["vol:/data"])
    daemon.backup("one")
    cache = daemon.directory / "cache/kopia"
    (cache / "somebody-elses").write_text("x")
    daemon.stop()
    daemon.configure(kopia__repository_path=daemon.directory / "another")
    daemon.start().ctl("init", "--reconnect", check=0)
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"] == []
    daemon.backup("one")
    assert (cache / "somebody-elses").exists()
