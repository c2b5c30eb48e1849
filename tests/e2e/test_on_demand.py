# SPDX-License-Identifier: MIT
"""A daemon that is there for a call only: started detached or by its socket, ended when idle."""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

import world

DAEMON = world.BUILD / "daemon/kopi-dockad"


def end(pid):
    """Whatever became of the test."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def gone(pid):
    return not pathlib.Path(f"/proc/{pid}").exists()


@pytest.fixture
def detached(engine, directory):
    """Not started: d.detach() does it as a user would."""
    d = world.Daemon(engine, directory)
    pids = []

    def start(*argv):
        r = world.run(DAEMON, "--config", d.conf, "--detach", *argv, check=False)
        if r.returncode == 0:
            pids.append(d.call("Status")["parameters"]["pid"])
        return r
    d.detach, d.pids = start, pids
    yield d
    for pid in pids:
        end(pid)


def test_detached_until_idle(engine, detached):
    """The call returns when the daemon answers; it has a session of its own, works, and ends by itself."""
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    r = detached.detach("--idle-exit", "1")
    assert r.returncode == 0 and r.stdout == r.stderr == ""
    pid = detached.pids[0]
    assert os.getsid(pid) != os.getsid(0) and os.readlink(f"/proc/{pid}/fd/1") == str(detached.state / "daemon.log")
    detached.init()
    detached.backup(state="warnings")  # longer than the second: a job is not idle
    world.until(lambda: gone(pid), "it ends when idle")
    assert not detached.socket.exists() and engine.all_states()["slow"]
    assert "left open" not in (detached.state / "daemon.log").read_text()


def test_a_connection_is_not_idle(engine, directory):
    d = world.Daemon(engine, directory).start("--idle-exit", "1")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(d.socket))
        for _ in range(60):  # three seconds, in which it must not end
            assert d.alive() and d.socket.exists()
            with pytest.raises(subprocess.TimeoutExpired):
                d.process.wait(0.05)
    assert d.process.wait(60) == 0 and not d.socket.exists()


def test_detached_that_fails_says_why(detached):
    assert detached.detach("--idle-exit", "60").returncode == 0
    r = world.run(DAEMON, "--config", detached.conf, "--detach", check=False)
    assert r.returncode == 75 and f"pid {detached.pids[0]}" in r.stderr
    detached.conf.write_text("[kopia]\nnonsense = 1\n")
    r = world.run(DAEMON, "--config", detached.conf, "--detach", check=False)
    assert r.returncode == 1 and "unknown key 'nonsense'" in r.stderr


@pytest.mark.parametrize("argv", [["--idle-exit", "0"], ["--idle-exit", "soon"], ["--idle-exit", "-1"], ["--recover", "--detach"], ["--idle-exit"]])
def test_usage(argv):
    r = world.run(DAEMON, *argv, check=False)
    assert r.returncode == 2 and r.stderr


def activated(d, s, *argv):
    """As systemd starts it: the listening socket is descriptor 3, and blocking."""
    script = f'exec 3<&{s.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
    d.process = subprocess.Popen(["bash", "-c", script, "sh", DAEMON, "--config", d.conf, *(argv or ["--idle-exit", "1"])], pass_fds=[s.fileno()],
                                 stdout=open(d.log, "ab"), stderr=subprocess.STDOUT)
    world.Daemon.started.append(d.process)
    return d.process


def test_socket_activation(engine, directory):
    """Who connected before there was a daemon is answered; the socket stays as its owner made it."""
    d = world.Daemon(engine, directory, access__group="no-such-group")
    d.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(d.socket))
        os.chmod(d.socket, 0o620)
        listening.listen()
        for _ in range(2):  # ended when idle, it is started again by the next call
            with socket.socket(socket.AF_UNIX) as early:
                early.settimeout(60)
                early.connect(str(d.socket))
                early.sendall(b'{"method":"io.kopidocka.Status"}\0')
                p = activated(d, listening)
                assert str(p.pid).encode() in early.recv(65536)
            assert d.call("Status")["parameters"]["pid"] == p.pid
            assert p.wait(60) == 0
            assert d.socket.stat().st_mode & 0o777 == 0o620
        p = activated(d, listening)
        assert d.call("Status")["parameters"]["pid"] == p.pid
        p.terminate()
        assert p.wait(60) == 0 and d.socket.exists()


# --- started by the client --------------------------------------------------------------------

def client(d, *argv, **kw):
    return world.run(world.BUILD / "client/kopi-dockactl", "--config", d.conf, *argv, check=False, **kw)


@pytest.fixture
def alone(engine, directory):
    """A configuration without a daemon. What the client starts is ended."""
    d = world.Daemon(engine, directory)
    yield d
    try:
        pid = d.call("Status")["parameters"]["pid"]
    except OSError:
        return
    os.kill(pid, signal.SIGTERM)
    world.until(lambda: gone(pid), "the client's daemon ends")


def test_client_starts_one(engine, alone):
    """The order's short reference, without a service: init, list, backup."""
    engine.container("one", volumes=["vol:/data"])
    for argv in (["init"], ["list", "--units"], ["backup"], ["status"]):
        r = client(alone, *argv)
        assert r.returncode == 0, r.stdout + r.stderr
    pid = alone.call("Status")["parameters"]["pid"]
    assert os.getsid(pid) != os.getsid(0)
    assert len(alone.call("History")["parameters"]["runs"]) == 1
    os.kill(pid, signal.SIGKILL)  # its socket's file is left
    world.until(lambda: gone(pid), "it is dead")
    assert alone.socket.exists() and client(alone, "status").returncode == 0


def test_it_begins_no_runs_by_itself(alone):
    """It is there for the call; doctor says what the schedule lacks."""
    alone.configure(schedule__calendar="*:*:0/1")
    r = client(alone, "--json", "doctor")
    check, = (c for c in json.loads(r.stdout)["checks"] if c["name"] == "schedule")
    assert check["state"] == "warning" and "for a call only" in check["detail"] and "kopi-dockad" in check["advice"]
    assert "next_run" not in alone.call("Status")["parameters"]


def test_all_of_many_are_answered_by_one(alone):
    """They start one each at the same moment; one stays."""
    ps = [subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--config", alone.conf, "--json", "status"], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True) for _ in range(6)]
    outs = [p.communicate(timeout=120) for p in ps]
    assert [p.returncode for p in ps] == [0] * 6, outs
    assert len({json.loads(out)["pid"] for out, _ in outs}) == 1 and not any(err for _, err in outs)


def test_a_lock_that_is_only_just_taken(engine, alone):
    """The daemon of the call before is ending, or another call's has not come to its socket yet: tried again."""
    with open(engine.socket.parent / "kopi-docka.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--config", alone.conf, "status"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        log = alone.state / "daemon.log"
        world.until(lambda: log.exists() and "another daemon serves" in log.read_text(), "it found the lock taken")
    out, err = p.communicate(timeout=120)
    assert p.returncode == 0 and "version" in out and not err


def test_signals_to_the_client_do_not_reach_it(engine, alone):
    """Its terminal goes away in the middle of a backup: the daemon goes on."""
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    assert client(alone, "init").returncode == 0
    p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--config", alone.conf, "backup"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    world.until(lambda: alone.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    os.killpg(p.pid, signal.SIGHUP)
    p.wait(60)
    world.until(lambda: alone.call("Status")["parameters"].get("last"), "the run is over")
    assert alone.call("Status")["parameters"]["last"]["state"] == "warnings" and engine.all_states()["slow"]


def test_a_named_socket_starts_nothing(alone):
    r = alone.ctl("status")
    assert r.returncode == 4 and str(alone.socket) in r.stderr and "not running" in r.stderr
    assert not alone.socket.exists()


def test_others_start_nothing(alone, directory):
    os.chmod(directory, 0o755)
    alone.conf.chmod(0o644)
    program = directory / "kopi-dockactl"
    shutil.copy(world.BUILD / "client/kopi-dockactl", program)
    program.chmod(0o755)
    r = world.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "--config", alone.conf, "status", check=False)
    assert r.returncode == 4 and "No such file" in r.stderr and not alone.socket.exists()


def test_a_daemon_that_cannot_begin_is_heard(engine, alone, directory):
    alone.conf.write_text(alone.conf.read_text() + "[schedule]\ncalendar = 25:00\n")
    r = client(alone, "status")
    assert r.returncode == 4 and "the hour goes from 0 to 23" in r.stderr and not r.stdout
    other = world.Daemon(engine, directory / "other").start()
    alone.configure()
    r = client(alone, "status")
    assert r.returncode == 75 and f"pid {other.process.pid}" in r.stderr and str(other.conf) in r.stderr


def test_the_verb_daemon(alone):
    p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--config", alone.conf, "daemon", "--interval-minutes", "1440"],
                         stdout=subprocess.DEVNULL, stderr=open(alone.log, "ab"))
    world.Daemon.started.append(p)
    alone.process = p
    world.until(lambda: alone.alive() and alone.answers(), "it answers")
    status = alone.call("Status")["parameters"]
    assert status["pid"] == p.pid and "next_run" in status  # the same process, in the foreground
    r = client(alone, "daemon")
    assert r.returncode == 75 and f"pid {p.pid}" in r.stderr
    r = client(alone, "daemon", "--interval-minutes", "0")
    assert r.returncode == 2 and "interval-minutes" in r.stderr
    p.terminate()
    assert p.wait(60) == 0


def test_it_makes_way_for_one_that_stays(alone):
    """The order's short reference goes on with the daemon: the one of the calls before is no obstacle, unless someone needs it."""
    pid = json.loads(client(alone, "--json", "status").stdout)["pid"]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(alone.socket))
        r = client(alone, "daemon")
        assert r.returncode == 75 and f"pid {pid}" in r.stderr and "for a call only" in r.stderr
    alone.start()
    world.until(lambda: alone.alive() and alone.answers() and alone.call("Status")["parameters"]["pid"] == alone.process.pid, "its own")
    world.until(lambda: gone(pid), "the first one has ended")
    os.kill(alone.process.pid, signal.SIGUSR1)  # one that stays does not mind
    assert alone.answers()
    alone.stop()
