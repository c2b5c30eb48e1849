# SPDX-License-Identifier: MIT
"""One path beyond what a program can name does not take the rest of the item along: neither saved silently nor unrestorable."""
import os

import pytest


def dig(top, name, levels):
    """A chain of directories too deep for any path, each with a file."""
    fd = os.open(top, os.O_RDONLY)
    for i in range(levels):
        with open(os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd), "w") as f:
            f.write(f"at {i}")
        os.mkdir(name, dir_fd=fd)
        deeper = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)


def files(top):
    n, fd = 0, os.open(top, os.O_RDONLY)
    while True:
        names = os.listdir(fd)
        n += "file" in names
        deeper = [x for x in names if x.startswith("n")]
        if not deeper:
            os.close(fd)
            return n
        try:
            into = os.open(deeper[0], os.O_RDONLY, dir_fd=fd)
        finally:
            os.close(fd)
        fd = into


@pytest.mark.parametrize("how", [[], ["--in-place"]])
def test_the_rest_comes_back_and_the_long_ones_are_named(engine, daemon, directory, how):
    engine.container("app", volumes=["vol:/d"])
    data = engine.volume("vol")
    (data / "short").write_text("here")
    dig(data, "n" * 200, 24)
    unit = daemon.backup("app", state="warnings")["units"][0]
    assert [w for w in unit["warnings"] if "paths beyond 4095 bytes cannot be restored, such as /nnn" in w], unit["warnings"]
    point = daemon.call("ListRestorePoints")["parameters"]["restore_points"][0]
    assert point["complete"] and point["unrestorable"][0].startswith("volume:vol: "), point
    assert "cannot be restored: volume:vol" in daemon.ctl("list", "--restore-points", check=0).stdout
    (data / "short").write_text("changed")
    r = daemon.ctl("restore", "app", "--yes", *how, check=3)
    assert "NOT restored, its path is too long: ./nnn" in r.stdout, r.stdout
    assert (engine.volume("vol") / "short").read_text() == "here"
    assert 18 <= files(engine.volume("vol")) < 24
    assert engine.running().keys() == {"app"}
