# SPDX-License-Identifier: MIT
"""Questions cost the daemon children: few at a time, one for those who ask the same, and none for those who have gone."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

import world

BLOCK = 'case " $* " in *" snapshot list "*) while [ -e DIR/block ]; do sleep 0.1; done;; esac'

ABUSE = """
import json, os, socket, sys
path, seconds = sys.argv[1], float(sys.argv[2])
import time
end = time.monotonic() + seconds
kept = []
n = 0
while time.monotonic() < end:
    n += 1
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(1)
    try:
        s.connect(path)
        kind = n % 8
        if kind < 4:
            call = {"method": "io.kopidocka." + ("ListRestorePoints", "Plan", "Doctor", "PlanRetention")[kind],
                    "parameters": {"unit": str(n)} if kind in (0, 3) else {}}
            s.sendall(json.dumps(call).encode() + b"\\0")
            s.close()
            continue
        if kind == 4:
            s.sendall(b'{"method":"io.kopidocka.Subscribe","more":true}\\0')
            s.shutdown(socket.SHUT_WR)
        elif kind == 5:
            s.sendall(b"x" * 500000)
        elif kind == 6:
            s.sendall(b'{"method":"io.kopidocka.History"}\\0' * 50)
        else:
            s.sendall(b'{"method":"io.kopidocka.Status\\\\u0000"}\\0')
        kept.append(s)
        kept[:] = kept[-40:]
    except OSError:
        s.close()
print(n)
"""


def send(daemon, method, parameters=None):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(str(daemon.socket))
    s.sendall(json.dumps({"method": f"io.kopidocka.{method}", "parameters": parameters or {}}).encode() + b"\0")
    return s


def hear(s):
    data = b""
    while not data.endswith(b"\0"):
        block = s.recv(65536)
        assert block, "closed"
        data += block
    return json.loads(data[:-1])


def children(daemon, word="snapshot list"):
    """Of the daemon, those that run kopia with this command."""
    found = 0
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((p / "stat").read_text().rpartition(")")[2].split()[1])
            line = (p / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += parent == daemon.process.pid and word in line
    return found


@pytest.fixture
def blocked(engine, directory):
    """A daemon whose kopia lists nothing while the file "block" is there."""
    program = world.kopia_wrapper(directory, BLOCK.replace("DIR", str(directory)))
    daemon = world.Daemon(engine, directory, kopia__program=program).start().init()
    engine.container("one", volumes=["vol:/data"])
    daemon.backup("one")
    (directory / "block").touch()
    os.chmod(directory, 0o755)
    os.chmod(daemon.socket, 0o666)
    yield daemon
    (directory / "block").unlink(missing_ok=True)


def as_nobody(script, *argv):
    return subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", script, *map(str, argv)],
                            stdout=subprocess.PIPE, text=True)


def test_who_hangs_up_leaves_nothing(blocked):
    """60 hang-ups were 39 kopias and 4 GiB."""
    most = 0
    for n in range(60):
        s = send(blocked, "ListRestorePoints", {"unit": f"u{n}"})
        blocked.call("Status")  # it was taken
        s.close()
        most = max(most, children(blocked))
    assert most <= 6
    blocked.call("Status")
    world.until(lambda: children(blocked) == 0, "they are ended, though kopia would go on for ever")
    (blocked.directory / "block").unlink()
    assert blocked.call("ListRestorePoints", {"unit": "one"})["parameters"]["restore_points"]


def test_few_at_a_time_and_the_others_wait(blocked):
    held = [send(blocked, "ListRestorePoints", {"unit": f"u{n}"}) for n in range(20)]
    world.until(lambda: children(blocked) == 6, "six are asked")
    blocked.call("Status")
    assert children(blocked) == 6
    (blocked.directory / "block").unlink()
    assert all(hear(s)["parameters"]["restore_points"] == [] for s in held)


def test_another_user_takes_no_more_than_its_share(blocked):
    script = ("import json, socket, sys, time\nkept = []\nfor n in range(12):\n"
              "    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); kept.append(s)\n"
              "    s.sendall(json.dumps({'method': 'io.kopidocka.ListRestorePoints', 'parameters': {'unit': str(n)}}).encode() + b'\\0')\n"
              "print('sent', flush=True)\nsys.stdin.read()\n")
    p = subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", script, str(blocked.socket)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    world.until(lambda: children(blocked) == 2, "two of a user's are asked")
    s = send(blocked, "ListRestorePoints", {"unit": "one"})
    world.until(lambda: children(blocked) == 3, "root is not kept waiting")
    p.stdin.close()
    p.wait(10)
    world.until(lambda: children(blocked) == 1, "those of who has gone are ended")
    (blocked.directory / "block").unlink()
    assert hear(s)["parameters"]["restore_points"]


def test_one_question_asked_twice_is_one_child(blocked):
    held = [send(blocked, "ListRestorePoints", {"unit": "one"}) for _ in range(5)]
    world.until(lambda: children(blocked) == 1, "it is asked")
    held.pop(0).close()  # who asked first goes: the others are still told
    blocked.call("Reload")  # what was asked before is not the answer to what is asked now
    later = send(blocked, "ListRestorePoints", {"unit": "one"})
    world.until(lambda: children(blocked) == 2, "it is asked anew")
    (blocked.directory / "block").unlink()
    replies = [hear(s) for s in (*held, later)]
    assert all(r == replies[0] for r in replies) and len(replies[0]["parameters"]["restore_points"]) == 1
    for s in held:  # the connection goes on
        s.sendall(b'{"method":"io.kopidocka.Status"}\0')
        assert hear(s)["parameters"]["pid"] == blocked.process.pid


def test_abuse_beside_a_backup(engine, directory):
    """Law 9: whatever another user does on the socket, Status answers within a second, and the backup is good."""
    daemon = world.Daemon(engine, directory).start().init()
    os.chmod(directory, 0o755)
    os.chmod(daemon.socket, 0o666)
    engine.container("big", volumes=["vol:/data"])
    with open(engine.volume("vol") / "data", "wb") as f:
        for _ in range(150):
            f.write(os.urandom(1 << 20))
    abuse = [as_nobody(ABUSE, daemon.socket, 8) for _ in range(2)]
    results = []
    backup = threading.Thread(target=lambda: results.append(daemon.call("Backup", {"units": ["big"]})))
    backup.start()
    slowest = most = 0
    while backup.is_alive() or any(p.poll() is None for p in abuse):
        begin = time.monotonic()
        assert "version" in daemon.call("Status")["parameters"]
        slowest = max(slowest, time.monotonic() - begin)
        most = max(most, children(daemon, "kopia"))
        time.sleep(0.05)
    backup.join()
    print(f"\nStatus at the slowest {slowest * 1000:.0f} ms, {most} kopias at the most")
    assert slowest < 1 and results[0]["parameters"]["result"]["state"] == "ok"
    assert all(int(p.communicate()[0]) > 50 for p in abuse)
