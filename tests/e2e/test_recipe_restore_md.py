# SPDX-License-Identifier: MIT
"""RESTORE.md followed to the letter when everything is gone: networks, volumes, containers come back as they were."""
import json
import re
import shutil
import subprocess

import pytest

import world

PLUGIN = """#!/bin/sh
# docker compose by Debian's docker-compose: the words are the same.
[ "$1" = docker-cli-plugin-metadata ] && echo '{"SchemaVersion":"0.1.0","Vendor":"test","Version":"1","ShortDescription":"compose"}' && exit
shift
exec docker-compose "$@"
"""


@pytest.fixture
def networks(engine):
    yield
    engine.clean()
    for name in engine.docker("network", "ls", "-q", "--filter", "type=custom").stdout.split():
        engine.docker("network", "rm", name)


def recipe_of(daemon, unit):
    return daemon.call("Restore", {"unit": unit, "recipe_only": True})["parameters"]["recipe_directory"]


def follow(engine, daemon, directory, recipe, **more):
    """Every block, as root, in one shell, in the directory of the file."""
    home = directory / "home"
    plugin = home / ".docker/cli-plugins/docker-compose"
    plugin.parent.mkdir(parents=True, exist_ok=True)
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    blocks = re.findall(r"^```sh\n(.*?)^```$", open(f"{recipe}/RESTORE.md").read(), re.S | re.M)
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin:/usr/sbin", "HOME": str(home), "KOPIA_PASSWORD": daemon.password,
           "DOCKER_HOST": f"unix://{engine.socket}", "KOPIA_CHECK_FOR_UPDATES": "false", **more}
    return subprocess.run(["sh", "-e", "-c", "".join(blocks)], env=env, cwd=recipe, capture_output=True, text=True)


def gone(engine, *names):
    engine.clean()
    for name in names:
        engine.docker("network", "rm", name)


def same(before, after):
    """Config and HostConfig of two inspects, but for what an engine makes anew."""
    for i in (before, after):
        if i["Config"]["Hostname"] == i["Id"][:12]:
            del i["Config"]["Hostname"]
        for key in ("Binds", "Mounts"):  # said once as a bind, once as a mount
            i["HostConfig"].pop(key, None)
        for key in ("Volumes", "OnBuild"):
            i["Config"].pop(key, None)
        i["Config"]["Env"] = sorted(i["Config"]["Env"] or [])
        for key in ("AttachStdout", "AttachStderr"):
            i["Config"].pop(key, None)
        i["Mounts"] = sorted(({k: m.get(k) for k in ("Type", "Name", "Source", "Destination", "RW")} for m in i["Mounts"]),
                             key=lambda m: m["Destination"])
    for key in ("Config", "HostConfig", "Mounts"):
        assert after[key] == before[key], (key, {k: (before[key][k], after[key].get(k)) for k in before[key] if before[key][k] != after[key].get(k)}
                                           if isinstance(before[key], dict) else (before[key], after[key]))


def test_a_container_and_its_networks(engine, daemon, directory, networks):
    engine.docker("network", "create", "--subnet", "10.98.1.0/24", "--gateway", "10.98.1.9", "--ip-range", "10.98.1.128/25", "--internal", "--attachable",
                  "--label", "what=front net", "-o", "com.docker.network.bridge.name=kd-front", "front")
    engine.docker("network", "create", "--subnet", "10.98.2.0/24", "back")
    engine.docker("volume", "create", "--label", "a=b c", "data")
    bind = directory / "bi,nd\nx"
    bind.mkdir()
    (bind / "f").write_text("bound\n")
    (directory / "one.conf").write_text("single\n")
    engine.docker("create", "--name", "app", "--network", "front", "--ip", "10.98.1.130", "--network-alias", "appli", "-h", "apphost", "-e", "A=it's \"x\" $(y)",
                  "-e", "DB_PASSWORD=canary-run", "-l", "l.m=n\no", "-l", "e=", "--user", "0:0", "-w", "/tmp", "--restart", "on-failure:4", "-m", "256m",
                  "--cpus", "1.5", "--cap-add", "NET_ADMIN", "--cap-drop", "MKNOD", "--read-only", "--tmpfs", "/t:size=1m", "--ulimit", "nofile=512:1024",
                  "--stop-signal", "SIGTERM", "--stop-timeout", "7", "--health-cmd", "test -e /data/f", "--health-interval", "1s", "--health-retries", "2",
                  "--log-opt", "max-size=1m", "--add-host", "x:10.0.0.1", "--dns", "10.0.0.2", "--shm-size", "32m", "--pids-limit", "50", "--init",
                  "--security-opt", "no-new-privileges", "--expose", "1234", "--sysctl", "net.ipv4.ip_forward=1", "--device", "/dev/null:/dev/nil:r", "-t",
                  "-v", "data:/data", "-v", "/anon", "--mount", f'type=bind,"source={bind}",target=/bi', "-v", f"{directory}/one.conf:/etc/one.conf:ro",
                  "--entrypoint", "/bin/sh", "bb:latest", "-c", world.GOOD)
    engine.docker("network", "connect", "--alias", "second", "back", "app")
    engine.docker("start", "app")
    engine.sh("app", "echo one >/data/f; chown 12:34 /data/f; echo two >/anon/g")
    before, front = engine.inspect("app"), json.loads(engine.docker("network", "inspect", "front").stdout)[0]
    daemon.backup("app")
    recipe = recipe_of(daemon, "app")
    text = open(f"{recipe}/RESTORE.md").read()
    assert "canary" not in text and "- DB_PASSWORD of container app" in text
    gone(engine, "front", "back")
    shutil.rmtree(bind)
    (directory / "one.conf").unlink()

    r = follow(engine, daemon, directory, recipe)
    assert r.returncode != 0 and "DB_PASSWORD: its value was redacted" in r.stderr and not engine.running(), r.stdout + r.stderr
    r = follow(engine, daemon, directory, recipe, DB_PASSWORD="canary-run")
    assert r.returncode == 0, r.stdout + r.stderr
    after = engine.inspect("app")
    same(before, after)
    assert after["State"]["Running"]
    for name in ("front", "back"):
        old, new = before["NetworkSettings"]["Networks"][name], after["NetworkSettings"]["Networks"][name]
        assert new["IPAMConfig"] == old["IPAMConfig"]
        assert set(new["Aliases"]) - {after["Id"][:12]} == set(old["Aliases"]) - {before["Id"][:12]}
    again = json.loads(engine.docker("network", "inspect", "front").stdout)[0]
    for key in ("Driver", "Internal", "Attachable", "EnableIPv6", "IPAM", "Options", "Labels"):
        assert again[key] == front[key], key
    assert engine.sh("app", "cat /data/f /anon/g /bi/f /etc/one.conf; stat -c %u:%g /data/f") == "one\ntwo\nbound\nsingle\n12:34\n"
    assert json.loads(engine.docker("volume", "inspect", "data").stdout)[0]["Labels"] == {"a": "b c"}


def test_a_stopped_container_is_created_only(engine, daemon, directory):
    engine.docker("create", "--name", "idle", "--network", "none", "-v", "idle:/d", "bb:latest", "true")
    (engine.volume("idle") / "f").write_text("x\n")
    daemon.backup("idle")
    recipe = recipe_of(daemon, "idle")
    before = engine.inspect("idle")
    engine.clean()
    r = follow(engine, daemon, directory, recipe)
    assert r.returncode == 0, r.stdout + r.stderr
    after = engine.inspect("idle")
    same(before, after)
    assert after["State"]["Status"] == "created" and (engine.volume("idle") / "f").read_text() == "x\n"


def test_a_project(engine, daemon, directory, networks):
    """Real compose, with an anonymous volume, a network that is not its own, a secret in an env file, a service of a profile that
    ran, one that was stopped and one that never was."""
    project = directory / "shop"
    project.mkdir()
    (project / "compose.yml").write_text("""services:
  db: {image: "bb:latest", env_file: db.env, command: ["sh", "-c", 'trap "exit 0" TERM; while :; do sleep 0.1; done'], volumes: ["data:/data", "/anon"], networks: [inner, outer]}
  debug: {image: "bb:latest", profiles: [dev], network_mode: none}
  idle: {image: "bb:latest", network_mode: none}
  never: {image: "bb:latest", network_mode: none}
volumes: {data: {labels: {a: b}}}
networks: {inner: {}, outer: {external: true}}
""")
    (project / "over.yml").write_text('services: {db: {environment: {OVER: "1"}}}\n')
    (project / "db.env").write_text("DB_PASSWORD=canary\n")
    (project / "db.env").chmod(0o640)
    engine.docker("network", "create", "--label", "x=y", "outer")
    env = {"PATH": "/usr/bin:/bin", "DOCKER_HOST": f"unix://{engine.socket}", "HOME": str(directory)}
    files = ["-p", "shop", "-f", f"{project}/compose.yml", "-f", f"{project}/over.yml"]
    world.run("docker-compose", *files, "up", "-d", "--scale", "debug=2", "db", "debug", "idle", env=env, cwd="/")
    engine.docker("stop", "shop_idle_1")
    states = engine.all_states()
    assert states == {"shop_db_1": True, "shop_debug_1": True, "shop_debug_2": True, "shop_idle_1": False}
    engine.sh("shop_db_1", "echo one >/data/f; echo two >/anon/g")
    old_anonymous = [m["Name"] for m in engine.inspect("shop_db_1")["Mounts"] if m["Destination"] == "/anon"][0]
    daemon.backup("shop")
    recipe = recipe_of(daemon, "shop")
    gone(engine, "shop_inner", "outer")
    shutil.rmtree(project)

    r = follow(engine, daemon, directory, recipe)
    assert r.returncode != 0 and "put the secrets back" in r.stderr and not engine.running(), r.stdout + r.stderr
    assert (project / "db.env").stat().st_mode & 0o777 == 0o640
    (project / "db.env").write_text("DB_PASSWORD=canary\n")
    r = follow(engine, daemon, directory, recipe)
    assert r.returncode == 0, r.stdout + r.stderr
    assert engine.sh("shop_db_1", "cat /data/f /anon/g; echo $DB_PASSWORD $OVER") == "one\ntwo\ncanary 1\n"
    assert engine.all_states() == states, "what ran runs, and nothing else"
    new_anonymous = [m["Name"] for m in engine.inspect("shop_db_1")["Mounts"] if m["Destination"] == "/anon"][0]
    assert new_anonymous != old_anonymous
    assert set(engine.inspect("shop_db_1")["NetworkSettings"]["Networks"]) == {"shop_inner", "outer"}


def test_options_of_a_volume(engine, daemon, directory):
    """A volume that is a directory elsewhere, and one that a secret was redacted of."""
    place = directory / "place"
    place.mkdir()
    engine.docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={place}", "--label", "the.token=canary-label", "elsewhere")
    engine.container("app", volumes=["elsewhere:/d"])
    engine.sh("app", "echo x >/d/f")
    daemon.backup("app")
    recipe = recipe_of(daemon, "app")
    assert "the.token of volume elsewhere" in json.load(open(f"{recipe}/redacted.json"))["redacted"]
    assert "canary" not in open(f"{recipe}/volumes.json").read()
    engine.clean()
    shutil.rmtree(place)
    r = follow(engine, daemon, directory, recipe)
    assert r.returncode != 0 and "put what was redacted in place" in r.stderr and not engine.docker("volume", "ls", "-q").stdout
    text = open(f"{recipe}/RESTORE.md").read()
    text = re.sub(r"echo 'put what was redacted.*\nfalse\n", "", text).replace("***REDACTED***", "canary-label")
    open(f"{recipe}/RESTORE.md", "w").write(text)
    r = follow(engine, daemon, directory, recipe)
    assert r.returncode == 0, r.stdout + r.stderr
    assert engine.sh("app", "cat /d/f") == "x\n" and (place / "f").exists()


def test_a_project_whose_files_are_lost(engine, daemon, directory):
    """Without compose files the containers are written out like any others."""
    label = "com.docker.compose."
    engine.container("lost-db-1", "-l", f"{label}project.working_dir=/nowhere", "-l", f"{label}project.config_files=/nowhere/compose.yml",
                     "-v", "/anon", project="lost", service="db", volumes=["data:/d"])
    engine.sh("lost-db-1", "echo one >/d/f; echo two >/anon/f")
    warnings = daemon.backup("lost", state="warnings")["units"][0]["warnings"]
    assert len(warnings) == 1 and "/nowhere/compose.yml" in warnings[0]
    recipe = recipe_of(daemon, "lost")
    before = engine.inspect("lost-db-1")
    engine.clean()
    r = follow(engine, daemon, directory, recipe)
    assert r.returncode == 0, r.stdout + r.stderr
    same(before, engine.inspect("lost-db-1"))
    assert engine.sh("lost-db-1", "cat /d/f /anon/f") == "one\ntwo\n"
