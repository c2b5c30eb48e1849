# SPDX-License-Identifier: MIT
"""Everything a file can have is the same after a round trip."""
import os
import pathlib
import stat
import subprocess

import pytest


def plant(top):
    def path(name):
        return os.path.join(os.fsencode(top), name if isinstance(name, bytes) else name.encode())

    def make(name, data=b"x"):
        with open(path(name), "wb") as f:
            f.write(data)
        return path(name)

    make("plain")
    os.chown(make("owned"), 4242, 4343)
    os.chmod(make("setuid"), 0o6755)
    os.chmod(make("sticky"), 0o1604)
    os.mkdir(path("dir"), 0o750)
    os.chmod(path("dir"), 0o2750)
    os.setxattr(make("xattr"), "user.color", b"bl\x00ue")
    os.setxattr(make("trusted"), "trusted.x", b"y")
    subprocess.run(["setfacl", "-m", "u:1234:rw,g:5:r", make("acl")], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:99:rx", path("dir")], check=True)
    subprocess.run(["setcap", "cap_net_bind_service=ep", make("capable")], check=True)
    os.link(path("plain"), path("hardlink"))
    os.symlink("nowhere/at all", path("symlink"))
    os.symlink("plain", path("link-to-plain"))
    os.lchown(path("symlink"), 7, 8)
    os.mkfifo(path("fifo"), 0o640)
    os.mknod(path("char"), stat.S_IFCHR | 0o620, os.makedev(1, 3))
    os.mknod(path("block"), stat.S_IFBLK | 0o660, os.makedev(7, 99))
    with open(path("sparse"), "wb") as f:
        f.seek(50 << 20)
        f.write(b"end")
    for name in (b"-rf", b"new\nline", b"\xff\xfe not utf8", b"quote'\"$(x)`", b" blank ", b"\x01\x1b[31m", b"n" * 250, b".kopiaignore", b"*",
                 b"@LongLink"):
        make(name, name)
    make("CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55")
    deep = path("d" * 100)
    for _ in range(20):
        os.mkdir(deep)
        deep = os.path.join(deep, b"d" * 100)
    make("empty", b"")
    make("old")
    os.utime(path("old"), ns=(1, 123456789))
    os.utime(make("of a clock ahead"), ns=(1, 4000000000 * 10**9 + 5))
    os.utime(make("before 1970"), ns=(1, -1000000000 * 10**9 + 7))
    os.utime(path("plain"), ns=(1, 1700000000123456789))
    os.utime(path("symlink"), ns=(1, 1600000000987654321), follow_symlinks=False)
    os.utime(path("dir"), ns=(1, 1500000000111111111))


def describe(top):
    """{name: all that must be the same}."""
    top = os.fsencode(top)
    found, inodes = {}, {}
    for directory, dirs, files in os.walk(top):
        for name in [b"."] * (directory == top) + dirs + files:
            p = os.path.join(directory, name)
            rel = os.path.relpath(p, top)
            s = os.lstat(p)
            if rel == b".":
                s_time = None
            else:
                s_time = s.st_mtime_ns
            xattrs = {x: os.getxattr(p, x, follow_symlinks=False) for x in os.listxattr(p, follow_symlinks=False)}
            data = None
            if stat.S_ISREG(s.st_mode):
                with open(p, "rb") as f:
                    data = f.read()
            elif stat.S_ISLNK(s.st_mode):
                data = os.readlink(p)
            inodes.setdefault(s.st_ino, []).append(rel)
            found[rel] = (s.st_mode, s.st_uid, s.st_gid, s_time, s.st_size if not stat.S_ISDIR(s.st_mode) else 0, s.st_rdev, xattrs, data)
    groups = sorted(sorted(names) for names in inodes.values() if len(names) > 1)
    return found, groups


@pytest.mark.parametrize("method", ["spool", "stream"])
def test_round_trip(engine, daemon, directory, method):
    daemon.stop()
    daemon.configure(backup__method=method)
    daemon.start()
    engine.container("one", volumes=["vol:/data"])
    plant(engine.volume("vol"))
    wanted, links = describe(engine.volume("vol"))
    unit = daemon.backup("one")["units"][0]
    assert unit["data"] == "complete"
    daemon.ctl("restore", "one", "--target", directory / "t", check=0)
    place = directory / "t/volume%3Avol"
    got, got_links = describe(place)
    assert got.keys() == wanted.keys()
    for name in wanted:
        assert got[name] == wanted[name], name
    assert got_links == links
    assert os.stat(place / "sparse").st_blocks * 512 < 1 << 20
    # and in place
    engine.docker("rm", "-f", "one")
    engine.docker("volume", "rm", "vol")
    daemon.ctl("restore", "one", "--yes", check=0)
    assert describe(engine.volume("vol")) == (wanted, links)


def test_bind_directory_and_single_file(engine, daemon, directory):
    source = directory / "bind dir"
    source.mkdir()
    (source / "f").write_text("one\n")
    single = directory / "a file.conf"
    single.write_text("conf\n")
    os.chmod(single, 0o640)
    engine.container("one", "-v", f"{source}:/b", "-v", f"{single}:/etc/a.conf:ro")
    unit = daemon.backup("one")["units"][0]
    assert sorted(i["id"] for i in unit["items"]) == sorted([f"bind:{source}", f"bind:{single}"])
    (source / "f").write_text("two\n")
    single.write_text("changed\n")
    # the file is only read, and nobody's project directory has it: it is put back when it is named
    assert f"bind:{single} is as it was" in daemon.ctl("restore", "one", "--yes", check=0).stdout
    assert (source / "f").read_text() == "one\n" and single.read_text() == "changed\n"
    daemon.ctl("restore", "one", "--item", f"bind:{single}", "--yes", check=0)
    assert single.read_text() == "conf\n"
    assert stat.S_IMODE(single.stat().st_mode) == 0o640
    assert engine.sh("one", "cat /etc/a.conf /b/f") == "conf\none\n"
    assert pathlib.Path(source).is_dir()


def test_anonymous_volume_by_its_place(engine, daemon):
    engine.container("one", "-v", "/anon")
    engine.sh("one", "echo x > /anon/f")
    unit = daemon.backup("one")["units"][0]
    assert [i["id"] for i in unit["items"]] == ["anon:one:/anon"]
    engine.docker("rm", "-f", "-v", "one")
    engine.container("one", "-v", "/anon")
    daemon.ctl("restore", "one", "--yes", check=0)
    assert engine.sh("one", "cat /anon/f") == "x\n"


def test_excludes(engine, daemon, directory):
    daemon.stop()
    daemon.configure(backup__exclude_patterns='["*.tmp", "lost+found"]')
    daemon.start()
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "echo x > /data/keep; echo y > /data/drop.tmp; mkdir /data/lost+found")
    daemon.backup("one")
    daemon.ctl("restore", "one", "--target", directory / "t", check=0)
    assert [p.name for p in (directory / "t/volume%3Avol").iterdir()] == ["keep"]
