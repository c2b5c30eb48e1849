# SPDX-License-Identifier: MIT
"""kopi-docka restore without a unit, on a real terminal: against a daemon of ours, and, for what a repository
would take long to have, against a socket that answers from a list."""
import os
import re
import subprocess
import time

import pytest

import world

CTL = world.BUILD / "client/kopi-dockactl"
QUESTIONS = ["Unit (number or name)", "Restore point (number or id)", "Items (numbers or names)", "What (number)", "Go on?"]


def point(unit, n, **more):
    time_ = time.gmtime(time.time() - n * 86400 - 3600)
    return {"unit": unit, "backup_id": time.strftime("%Y%m%dT%H%M%SZ", time_), "host": "root@h", "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time_),
            "complete": True, "items": ["volume:data", "bind:/srv/my files", "volume:db"], "missing": [], "size_bytes": 1288490189, "window_ms": 520, **more}


@pytest.fixture
def fake(directory):
    f = world.FakeDaemon(directory / "socket")
    f.points = [point("shop", n) for n in range(3)] + [point("mail", 0), point("mail", 1)]
    f.replies = {
        "PlanRestore": lambda p: [{"parameters": {
            "unit": p["unit"], "backup_id": p["backup_id"], "time": f.points[0]["time"], "items": [{"id": i, "bytes": 5} for i in p.get("items", [])],
            "paths": [], "stops": [{"name": "shop-db-1", "id": "1", "of_unit": True}, {"name": "edge", "id": "2", "of_unit": False}]}}],
        "Restore": lambda p: [{"parameters": {"backup_id": p["backup_id"], "restored": [], "service": "up", "next_steps": [], "redacted": []}}],
        "RenderRestore": lambda p: [{"parameters": {"backup_id": p["backup_id"], "script": "#!/bin/sh\n", "warnings": []}}],
    }
    yield f
    f.close()


def wizard(path, **size):
    return world.Terminal(CTL, "--socket", path, "restore", **size)


def answer_until(t, question):
    """Sensible answers up to ${question}, which is left open."""
    for q, a in zip(QUESTIONS, ["shop", "1", "all", "1", ""]):
        t.expect(q)
        t.expect(": ")
        if q == question:
            return
        t.type(a)


# --- the questions -------------------------------------------------------------------------------


def test_do_it_now(fake):
    with wizard(fake.path) as t:
        listed = t.expect("Unit (number or name): ")
        assert re.search(r"1  mail +2 restore points, the newest 60 min ago", listed) and re.search(r"2  shop +3 restore points", listed)
        t.type("shop")
        listed = t.expect("Restore point (number or id) [1]: ")
        assert re.search(r"1  \d{8}T\d{6}Z +complete +1\.2 GiB +60 min ago +window 0\.52 s", listed)
        assert [p["backup_id"] for p in fake.points[:3]] == re.findall(r"\d{8}T\d{6}Z", listed), "newest first"
        t.type(fake.points[1]["backup_id"])
        assert "2  bind:/srv/my files" in t.expect("Items (numbers or names) [all]: ")
        t.type("3, data")
        t.expect("What (number): ")
        t.type("1")
        asked = t.expect("[y/N]: ")
        assert "brings back shop as it was at " in asked and "  volume:db  5 B\n  volume:data  5 B\n" in asked
        assert "Stopped for it, and started again: shop-db-1, edge (of another unit)." in asked
        t.type("y")
        assert t.end() == 0
    assert fake.calls[1][0] == "PlanRestore" and fake.calls[2][1] == fake.calls[1][1]
    assert fake.calls[2:] == [("Restore", {"unit": "shop", "backup_id": fake.points[1]["backup_id"], "items": ["volume:db", "volume:data"]})]


def test_everything_is_asked_for_without_naming_it(fake):
    with wizard(fake.path) as t:
        answer_until(t, "Go on?")
        t.type("y")
        assert t.end() == 0
    assert fake.calls[2:] == [("Restore", {"unit": "shop", "backup_id": fake.points[0]["backup_id"]})]


def test_partial_point(fake):
    """Is not what an empty line takes; what is missing is named; its items are asked for by name."""
    fake.points = [point("shop", 0, complete=False, items=["volume:data"], missing=["volume:db"]), point("shop", 1)]
    with wizard(fake.path) as t:
        t.expect("Unit (number or name) [1]: ")
        t.type("")
        assert "PARTIAL" in t.expect("Restore point (number or id) [2]: ")
        t.type("1")
        assert "volume:db is missing" in t.expect("Items (")
        t.type("all")
        t.expect("What (number): ")
        t.type("1")
        t.expect("Go on?")
        t.type("yes")
        assert t.end() == 0
    assert fake.calls[-1] == ("Restore", {"unit": "shop", "backup_id": fake.points[0]["backup_id"], "items": ["volume:data"]})


def test_nonsense_is_asked_again(fake):
    nonsense = ["nonsense", "0", "99", "-1", "1x", "1 2 x", "\x1b[31mred", "ü€", "x" * 3000, "99999999999999999999999", "%s%n"]
    with wizard(fake.path) as t:
        for q, a in zip(QUESTIONS, ["2", "1", "1,2", "1", "n"]):
            t.expect(q)
            for text in nonsense:
                t.type(text)
                t.expect("Type " if q == "Go on?" else "none of them")
                t.expect(q)
            t.type(a)
        assert t.end() == 1 and "nothing was changed" in t.output
        assert "\x1b" not in t.output
    assert [m for m, _ in fake.calls] == ["ListRestorePoints", "PlanRestore"]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("way,status", [("C", 130), ("D", 1), ("q", 1)])
def test_leaving_at_each_question(fake, question, way, status):
    with wizard(fake.path) as t:
        answer_until(t, question)
        if way == "q":
            t.type("q")
        else:
            t.key(way)
        assert t.end() == status
        assert t.output.rstrip().endswith("nothing was changed")
    assert [m for m, _ in fake.calls if m != "PlanRestore"] == ["ListRestorePoints"]


def test_ctrl_c_while_the_daemon_looks(fake):
    fake.answer = lambda s: (s.recv(65536), fake.calls.append("asked"), s.recv(65536))  # and never answers
    with wizard(fake.path) as t:
        world.until(lambda: fake.calls, "it was asked")
        t.key("C")
        assert t.end() == 130 and "nothing was changed" in t.output


def test_narrow_terminal(fake):
    """40 columns: nothing is wider but what is to be copied, and nothing is lost that is needed."""
    fake.points += [point("a-unit-with-quite-a-long-name-that-does-not-fit", 0)]
    with wizard(fake.path, columns=40) as t:
        for q, a in zip(QUESTIONS, ["shop", "nonsense\n1", "1", "1", "n"]):
            t.expect(q)
            for line in a.split("\n"):
                t.type(line)
        assert t.end() == 1
        shown = [line for line in t.output.split("\n") if not re.search(r"\[.*\]: |: \S", line)]
        assert shown and max(map(len, shown)) <= 40, [line for line in shown if len(line) > 40]
        assert "  1  " + fake.points[0]["backup_id"] + "  complete\n     60 min ago, 1.2 GiB, window 0.52 s\n" in t.output
        assert "a-unit-with-quite-a-long-name-tha.." in t.output


def test_500_restore_points(fake):
    fake.points = [point("shop", n) for n in range(500)]
    with wizard(fake.path, rows=30) as t:
        t.expect("Unit (number or name) [1]: ")
        t.type("")
        page = t.expect("Restore point (number or id) [1]: ")
        assert page.count("complete") == 25 and "475 more; m shows them" in page
        t.type("m")
        page = t.expect("[1]: ")
        assert " 26  " + fake.points[25]["backup_id"] in page and "450 more" in page
        t.type("500")  # a number that was not shown counts as well
        t.expect("Items (")
        t.type("all")
        t.expect("What (number)")
        t.type("1")
        t.expect("Go on?")
        t.type("y")
        assert t.end() == 0
    assert fake.calls[-1][1]["backup_id"] == fake.points[499]["backup_id"]


def test_names_cannot_paint_the_terminal(fake):
    hostile = "\x1b]0;pwned\x07\x9b31m\u202e\r\n"
    fake.points = [point(hostile, 0, backup_id=hostile, items=[hostile], missing=[hostile])]
    with wizard(fake.path) as t:
        for q, a in zip(QUESTIONS, ["1", "1", "1", "1", "n"]):
            t.expect(q)
            t.type(a)
        assert t.end() == 1
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", t.output), repr(t.output)


def test_without_a_terminal(fake):
    r = subprocess.run([CTL, "--socket", fake.path, "restore"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert r.returncode == 2 and "restore UNIT [BACKUP_ID] --yes" in r.stderr and not r.stdout
    assert fake.calls == []


@pytest.mark.parametrize("option", [["--yes"], ["--path", "x"], ["--in-place"], ["--back", "last"]])
def test_options_need_a_unit(fake, option):
    with world.Terminal(CTL, "--socket", fake.path, "restore", *option) as t:
        assert t.end() == 2 and "UNIT" in t.output
    assert fake.calls == []


def test_no_restore_point(fake):
    fake.points = []
    with wizard(fake.path) as t:
        assert t.end() == 1 and "no restore point yet" in t.output


def test_no_daemon(directory):
    with wizard(directory / "nobody") as t:
        assert t.end() == 4


# --- scripts -------------------------------------------------------------------------------------


def to_directory(t, where):
    for q, a in zip(QUESTIONS, ["shop", "1", "all", "2"]):
        t.expect(q)
        t.type(a)
    t.expect("New directory for recipe and scripts [")
    t.type(str(where))


def test_directory_that_cannot_be(fake, directory):
    with wizard(fake.path) as t:
        to_directory(t, directory)
        t.expect("cannot be made: File exists")
        t.type(f"{directory}/no/such")
        t.expect("cannot be made: No such file")
        t.key("C")
        assert t.end() == 130 and t.output.rstrip().endswith("nothing was changed")
    assert os.listdir(directory) == ["socket"]


@pytest.mark.parametrize("method", ["Restore", "RenderRestore"])
def test_failing_half_way_leaves_nothing(fake, directory, method):
    fake.replies[method] = lambda p: [{"error": "io.kopidocka.OperationFailed", "parameters": {"text": "no way", "advice": "try harder"}}]
    with wizard(fake.path) as t:
        to_directory(t, directory / "new")
        assert t.end() == 1
        assert "no way\ntry harder" in t.output and t.output.rstrip().endswith("nothing was changed")
    assert not (directory / "new").exists()


def test_files_of_the_scripts(fake, directory):
    fake.replies["Restore"] = lambda p: [{"parameters": {
        "backup_id": p["backup_id"], "restored": [], "service": "untouched", "recipe_directory": p["recipe_directory"], "next_steps": [],
        "redacted": ["DB_PASSWORD of container shop-db-1"],
        "compose": ["docker", "compose", "-p", "shop", "-f", "/srv/my shop/compose.yml", "up", "-d"]}}]
    where = directory / "a new one"
    with wizard(fake.path, columns=40) as t:
        to_directory(t, where)
        assert t.end() == 0
        assert "docker compose -p shop -f '/srv/my shop/compose.yml' up -d\n" in t.output
        assert f"sh '{where}/restore-shop.sh'\n" in t.output and "recipe/RESTORE.md" in t.output
        assert "  DB_PASSWORD of container shop-db-1\n" in t.output and "env_file" in t.output
    assert where.stat().st_mode & 0o777 == 0o700
    names = ["01-volume_data.sh", "02-bind__srv_my_files.sh", "03-volume_db.sh", "restore-shop.sh"]
    assert sorted(os.listdir(where)) == names
    assert all((where / n).stat().st_mode & 0o777 == 0o700 for n in names)
    assert fake.calls[1] == ("Restore", {"unit": "shop", "backup_id": fake.points[0]["backup_id"], "recipe_directory": f"{where}/recipe",
                                         "recipe_only": True})
    assert [c[1]["items"] for c in fake.calls[2:]] == [fake.points[0]["items"], *([i] for i in fake.points[0]["items"])]


# --- with a daemon, an engine and a repository -----------------------------------------------------


@pytest.fixture
def shop(engine, daemon, directory):
    """Two containers, two volumes: backed up, then changed."""
    (directory / "compose.yml").write_text("services: {}\n")
    files = ["-l", f"com.docker.compose.project.working_dir={directory}", "-l", f"com.docker.compose.project.config_files={directory}/compose.yml"]
    engine.container("shop-db-1", *files, "-e", "DB_PASSWORD=canary-7f3a", project="shop", service="db", volumes=["data:/data"])
    engine.container("shop-web-1", *files, project="shop", service="web", volumes=["www:/www"])
    for volume in ("data", "www"):
        (engine.volume(volume) / "f").write_text("old\n")
    data = engine.volume("data")
    os.chown(data / "f", 12, 34)
    os.setxattr(data / "f", "user.note", b"kept")
    world.run("setfacl", "-m", "u:56:r", data / "f")
    daemon.backup("shop")
    for volume in ("data", "www"):
        (engine.volume(volume) / "f").unlink()
        (engine.volume(volume) / "f").write_text("new\n")
    return engine


def content(engine, volume):
    return (engine.volume(volume) / "f").read_text()


def check_fidelity(engine):
    f = engine.volume("data") / "f"
    assert f.read_text() == "old\n" and (f.stat().st_uid, f.stat().st_gid) == (12, 34)
    assert os.getxattr(f, "user.note") == b"kept"
    assert "user:56:r--" in world.run("getfacl", "-n", "--absolute-names", f).stdout


def test_do_it_now_for_real(shop, daemon):
    before = shop.running()
    with wizard(daemon.socket) as t:
        t.expect("Unit (number or name) [1]: ")
        t.type("")
        t.expect("Restore point (number or id) [1]: ")
        t.type("")
        assert "volume:data" in t.expect("Items (")
        t.type("data")
        t.expect("What (number): ")
        t.type("1")
        t.expect("Go on?")
        t.type("y")
        assert t.end() == 0, t.output
        assert "service up" in t.output
    check_fidelity(shop)
    assert content(shop, "www") == "new\n", "it was not chosen"
    after = shop.running()
    assert after.keys() == before.keys() and after["shop-db-1"] != before["shop-db-1"]


def test_scripts_for_real(shop, daemon, directory):
    before, where = shop.running(), directory / "scripts"
    with wizard(daemon.socket) as t:
        to_directory(t, where)
        assert t.end() == 0, t.output
        assert f"docker compose -p shop --project-directory {directory} -f {directory}/compose.yml up -d" in t.output
        assert "DB_PASSWORD of container shop-db-1" in t.output and "canary" not in t.output
    assert (where / f"recipe/compose{directory}/compose.yml").exists() and (where / "recipe/RESTORE.md").exists()
    assert where.stat().st_mode & 0o777 == 0o700 and (where / "recipe").stat().st_mode & 0o777 == 0o700
    assert shop.running() == before and content(shop, "data") == "new\n", "writing them touches nothing"

    def run(name):
        env = {"PATH": os.environ["PATH"], "HOME": str(directory), "KOPIA_PASSWORD": daemon.password, "DOCKER_HOST": f"unix://{shop.socket}",
               "KOPIA_CHECK_FOR_UPDATES": "false", "SAFETY": str(directory / ("safety-" + name))}
        return world.run("sh", where / name, env=env, stdin=subprocess.DEVNULL)

    run("01-volume_data.sh")
    check_fidelity(shop)
    assert content(shop, "www") == "new\n", "the script of one volume leaves the other"
    safety = list((directory / "safety-01-volume_data.sh").glob("*.tar"))
    assert len(safety) == 1 and "new" in world.run("tar", "-xOf", safety[0]).stdout
    after = shop.running()
    assert after.keys() == before.keys() and after["shop-db-1"] != before["shop-db-1"]
    assert after["shop-web-1"] == before["shop-web-1"], "only what uses the volume is stopped"
    run("restore-shop.sh")
    assert content(shop, "www") == "old\n" and shop.running().keys() == before.keys()
