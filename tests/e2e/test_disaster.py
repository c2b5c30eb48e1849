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
from test_recipe_restore_md import PLUGIN


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


def disaster(engine, daemon, directory):
    """Everything of the old machine is gone, but for bundle, passphrase and repository; its disk comes up elsewhere."""
    daemon.stop()
    engine.clean()
    shutil.rmtree(daemon.state)
    shutil.rmtree(directory / "project")
    (directory / "project").mkdir()
    daemon.repo.rename(directory / "elsewhere")


def carried(directory):
    return [directory / name for name in ("recovery", "passwords", "elsewhere", "project", "root")]


def make_project(engine, directory):
    """A compose project, by Debian's compose."""
    project = directory / "project/shop"
    project.mkdir()
    (project / "compose.yml").write_text(f"""version: "2.4"
services:
  db:
    image: bb:latest
    command: ["/bin/sh", "-c", "{world.GOOD.replace('"', chr(92) + '"')}"]
    network_mode: none
    volumes: ["data:/data"]
volumes: {{data: {{}}}}
""")
    world.run("docker-compose", "-p", "shop", "-f", project / "compose.yml", "up", "-d", cwd="/",
              env={**os.environ, "DOCKER_HOST": f"unix://{engine.socket}"})
    [name] = [n for n in engine.running() if "shop" in n]
    engine.sh(name, "echo orders > /data/f")


def test_from_bundle_and_repository_to_running_containers(engine, daemon, directory, bare, second):
    engine.docker("volume", "create", "--label", "a=b c", "data")
    engine.container("web", "-e", "PLAIN=visible", volumes=["data:/data", f"{directory}/project/site:/site"])
    engine.container("secretive", "-e", "API_TOKEN=sesame-0b7e")
    make_project(engine, directory)
    engine.sh("web", "echo before > /data/f; chown 12:34 /data/f; echo index > /site/index")
    daemon.backup()
    daemon.ctl("disaster-recovery", check=0)
    engine.sh("web", "echo newer-than-the-bundle > /data/f")
    daemon.backup("web")
    disaster(engine, daemon, directory)
    machine = Machine(engine, bare, second, *carried(directory))
    machine.sh(open_steps(directory))
    recover = f"sh {directory}/root/recovery/recover.sh"
    r = machine.sh(recover, check=1)
    assert f"there is no kopia repository in {daemon.repo}" in r.stderr and "--repository DIRECTORY" in r.stderr
    recover += f" --repository {directory}/elsewhere"
    points = machine.sh(f"{recover} --list").stdout.splitlines()
    assert [p.split()[0] for p in points] == ["secretive", "shop", "web", "web"] and all(p.endswith(" complete") for p in points)
    # one call brings all that it can; what is left says what it wants
    r = machine.sh(recover, check=1)
    assert "web: runs again" in r.stdout and "shop: its data is back, but docker compose is not installed" in r.stderr
    assert "API_TOKEN: its value was redacted: set it first" in r.stderr and "secretive: its data is back, but" in r.stderr
    assert second.volume("data").joinpath("f").read_text() == "newer-than-the-bundle\n"
    assert (second.volume("data") / "f").stat().st_uid == 12
    assert second.docker("volume", "inspect", "-f", "{{.Labels.a}}", "data").stdout == "b c\n"
    assert second.volume("shop_data").joinpath("f").read_text() == "orders\n"
    assert list(second.running()) == ["web"]
    assert second.sh("web", "cat /data/f /site/index; echo $PLAIN") == "newer-than-the-bundle\nindex\nvisible\n"
    # called again it goes on from there: a secret is put back, compose is installed
    r = machine.sh(recover, check=1, API_TOKEN="open-again")
    assert "web: was started by an earlier call" in r.stdout and "secretive: runs again" in r.stdout
    assert second.sh("secretive", "echo $API_TOKEN") == "open-again\n"
    plugin = directory / "root/.docker/cli-plugins/docker-compose"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    r = world.run("sh", "-c", recover, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(directory / "root"),
                                            "DOCKER_HOST": f"unix://{second.socket}"})
    assert "shop: runs again" in r.stdout
    [name] = [n for n in second.running() if "shop" in n]
    assert second.sh(name, "cat /data/f") == "orders\n"
    assert (directory / "project/shop/compose.yml").exists()


def test_what_is_in_the_way_stays(engine, daemon, directory, bare, second):
    engine.container("web", volumes=["data:/data"])
    engine.sh("web", "echo saved > /data/f")
    daemon.backup()
    daemon.ctl("disaster-recovery", check=0)
    disaster(engine, daemon, directory)
    second.docker("volume", "create", "data")
    (second.volume("data") / "f").write_text("someone's\n")
    machine = Machine(engine, bare, second, *carried(directory))
    machine.sh(open_steps(directory))
    recover = f"sh {directory}/root/recovery/recover.sh --repository {directory}/elsewhere"
    r = machine.sh(recover, check=1)
    assert "is there already, and not empty: move it away first" in r.stderr
    assert (second.volume("data") / "f").read_text() == "someone's\n" and not second.running()
    (second.volume("data") / "f").unlink()
    r = machine.sh(f"{recover} --unit web --no-start")
    assert "web: its data is back" in r.stdout and not second.running()
    assert (second.volume("data") / "f").read_text() == "saved\n"
    # what is asked for and not there, and what is wrong, each a sentence
    assert "there is no complete restore point of shop" in machine.sh(f"{recover} --unit shop", check=1).stderr
    assert "invalid repository password" in machine.sh(recover, check=1, KOPIA_PASSWORD="wrong").stderr
    assert "no Docker engine answers" in machine.sh(recover, check=1, DOCKER_HOST="unix:///nowhere").stderr
    assert "kopia is not installed" in machine.sh(f"PATH=/usr/bin {recover}", check=1).stderr


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
