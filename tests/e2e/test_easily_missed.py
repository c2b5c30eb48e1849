# SPDX-License-Identifier: MIT
"""What other tools leave out: by the order's list of what is easily missed. Units that vanished: test_missing_units.py; compose
files in a manager's volume, several of them, env_file, configs, secrets: test_recipe_files.py; single files: test_fidelity.py."""
import os
import pathlib

import pytest

import world

LABEL = "com.docker.compose."


def coverage(unit):
    return {c["source"]: c for c in unit["coverage"]}


def plan(daemon, unit):
    return daemon.call("Plan", {"units": [unit]})["parameters"]["plans"][0]["unit"]


def restore_elsewhere(daemon, unit, directory):
    reply = daemon.call("Restore", {"unit": unit, "target": str(directory)})["parameters"]
    return {i["id"]: pathlib.Path(i["path"]) for i in reply["restored"]}


def test_anonymous_volume_of_a_recreated_project(engine, daemon):
    """compose recreates a container without removing its old anonymous volume: the restore goes to the new one."""
    anonymous = ["-v", "/anon"]
    engine.container("shop-db-1", *anonymous, project="shop", service="db")
    engine.sh("shop-db-1", "echo saved >/anon/f")
    old = engine.inspect("shop-db-1")["Mounts"][0]["Name"]
    unit = daemon.backup("shop")["units"][0]
    assert [i["id"] for i in unit["items"]] == ["anon:db:/anon"]
    engine.sh("shop-db-1", "echo later >/anon/f")
    engine.docker("rm", "-f", "shop-db-1")
    engine.container("shop-db-1", *anonymous, project="shop", service="db")
    new = engine.inspect("shop-db-1")["Mounts"][0]["Name"]
    assert new != old
    daemon.ctl("restore", "shop", "--yes", check=0)
    assert engine.sh("shop-db-1", "cat /anon/f") == "saved\n"
    assert (engine.volume(old) / "f").read_text() == "later\n", "the old one is nobody's business"


def test_read_only_mounts(engine, daemon, directory):
    source = directory / "conf"
    source.mkdir()
    (source / "f").write_text("one\n")
    engine.container("app", "-v", f"{source}:/conf:ro", "-v", "data:/data:ro")
    (engine.volume("data") / "g").write_text("two\n")
    engine.container("reader", "-v", "data:/d:ro")
    reader = engine.running()["reader"]
    unit = daemon.backup("app")["units"][0]
    assert {i["id"] for i in unit["items"]} == {f"bind:{source}", "volume:data"}
    assert engine.running()["reader"] == reader, "who only reads keeps running"
    at = restore_elsewhere(daemon, "app", directory / "t")
    assert (at[f"bind:{source}"] / "f").read_text() == "one\n" and (at["volume:data"] / "g").read_text() == "two\n"


@pytest.fixture
def mounted(directory):
    """{name: mount point} below one directory: a tmpfs, and a btrfs with a subvolume."""
    top = directory / "top"
    places = {"tmpfs": top / "memory", "btrfs": top / "disk"}
    for p in places.values():
        p.mkdir(parents=True)
    image = directory / "btrfs.img"
    with open(image, "wb") as f:
        f.truncate(200 << 20)
    world.run("mkfs.btrfs", "-q", image)
    world.run("mount", "-t", "tmpfs", "tmpfs", places["tmpfs"])
    world.run("mount", "-o", "loop", image, places["btrfs"])
    world.run("btrfs", "subvolume", "create", places["btrfs"] / "sub")
    (top / "f").write_text("top\n")
    (places["btrfs"] / "g").write_text("disk\n")
    (places["btrfs"] / "sub/h").write_text("sub\n")
    yield top, places
    for p in places.values():
        world.run("umount", "-l", p, check=False)


def test_nested_mounts_and_subvolumes(engine, daemon, directory, mounted):
    top, places = mounted
    # not what a container mounts of its own accord: docker binds recursively, the backup must not pretend to
    engine.container("outer", "-v", f"{top}:/top")
    lines = coverage(plan(daemon, "outer"))
    assert lines[str(top)]["saved"]
    for p in places.values():
        assert lines[str(p)]["kind"] == "mount" and not lines[str(p)]["saved"] and lines[str(p)]["reason"]
    warnings = daemon.backup("outer", state="warnings")["units"][0]["warnings"]
    assert all(any(str(p) in w for w in warnings) for p in places.values()), warnings
    at = restore_elsewhere(daemon, "outer", directory / "t")[f"bind:{top}"]
    assert (at / "f").read_text() == "top\n" and not any((at / "memory").iterdir())

    # a subvolume inside an item is a line of its own, as nothing of it is in the tar
    engine.container("inner", "-v", f"{places['btrfs']}:/disk")
    line = coverage(plan(daemon, "inner"))[str(places["btrfs"] / "sub")]
    assert line["kind"] == "subvolume" and not line["saved"]
    warnings = daemon.backup("inner", state="warnings")["units"][0]["warnings"]
    assert any("sub is a subvolume" in w for w in warnings), warnings

    # where a container mounts it too, it is an item
    engine.container("both", "-v", f"{places['btrfs']}:/disk", "-v", f"{places['btrfs']}/sub:/sub")
    unit = daemon.backup("both")["units"][0]
    assert {i["id"] for i in unit["items"]} == {f"bind:{places['btrfs']}", f"bind:{places['btrfs']}/sub"}
    lines = coverage(plan(daemon, "both"))
    assert all(lines[str(p)]["saved"] and not lines[str(p)].get("reason") for p in (places["btrfs"], places["btrfs"] / "sub"))
    at = restore_elsewhere(daemon, "both", directory / "u")
    assert (at[f"bind:{places['btrfs']}/sub"] / "h").read_text() == "sub\n"


def test_stopped_members(engine, daemon, directory):
    engine.container("shop-a-1", project="shop", service="a", volumes=["data:/d"])
    engine.docker("create", "--name", "shop-never-1", "-l", f"{LABEL}project=shop", "-l", f"{LABEL}service=never", "-l", f"{LABEL}oneoff=False",
                  "--network", "none", "-v", "never:/d", "bb:latest")
    (engine.volume("never") / "f").write_text("x\n")
    unit = daemon.backup("shop")["units"][0]
    assert {i["id"] for i in unit["items"]} == {"volume:data", "volume:never"} and unit["restarted"] == ["shop-a-1"]
    assert (restore_elsewhere(daemon, "shop", directory / "t")["volume:never"] / "f").read_text() == "x\n"


def test_units_that_share(engine, daemon, directory):
    """Each stops with the other, and each unit's restore point has all of its own items, read in one window; the repository
    has the content once."""
    shared = directory / "shared"
    shared.mkdir()
    for name in ("one", "two"):
        engine.container(f"{name}-1", "-v", f"{shared}:/s", project=name, service="x", volumes=[f"{name}:/d", "both:/b"])
    engine.sh("one-1", "echo both >/b/f; echo bind >/s/f; dd if=/dev/urandom of=/b/big bs=1M count=64 2>/dev/null")
    units = {u["unit"]: u for u in daemon.backup()["units"]}
    for name in ("one", "two"):
        assert units[name]["data"] == "complete"
        assert {i["id"] for i in units[name]["items"]} == {f"volume:{name}", "volume:both", f"bind:{shared}"}
        assert sorted(units[name]["restarted"]) == ["one-1", "two-1"]
        at = restore_elsewhere(daemon, name, directory / name)
        assert (at["volume:both"] / "f").read_text() == "both\n" and (at[f"bind:{shared}"] / "f").read_text() == "bind\n"
    stored = sum(f.stat().st_size for f in daemon.repo.rglob("*") if f.is_file())
    assert 64 << 20 < stored < 80 << 20, stored
    items = {i["id"]: i for i in daemon.call("ListUnits")["parameters"]["units"][0]["items"]}
    assert items["volume:both"]["shared_with"] == ["two"] and items["volume:one"]["shared_with"] == []


def test_one_project_name_from_two_directories(engine, daemon):
    for n, place in (("a", "/srv/a/docker"), ("b", "/srv/b/docker")):
        engine.container(f"docker-{n}-1", "-l", f"{LABEL}project.working_dir={place}", project="docker", service=n)
    unit = daemon.call("ListUnits")["parameters"]["units"][0]
    assert any("two directories" in w and "/srv/a/docker" in w and "/srv/b/docker" in w for w in unit["warnings"])
    assert "two directories" in daemon.ctl("list", "--units", check=0).stdout


def test_what_holds_no_data(engine, daemon, directory):
    """Only measuring shows what a bind is: it is no item then, and the plan before the stop agrees with the first."""
    os.mkfifo(directory / "pipe")
    engine.container("app", "-v", f"{directory}/pipe:/pipe", "-v", "/dev/null:/dev/nil", volumes=["data:/d"])
    unit = daemon.backup("app")["units"][0]
    assert [i["id"] for i in unit["items"]] == ["volume:data"]
    line = coverage(plan(daemon, "app"))[f"{directory}/pipe"]
    assert not line["saved"] and "a pipe" in line["reason"]


def test_bind_through_a_link(engine, daemon, directory):
    real = directory / "real"
    real.mkdir()
    (real / "f").write_text("x\n")
    (directory / "link").symlink_to(real)
    engine.container("app", "-v", f"{directory}/link:/d")
    daemon.backup("app")
    at = restore_elsewhere(daemon, "app", directory / "t")
    assert (at[f"bind:{directory}/link"] / "f").read_text() == "x\n"


def test_states_are_shown(engine, daemon):
    """list --units: every state of the table, with what it means."""
    table = {  # name: (options, state, what its warnings begin with)
        "swarmed": (["-l", "com.docker.swarm.task.id=x"], "running", "skipped: a swarm service"),
        "podded": (["-l", "io.kubernetes.pod.name=x"], "running", "skipped: a kubernetes pod"),
        "passing": (["--rm"], "running", "refused: passing was started with --rm"),
        "looping": (["--restart", "always"], "restarting", "refused: looping is restarting"),
        "held": ([], "paused", None), "ended": ([], "exited", None), "made": ([], "created", None), "plain": ([], "running", None),
    }
    for name, (options, state, _) in table.items():
        if state == "created":
            engine.docker("create", "--name", name, "--network", "none", "-v", f"{name}:/d", "bb:latest")
        else:
            engine.container(name, *options, volumes=[f"{name}:/d"], command="false" if state == "restarting" else None)
        if state in ("paused", "exited"):
            engine.docker("pause" if state == "paused" else "stop", name)
    world.until(lambda: engine.inspect("looping")["State"]["Status"] == "restarting", "it restarts")
    units = {u["name"]: u for u in daemon.call("ListUnits")["parameters"]["units"]}
    while units["looping"]["members"][0]["state"] == "running":  # for the moment that it lasts
        units = {u["name"]: u for u in daemon.call("ListUnits")["parameters"]["units"]}
    text = daemon.ctl("list", "--units", check=0).stdout
    assert set(units) == set(table)
    for name, (_, state, word) in table.items():
        assert units[name]["members"][0]["state"] == state, name
        assert bool(units[name]["warnings"]) == bool(word), (name, units[name]["warnings"])
        assert not word or units[name]["warnings"][0].startswith(word), units[name]["warnings"]
        assert name == "looping" or not word or word in text, text
        if word and word.startswith("skipped"):
            assert all(not c["saved"] and c["reason"] for c in units[name]["coverage"])
    run = daemon.backup(state="failed")
    assert [s.split(":")[0] for s in run["skipped"]] == ["podded", "swarmed"] and "left out: swarmed: a swarm service" in daemon.ctl("backup").stdout
    assert any(c["name"] == "left out" and "swarmed" in c["detail"] for c in daemon.call("Doctor")["parameters"]["checks"])
    result = {u["unit"]: u for u in run["units"]}
    assert set(result) == set(table) - {"swarmed", "podded"}, "who is skipped takes no part in a run of all"
    for name in ("passing", "held", "ended", "made", "plain"):
        assert result[name]["data"] == ("none" if name == "passing" else "complete"), result[name]
    states = {n: engine.inspect(n)["State"]["Status"] for n in table}
    assert states["held"] == "paused" and states["ended"] == "exited" and states["made"] == "created" and states["passing"] == "running"


def test_only_what_nobody_should_touch(engine, daemon):
    engine.container("pg", "-l", "com.docker.swarm.task.id=x", volumes=["pg:/d"])
    r = daemon.ctl("backup", check=1)
    assert "left out is pg: a swarm service" in r.stderr and "no containers" not in r.stderr
