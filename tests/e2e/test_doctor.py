# SPDX-License-Identifier: MIT
"""doctor: every check is seen to fail for real, with advice and an exit code that says so."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import world


def checks(d):
    """{name: row}, the first of each name. The client's exit code agrees with them."""
    r = d.ctl("--json", "doctor")
    rows = json.loads(r.stdout)["checks"]
    states = [row["state"] for row in rows]
    assert r.returncode == (1 if "failed" in states else 3 if "warning" in states else 0), r.stdout
    for row in rows:
        assert row["state"] in ("ok", "warning", "failed", "unknown") and row["detail"], row
    found = {}
    for row in rows:
        found.setdefault(row["name"], row)
    return found


def bad(d, name, state, *words):
    row = checks(d)[name]
    assert row["state"] == state, row
    for word in words:
        assert word in row["detail"] + row.get("advice", ""), row
    return row


def in_own_mounts(d, script):
    """The daemon in a mount namespace of its own, after ${script}: programs and directories may be others there."""
    world.Daemon.started.append(subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-euc", f'{script}\nexec "$@"', "sh",
         world.BUILD / "daemon/kopi-dockad", "--config", d.conf],
        stdout=open(d.log, "ab"), stderr=subprocess.STDOUT))
    d.process = world.Daemon.started[-1]
    world.until(lambda: d.alive() and d.answers(), "the daemon answers")
    return d


def test_all_is_well(daemon):
    daemon.engine.container("web", volumes=["data:/data"])
    daemon.backup()
    found = checks(daemon)
    expected = {"configuration", "password", "engine", "engine permissions", "engine clock", "engine API", "kopia", "tar",
                "helpers", "repository", "repository password", "repository storage", "policies", "state directory", "spool",
                "cache", "lock", "systemd units", "schedule", "last run", "stopped by us", "left down", "clock"}
    assert expected <= set(found), expected - set(found)
    for name in expected - {"systemd units", "schedule", "spool", "cache", "repository storage"}:
        assert found[name]["state"] == "ok", found[name]
    assert "1.41" in found["engine API"]["detail"] or "1.5" in found["engine API"]["detail"]
    text = daemon.ctl("doctor").stdout
    assert "engine API" in text and "AES256-GCM-HMAC-SHA256" in text
    assert not list(daemon.repo.glob(".kopi-docka*")), "looking leaves nothing behind"


def test_configuration_and_password(engine, directory):
    d = world.Daemon(engine, directory, kopia__password="changeme-very-secret")
    d.conf.chmod(0o644)
    d.start()
    bad(d, "password", "failed", "example", "openssl rand")
    bad(d, "configuration", "warning", "read by others", "chmod 600")


def test_no_configuration(engine, directory):
    """Built-in defaults are a warning: seen with a home and an /etc that have none."""
    d = world.Daemon(engine, directory)
    for path in ("run", "state", "cache"):
        (directory / path).mkdir(exist_ok=True)
    script = f"""mount -t tmpfs none /root; mount -t tmpfs none /var/lib/; mount -t tmpfs none /var/cache
        mkdir -p {directory}/run/kopi-docka {directory}/run/x; mount --bind {directory}/run /run"""
    p = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "/bin/sh", "-euc", f'{script}\nexec "$@"', "sh",
                          world.BUILD / "daemon/kopi-dockad"], stdout=open(d.log, "ab"), stderr=subprocess.STDOUT,
                         env={**os.environ, "DOCKER_HOST": f"unix://{engine.socket}"})
    world.Daemon.started.append(p)
    d.process, d.socket = p, directory / "run/kopi-docka/io.kopidocka"
    assert not pathlib.Path("/etc/kopi-docka.conf").exists()
    world.until(lambda: d.alive() and d.answers(), "the daemon answers")
    bad(d, "configuration", "warning", "no configuration file", "kopi-docka init")
    bad(d, "password", "failed", "no password")
    bad(d, "repository", "failed", "no repository is configured")


# --- engine ------------------------------------------------------------------------------------------------------


def relayed(engine, directory, **kw):
    path = directory / "relay/docker.sock"
    path.parent.mkdir()
    relay = world.Relay(path, engine, **kw)
    return relay, world.Daemon(engine, directory, docker__socket=path)


def test_engine_clock(engine, directory):
    relay, d = relayed(engine, directory, info={"SystemTime": "2026-01-01T00:00:00.5Z"})
    d.start()
    bad(d, "engine clock", "warning", "behind")
    relay.shutdown()
    relay.server_close()


def test_engine_too_old(engine, directory):
    relay, d = relayed(engine, directory, api="1.24")
    d.start()
    bad(d, "engine", "failed", "1.24", "too old")
    relay.shutdown()
    relay.server_close()


def test_engine_away_and_open_to_all(engine, directory):
    d = world.Daemon(engine, directory).start()
    mode = engine.socket.stat().st_mode
    engine.socket.chmod(0o666)
    bad(d, "engine permissions", "warning", "every user")
    engine.socket.chmod(mode & 0o777)
    d.stop()
    d.configure(docker__socket=directory / "nobody.sock")
    d.start()
    bad(d, "engine", "failed", "no docker engine", "docker.socket")
    bad(d, "left down", "unknown")


# --- programs ----------------------------------------------------------------------------------------------------


def test_programs(engine, directory):
    """kopia too old, a tar that is busybox's, no openssl for a configured bundle, helpers missing."""
    old = directory / "kopia"
    old.write_text("#!/bin/sh\necho '0.15.0 build: x from: y'\n")
    old.chmod(0o755)
    helpers = directory / "helpers"
    shutil.copytree(world.BUILD / "helpers", helpers, ignore=shutil.ignore_patterns("*.p"))
    (helpers / "kopi-docka-pack").unlink()
    d = world.Daemon(engine, directory, kopia__program=old, backup__recovery_bundle_path=directory / "bundle")
    os.environ["KOPI_DOCKA_HELPERS"] = str(helpers)
    try:
        in_own_mounts(d, "mount --bind /bin/busybox /usr/bin/tar; mount --bind /bin/false /usr/bin/openssl")
    finally:
        del os.environ["KOPI_DOCKA_HELPERS"]
    bad(d, "kopia", "failed", "0.15.0", "0.20 or newer")
    bad(d, "tar", "failed", "not GNU tar", "busybox")
    bad(d, "openssl", "failed", "install openssl")
    bad(d, "helpers", "failed", "kopi-docka-pack")


def test_no_kopia(engine, directory):
    d = world.Daemon(engine, directory, kopia__program="/nowhere/kopia").start()
    bad(d, "kopia", "failed", "/nowhere/kopia", "kopia.program")
    bad(d, "repository", "failed", "/nowhere/kopia")


# --- repository and directories ---------------------------------------------------------------------------------


def test_wrong_password(daemon):
    daemon.configure(kopia__password="another-one-than-before")
    daemon.ctl("reload", check=0)
    assert checks(daemon)["repository"]["state"] == "ok"
    bad(daemon, "repository password", "failed", "wrong")


def test_repository_gone(daemon):
    daemon.repo.rename(daemon.directory / "elsewhere")
    bad(daemon, "repository", "failed", "not at", "mounted?")
    bad(daemon, "repository storage", "failed", "cannot be found")
    daemon.repo.mkdir()
    bad(daemon, "repository", "failed", "kopia.repository.f is missing")


def test_repository_of_another(daemon, engine, directory):
    other = world.Daemon(engine, directory / "other", docker__socket=engine.socket)
    daemon.stop()
    other.start().init().stop()
    shutil.rmtree(daemon.repo)
    shutil.copytree(other.repo, daemon.repo)
    shutil.copy(other.state / "repository.config", daemon.state / "repository.config")
    text = (daemon.state / "repository.config").read_text().replace(str(other.repo), str(daemon.repo))
    (daemon.state / "repository.config").write_text(text)
    daemon.start()
    bad(daemon, "repository", "failed", "another repository", "init --reconnect")


def test_small_and_read_only_directories(engine, directory):
    """Real small filesystems: the repository's is full, the cache's nearly, the reports' can only be read."""
    d = world.Daemon(engine, directory, backup__backup_base_path=directory / "reports", spool__directory=directory / "spool",
                     kopia__cache_directory=directory / "kcache")
    for name in ("repo", "reports", "kcache", "spool", "state"):
        (directory / name).mkdir()
    in_own_mounts(d, f"""mount -t tmpfs -o size=8m none {directory}/repo
        mount -t tmpfs -o size=200m none {directory}/kcache
        mount -t tmpfs -o size=64m none {directory}/spool
        mount -t tmpfs -o size=4m none {directory}/state
        mount -t tmpfs -o ro,size=8m none {directory}/reports""")
    bad(d, "repository storage", "failed", "of 8 MiB", "make room")
    bad(d, "cache", "warning", "of 200 MiB", "kopia.cache_size")
    bad(d, "spool", "warning", "0 MiB may be used", "streamed")
    bad(d, "state directory", "failed", "of 4 MiB", "ledger")
    bad(d, "reports", "failed", "Read-only file system")
    names = {n: checks(d)[n]["detail"] for n in ("cache", "spool")}
    assert str(directory) in names["cache"]


def test_policies_that_drifted(daemon):
    daemon.engine.container("web", volumes=["data:/data"])
    daemon.backup()
    assert checks(daemon)["policies"]["state"] == "ok"
    identity = json.loads((daemon.state / "identity.json").read_text())["identity"]
    daemon.kopia("policy", "set", "--keep-daily=99", f"{identity}:/volumes/web")
    bad(daemon, "policies", "warning", "/volumes/web", "next backup")
    daemon.backup()
    assert checks(daemon)["policies"]["state"] == "ok"


# --- service -----------------------------------------------------------------------------------------------------


def test_lock_removed(daemon):
    lock = daemon.engine.socket.parent / "kopi-docka.lock"
    assert checks(daemon)["lock"]["state"] == "ok"
    lock.unlink()
    bad(daemon, "lock", "failed", "a second one could start", "restart")


def test_units_and_timer(machine):
    """In a real systemd: nothing enabled; the timer, which brings socket and recovery along; recovery taken away again."""
    def row(name):
        reply = json.loads(machine.run("kopi-docka", "--json", "doctor", check=False).stdout)
        return next(r for r in reply["checks"] if r["name"] == name)
    assert row("systemd units")["state"] == "warning" and "kopi-dockad-recover.service is not enabled" in row("systemd units")["detail"]
    assert row("schedule")["state"] == "warning" and "kopi-docka.timer" in row("schedule")["advice"]
    machine.sh("systemctl enable --now kopi-docka.timer")
    assert row("systemd units") == {"name": "systemd units", "state": "ok",
                                    "detail": "kopi-dockad.socket and kopi-dockad-recover.service are enabled"}
    assert row("schedule") == {"name": "schedule", "state": "ok", "detail": "kopi-docka.timer is active"}
    machine.sh("systemctl disable kopi-dockad.socket")
    assert "single calls only" in row("systemd units")["detail"]
    machine.sh("systemctl disable kopi-dockad-recover.service")
    assert row("systemd units")["state"] == "warning" and "after a reboot" in row("systemd units")["detail"]
    machine.sh("systemctl disable --now kopi-docka.timer")


def test_no_systemd(daemon):
    assert not pathlib.Path("/run/systemd/system").exists(), "this test wants a host without systemd"
    assert checks(daemon)["systemd units"]["state"] == "unknown"
    bad(daemon, "schedule", "warning", "--interval-minutes")


def history(d, **fields):
    h = d.state / "history"
    run = {"backup_id": "20260101T000000Z", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:01:00Z", "state": "ok",
           "units": [], **fields}
    (h / f"{run['backup_id']}.json").write_text(json.dumps(run))


def test_last_run(daemon):
    assert checks(daemon)["last run"]["state"] == "unknown"
    history(daemon)
    bad(daemon, "last run", "warning", "older than two days")
    history(daemon, state="failed")
    bad(daemon, "last run", "failed", "20260101T000000Z: failed", "history")


def test_clock_went_back(daemon):
    assert checks(daemon)["clock"]["state"] == "ok"
    history(daemon, backup_id="20991231T235959Z", started="2099-12-31T23:59:59Z")
    bad(daemon, "clock", "failed", "20991231T235959Z has been already")


def test_old_copies(daemon):
    """One that a restore has kept; one that should be gone and is still there."""
    daemon.engine.container("web", volumes=["data:/data"])
    daemon.engine.sh("web", "echo x > /data/x")
    daemon.backup()
    assert "no restore" in checks(daemon)["old copies"]["detail"]
    daemon.ctl("restore", "web", "--yes", check=0)
    row = bad(daemon, "old copies", "ok", "of 1 restore, each removed after 7 days")
    record = next((daemon.state / "restores").glob("*.json"))
    assert record.stem in row["detail"]
    (record.parent / record.name.replace(record.stem, "20260101T000000Z")).write_text("{}")  # nothing can come of that one
    bad(daemon, "old copies", "warning", "20260101T000000Z should be gone after 7 days", "log")


def test_left_down(daemon):
    """By someone else, and by us when a start cannot work."""
    daemon.engine.container("web", volumes=["data:/data"])
    daemon.backup()
    daemon.engine.docker("stop", "-t", "1", "web")
    bad(daemon, "left down", "warning", "web (web)")
    daemon.engine.docker("start", "web")
    assert checks(daemon)["left down"]["state"] == "ok"


def test_stopped_by_us_and_not_startable(engine, directory):
    d = world.Daemon(engine, directory, backup__start_timeout=2).start().init()
    source = pathlib.Path(tempfile.mkdtemp(prefix="kopi-docka-", dir="/run"))
    engine.container("one", "--mount", f"type=bind,src={source},dst=/b", volumes=["vol:/data"])
    source.rmdir()
    d.backup("one", state="failed")
    bad(d, "stopped by us", "failed", "one", "docker logs")
    bad(d, "left down", "warning", "one (one)")
    source.mkdir()
    world.until(lambda: "one" in engine.running(), "recovery starts it")
    world.until(lambda: checks(d)["stopped by us"]["state"] == "ok", "and the ledger is empty")
    source.rmdir()
