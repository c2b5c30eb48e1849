# SPDX-License-Identifier: MIT
"""Not healthy with the restored data: the old comes back by itself where that was asked for, else by one command;
and a swap that fails in the middle of several items leaves none of them new."""
import pathlib
import threading

import world

# Does not run with what the backup has of /data, but for once (in /tmp, which is no item).
PICKY = f"[ -e /data/bad ] && [ ! -e /tmp/once ] && exit 1; {world.GOOD}"


def picky(engine, daemon):
    """A backup whose data its container will not run with, and good data now."""
    engine.container("shop-db-1", project="shop", service="db", volumes=["shopdata:/data"], command=PICKY)
    engine.container("shop-web-1", project="shop", service="web", depends_on="db:service_started:false", volumes=["shopweb:/www"])
    engine.sh("shop-db-1", "touch /data/bad /tmp/once; echo old > /data/f")
    engine.sh("shop-web-1", "echo old > /www/f")
    daemon.backup("shop")
    engine.sh("shop-db-1", "rm /data/bad /tmp/once; echo new > /data/f")
    engine.sh("shop-web-1", "echo new > /www/f")


def data(engine):
    return engine.sh("shop-db-1", "cat /data/f").strip(), engine.sh("shop-web-1", "cat /www/f").strip()


def test_by_itself(engine, daemon):
    picky(engine, daemon)
    before = engine.all_states()
    r = daemon.ctl("restore", "shop", "--yes")
    assert r.returncode == 1, r.stdout
    assert "the old is back" in r.stdout and "service up" in r.stdout
    assert engine.all_states() == before
    assert data(engine) == ("new", "new")
    # the restored data is not thrown away, and the answer says where it is
    put_back = [line.split(" is in ")[1] for line in r.stdout.splitlines() if "replaced again, is in" in line]
    assert sorted(pathlib.Path(p, "f").read_text() for p in put_back) == ["old\n", "old\n"]
    assert daemon.call("Status")["parameters"]["recovering"] == []


def test_by_hand(engine, daemon):
    picky(engine, daemon)
    reply = daemon.call("Restore", {"unit": "shop"})["parameters"]
    assert reply["service"] in ("down", "degraded") and reply["can_go_back"] and not reply["put_back"]
    command = [s for s in reply["next_steps"] if "--back" in s][0].split(": ")[1].split()
    assert command == ["kopi-docka", "restore", "shop", "--back", reply["restore_id"], "--yes"]
    assert engine.volume("shopdata").joinpath("f").read_text() == "old\n"
    assert not engine.all_states()["shop-db-1"]
    # what that restore had stopped runs again, though it was down by itself
    daemon.ctl(*command[1:], check=0)
    world.until(lambda: engine.all_states()["shop-db-1"], "the database runs")
    assert data(engine) == ("new", "new")
    # and forth again: the way back of the way back
    daemon.ctl("restore", "shop", "--back", "last", "--item", "volume:shopweb", "--yes", check=0)
    assert data(engine) == ("new", "old")


def test_half_of_it(engine, daemon, directory):
    """The second of two items cannot change places: its directory is immutable, since it was looked at."""
    first, second = directory / "first", directory / "second"
    for d in first, second:
        d.mkdir()
        (d / "f").write_text("old\n")
    engine.container("two", volumes=[f"{first}:/a", f"{second}:/b"])
    daemon.backup("two")
    for d in first, second:
        (d / "f").write_text("new\n")
    started = engine.running()
    daemon.stop()
    daemon.configure(kopia__program=world.kopia_wrapper(directory, f'case "$*" in *" show "*second.tar*) chattr +i {second};; esac'))
    daemon.start()
    try:
        r = daemon.ctl("restore", "two", "--item", f"bind:{first}", "--item", f"bind:{second}", "--yes")
    finally:
        world.run("chattr", "-i", second)
    assert r.returncode == 1 and "put back" in r.stderr, r.stderr
    assert engine.running().keys() == started.keys() and engine.running() != started
    assert [d.joinpath("f").read_text() for d in (first, second)] == ["new\n", "new\n"]
    assert daemon.call("Status")["parameters"]["recovering"] == []
    left = [p.name for p in directory.rglob(".kopi-docka-staging*")]
    assert left == []


def test_offered_on_a_terminal(engine, daemon):
    picky(engine, daemon)
    with world.Terminal(world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "restore", "shop") as t:
        t.expect("Go on?")
        t.type("y")
        t.expect("Put the old data back now?")
        assert engine.volume("shopdata").joinpath("f").read_text() == "old\n"
        t.type("y")
        assert t.end() == 1
    assert data(engine) == ("new", "new")


def test_only_what_was_there(engine, daemon, directory):
    """A restore into a directory is not the one to go back from, and an old copy that someone removed is not mistaken for none."""
    engine.container("one", volumes=["vol:/data"])
    engine.sh("one", "echo old > /data/f")
    daemon.backup("one")
    engine.sh("one", "echo new > /data/f")
    before = daemon.call("Restore", {"unit": "one"})["parameters"]
    elsewhere = daemon.call("Restore", {"unit": "one", "target": str(directory / "t")})["parameters"]
    r = daemon.ctl("restore", "one", "--back", elsewhere["restore_id"], "--yes")
    assert r.returncode == 1 and "to go back from" in r.stderr
    kept = pathlib.Path(before["restored"][0]["kept"])
    kept.rename(kept.with_name("away"))
    r = daemon.ctl("restore", "one", "--back", "last", "--yes")
    assert r.returncode == 1 and "is not there any more" in r.stderr, r.stderr
    assert engine.sh("one", "cat /data/f") == "old\n"
    kept.with_name("away").rename(kept)
    daemon.ctl("restore", "one", "--back", "last", "--yes", check=0)
    assert engine.sh("one", "cat /data/f") == "new\n"


def test_cancelled(engine, daemon):
    """While the containers are being stopped: they run again, with the data that they had."""
    engine.container("one", volumes=["vol:/data"], command=world.STUBBORN)
    engine.sh("one", "echo old > /data/f")
    daemon.backup("one", state="warnings")  # it had to be killed
    engine.sh("one", "echo new > /data/f")
    copies = lambda: world.run("find", engine.data, "-path", "*/kopi-docka/*", "-name", "f").stdout
    before, answer = copies(), {}
    t = threading.Thread(target=lambda: answer.update(daemon.call("Restore", {"unit": "one"})))
    t.start()
    job = world.until(lambda: (lambda p: p and p["phase"] == "stop" and p["job"])(daemon.call("Status")["parameters"].get("progress")), "it stops")
    assert daemon.call("Cancel", {"job": job})["parameters"]["state"] == "cancelled"
    t.join()
    assert answer["error"].endswith(".Cancelled"), answer
    assert engine.sh("one", "cat /data/f") == "new\n" and daemon.call("Status")["parameters"]["recovering"] == []
    assert copies() == before, "nothing was replaced"


def test_unknown(engine, daemon):
    engine.container("one", volumes=["vol:/data"])
    r = daemon.ctl("restore", "one", "--back", "20200101T000000Z", "--yes")
    assert r.returncode == 1 and "no restore 20200101T000000Z of unit one" in r.stderr
