# SPDX-License-Identifier: MIT
"""Law 8 after a kill: what was under way, with secrets in clear, is gone when the next daemon runs, also a --recover. The kills at every
step (test_kill_every_step.py, test_restore_kill.py) look for the same."""
import pytest

import world

SECRET = "canary-3c1e"


def has_secret(d):
    return world.run("grep", "-rlF", SECRET, d.state, d.directory / "cache/staging", check=False).stdout.split()


def begin(engine, directory):
    engine.container("one", "-e", f"DB_PASSWORD={SECRET}", volumes=["vol:/data"])
    engine.sh("one", "echo one >/data/f")
    d = world.Daemon(engine, directory, recipe__secrets="true").start().init()
    d.stop()
    return d


def test_a_recipe_being_made(engine, directory):
    d = begin(engine, directory)
    d.start(KOPI_DOCKA_KILL_AT="stop")
    with pytest.raises(ConnectionError):
        d.call("Backup", {})
    d.process.wait(10)
    assert has_secret(d), "there is something to be removed"
    # as if it had died between writing a file and giving it its name, and in an init
    for name in ("state/history/x.json.AbCdEf.unfinished", "state/schedule.json.AbCdEf.unfinished", "state/repository.config.new"):
        (d.directory / name).write_text(SECRET)
    (d.directory / "cache/kopia.new").mkdir()
    (d.directory / "cache/kopia.new/blob").write_text(SECRET)
    world.run(world.BUILD / "daemon/kopi-dockad", "--config", d.conf, "--recover")
    assert engine.all_states()["one"] and d.temporaries() == []
    assert not [p for p in has_secret(d) if not p.endswith("ledger")]
    d.start()
    d.backup("one")
    d.stop()
    assert d.temporaries() == [] and not has_secret(d)


def test_a_recipe_being_laid_out(engine, directory):
    """Killed in the middle, ended by a failure, and as it is when all went well."""
    d = begin(engine, directory)
    d.start()
    d.backup("one")
    d.stop()
    d.start(KOPI_DOCKA_KILL_AT="extract")
    with pytest.raises(ConnectionError):
        d.call("Restore", {"unit": "one"})
    d.process.wait(10)
    assert has_secret(d) and d.temporaries()
    d.start()
    assert d.temporaries() == [] and not has_secret(d)
    (directory / "file").write_text("in the way")
    assert "error" in d.call("Restore", {"unit": "one", "target": str(directory / "file")})
    assert not has_secret(d), "of a restore that came to nothing"
    where = d.call("Restore", {"unit": "one"})["parameters"]["recipe_directory"]
    assert where.startswith(str(d.state / "restored/")) and "/.new" not in where and has_secret(d)
    assert all(p.startswith(where) for p in has_secret(d)) and d.temporaries() == []
    d.stop()
