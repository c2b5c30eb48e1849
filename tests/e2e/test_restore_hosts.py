# SPDX-License-Identifier: MIT
"""A restore touches what is the unit's own: what belongs to the host, and what is only read, is put back when it is named."""
import os
import pathlib
import shutil

import pytest

import world


@pytest.fixture
def host():
    """A directory where the host has its own: /var/log."""
    d = pathlib.Path(f"/var/log/kopi-docka-test-{os.getpid()}")
    d.mkdir()
    (d / "f").write_text("saved\n")
    yield d
    shutil.rmtree(d)


def make(directory, name):
    (directory / name).mkdir()
    (directory / name / "f").write_text("saved\n")
    return directory / name


def change(*places):
    for p in places:
        (p / "f").write_text("today\n")


def read(*places):
    return [(p / "f").read_text() for p in places]


def test_only_what_is_its_own(engine, daemon, directory, host):
    rw, ro, project = make(directory, "rw"), make(directory, "ro"), make(directory, "project")
    link, elsewhere = directory / "link", host / "elsewhere"
    make(host, "elsewhere")
    link.symlink_to(elsewhere)
    engine.container("shop-1", "-l", f"com.docker.compose.project.working_dir={project}", project="shop", service="x",
                     volumes=[f"{rw}:/rw", f"{ro}:/ro:ro", f"{project}:/own:ro", f"{host}:/host", f"{link}:/link"])
    point = daemon.backup("shop")["backup_id"]
    unit = daemon.call("ListUnits")["parameters"]["units"][0]
    held = {i["id"]: i["only_named"] for i in unit["items"] if "only_named" in i}
    assert set(held) == {f"bind:{ro}", f"bind:{host}"} and "belongs to the host" in held[f"bind:{host}"]
    change(rw, ro, project, host, elsewhere)
    told = daemon.call("PlanRestore", {"unit": "shop"})["parameters"]
    assert {i["id"] for i in told["items"]} == {f"bind:{rw}", f"bind:{project}"} and len(told["left"]) == 3
    out = daemon.ctl("restore", "shop", "--yes", check=0).stdout
    assert read(rw, project) == ["saved\n"] * 2 and read(ro, host, elsewhere) == ["today\n"] * 3, out
    for left in (ro, host, link):
        assert f"bind:{left} is as it was" in out and "--item" in out
    assert f"leads to {elsewhere}" in out

    # the script, and the recipe's guide, do the same
    change(rw, project)
    script = daemon.ctl("restore", "shop", "--script", check=0)
    assert f"bind:{host} is not in the script" in script.stderr and "bring" in script.stdout
    env = {**os.environ, "KOPIA_PASSWORD": daemon.password, "DOCKER_HOST": f"unix://{engine.socket}", "SAFETY": str(directory / "safety")}
    world.run("sh", input=script.stdout, env=env)
    assert read(rw, project) == ["saved\n"] * 2 and read(ro, host, elsewhere) == ["today\n"] * 3

    # named, each is put back
    daemon.ctl("restore", "shop", point, "--item", f"bind:{host}", "--item", f"bind:{ro}", "--yes", check=0)
    assert read(ro, host) == ["saved\n"] * 2
    # elsewhere nothing is replaced: all of it
    daemon.ctl("restore", "shop", "--target", directory / "t", check=0)
    assert len(list((directory / "t").iterdir())) == 5  # each item, and nothing of ours


def test_the_unit_is_gone(engine, daemon, directory, host):
    """Then the restore point says what was only read; one that does not, by its recipe."""
    wrapper = world.kopia_wrapper(directory, 'for a do shift; case $a in --tags=restore:*) [ ! -e "$(dirname "$0")/old" ] || continue;; esac; '
                                             'set -- "$@" "$a"; done')
    daemon.stop()
    daemon.configure(kopia__program=wrapper)
    daemon.start()
    rw, ro, away, project = (make(directory, n) for n in ("rw", "ro", "away", "project"))

    def unit():
        return engine.container("shop-1", "-l", f"com.docker.compose.project.working_dir={project}", project="shop", service="x",
                                volumes=[f"{rw}:/rw", f"{ro}:/ro:ro", f"{away}:/away:ro", f"{project}:/p:ro", f"{host}:/h:ro"])
    for old in (False, True):
        if old:
            (directory / "old").touch()
        unit()
        daemon.backup("shop")
        engine.docker("rm", "-f", "shop-1")
        listed = daemon.call("ListRestorePoints")["parameters"]["restore_points"][0]
        assert ("only_named" in listed) != old
        change(rw, ro, project, host)
        shutil.rmtree(away)
        out = daemon.ctl("restore", "shop", "--yes", check=0).stdout
        assert read(rw, project, away) == ["saved\n"] * 3 and read(ro, host) == ["today\n"] * 2, out
        (ro / "f").write_text("saved\n")
        (host / "f").write_text("saved\n")


def test_nothing_of_it_is_its_own(engine, daemon, host):
    engine.container("log", volumes=[f"{host}:/h"])
    daemon.backup("log")
    change(host)
    r = daemon.ctl("restore", "log", "--yes", check=1)
    assert "belongs to the host" in r.stderr and "--item" in r.stderr and read(host) == ["today\n"]
