# SPDX-License-Identifier: MIT
"""What the benchmarks share: a world of their own, the engine's API as the daemon uses it, and how a figure is printed.
A figure is a ratio against something run beside it, in turn, or a limit that the host's speed does not move."""
import contextlib
import http.client
import pathlib
import socket
import statistics
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/e2e"))
import world  # noqa: E402

median = statistics.median


@contextlib.contextmanager
def engine():
    with world.private_engine() as e:
        yield e, e.directory.parent


class Api(http.client.HTTPConnection):
    """One POST to the engine on a connection of its own, as the daemon sends it."""

    def __init__(self, path):
        super().__init__("docker")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def post(e, path):
    api = Api(e.socket)
    api.request("POST", f"/v1.41{path}", headers={"Content-Length": "0"})
    assert api.getresponse().status in (204, 304), path
    api.close()


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def together(e, paths):
    """Seconds until the last of these requests is answered, all sent at once."""
    threads = [threading.Thread(target=post, args=(e, p)) for p in paths]

    def work():
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    return timed(work)


def floor(e, names):
    """Stop and start of these containers and nothing else: no window can be shorter."""
    return together(e, [f"/containers/{n}/stop?t=30" for n in names]) + together(e, [f"/containers/{n}/start" for n in names])


class Verdict:
    """Prints each figure with its limit; status() is the exit status."""

    def __init__(self):
        self.bad = 0

    def at_least(self, what, value, limit, detail=""):
        self.say(what, value, limit, value >= limit, ">=", detail)

    def at_most(self, what, value, limit, detail=""):
        self.say(what, value, limit, value <= limit, "<=", detail)

    def say(self, what, value, limit, good, sign, detail):
        print(f"{'ok  ' if good else 'MISS'}  {what}: {value:.2f} ({sign} {limit})  {detail}", flush=True)
        self.bad += not good

    def status(self):
        return 1 if self.bad else 0
