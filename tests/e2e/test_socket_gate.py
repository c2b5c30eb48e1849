# SPDX-License-Identifier: MIT
"""What is no text: it does not come in, it does not go out, and what others let through is not cut into another name."""
import http.client
import json
import os
import socket
import subprocess

import pytest

import world

SERVICE = "org.varlink.service"


def raw(path, data):
    """All that is answered until the daemon closes."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(path))
        s.sendall(data)
        out = b""
        while block := s.recv(65536):
            out += block
        return [json.loads(m.decode("utf-8", "strict")) for m in out.split(b"\0")[:-1]]


def call(parameters, method=b"Backup"):
    return b'{"method":"io.kopidocka.' + method + b'","parameters":' + parameters + b"}\0"


REFUSED = [(b'{"units":["nas\\u0000-old"]}', "units"), (b'{"units":["nas"],"reason":"a\\u0000"}', "reason"),
           (b'{"units\\u0000x":["nas"]}', "parameters"), (b'{"units":["nas\xc0\xae"]}', "units"),
           (b'{"units":["nas\xed\xa0\x80"]}', "units"), (b'{"units":["nas\\ud800"]}', "units"),
           (b'{"units":["other"],"units":["nas"]}', "parameters"), (b'{"reason":"a","un\\u0069ts":["nas"],"units":["nas"]}', "parameters"),
           (b'{"units":["nas"],"x":9223372036854775808}', "x"), (b'{"units":' + b"[" * 40 + b"]" * 40 + b"}", "units"),
           (b'{"units":["nas"],"x":NaN}', "x"), (b'{"units":["na\ns"]}', "units")]


def test_what_is_no_text_is_refused(engine, daemon):
    """Each of these was a backup, and so a stop, of "nas" or of all units."""
    engine.container("nas", volumes=["vol:/data"])
    before = engine.running()
    for parameters, name in REFUSED:
        reply, = raw(daemon.socket, call(parameters))
        assert reply["error"] == f"{SERVICE}.InvalidParameter", (parameters, reply)
        assert reply["parameters"]["parameter"] == name and "nothing was done" in reply["parameters"]["text"], (parameters, reply)
    assert engine.running() == before and daemon.call("Status")["parameters"]["jobs"] == []
    assert daemon.call("History")["parameters"]["runs"] == []


def create(engine, name, labels, volume):
    """As the API lets it be made: docker's own command has no NUL in an argument."""
    c = http.client.HTTPConnection("localhost")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(str(engine.socket))
    body = {"Image": "bb:latest", "Cmd": ["sh", "-c", world.GOOD], "Labels": labels,
            "HostConfig": {"NetworkMode": "none", "Binds": [f"{volume}:/data"]}}
    c.request("POST", f"/containers/create?name={name}", json.dumps(body), {"Content-Type": "application/json"})
    reply = c.getresponse()
    assert reply.status == 201, reply.read()
    engine.docker("start", name)


def test_a_nul_in_a_label_makes_another_unit(engine, daemon):
    """Its project is not "nas", and so its backup does not stop nas."""
    label = "com.docker.compose."
    labels = lambda project: {f"{label}project": project, f"{label}service": "s", f"{label}oneoff": "False"}
    create(engine, "honest", labels("nas"), "one")
    create(engine, "hostile", {**labels("nas\0-old"), f"{label}project\0": "nas"}, "two")
    units = {u["name"]: [m["name"] for m in u["members"]] for u in daemon.call("ListUnits")["parameters"]["units"]}
    assert units.pop("nas") == ["honest"] and list(units.values()) == [["hostile"]] and "\0" not in "".join(units)
    before = engine.running()["honest"]
    daemon.backup(*units)
    assert engine.running()["honest"] == before


@pytest.fixture
def odd_mount(directory):
    """A bind's source with a mount below, by a name that is no UTF-8."""
    source = directory / "source"
    below = os.fsencode(source) + b"/\xff\xc0\xae"
    os.makedirs(below)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", below], check=True)
    yield source
    subprocess.run(["umount", below], check=True)


def test_bytes_that_are_no_text_go_out_as_escapes(engine, daemon, odd_mount):
    engine.container("one", volumes=[f"{odd_mount}:/data"])
    reply = daemon.call("Backup", {"units": ["one"]})
    assert "\\377" in json.dumps(reply["parameters"], ensure_ascii=False).replace("\\\\", "\\"), reply
    daemon.call("Plan"), daemon.call("ListUnits"), daemon.call("Status")
    for text in (daemon.state / "history").glob("*.json"):
        text.read_text(encoding="utf-8", errors="strict")
    assert daemon.call("History")["parameters"]["runs"][0]["backup_id"] == reply["parameters"]["result"]["backup_id"]
    assert "cannot be read" not in daemon.log.read_text(errors="replace")
    assert world.run(world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "history", check=False).returncode in (0, 1, 3)


def test_history_written_before_stays_readable(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    backup_id = daemon.backup("one")["backup_id"]
    file = daemon.state / f"history/{backup_id}.json"
    file.write_bytes(file.read_bytes().replace(b'"one"', b'"one \xff"'))
    assert daemon.call("History")["parameters"]["runs"][0]["units"][0]["unit"] == "one \\377"
