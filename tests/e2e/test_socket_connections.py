# SPDX-License-Identifier: MIT
"""Connections that cost nothing, make way, and are told when they are too many; and a client that says what happened."""
import contextlib
import json
import os
import socket
import threading

import pytest

import world

STATUS = b'{"method":"io.kopidocka.Status"}\0'
SUBSCRIBE = b'{"method":"io.kopidocka.Subscribe","more":true}\0'


def connect(daemon):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(str(daemon.socket))
    return s


def hear(s):
    """The next message, None at the end."""
    data = b""
    while not data.endswith(b"\0"):
        block = s.recv(1)
        if not block:
            return None
        data += block
    return json.loads(data[:-1])


def cpu_ticks(daemon):
    fields = (open(f"/proc/{daemon.process.pid}/stat").read().rpartition(")")[2]).split()
    return int(fields[11]) + int(fields[12])


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def test_half_closed_connections_end_and_cost_nothing(engine, daemon):
    """One of them took a core: whoever has sent all that it will, and does not read."""
    history = daemon.state / "history"
    history.mkdir(exist_ok=True)
    for n in range(6):
        name = f"2026010{n + 1}T000000Z"
        (history / f"{name}.json").write_text(json.dumps({"backup_id": name, "started": "2026-01-01T00:00:00Z", "state": "failed",
                                                          "units": [], "errors": ["x" * 500_000]}))
    before = descriptors(daemon)
    with contextlib.ExitStack() as stack:
        for message in (b'{"method":"io.kopidocka.History"}\0', SUBSCRIBE, STATUS, b'{"method":"io.kop', b""):
            for how in (socket.SHUT_WR, socket.SHUT_RDWR):
                s = stack.enter_context(connect(daemon))
                s.sendall(message)
                with contextlib.suppress(OSError):  # it may have been dropped by then
                    s.shutdown(how)
        daemon.call("Status")
        begin = cpu_ticks(daemon)
        with pytest.raises(AssertionError):
            world.until(lambda: cpu_ticks(daemon) - begin > 50, "half a second of CPU", 3)
        waits = stack.enter_context(connect(daemon))
        waits.sendall(SUBSCRIBE)
        waits.shutdown(socket.SHUT_WR)
        assert hear(waits)["parameters"]["event"] == "subscribed"
        daemon.call("Reload")
        assert hear(waits)["parameters"]["event"] == "reloaded"  # it is still told
    world.until(lambda: descriptors(daemon) <= before, "the daemon has let go of them")


def test_idle_ones_make_way(daemon):
    with contextlib.ExitStack() as stack:
        first = [stack.enter_context(connect(daemon)) for _ in range(64)]
        for s in first:
            s.sendall(STATUS)
            assert "parameters" in hear(s)

        def served():
            s = stack.enter_context(connect(daemon))
            s.sendall(SUBSCRIBE)  # what lasts is not for the reserve
            return "error" not in hear(s)
        world.until(served, "a seat is free")
        assert first[0].recv(1) == b""


def test_one_too_many_is_told_and_root_is_never_locked_out(daemon):
    """All 64 are in use, by root: root can still ask and cancel, and who is one too many hears a sentence."""
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            s = stack.enter_context(connect(daemon))
            s.sendall(SUBSCRIBE)
            assert hear(s)["parameters"]["event"] == "subscribed"
        assert daemon.ctl("status", check=0).stdout
        reply = daemon.call("Backup", {"reason": "x"})
        assert reply["error"] == "io.kopidocka.Busy" and "in use" in reply["parameters"]["text"], reply
        for _ in range(8):
            s = stack.enter_context(connect(daemon))
            s.sendall(STATUS)
            assert "version" in hear(s)["parameters"]
        s = stack.enter_context(connect(daemon))
        s.sendall(STATUS)
        reply = hear(s)
        assert reply["error"] == "io.kopidocka.Busy" and {"holder", "text", "advice"} <= set(reply["parameters"]), reply
        assert s.recv(1) == b""
        world.until(lambda: daemon.ctl("status").returncode == 0, "one of the reserve was idle and made way")
        r = daemon.ctl("backup", check=75)
        assert "in use" in r.stderr and "not running" not in r.stderr


@pytest.fixture
def odd_daemon(directory):
    """Listens, and does with each connection what a test says."""
    path = directory / "socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def serve(what):
        def run():
            with contextlib.suppress(OSError):
                s, _ = listener.accept()
                what(s)
                s.close()
        threading.Thread(target=run, daemon=True).start()
        return path
    yield serve
    listener.close()


def status(path):
    return world.run(world.BUILD / "client/kopi-dockactl", "--socket", path, "status", check=False)


@pytest.mark.parametrize("what, words", [
    (lambda s: None, "closed the connection without an answer"),
    (lambda s: s.recv(100), "closed the connection without an answer"),
    (lambda s: (s.recv(100), s.sendall(b'{"parameters":')), "broke off in the middle"),
    (lambda s: (s.recv(100), s.sendall(b'nonsense\0')), "cannot be read"),
])
def test_the_client_says_what_happened(odd_daemon, what, words):
    r = status(odd_daemon(what))
    assert r.returncode == 4 and words in r.stderr and "not running" not in r.stderr, r.stderr


def test_busy_is_read_though_the_call_was_not_taken(odd_daemon):
    busy = {"error": "io.kopidocka.Busy", "parameters": {"holder": "x", "text": "too many", "advice": "try later"}}
    r = status(odd_daemon(lambda s: s.sendall(json.dumps(busy).encode() + b"\0")))
    assert r.returncode == 75 and r.stderr == "too many\ntry later\n"


def test_nobody_listens(directory):
    r = status(directory / "nothing")
    assert r.returncode == 4 and "not running" in r.stderr


def test_silence_is_told(odd_daemon):
    """Stopped, or stuck: the call was taken, and nothing comes."""
    go = threading.Event()
    path = odd_daemon(lambda s: (s.recv(100), go.wait(60), s.sendall(b'{"error":"a.b"}\0')))
    with world.Terminal(world.BUILD / "client/kopi-dockactl", "--socket", path, "status", columns=120) as t:
        t.expect("has not answered for 10 s")
        go.set()
        assert t.end() == 1
