# SPDX-License-Identifier: MIT
"""A restore point into another project, volume or directory: the original is not touched."""
import json

import pytest


def project(engine, name, directory):
    (directory / name / "conf").mkdir(parents=True)
    where = ["-l", f"com.docker.compose.project.working_dir={directory / name}"]
    engine.docker("volume", "create", "--label", f"com.docker.compose.project={name}", "--label", "com.docker.compose.volume=data", f"{name}_data")
    engine.container(f"{name}-db-1", *where, project=name, service="db", volumes=[f"{name}_data:/data", f"{directory / name}/conf:/conf", "/anon"])


@pytest.fixture
def shop(engine, daemon, directory):
    project(engine, "shop", directory)
    engine.sh("shop-db-1", "echo old >/data/f; echo old >/conf/f; echo old >/anon/f")
    daemon.backup("shop")
    engine.sh("shop-db-1", "echo new >/data/f; echo new >/conf/f; echo new >/anon/f")
    return directory


SEEN = "cat /data/f /conf/f /anon/f"


def test_into_another_project(engine, daemon, shop):
    project(engine, "copy", shop)
    engine.sh("copy-db-1", "echo its own >/data/f")
    before = engine.running()
    r = daemon.ctl("restore", "shop", "--as", "copy", "--dry-run", check=0)
    assert "into copy" in r.stdout and "volume:copy_data" in r.stdout and "copy-db-1" in r.stdout and "shop-db-1" not in r.stdout
    daemon.ctl("restore", "shop", "--as", "copy", "--yes", check=0)
    assert engine.sh("copy-db-1", SEEN) == "old\n" * 3 and engine.sh("shop-db-1", SEEN) == "new\n" * 3
    assert engine.running()["shop-db-1"] == before["shop-db-1"]
    daemon.ctl("restore", "copy", "--back", "last", "--yes", check=0)
    assert engine.sh("copy-db-1", "cat /data/f") == "its own\n"


def test_volumes_are_made_for_it(engine, daemon, shop):
    daemon.ctl("restore", "shop", "--as", "copy", "--item", "volume:shop_data", "--yes", check=0)
    assert (engine.volume("copy_data") / "f").read_text() == "old\n" and (engine.volume("shop_data") / "f").read_text() == "new\n"
    labels = json.loads(engine.docker("volume", "inspect", "copy_data").stdout)[0]["Labels"]
    assert labels == {"com.docker.compose.project": "copy", "com.docker.compose.volume": "data"}


def test_mapped(engine, daemon, shop):
    other = shop / "other"
    daemon.ctl("restore", "shop", "--item", "volume:shop_data", "--item", f"bind:{shop}/shop/conf", "--map", "shop_data=second",
               "--map", f"{shop}/shop/conf={other}", "--yes", check=0)
    assert (engine.volume("second") / "f").read_text() == "old\n" and (other / "f").read_text() == "old\n"
    assert engine.sh("shop-db-1", SEEN) == "new\n" * 3


@pytest.mark.parametrize("argv,sentence", [
    (["--as", "copy"], "has no place in copy by its name"),
    (["--map", "nonsense"], "does not say what goes where"),
    (["--map", "volume:nope=volume:x"], "nothing that is restored is what volume:nope=volume:x names"),
    (["--item", "volume:shop_data", "--as", "copy", "--target", "/tmp/x"], "leave out the target"),
    (["--map", "shop_data=x", "--map", "anon:db:/anon=x"], "two items would go to volume:x"),
])
def test_refused(engine, daemon, shop, argv, sentence):
    before = engine.running()
    r = daemon.ctl("restore", "shop", "--yes", *argv)
    assert r.returncode == 1 and sentence in r.stderr, r.stderr
    assert engine.running() == before and engine.sh("shop-db-1", SEEN) == "new\n" * 3
    assert "copy_data" not in engine.docker("volume", "ls", "-q").stdout and "x\n" not in engine.docker("volume", "ls", "-q").stdout
