# SPDX-License-Identifier: MIT
"""The recipe: what it has, what it must not have. That RESTORE.md is enough: test_recipe_restore_md.py."""
import json
import os
import subprocess

import pytest

import world


@pytest.fixture
def stack(engine, directory):
    project = directory / "project"
    project.mkdir()
    (project / "compose.yml").write_text("services: {}\n")
    (project / "override.yml").write_text("# override\n")
    (project / ".env").write_text("A=b\n")
    label = "com.docker.compose."
    engine.docker("volume", "create", "--label", "a=b c", "shopdata")
    engine.container("shop-db-1", "-l", f"{label}project.working_dir={project}", "-l", f"{label}project.environment_file={project}/.env", "-l", f"{label}project.config_files={project}/compose.yml,{project}/override.yml",
                     "-e", "DB_PASSWORD=canary-7f3a", "-e", "PLAIN=visible", "-l", "my.token=canary-label", project="shop", service="db",
                     volumes=["shopdata:/data"], command="echo canary-7f3a >/dev/null; " + world.GOOD)
    engine.sh("shop-db-1", "echo one > /data/f; chown 12:34 /data/f")
    return project


def test_content(engine, daemon, stack):
    daemon.backup("shop")
    engine.clean()
    reply = daemon.call("Restore", {"unit": "shop"})["parameters"]
    recipe = reply["recipe_directory"]
    assert os.stat(recipe).st_mode & 0o777 == 0o700
    text = ""
    for top, _, files in os.walk(recipe):
        for f in files:
            text += open(os.path.join(top, f)).read()
    for name in ("RESTORE.md", "unit.json", "volumes.json", "networks.json", "result.json", "inspect/shop-db-1.json",
                 f"compose{stack}/compose.yml", f"compose{stack}/override.yml", f"compose{stack}/.env"):
        assert os.path.exists(os.path.join(recipe, name)), name
    assert "canary" not in text, "a secret is in the recipe"
    assert "PLAIN=visible" in text and "***REDACTED***" in text and "DB_PASSWORD" in open(recipe + "/RESTORE.md").read()
    unit = json.load(open(recipe + "/unit.json"))
    assert any(c["saved"] for c in unit["coverage"])
    # nor anywhere else that we write
    assert "canary" not in daemon.log.read_text()
    for reply in (daemon.call("Status"), daemon.call("History"), daemon.call("Doctor")):
        assert "canary" not in json.dumps(reply) and daemon.password not in json.dumps(reply)


def test_restore_script(engine, daemon, stack, directory):
    daemon.backup("shop")
    engine.sh("shop-db-1", "echo two > /data/f")
    script = directory / "restore.sh"
    r = daemon.ctl("restore", "shop", "--script", check=0)
    script.write_text(r.stdout)
    assert daemon.password not in r.stdout
    assert world.run("shellcheck", "-s", "sh", script, check=False).returncode == 0
    before = engine.running()
    env = {**os.environ, "KOPIA_PASSWORD": daemon.password, "DOCKER_HOST": f"unix://{engine.socket}", "SAFETY": str(directory / "safety"), "HOME": str(directory)}
    r = subprocess.run(["sh", script], env=env, capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    assert engine.sh("shop-db-1", "cat /data/f") == "one\n"
    assert engine.running().keys() == before.keys() and engine.running() != before
    safety = subprocess.run(["tar", "-xOf", directory / "safety/item-1.tar", "./_data/f"], capture_output=True, text=True).stdout
    assert safety == "two\n"


def test_restore_script_with_a_wrong_password_changes_nothing(engine, daemon, stack, directory):
    daemon.backup("shop")
    engine.sh("shop-db-1", "echo two > /data/f")
    script = directory / "restore.sh"
    script.write_text(daemon.ctl("restore", "shop", "--script", check=0).stdout)
    before = engine.running()
    env = {**os.environ, "KOPIA_PASSWORD": "wrong", "DOCKER_HOST": f"unix://{engine.socket}", "SAFETY": str(directory / "safety"), "HOME": str(directory)}
    assert subprocess.run(["sh", script], env=env, capture_output=True).returncode != 0
    assert engine.sh("shop-db-1", "cat /data/f") == "two\n", "the old data must stay, and the container run"
    assert engine.running() == before, "and nothing was stopped for it"


def test_recipe_alone(engine, daemon, stack, directory):
    """recipe_only lays the recipe out and touches nothing else; the reply names what a person needs beside it."""
    backup_id = daemon.backup("shop")["backup_id"]
    before = engine.running()
    (engine.volume("shopdata") / "f").write_text("newer\n")
    where = directory / "work/recipe"
    reply = daemon.call("Restore", {"unit": "shop", "recipe_only": True, "recipe_directory": str(where)})["parameters"]
    assert reply["backup_id"] == backup_id and reply["recipe_directory"] == str(where)
    assert reply["restored"] == [] and reply["service"] == "untouched"
    assert where.stat().st_mode & 0o777 == 0o700 and (where / "RESTORE.md").exists()
    assert engine.running() == before and (engine.volume("shopdata") / "f").read_text() == "newer\n"
    assert "DB_PASSWORD of container shop-db-1" in reply["redacted"] and "canary" not in str(reply)
    wrong = daemon.call("Restore", {"unit": "shop", "recipe_only": True, "recipe_directory": "here"})
    assert "here is not an absolute path" in wrong["parameters"]["text"]
    assert reply["compose"] == ["docker", "compose", "-p", "shop", "--project-directory", str(stack), "--env-file", f"{stack}/.env", "-f", f"{stack}/compose.yml",
                                "-f", f"{stack}/override.yml", "up", "-d"]


def test_what_was_down_is_not_started_by_the_hint(engine, daemon, stack):
    engine.docker("rm", "-f", "shop-web-1", check=False)
    engine.container("shop-job-1", project="shop", service="job", command="exit 0")
    world.until(lambda: not engine.all_states()["shop-job-1"], "it is over")
    daemon.backup("shop")
    reply = daemon.call("Restore", {"unit": "shop", "recipe_only": True})["parameters"]
    assert reply["compose"][-3:] == ["up", "-d", "db"], reply["compose"]
