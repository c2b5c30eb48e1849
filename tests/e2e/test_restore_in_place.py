# SPDX-License-Identifier: MIT
"""In place: what chattr keeps from being removed is looked for before anything is; the item's top is root's alone while it is
emptied and filled, and what it was stands in the record before; the way back gets over what cannot be removed, and says what
is back only when it is."""
import json
import os
import threading

import pytest

import world
from test_restore_around import look
from test_restore_kill import kill_at


@pytest.fixture
def item(engine, daemon, directory):
    top = directory / "item"
    (top / "sub/deep").mkdir(parents=True)
    for name in ("f", "sub/f", "sub/deep/f"):
        (top / name).write_text("old\n")
    dress(top, 1000, 0o2751, 5)
    engine.container("app", volumes=[f"{top}:/data"])
    daemon.backup("app")
    for name in ("f", "sub/f", "sub/deep/f", "only-now"):
        (top / name).write_text("new\n")
    dress(top, 2000, 0o3755, 6)
    yield top
    world.run("chattr", "-R", "-ia", top, check=False)


def dress(top, uid, mode, reader):
    world.run("setfacl", "-b", "-m", f"u:{reader}:rwx,d:u:{reader}:r-x", top)
    os.setxattr(top, f"user.of-{uid}", b"x")
    os.chown(top, uid, uid + 1)
    os.chmod(top, mode)
    os.utime(top, ns=(1, uid * 10**9 + 123456789))


RESTORE = ["restore", "app", "--yes", "--in-place"]


def test_flags(engine, daemon, item):
    """At any depth, also of the top itself: by name, and before anything is stopped."""
    before, running = look(item), engine.running()
    for flag, where in (("i", "sub/deep/f"), ("a", "sub/deep"), ("i", ".")):
        world.run("chattr", f"+{flag}", item / where)
        r = daemon.ctl(*RESTORE)
        world.run("chattr", f"-{flag}", item / where)
        assert r.returncode == 1 and f"{(item / where).resolve()} is" in r.stderr and f"chattr +{flag}" in r.stderr, r.stderr
    assert engine.running() == running, "nothing was stopped"
    assert look(item) == before


def test_top(engine, daemon, item):
    """Owner, mode, ACLs, xattrs and times of the top are the archive's, and on the way back what they were."""
    new = look(item)
    daemon.ctl(*RESTORE, check=0)
    old = look(item)
    assert old["f"][5] == "old\n" and "only-now" not in old and "user.of-2000" not in old["."][4]
    assert old["."][1:4] == (1000, 1001, 1000 * 10**9 + 123456789) and old["."][0] & 0o7777 == 0o2751
    daemon.ctl("restore", "app", "--back", "last", "--yes", check=0)
    assert look(item) == {**new, ".": look(item)["."]}
    assert look(item)["."][:4] == new["."][:4]


def begun(daemon):
    return [json.loads(p.read_text()) for p in (daemon.state / "restores").glob("*.begun[0-9]")]


def ask(daemon, answer):
    def call():
        try:
            answer.append(daemon.call("Restore", {"unit": "app", "in_place": True}))
        except ConnectionError:
            answer.append(None)
    t = threading.Thread(target=call)
    t.start()
    return t


def test_killed(engine, daemon, item):
    new = look(item)
    for at in ("safety.end", "swap", "swap.1"):
        kill_at(daemon, at, "app", in_place=True)
        assert look(item) == new and engine.all_states() == {"app": True}, at
        assert not begun(daemon)


def test_killed_in_the_middle(engine, daemon, item, directory):
    """Emptied, and root's: nobody else can make anything in it; recovery gives it back as it was."""
    new, hold = look(item), directory / "hold"
    daemon.stop()
    script = f'case "$*" in *" show "*) if [ -e {hold} ] && ! [ "$(ls -A {item})" ]; then while [ -e {hold} ]; do sleep 0.1; done; fi;; esac'
    daemon.configure(kopia__program=world.kopia_wrapper(directory, script))
    daemon.start()
    hold.touch()
    answer = []
    t = ask(daemon, answer)
    world.until(lambda: os.stat(item).st_uid == 0 and not os.listdir(item), "it is empty", 60)
    assert os.stat(item).st_mode & 0o7777 == 0o700 and os.listxattr(item) == []
    (marker,) = begun(daemon)
    assert marker["directories"][0]["uid"] == 2000 and marker["directories"][0]["xattrs"]["user.of-2000"] == "78"
    daemon.kill()
    t.join()
    hold.unlink()
    assert answer == [None]
    daemon.start()
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more")
    assert look(item) == new and engine.all_states() == {"app": True} and not begun(daemon)


def test_immutable_since_it_was_looked_at(engine, daemon, item):
    """After the look, before the emptying: as long as nothing new has come what cannot be removed is the old, and all of it is back."""
    new = look(item)
    daemon.stop()
    daemon.start(KOPI_DOCKA_KILL_AT="swap.1")
    with pytest.raises(ConnectionError):
        daemon.call("Restore", {"unit": "app", "in_place": True})
    daemon.process.wait(10)
    # as a kill in the middle of the emptying leaves it, and somebody's chattr at that moment
    record, = (daemon.state / "restores").glob("*.json")
    swap, = json.loads(record.read_text())["swaps"]
    helper = world.BUILD / "helpers/kopi-docka-place"
    world.run(helper, "clear", "--marker", swap["marker"], "--dest-is", swap["dest_is"], item)
    marker = json.loads(open(swap["marker"]).read())
    assert (os.stat(item).st_uid, os.stat(item).st_mode & 0o7777, os.listxattr(item)) == (0, 0o700, [])
    assert marker["emptied"] and marker["directories"][0]["uid"] == 2000 and os.listdir(item) == []
    with open(swap["marker"], "w") as f:
        json.dump({**marker, "emptied": False}, f)
    (item / "sub").mkdir(exist_ok=True)
    (item / "sub/f").write_text("new\n")
    os.chmod(item / "sub", 0o755)
    world.run("chattr", "+i", item / "sub/f")
    daemon.start()
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more")
    assert engine.all_states() == {"app": True}
    now = look(item)
    assert now["."] == new["."] and {k: v[5] for k, v in now.items()} == {k: v[5] for k, v in new.items()}
    assert "sub/f could not be removed on the way back: it is what was there before" in daemon.log.read_text()


def test_what_was_restored_cannot_be_removed(engine, daemon, item):
    """Then it is not put back, and nobody says so; it is as soon as it can be."""
    new = look(item)
    daemon.stop()
    daemon.start(KOPI_DOCKA_KILL_AT="swap.1")
    with pytest.raises(ConnectionError):
        daemon.call("Restore", {"unit": "app", "in_place": True})
    daemon.process.wait(10)
    record, = (daemon.state / "restores").glob("*.json")
    swap, = json.loads(record.read_text())["swaps"]
    world.run(world.BUILD / "helpers/kopi-docka-place", "clear", "--marker", swap["marker"], item)
    (item / "f").write_text("old\n")
    world.run("chattr", "+i", item / "f")
    daemon.start()
    world.until(lambda: "may be what was restored" in daemon.log.read_text(), "it is told")
    assert not engine.all_states()["app"] and "is in place" not in daemon.log.read_text()
    assert daemon.call("Status")["parameters"]["recovering"]
    world.run("chattr", "-i", item / "f")
    world.until(lambda: daemon.call("Status")["parameters"]["recovering"] == [], "nothing is open any more", 120)
    assert look(item) == new and engine.all_states() == {"app": True}
