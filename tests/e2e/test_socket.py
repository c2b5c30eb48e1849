# SPDX-License-Identifier: MIT
"""The control socket as any other tool meets it."""
import json
import os
import socket
import threading
import time

import world


def raw(path, data):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(path))
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        out = b""
        while block := s.recv(65536):
            out += block
        return out


def test_describes_itself(daemon):
    v = world.Varlink(daemon.socket)
    info = v.call("GetInfo", interface="org.varlink.service")["parameters"]
    assert "io.kopidocka" in info["interfaces"]
    text = v.call("GetInterfaceDescription", {"interface": "io.kopidocka"}, interface="org.varlink.service")["parameters"]["description"]
    assert text == (world.TOP / "common/io.kopidocka.varlink").read_text()


def test_what_is_not_there_says_so(daemon):
    assert daemon.call("Verify")["error"] == "org.varlink.service.MethodNotImplemented"
    assert daemon.call("Nonsense")["error"] == "org.varlink.service.MethodNotFound"
    assert world.Varlink(daemon.socket).call("X", interface="a.b")["error"] == "org.varlink.service.InterfaceNotFound"


def test_parameters_that_do_not_fit(engine, daemon):
    """A mistyped "units" is not a run of all units."""
    engine.container("one", volumes=["vol:/data"])
    for wrong, name in (({"unit": "one"}, "unit"), ({"units": "one"}, "units"), ({"units": [1]}, "units")):
        reply = daemon.call("Backup", wrong)
        assert reply["error"] == "org.varlink.service.InvalidParameter" and reply["parameters"]["parameter"] == name
    assert daemon.call("History")["parameters"]["runs"] == [] and daemon.call("Status")["parameters"]["jobs"] == []


def test_parameters_null(daemon):
    out = raw(daemon.socket, b'{"method":"io.kopidocka.Status","parameters":null}\0')
    assert json.loads(out[:-1])["parameters"]["pid"] == daemon.process.pid


def test_nonsense_is_dropped(daemon):
    for data in (b"hello\0", b"{}\0", b'{"method":1}\0', b"[" * 100000 + b"\0", b'{"method":"x","parameters":[]}\0', b"\xff\0", b"\0"):
        out = raw(daemon.socket, data)
        assert out == b"" or "error" in json.loads(out[:-1]), (data, out)
    assert daemon.answers()


def test_permission(daemon):
    os.chmod(daemon.directory, 0o755)
    os.chmod(daemon.socket, 0o666)
    script = ("import sys, json, socket\ns = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
              "s.sendall(json.dumps({'method': 'io.kopidocka.' + sys.argv[2]}).encode() + b'\\0')\n"
              "print(s.recv(65536).rstrip(b'\\0').decode())")
    ask = lambda m: json.loads(world.run("setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", script, daemon.socket, m).stdout)
    assert ask("Status")["parameters"]["version"]
    assert ask("Backup")["error"] == "io.kopidocka.NotPermitted"
    assert ask("RenderRestore")["error"] == "io.kopidocka.NotPermitted"


def test_answers_within_a_second_while_a_container_stops(engine, daemon):
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    t = threading.Thread(target=lambda: daemon.call("Backup", {"units": ["slow"]}))
    t.start()
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    slowest = 0
    while t.is_alive():
        begin = time.monotonic()
        daemon.call("Status")
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.05)
    assert slowest < 1


def test_same_backup_is_one_job(engine, daemon):
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    ids = []
    ask = lambda: ids.append(daemon.call("Backup", {"units": ["slow"]})["parameters"]["result"]["backup_id"])
    threads = [threading.Thread(target=ask) for _ in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(ids)) == 1


def test_reload(daemon):
    daemon.conf.write_text(daemon.conf.read_text().replace("DEBUG", "nonsense"))
    r = daemon.ctl("reload", check=1)
    assert "nonsense" in r.stderr
    daemon.conf.write_text(daemon.conf.read_text().replace("nonsense", "INFO"))
    daemon.ctl("reload", check=0)
    assert daemon.answers()


def test_terminated_while_it_is_asked(engine, daemon):
    """Every question under way is answered, and the daemon ends."""
    engine.container("one", volumes=["vol:/data"])
    replies = []
    ask = [("ListRestorePoints", {}), ("Doctor", {}), ("ListUnits", {}), ("Plan", {})]
    threads = [threading.Thread(target=lambda m=m, p=p: replies.append(daemon.call(m, p))) for m, p in ask]
    for t in threads:
        t.start()
    time.sleep(0.05)
    daemon.process.terminate()
    assert daemon.process.wait(60) == 0
    for t in threads:
        t.join()
    assert len(replies) == len(ask) and all("parameters" in r for r in replies)
    assert "left open" not in daemon.log.read_text()
