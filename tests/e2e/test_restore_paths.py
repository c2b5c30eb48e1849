# SPDX-License-Identifier: MIT
"""Looking into an item, and single files and directories out of it: to the place and elsewhere."""
import os

import pytest

ODD = ["a b", "new\nline", "back\\slash", 'quo"te', "st*r", "-dash", " lead", "ünï", b"\xff\xfe raw"]


@pytest.fixture
def item(engine, daemon):
    engine.container("app", volumes=["files:/data"])
    engine.container("other", volumes=["else:/data"])
    top = engine.volume("files")
    (top / "etc/deep/er").mkdir(parents=True)
    (top / "etc/app.conf").write_text("old\n")
    (top / "etc/deep/er/x").write_text("old\n")
    os.link(top / "etc/app.conf", top / "etc/zlink")
    os.symlink("../etc -> x", top / "etc/sym -> link")
    os.chown(top / "etc/deep", 5, 6)
    os.chmod(top / "etc/deep", 0o2750)
    os.utime(top / "etc/deep", ns=(1, 1577836800_123456789))
    (top / "odd").mkdir()
    for name in ODD:
        with open(os.path.join(os.fsencode(top / "odd"), os.fsencode(name)), "w") as f:
            f.write("odd\n")
    (top / "big").write_bytes(os.urandom(1 << 20))
    daemon.backup("app")
    return top


def ls(daemon, **more):
    return daemon.call("ListEntries", {"unit": "app", "item": "volume:files", **more})["parameters"]["entries"]


def test_look(daemon, item):
    entries = {e["path"]: e for e in ls(daemon)}
    assert {p: e["kind"] for p, e in entries.items()} == {"etc": "directory", "odd": "directory", "big": "file"}
    assert entries["big"]["size_bytes"] == 1 << 20
    deep = {e["path"]: e for e in ls(daemon, path="/etc/")}
    assert set(deep) == {"etc/app.conf", "etc/deep", "etc/zlink", "etc/sym -> link"}
    assert deep["etc/deep"]["mode"] == 0o2750 and deep["etc/deep"]["mtime"] == "2020-01-01T00:00:00.123456789Z"
    assert deep["etc/sym -> link"]["kind"] == "symlink" and deep["etc/sym -> link"]["link"] == "../etc -> x"
    assert deep["etc/zlink"]["kind"] == "hardlink"
    assert {e["path"] for e in ls(daemon, path="etc", recursive=True)} == {"etc/app.conf", "etc/deep", "etc/zlink", "etc/sym -> link",
                                                                           "etc/deep/er", "etc/deep/er/x"}
    assert [e["path"] for e in ls(daemon, path="etc/app.conf")] == ["etc/app.conf"]
    odd = ls(daemon, path="odd")
    assert {e["path"] for e in odd if not e.get("quoted")} == {f"odd/{n}" for n in ODD if isinstance(n, str) and "\n" not in n}
    assert {e["path"] for e in odd if e.get("quoted")} == {"odd/new\\nline", "odd/\\377\\376 raw"}
    out = daemon.ctl("ls", "app", "--item", "volume:files", "--path", "etc", check=0).stdout
    assert "d 2750" in out and "etc/deep/" in out
    assert daemon.ctl("ls", "app", check=0).stdout == "volume:files\n"


def test_look_wrong(daemon, item):
    for argv, sentence in ((["app", "--item", "volume:nope"], "has no item volume:nope"),
                           (["app", "--item", "volume:files", "--path", "etc/nope"], "has no path etc/nope in volume:files"),
                           (["app", "--item", "volume:files", "--path", "../x"], "leads out of the item"),
                           (["app", "20200101T000000Z", "--item", "volume:files"], "no restore point 20200101T000000Z")):
        r = daemon.ctl("ls", *argv)
        assert r.returncode == 1 and sentence in r.stderr, r.stderr


def test_to_the_place(engine, daemon, item):
    (item / "etc/app.conf").write_text("new\n")
    (item / "etc/deep/er/x").unlink()
    (item / "etc/deep/er").rmdir()
    (item / "etc/deep").rmdir()
    (item / "big").write_text("new\n")
    before = engine.running()
    reply = daemon.call("Restore", {"unit": "app", "items": ["volume:files"], "paths": ["etc/app.conf", "/etc/deep/er/x"]})["parameters"]
    assert not [i for i in reply["restored"] if "error" in i], reply
    assert (item / "etc/app.conf").read_text() == "old\n" and (item / "etc/deep/er/x").read_text() == "old\n"
    assert (item / "big").read_text() == "new\n", "nothing else is touched"
    st = os.stat(item / "etc/deep")  # missing, and made anew as it was
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (5, 6, 0o2750)
    kept = {i["path"]: i.get("kept") for i in reply["restored"]}
    assert open(kept[str(item / "etc/app.conf")]).read() == "new\n"
    assert kept[str(item / "etc/deep/er/x")] is None
    # only what uses the item was stopped
    after = engine.running()
    assert after["app"] != before["app"] and after["other"] == before["other"]
    # and back
    daemon.ctl("restore", "app", "--back", reply["restore_id"], "--yes", check=0)
    assert (item / "etc/app.conf").read_text() == "new\n" and not (item / "etc/deep/er/x").exists()


def test_odd_names(daemon, item):
    for name in ODD:
        os.unlink(os.path.join(os.fsencode(item / "odd"), os.fsencode(name)))
    argv = [a for name in ODD for a in ("--path", b"odd/" + os.fsencode(name))]
    import subprocess
    import world
    r = subprocess.run([world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "restore", "app", "--item", "volume:files", "--yes",
                        *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stdout + r.stderr
    assert sorted(os.listdir(os.fsencode(item / "odd"))) == sorted(os.fsencode(n) for n in ODD)


def test_elsewhere_and_links(engine, daemon, item, directory):
    before = engine.running()
    daemon.ctl("restore", "app", "--item", "volume:files", "--path", "etc/zlink", "--path", "odd", "--target", directory / "t", check=0)
    top = directory / "t/volume%3Afiles"
    assert (top / "etc/zlink").read_text() == "old\n", "a hard link alone has its data"
    assert sorted(p.name for p in top.iterdir()) == ["etc", "odd"] and [p.name for p in (top / "etc").iterdir()] == ["zlink"]
    assert len(os.listdir(top / "odd")) == len(ODD)
    assert engine.running() == before


def test_wrong(engine, daemon, item):
    before = engine.running()
    (item / "etc/app.conf").write_text("new\n")
    (item / "odd").rename(item / "odd.d")
    (item / "odd").symlink_to("/etc")
    for argv, sentence in ((["--item", "volume:files", "--path", "etc/nope"], "has no path etc/nope in volume:files"),
                           (["--path", "etc/app.conf"], "single paths are of one item"),
                           (["--item", "volume:files", "--path", "etc/../../x"], "leads out of the item")):
        r = daemon.ctl("restore", "app", "--yes", *argv)
        assert r.returncode == 1 and sentence in r.stderr, r.stderr
        assert engine.running() == before
    # a directory on the way is a link now: never followed, and what was stopped runs again
    r = daemon.ctl("restore", "app", "--yes", "--item", "volume:files", "--path", "etc/app.conf", "--path", "odd/a b")
    assert r.returncode == 1 and "is no directory now" in r.stderr, r.stderr
    assert (item / "etc/app.conf").read_text() == "new\n" and not os.path.exists("/etc/a b")
    assert engine.running().keys() == before.keys()


def test_as_the_container_sees_it(engine, daemon, item, directory):
    (item / "etc/app.conf").write_text("new\n")
    daemon.ctl("restore", "app", "--path", "/data/etc/app.conf", "--yes", check=0)
    assert (item / "etc/app.conf").read_text() == "old\n"
    (item / "etc/app.conf").write_text("new\n")
    r = daemon.ctl("restore", "app", "--path", "app:/data//etc/app.conf", "--dry-run", check=0)
    assert "volume:files" in r.stdout and "only etc/app.conf" in r.stdout and (item / "etc/app.conf").read_text() == "new\n"
    r = daemon.ctl("restore", "app", "--path", "/nowhere/x", "--yes")
    assert r.returncode == 1 and "/nowhere/x is in nothing that is saved" in r.stderr
    # also where the unit is gone: the recipe knows
    engine.docker("rm", "-f", "app")
    daemon.ctl("restore", "app", "--path", "/data/etc/app.conf", "--yes", check=0)
    assert (item / "etc/app.conf").read_text() == "old\n"
    assert not list((daemon.state / "restored").glob("*dry*"))


def test_patterns(engine, daemon, item):
    for name in ("app.conf", "zlink"):
        (item / "etc" / name).unlink()
    (item / "etc/deep/er/x").write_text("new\n")
    daemon.ctl("restore", "app", "--path", "/data/e?c/*.conf", "--path", "/data/etc/[z]link", "--yes", check=0)
    assert (item / "etc/app.conf").read_text() == "old\n" and (item / "etc/zlink").exists()
    assert (item / "etc/deep/er/x").read_text() == "new\n", "a star does not match a slash"
    # a name that is a pattern by itself
    (item / "odd/st*r").write_text("new\n")
    (item / "odd/a b").write_text("new\n")
    daemon.ctl("restore", "app", "--item", "volume:files", "--path", "odd/st*r", "--yes", check=0)
    assert (item / "odd/st*r").read_text() == "odd\n" and (item / "odd/a b").read_text() == "new\n"
    r = daemon.ctl("restore", "app", "--item", "volume:files", "--path", "etc/*.nope", "--yes")
    assert r.returncode == 1 and "nothing in volume:files that etc/*.nope is or matches" in r.stderr
