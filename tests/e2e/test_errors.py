# SPDX-License-Identifier: MIT
"""Each failure: its own sentence, its exit code, and every container runs afterwards as before."""
import os
import pathlib
import shutil
import signal
import tempfile
import threading

import pytest

import world


@pytest.fixture
def shop(engine):
    engine.container("shop-db-1", project="shop", service="db", volumes=["shopdata:/data"])
    engine.sh("shop-db-1", "echo one > /data/f")
    return engine


def same_run(engine, before):
    assert engine.running() == before, "a container was stopped or started"


def test_unknown_unit(shop, daemon):
    before = shop.running()
    r = daemon.ctl("backup", "--unit", "shpo", check=1)
    assert "shpo" in r.stderr and "shop" in r.stderr
    same_run(shop, before)


def test_nothing_to_do(engine, daemon):
    assert "nothing to back up" in daemon.ctl("backup", check=1).stderr


def test_no_daemon(directory):
    r = world.run(world.BUILD / "client/kopi-dockactl", "--socket", directory / "none", "status", check=False)
    assert r.returncode == 4 and "systemctl start" in r.stderr


def test_no_repository(shop, directory):
    d = world.Daemon(shop, directory).start()
    before = shop.running()
    r = d.ctl("backup", check=1)
    assert "init" in r.stdout + r.stderr
    same_run(shop, before)
    d.stop()


def test_no_docker(directory, engine):
    d = world.Daemon(engine, directory)
    d.configure(docker__socket=directory / "no.sock")
    d.start()
    r = d.ctl("backup", check=1)
    assert "no docker engine" in r.stderr and "no.sock" in r.stderr
    d.stop()


def test_placeholder_password(shop, directory):
    d = world.Daemon(shop, directory)
    d.configure(kopia__password="changeme-very-secret")
    d.start()
    for verb in ("init", "backup"):
        r = d.ctl(verb, check=1)
        assert "openssl rand" in r.stderr and "changeme" not in r.stderr
    d.stop()


def test_wrong_password(shop, daemon):
    daemon.stop()
    daemon.configure(kopia__password="another-one")
    daemon.start()
    before = shop.running()
    r = daemon.ctl("backup", check=1)
    assert "password is wrong" in r.stdout + r.stderr
    assert "password is wrong" in daemon.ctl("init", check=1).stderr
    same_run(shop, before)
    # the working connection survived the failed init
    daemon.stop()
    daemon.configure()
    daemon.start()
    daemon.backup("shop")


def test_repository_emptied(shop, daemon):
    shutil.rmtree(daemon.repo)
    daemon.repo.mkdir()
    before = shop.running()
    r = daemon.ctl("backup", check=1)
    assert "kopia.repository.f is missing" in r.stdout + r.stderr
    same_run(shop, before)
    assert not list(daemon.repo.iterdir()), "an emptied directory was written to"
    assert "not at" in daemon.ctl("init", check=1).stderr


def test_foreign_directory(shop, directory):
    d = world.Daemon(shop, directory)
    d.repo.mkdir()
    (d.repo / "something").write_text("x")
    d.start()
    assert "not empty" in d.ctl("init", check=1).stderr
    d.configure(kopia__repository_path=directory / "a/b/c")
    d.stop()
    d.start()
    assert "mounted" in d.ctl("init", check=1).stderr
    d.stop()


def test_init_twice(daemon):
    assert "connected to" in daemon.ctl("init", check=0).stdout


def test_second_daemon(shop, daemon, directory):
    other = world.Daemon(shop, directory / "other")
    r = world.run(world.BUILD / "daemon/kopi-dockad", "--config", other.conf, check=False)
    assert r.returncode == 75 and str(daemon.process.pid) in r.stderr


def test_no_kopia(shop, daemon):
    daemon.stop()
    daemon.configure(kopia__program="/nonexistent/kopia")
    daemon.start()
    before = shop.running()
    assert "kopia" in daemon.ctl("backup", check=1).stdout
    same_run(shop, before)


def test_old_kopia(shop, daemon, directory):
    old = directory / "kopia"
    old.write_text("#!/bin/sh\necho 0.15.0 build: x from: kopia/kopia\n")
    old.chmod(0o755)
    daemon.stop()
    daemon.configure(kopia__program=old)
    daemon.start()
    before = shop.running()
    assert "too old" in daemon.ctl("backup", check=1).stdout
    same_run(shop, before)


def test_will_not_stop_in_time(engine, daemon):
    engine.container("stubborn", command=world.STUBBORN, volumes=["vol:/data"])
    daemon.stop()
    daemon.configure(backup__stop_timeout=1)
    daemon.start()
    unit = daemon.backup("stubborn", state="warnings")["units"][0]
    assert unit["data"] == "complete" and unit["service"] == "up"
    assert any("was killed" in w for w in unit["warnings"])


def test_will_not_start(engine, daemon):
    # of the host's own, so no item; gone when the container is to be started again
    source = pathlib.Path(tempfile.mkdtemp(prefix="kopi-docka-", dir="/run"))
    engine.container("one", "--mount", f"type=bind,src={source},dst=/b", volumes=["vol:/data"])
    engine.container("two")
    source.rmdir()
    daemon.stop()
    daemon.configure(backup__start_timeout=2)
    daemon.start()
    unit = daemon.backup("one", state="failed")["units"][0]
    assert unit["service"] == "down" and unit["not_restarted"] == ["one"]
    assert unit["data"] == "complete", "the data was read before"
    assert engine.all_states()["two"]
    assert "one" in daemon.call("Status")["parameters"]["recovering"]
    assert daemon.ctl("doctor", check=1)
    # it is not forgotten: as soon as it can start it is started
    source.mkdir()
    try:
        world.until(lambda: engine.all_states()["one"], "recovery started it", 90)
    finally:
        engine.docker("rm", "-f", "one")
        shutil.rmtree(source)


def fake_kopia(directory, body):
    """The real kopia, but for one subcommand."""
    real = shutil.which("kopia")
    f = directory / "kopia"
    f.write_text(f'#!/bin/sh\ncase " $* " in *" snapshot create "*) {body};; esac\nexec {real} "$@"\n')
    f.chmod(0o755)
    return f


@pytest.mark.parametrize("method", ["stream", "spool"])
@pytest.mark.parametrize("body", ['echo "Snapshotting x" >&2; exit 1', 'echo "Snapshotting x" >&2; kill -9 $$',
                                  'echo "Snapshotting x" >&2; cat >/dev/null; echo "{}"; exit 0'])
def test_kopia_fails(shop, daemon, directory, method, body):
    daemon.stop()
    daemon.configure(kopia__program=fake_kopia(directory, body), backup__method=method)
    daemon.start()
    states = shop.all_states()
    unit = daemon.backup("shop", state="failed")["units"][0]
    assert unit["data"] == "none" and unit["errors"]
    assert shop.all_states() == states
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"] == []


def test_one_of_several_streams_fails_before_the_window(engine, daemon, directory):
    """The others wait on their pipes then: they are ended, and nothing was stopped."""
    engine.container("many", volumes=[f"many{i}:/data{i}" for i in range(3)])
    for i in range(3):
        engine.sh("many", f"echo x > /data{i}/f")
    body = 'case "$*" in *many1*) sleep 0.3; exit 1;; esac'
    daemon.stop()
    daemon.configure(kopia__program=fake_kopia(directory, body), backup__method="stream", backup__parallel_workers="3")
    daemon.start()
    before = engine.running()
    unit = daemon.backup("many", state="failed")["units"][0]
    assert unit["data"] == "none" and unit["service"] == "untouched"
    same_run(engine, before)
    assert daemon.answers()


@pytest.mark.parametrize("method", ["stream", "spool"])
def test_one_of_several_items_fails(engine, daemon, directory, method):
    """A partial point keeps what is good and says what is missing."""
    engine.container("many", volumes=[f"many{i}:/data{i}" for i in range(3)])
    for i in range(3):
        engine.sh("many", f"echo x > /data{i}/f")
    body = 'case "$*" in *many1.tar*) echo "Snapshotting x" >&2; cat >/dev/null; exit 1;; esac'
    daemon.stop()
    daemon.configure(kopia__program=fake_kopia(directory, body), backup__method=method)
    daemon.start()
    states = engine.all_states()
    unit = daemon.backup("many", state="failed")["units"][0]
    assert unit["data"] == "partial" and unit["service"] == "up"
    assert engine.all_states() == states
    point = daemon.call("ListRestorePoints")["parameters"]["restore_points"][0]
    assert not point["complete"] and point["missing"] == ["volume:many1"] and len(point["items"]) == 2
    assert "partial" in daemon.ctl("restore", "many", point["backup_id"], "--yes", check=1).stderr
    daemon.ctl("restore", "many", point["backup_id"], "--item", "volume:many0", "--yes", check=0)


def test_kopia_hangs(shop, daemon, directory):
    """stall_timeout ends the reading; the containers start."""
    body = 'echo "Snapshotting x" >&2; sleep 600'
    shop.sh("shop-db-1", "dd if=/dev/zero of=/data/big bs=1M count=8 2>/dev/null")
    daemon.stop()
    daemon.configure(kopia__program=fake_kopia(directory, body), backup__method="stream", backup__stall_timeout="2s")
    daemon.start()
    states = shop.all_states()
    unit = daemon.backup("shop", state="failed")["units"][0]
    assert any("was read for" in e for e in unit["errors"])
    assert shop.all_states() == states


def test_max_window_refused(shop, daemon):
    daemon.stop()
    daemon.configure(backup__max_window="1ms")
    daemon.start()
    before = shop.running()
    assert "max_window" in daemon.ctl("backup", check=1).stdout
    same_run(shop, before)


@pytest.mark.parametrize("method", ["stream", "spool"])
def test_tar_error(shop, daemon, method):
    """An archive that is not whole never becomes a snapshot (law 2): tar is killed while it reads."""
    place = shop.volume("shopdata")
    daemon.stop()
    daemon.configure(backup__method=method)
    daemon.start()
    before = shop.all_states()
    # tar itself ended badly: killed in the window by whoever finds it
    shop.sh("shop-db-1", "dd if=/dev/urandom of=/data/big bs=1M count=200 2>/dev/null")
    box = {}
    t = threading.Thread(target=lambda: box.update(r=daemon.call("Backup", {"units": ["shop"]})))
    t.start()

    def kill_tar():
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                reads = (p / "cmdline").read_bytes().startswith(b"/bin/tar\0") and os.readlink(p / "cwd") == str(place)
            except OSError:
                continue
            if reads:
                os.kill(int(p.name), signal.SIGKILL)
                return True
        return False

    world.until(kill_tar, "tar runs", 60)
    t.join()
    unit = box["r"]["parameters"]["result"]["units"][0]
    assert unit["data"] == "none" and any("killed by signal 9" in e for e in unit["errors"]), unit
    assert daemon.call("ListRestorePoints")["parameters"]["restore_points"] == []
    assert daemon.kopia("snapshot", "list", "--all", "--json").stdout.split() == ["[", "]"]
    assert shop.all_states() == before


def test_repository_full(shop, directory):
    d = world.Daemon(shop, directory)
    d.repo.mkdir()
    world.run("mount", "-t", "tmpfs", "-o", "size=6m", "none", d.repo)
    try:
        d.start().init()
        shop.sh("shop-db-1", "dd if=/dev/urandom of=/data/big bs=1M count=30 2>/dev/null")
        states = shop.all_states()
        unit = d.backup("shop", state="failed")["units"][0]
        assert unit["data"] == "none" and shop.all_states() == states
        assert any("full" in e or "no space" in e for e in unit["errors"])
        d.stop()
    finally:
        world.run("umount", "-l", d.repo, check=False)


def test_autoremove_is_refused(engine, daemon):
    engine.container("brief", "--rm", volumes=["vol:/data"])
    before = engine.running()
    assert daemon.ctl("backup", "--unit", "brief", check=1)
    same_run(engine, before)


def test_cancel(shop, daemon):
    shop.container("slow", command=world.STUBBORN, volumes=["slow:/data"])
    states = shop.all_states()
    box = {}
    t = threading.Thread(target=lambda: box.update(r=daemon.call("Backup", {"units": ["slow"]})))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    job = daemon.call("Status")["parameters"]["jobs"][0]["job"]
    assert daemon.call("Cancel", {"job": job})["parameters"]["state"] == "cancelled"
    t.join()
    assert box["r"]["parameters"]["result"]["state"] == "cancelled"
    assert shop.all_states() == states
    assert daemon.call("Cancel", {"job": 99})["error"].endswith("NoSuchJob")


def test_terminated_in_the_window(engine, daemon):
    engine.container("slow", command=world.STUBBORN, volumes=["slow:/data"])
    t = threading.Thread(target=lambda: daemon.call("Backup", {"units": ["slow"]}))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(60) == 0
    t.join()
    assert engine.all_states()["slow"]


@pytest.mark.parametrize("signum", ["SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR"])
def test_signals_that_mean_nothing(engine, daemon, signum):
    engine.container("slow", command='trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done', volumes=["slow:/data"])
    results = []
    t = threading.Thread(target=lambda: results.append(daemon.call("Backup", {"units": ["slow"]})))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    daemon.process.send_signal(getattr(signal, signum))
    t.join()
    assert daemon.process.poll() is None and results[0]["parameters"]["result"]["state"] == "ok"


def test_quit_is_an_orderly_end(engine, daemon):
    engine.container("slow", command='trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done', volumes=["slow:/data"])
    t = threading.Thread(target=lambda: daemon.call("Backup", {"units": ["slow"]}))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    daemon.process.send_signal(signal.SIGQUIT)
    assert daemon.process.wait(60) == 0
    t.join()
    assert engine.all_states()["slow"]


def test_ledger_cannot_be_written(shop, directory):
    d = world.Daemon(shop, directory)
    d.state.mkdir()
    world.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", d.state)
    try:
        d.start().init()
        before = shop.running()
        filler = os.open(d.state / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, b"x" * 4096):
                pass
        except OSError:
            os.close(filler)
        unit = d.backup("shop", state="failed")["units"][0]
        assert any("nothing is stopped without its record" in e for e in unit["errors"]), unit
        same_run(shop, before)
        os.unlink(d.state / "filler")
        d.stop()
    finally:
        world.run("umount", "-l", d.state, check=False)


def test_left_down_is_said_by_the_next_run(engine, daemon):
    """What cannot be started is in the ledger; a backup of its unit meanwhile does not call the service up."""
    engine.container("shop-db-1", project="shop", service="db", volumes=["vol:/data"])
    engine.docker("run", "-d", "--name", "shop-app-1", "--network", "container:shop-db-1", "-l", "com.docker.compose.project=shop",
                  "-l", "com.docker.compose.service=app", "-l", "com.docker.compose.oneoff=False", "bb:latest", "/bin/sh", "-c", world.GOOD)
    daemon.stop()
    daemon.start(KOPI_DOCKA_KILL_AT="read")
    with pytest.raises(ConnectionError):
        daemon.call("Backup", {"units": ["shop"]})
    daemon.process.wait(10)
    engine.docker("rm", "shop-db-1")
    engine.container("shop-db-1", project="shop", service="db", volumes=["vol:/data"])
    daemon.start()
    world.until(lambda: "shop-app-1" in str(daemon.call("Status")["parameters"]["recovering"]), "it cannot be started")
    unit = daemon.backup("shop", state="failed")["units"][0]
    assert unit["service"] == "down" and unit["not_restarted"] == ["shop-app-1"], unit
    assert any("shop-app-1" in e and "not running again" in e for e in unit["errors"])
