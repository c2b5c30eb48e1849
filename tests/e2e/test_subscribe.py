# SPDX-License-Identifier: MIT
"""Everything that happens, told to whoever subscribed."""
import json
import signal
import socket
import subprocess
import threading

import pytest

import test_on_demand
import world


class Subscriber:
    """Reads in a thread of its own until the daemon ends it."""

    def __init__(self, path, more=True):
        self.events, self.over = [], False
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(300)
        self.socket.connect(str(path))
        self.socket.sendall(json.dumps({"method": "io.kopidocka.Subscribe", "more": more}).encode() + b"\0")
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        if more:
            self.wait("subscribed")

    def read(self):
        data = b""
        try:
            while block := self.socket.recv(65536):
                *whole, data = (data + block).split(b"\0")
                for text in whole:
                    reply = json.loads(text)
                    self.events.append(reply["parameters"])
                    if not reply.get("continues"):
                        self.over = True
                        return
        except OSError:
            pass

    def names(self):
        return [e["event"] for e in self.events]

    def wait(self, name, n=1):
        world.until(lambda: self.names().count(name) >= n, name)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(60)
        self.socket.close()


@pytest.fixture
def subscribe():
    made = []

    def make(path, **kw):
        made.append(Subscriber(path, **kw))
        return made[-1]
    yield make
    for s in made:
        try:
            s.close()
        except OSError:
            pass


def test_a_run_is_told_to_everyone(engine, daemon, subscribe):
    engine.container("one", volumes=["vol:/data"])
    subscribers = [subscribe(daemon.socket) for _ in range(3)]
    gone = subscribe(daemon.socket)
    gone.close()
    deaf = socket.socket(socket.AF_UNIX)  # asks, and never reads
    deaf.connect(str(daemon.socket))
    deaf.sendall(b'{"method":"io.kopidocka.Subscribe","more":true}\0')
    result = daemon.backup()
    daemon.ctl("reload", check=0)
    for s in subscribers:
        s.wait("reloaded")
        assert s.names()[:3] == ["subscribed", "job-queued", "job-started"] and s.names()[-1] == "reloaded"
        events = {e["event"]: e for e in s.events}
        assert events["job-queued"]["job"]["state"] == "queued" and events["job-over"]["job"]["state"] == "done"
        assert events["job-over"]["job"]["operation"] == "backup"
        assert events["unit-finished"]["unit"]["data"] == "complete" and events["unit-finished"]["backup_id"] == result["backup_id"]
        assert events["run-finished"]["result"] == result
        phases = [e["progress"]["phase"] for e in s.events if e["event"] == "phase"]
        assert [p for p in phases if p in ("stop", "read", "start")] == ["stop", "read", "start"]
        assert s.names().index("unit-finished") < s.names().index("run-finished") < s.names().index("job-over")
        assert all(e["time"].endswith("Z") for e in s.events)
    assert subscribers[0].events == subscribers[1].events == subscribers[2].events
    daemon.stop()  # subscribers do not hold it up
    for s in subscribers:
        s.thread.join(60)
        assert s.over and s.names()[-1] == "ended"
    assert "left open" not in daemon.log.read_text()
    deaf.close()


def test_only_the_next(engine, daemon, subscribe):
    s = subscribe(daemon.socket, more=False)
    world.until(lambda: daemon.ctl("reload", check=0) and s.over, "one event")
    s.thread.join(60)
    assert s.names() == ["reloaded"]


def test_a_failed_job_says_why(engine, daemon, subscribe):
    s = subscribe(daemon.socket)
    assert "error" in daemon.call("Backup", {"units": ["nobody"]})
    s.wait("job-over")
    assert s.events[-1]["job"]["state"] == "failed" and "nobody" in s.events[-1]["text"]


def test_recovery_is_told(engine, daemon, subscribe):
    """Who connected to the socket before the daemon came hears what it puts right first."""
    engine.container("one", volumes=["vol:/data"])
    daemon.stop()
    daemon.start(KOPI_DOCKA_KILL_AT="read")
    with pytest.raises(ConnectionError):
        daemon.call("Backup")
    daemon.process.wait(10)
    assert not engine.all_states()["one"]
    daemon.socket.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(daemon.socket))
        listening.listen()
        made = []
        t = threading.Thread(target=lambda: made.append(subscribe(daemon.socket)))
        t.start()
        test_on_demand.activated(daemon, listening, "--idle-exit", "3600")
        t.join()
        made[0].wait("recovered")
        assert any("one" in e["text"] for e in made[0].events if e["event"] == "recovered")
        assert engine.all_states()["one"]


def test_unread_events_end_the_subscriber_alone(engine, daemon, subscribe):
    """The other way to be slow: a full socket. The daemon answers on, and the reader goes on."""
    s = subscribe(daemon.socket)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(str(daemon.socket))
        deaf.sendall(b'{"method":"io.kopidocka.Subscribe","more":true}\0')
        for n in range(400):
            assert "parameters" in daemon.call("Reload")
        s.wait("reloaded", 400)
    assert daemon.answers()


def test_the_verb_watch(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    argv = [world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket]
    ps = [subprocess.Popen([*argv, "watch"], stdout=subprocess.PIPE, text=True),
          subprocess.Popen([*argv, "--json", "watch"], stdout=subprocess.PIPE, text=True)]
    firsts = [p.stdout.readline() for p in ps]
    assert "subscribed" in firsts[0] and json.loads(firsts[1])["event"] == "subscribed"
    result = daemon.backup()
    daemon.stop()
    text, lines = (p.communicate(timeout=60)[0] for p in ps)
    assert [p.returncode for p in ps] == [0, 0]
    assert f"run-finished  {result['backup_id']}: ok" in text and "unit-finished one: data complete, service up, window" in text.replace("  ", " ")
    assert "job-started   job 2 backup: running" in text and text.splitlines()[-1].endswith("ended")
    assert [json.loads(l)["event"] for l in lines.splitlines()][-1] == "ended"


def test_watch_ends_with_ctrl_c(daemon):
    p = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "watch"], stdout=subprocess.PIPE, text=True)
    assert "subscribed" in p.stdout.readline()
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=60)
    assert p.returncode != 0 and daemon.answers()
