# SPDX-License-Identifier: MIT
"""From a bundle and the repository to running containers, on a bare Debian with docker, kopia and GNU tar: a container
of its own image is that machine, an empty second engine is its Docker. None of our programs is on it."""
import json
import os
import re
import shutil
import socket
import subprocess

import pytest

import world


@pytest.fixture(scope="module")
def bare(one_engine):
    """A Debian of mmdebstrap's minbase and openssl, made once a machine."""
    image = world.debian("bare", "openssl,ca-certificates")
    with open(image, "rb") as f:
        one_engine.docker("import", "-", "bare:latest", stdin=f)
    return "bare:latest"


@pytest.fixture
def second():
    """The new machine's Docker: nothing in it but the image that a registry would give it."""
    with world.private_engine() as engine:
        yield engine


@pytest.fixture
def daemon(engine, directory):
    (directory / "project").mkdir()
    yield world.Daemon(engine, directory, backup__recovery_bundle_path=directory / "recovery",
                       backup__recovery_password_path=directory / "passwords").start().init()


class Machine:
    """The bare one. What it sees of the world: its engine, and what was carried to it."""

    def __init__(self, engine, image, second, *carried):
        self.base = ["run", "--rm", "--network", "none", "-e", f"DOCKER_HOST=unix://{second.socket}",
                     "-v", "/usr/bin/docker:/usr/bin/docker:ro", "-v", f"{shutil.which('kopia')}:/usr/local/bin/kopia:ro",
                     "-v", f"{second.directory}:{second.directory}"]
        for path in carried:
            self.base += ["-v", f"{path}:{path}"]
        self.engine, self.image = engine, image

    def sh(self, script, check=0, **environment):
        words = [w for k, v in environment.items() for w in ("-e", f"{k}={v}")]
        r = self.engine.docker(*self.base, *words, self.image, "sh", "-c", script, check=False)
        assert r.returncode == check, f"{script}\nexit {r.returncode}\n{r.stdout}\n{r.stderr}"
        return r


def open_steps(directory):
    """The README's first two commands, as they stand there but for the place it is opened at."""
    readme = next((directory / "recovery").glob("*.README")).read_text()
    steps = "\n".join(re.findall(r"^    ((?:sha256sum|mkdir|openssl) .*)$", readme, re.M)[:3])
    return f"set -e; cd {directory}/recovery\n" + steps.replace("/root/recovery", f"{directory}/root/recovery") + "\n"


def test_from_bundle_and_repository_to_the_data(engine, daemon, directory, bare, second):
    engine.docker("volume", "create", "--label", "a=b c", "data")
    engine.container("web", "-e", "PLAIN=visible", volumes=["data:/data", f"{directory}/project/site:/site"])
    engine.sh("web", "echo before > /data/f; chown 12:34 /data/f; echo index > /site/index")
    daemon.backup()
    daemon.ctl("disaster-recovery", check=0)
    engine.sh("web", "echo newer-than-the-bundle > /data/f")
    daemon.backup()
    # the disaster; the repository's disk comes up at another place
    daemon.stop()
    engine.clean()
    shutil.rmtree(daemon.state)
    shutil.rmtree(directory / "project")
    (directory / "project").mkdir()
    daemon.repo.rename(directory / "elsewhere")
    machine = Machine(engine, bare, second, directory / "recovery", directory / "passwords", directory / "elsewhere",
                      directory / "project", directory / "root")
    opened = f"{directory}/root/recovery"
    machine.sh(open_steps(directory))
    r = machine.sh(f"sh {opened}/recover.sh", check=1)
    assert f"there is no kopia repository in {daemon.repo}" in r.stderr and "--repository DIRECTORY" in r.stderr
    where = f"sh {opened}/recover.sh --repository {directory}/elsewhere"
    r = machine.sh(f"{where} --list", check=0)
    assert len(r.stdout.splitlines()) == 2 and all(re.fullmatch(r"web \d{8}T\d{6}Z complete", line) for line in r.stdout.splitlines())
    r = machine.sh(where)
    assert "web: its data is back" in r.stdout
    assert second.volume("data").joinpath("f").read_text() == "newer-than-the-bundle\n"
    assert (second.volume("data") / "f").stat().st_uid == 12
    assert (directory / "project/site/index").read_text() == "index\n"
    assert second.docker("volume", "inspect", "-f", "{{.Labels.a}}", "data").stdout == "b c\n"


# --- storage that is no directory -----------------------------------------------------------------


class Storage:
    """A server on loopback, by rclone. kopia reaches it by webdav, and keeps the password in its configuration; or by
    rclone, and keeps but the path of a file that has it."""

    def __init__(self, directory):
        self.data, self.credentials = directory / "remote", directory / "rclone.conf"
        self.data.mkdir()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = directory / "rclone.log"
        self.process = subprocess.Popen(["rclone", "serve", "webdav", "--addr", f"127.0.0.1:{self.port}", "--user", "keeper",
                                         "--pass", "storage-secret-5c1d", self.data],
                                        stdout=open(self.log, "ab"), stderr=subprocess.STDOUT, env={**os.environ, "HOME": str(directory)})
        world.until(self.answers, "rclone answers")

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def repository(self, provider):
        url = f"http://127.0.0.1:{self.port}"
        if provider == "webdav":
            return ["webdav", f"--url={url}", "--webdav-username=keeper", "--webdav-password=storage-secret-5c1d"]
        hidden = world.run("rclone", "obscure", "storage-secret-5c1d").stdout
        self.credentials.write_text(f"[keeper]\ntype = webdav\nurl = {url}\nvendor = other\nuser = keeper\npass = {hidden}\n")
        return ["rclone", "--remote-path=keeper:kopia", f"--rclone-args=--config={self.credentials}"]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.mark.parametrize("provider", ["webdav", "rclone"])
def test_credentials_of_remote_storage_are_inside_and_work(engine, directory, provider):
    storage = Storage(directory)
    try:
        daemon = world.Daemon(engine, directory, kopia__repository_path=None, kopia__repository=json.dumps(storage.repository(provider)),
                              backup__recovery_bundle_path=directory / "recovery", backup__recovery_password_path=directory / "passwords")
        daemon.start().init()
        engine.container("web", volumes=["data:/data"])
        daemon.backup()
        daemon.ctl("disaster-recovery", check=0)
        daemon.stop()
        # what was on this host and not in the bundle is gone
        shutil.rmtree(daemon.state)
        storage.credentials.unlink(missing_ok=True)
        (directory / "root").mkdir()
        world.run("sh", "-c", open_steps(directory))
        clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(directory / "root")}
        r = world.run("sh", directory / "root/recovery/recover.sh", "--list", env=clean)
        assert re.fullmatch(r"web \d{8}T\d{6}Z complete\n", r.stdout)
    finally:
        storage.stop()
