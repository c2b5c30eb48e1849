# SPDX-License-Identifier: MIT
"""The world the end-to-end tests run in: a private dockerd, images without a registry, the daemon and
its client from the build tree. Everything below one temporary directory; processes are ended by their id."""
import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import tempfile
import termios
import threading
import time
import zlib

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KOPI_DOCKA_BUILD", TOP / "build"))
CACHE = pathlib.Path(os.environ.get("KOPI_DOCKA_TEST_CACHE", "/var/cache/kopi-docka-test"))
GOOD = 'trap "exit 0" TERM; while :; do sleep 0.1; done'
STUBBORN = 'trap "" TERM; while :; do sleep 0.1; done'


def run(*argv, check=True, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    r = subprocess.run([str(a) for a in argv], text=kw.pop("text", True), **kw)
    if check and r.returncode != 0:
        raise AssertionError(f"{argv} exited with {r.returncode}: {r.stdout}\n{r.stderr}")
    return r


def until(condition, what, seconds=60):
    """Wait for a condition, never for time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def debian(name, packages):
    """The tar of a minimal Debian with these packages, made once a machine."""
    image = CACHE / f"images/{name}-{zlib.crc32(packages.encode()):08x}.tar"
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        new = f"{image}.{os.getpid()}.tar"  # another process may make it at the same time: the last one stays
        run("mmdebstrap", "--variant=minbase", f"--include={packages}", "bookworm", new)
        os.rename(new, image)
    return image


class Engine:
    """A dockerd of our own, with no effect on the host's."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "docker.sock"
        self.process = None
        self.data = self.directory / "data"

    def start(self):
        (self.directory / "exec").mkdir(parents=True, exist_ok=True)
        pid = self.directory / "pid"
        if pid.exists():
            pid.unlink()
        self.process = subprocess.Popen(
            ["dockerd", "--data-root", self.data, "--exec-root", self.directory / "exec", "-H", f"unix://{self.socket}",
             "-p", pid, "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"],
            stdout=open(self.directory / "log", "ab"), stderr=subprocess.STDOUT, start_new_session=True)
        until(lambda: self.docker("version", check=False).returncode == 0, "dockerd answers", 60)

    def stop(self, hard=False):
        self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        self.process.wait(60)
        if hard:  # containerd dies with it; where nobody reaps it, the next dockerd would wait for its id
            (self.directory / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def docker(self, *argv, **kw):
        return run("/usr/bin/docker", "-H", f"unix://{self.socket}", *argv, **kw)

    def remove(self):
        """Whatever state it is in: nothing of it stays, also where dockerd itself does not answer any more."""
        containers = self.docker("ps", "-aq", check=False).stdout.split()
        if containers:
            self.docker("rm", "-f", "-v", *containers, check=False)
        if self.process and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.stop(hard=True)
        for left in self.leftovers():
            os.kill(left, signal.SIGKILL)
        for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
            place = line.split()[4]
            if place.startswith(str(self.directory)):
                run("umount", "-l", place, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def leftovers(self):
        """containerd and its shims outlive a dockerd that was killed: found by our directory in their arguments."""
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (p / "cmdline").read_bytes()
            except OSError:
                continue
            if pathlib.Path(os.fsdecode(words.split(b"\0")[0])).name.startswith("containerd") and \
                    os.fsencode(f"{self.directory}/exec/") in words:
                yield int(p.name)

    # --- images and containers ---------------------------------------------------------------

    def import_busybox(self):
        root = self.directory / "busybox"
        (root / "bin").mkdir(parents=True)
        (root / "tmp").mkdir()
        shutil.copy("/bin/busybox", root / "bin/busybox")
        for name in run("/bin/busybox", "--list").stdout.split():
            if not (root / "bin" / name).exists():
                (root / "bin" / name).symlink_to("busybox")
        tar = subprocess.run(["tar", "-C", root, "-cf", "-", "."], stdout=subprocess.PIPE, check=True).stdout
        self.docker("import", "--change", f'CMD ["/bin/sh","-c","{GOOD}"]'.replace('"exit 0"', '\\"exit 0\\"'), "-", "bb:latest",
                    input=tar, text=False)

    def import_databases(self):
        """PostgreSQL and Redis from Debian's packages, made once a machine."""
        image = debian("databases", "postgresql-15,redis-server")
        with open(image, "rb") as f:
            self.docker("import", "-", "db:latest", stdin=f)

    def container(self, name, *options, command=None, image="bb:latest", project=None, service=None, depends_on="", volumes=()):
        labels = []
        if project:
            label = "com.docker.compose."
            labels = ["-l", f"{label}project={project}", "-l", f"{label}service={service}", "-l", f"{label}oneoff=False",
                      "-l", f"{label}container-number=1", "-l", f"{label}depends_on={depends_on}"]
        mounts = [x for v in volumes for x in ("-v", v)]
        argv = command if isinstance(command, list) else ["/bin/sh", "-c", command or GOOD]
        return self.docker("run", "-d", "--name", name, "--network", "none", *labels, *mounts, *options, image,
                           *argv).stdout.strip()

    def sh(self, name, script, check=True):
        return self.docker("exec", name, "sh", "-c", script, check=check).stdout

    def inspect(self, name):
        return json.loads(self.docker("inspect", name).stdout)[0]

    def running(self):
        """{name: StartedAt} of what runs."""
        names = self.docker("ps", "--format", "{{.Names}}").stdout.split()
        return {n: self.inspect(n)["State"]["StartedAt"] for n in names}

    def all_states(self):
        names = self.docker("ps", "-a", "--format", "{{.Names}}").stdout.split()
        return {n: self.inspect(n)["State"]["Running"] for n in names}

    def clean(self):
        for find, remove in ((("ps", "-aq"), ("rm", "-f", "-v")), (("volume", "ls", "-q"), ("volume", "rm", "-f"))):
            found = self.docker(*find).stdout.split()
            if found:
                self.docker(*remove, *found)

    def volume(self, name):
        return pathlib.Path(self.docker("volume", "inspect", "-f", "{{.Mountpoint}}", name).stdout.strip())


@contextlib.contextmanager
def private_engine():
    """A running one with a busybox image, in a directory of its own; nothing of it stays."""
    directory = scratch()
    engine = Engine(directory / "engine")
    engine.directory.mkdir()
    try:
        engine.start()
        engine.import_busybox()
        yield engine
    finally:
        Daemon.end_all()
        engine.remove()
        shutil.rmtree(directory, ignore_errors=True)


class Relay(socketserver.ThreadingUnixStreamServer):
    """Between daemon and engine: passes on, and puts in what a test wants the engine to say."""
    daemon_threads = True

    def __init__(self, path, engine, api=None, info=None):
        self.engine, self.api, self.info, self.asked = engine, api, info or {}, []
        self.refused = None  # part of a path: such requests get no answer
        super().__init__(str(path), RelayHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class RelayHandler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline().decode().split()
            if not line:
                return
            headers = http.client.parse_headers(self.rfile)
            self.server.asked.append((line[0], line[1]))
            if self.server.refused and self.server.refused in line[1]:
                return
            body = self.rfile.read(int(headers.get("Content-Length") or 0))
            status, reply, api = self.ask(line[0], line[1], body)
            if line[1].endswith("/info"):
                reply = json.dumps({**json.loads(reply), **self.server.info}).encode()
            self.wfile.write(f"HTTP/1.1 {status} X\r\nApi-Version: {self.server.api or api}\r\nContent-Length: {len(reply)}\r\n\r\n"
                             .encode() + reply)

    def ask(self, method, path, body):
        c = http.client.HTTPConnection("localhost")
        c.sock = socket.socket(socket.AF_UNIX)
        c.sock.connect(str(self.server.engine.socket))
        c.request(method, path, body or None)
        r = c.getresponse()
        return r.status, r.read(), r.headers.get("Api-Version")


class Varlink:
    def __init__(self, path):
        self.path = str(path)

    def call(self, method, parameters=None, more=False, interface="io.kopidocka"):
        """The last reply, or with more all of them."""
        replies = []
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(300)
            s.connect(self.path)
            message = {"method": f"{interface}.{method}", "parameters": parameters or {}}
            if more:
                message["more"] = True
            s.sendall(json.dumps(message).encode() + b"\0")
            data = b""
            while True:
                while b"\0" in data:
                    text, data = data.split(b"\0", 1)
                    reply = json.loads(text)
                    replies.append(reply)
                    if not reply.get("continues"):
                        return replies if more else reply
                block = s.recv(65536)
                if not block:
                    raise ConnectionError("the daemon broke off")
                data += block


class Daemon:
    started = []  # of this test: ended with it, whatever became of it

    def __init__(self, engine, directory, **keys):
        self.engine = engine
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.repo = self.directory / "repo"
        self.state = self.directory / "state"
        self.socket = self.directory / "run/io.kopidocka"
        self.conf = self.directory / "kopi-docka.conf"
        self.password = "a-password-of-the-tests"
        self.process = None
        self.log = self.directory / "daemon.log"
        self.configure(**keys)

    def configure(self, **keys):
        sections = {"kopia": {"repository_path": self.repo, "password": self.password}, "logging": {"level": "DEBUG"},
                    "paths": {"state": self.state, "runtime": self.directory / "run", "cache": self.directory / "cache"},
                    "docker": {"socket": self.engine.socket}, "backup": {"stop_timeout": 5, "start_timeout": 10}}
        for key, value in keys.items():
            section, name = key.split("__")
            sections.setdefault(section, {})[name] = value
        text = "".join(f"[{s}]\n" + "".join(f"{k} = {v}\n" for k, v in kv.items() if v is not None) for s, kv in sections.items())
        self.conf.write_text(text)
        self.conf.chmod(0o600)

    def start(self, *argv, wait=True, **env):
        self.process = subprocess.Popen([BUILD / "daemon/kopi-dockad", "--config", self.conf, *argv], stdout=open(self.log, "ab"),
                                        stderr=subprocess.STDOUT, env={**os.environ, **env})
        Daemon.started.append(self.process)
        if wait:
            until(lambda: self.alive() and self.answers(), "the daemon answers")
        return self

    def alive(self):
        assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}: {self.log.read_text()[-2000:]}"
        return True

    def answers(self):
        try:
            return "parameters" in self.call("Status")
        except OSError:
            return False

    @classmethod
    def end_all(cls):
        for p in cls.started:
            if p.poll() is None:
                p.kill()
                p.wait(10)
        cls.started.clear()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(120) == 0
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def call(self, method, parameters=None, more=False):
        return Varlink(self.socket).call(method, parameters, more)

    def ctl(self, *argv, check=None, **kw):
        r = run(BUILD / "client/kopi-dockactl", "--socket", self.socket, *argv, check=False, **kw)
        if check is not None:
            assert r.returncode == check, f"{argv}: exit {r.returncode}\n{r.stdout}\n{r.stderr}\n{self.log.read_text()[-3000:]}"
        return r

    def init(self):
        self.ctl("init", check=0)
        return self

    def backup(self, *units, state="ok"):
        reply = self.call("Backup", {"units": list(units)} if units else {})
        result = reply["parameters"].get("result")
        assert result, reply
        assert result["state"] == state, json.dumps(result, indent=1) + self.log.read_text()[-3000:]
        return result

    def temporaries(self):
        """What is there only while something is under way."""
        found = [*(self.directory / "cache/staging").glob("*"), *(self.state / "restored/.new").glob("*"), *self.state.rglob("*.unfinished"),
                 *self.directory.glob("*/*.new")]
        return [str(p) for p in found if p.name != ".new"]

    def kopia(self, *argv, **kw):
        env = {**os.environ, "KOPIA_PASSWORD": self.password, "KOPIA_CHECK_FOR_UPDATES": "false", "HOME": str(self.directory)}
        return run("kopia", f"--config-file={self.state}/repository.config", "--no-auto-maintenance", *argv, env=env, **kw)


def kopia_wrapper(directory, script=""):
    """A kopia that writes down what it is asked (asked()); where the shell lines say so it does something else."""
    program = directory / "kopia"
    program.write_text(f'#!/bin/sh\necho "$*" >> {directory}/kopia.log\n{script}\nexec kopia "$@"\n')
    program.chmod(0o755)
    return program


def asked(directory, what):
    return [line for line in (directory / "kopia.log").read_text().splitlines() if f" {what} " in f"{line} "]


def scratch():
    return pathlib.Path(tempfile.mkdtemp(prefix="kopi-docka-", dir="/var/tmp"))


class FakeDaemon:
    """A socket that answers as a daemon would, from a table, and remembers what it was asked: for what a real one
    would take long to have, or would never do."""

    def __init__(self, path):
        self.path = str(path)
        self.calls = []
        self.points = []
        self.replies = {}  # method: a function of the parameters that gives the messages; a callable among them is called
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(s,), daemon=True).start()

    def answer(self, s):
        with s:
            data = b""
            while b"\0" not in data:
                block = s.recv(65536)
                if not block:
                    return
                data += block
            call = json.loads(data.split(b"\0")[0])
            method = call["method"].rpartition(".")[2]
            self.calls.append((method, call.get("parameters", {})))
            if method == "ListRestorePoints":
                replies = [{"parameters": {"restore_points": self.points}}]
            else:
                replies = self.replies[method](call.get("parameters", {}))
            for r in replies:
                if callable(r):
                    r()
                else:
                    s.sendall(json.dumps(r).encode() + b"\0")

    def close(self):
        self.listener.close()


class Terminal:
    """A program on a real pty, as the leader of its session: what it prints, and what is typed at it."""

    def __init__(self, *argv, columns=80, rows=24, **env):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave  # kept: the last close would hang the terminal up
        self.output = ""
        self.seen = 0
        self.process = subprocess.Popen([str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env={**os.environ, "TERM": "xterm", **env})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)

    def read(self):
        while select.select([self.master], [], [], 0.02)[0]:
            self.output += os.read(self.master, 65536).decode(errors="replace").replace("\r\n", "\n")
        return self.output

    def expect(self, text, seconds=60):
        """Wait until it has printed ${text}, behind what was expected before. Returns what came up to there."""
        try:
            until(lambda: text in self.read()[self.seen:] or self.process.poll() is not None, text, seconds)
            start, self.seen = self.seen, self.read().index(text, self.seen) + len(text)
        except (AssertionError, ValueError):
            raise AssertionError(f"{text!r} was not printed: {self.output[self.seen:]!r}") from None
        return self.output[start:self.seen]

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def key(self, letter):
        """Ctrl and a letter."""
        os.write(self.master, bytes([ord(letter) & 0x1f]))

    def end(self, seconds=60):
        """The exit status; the terminal must be as it was."""
        until(lambda: self.read() is not None and self.process.poll() is not None, "the program ends", seconds)
        self.read()
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode
