# SPDX-License-Identifier: MIT
"""Retention: whole restore points, by kopia's own rule, after a run and by command. Points of the past are made
with kopia itself: a recipe that counts no items is a whole point."""
import concurrent.futures
import datetime
import json

import pytest

import world

UTC = datetime.timezone.utc
NAMES = ("latest", "daily", "weekly", "monthly", "yearly")


@pytest.fixture
def watched(engine, directory):
    """A daemon whose kopia is the wrapper."""
    return world.Daemon(engine, directory, kopia__program=world.kopia_wrapper(directory)).start().init()


def identity(daemon):
    return json.loads((daemon.state / "identity.json").read_text())["identity"]


def make(daemon, unit, time, kind="recipe", host=None, name="data"):
    """One snapshot with our tags: as a recipe a whole point, as a volume a partial one."""
    backup_id = time.strftime("%Y%m%dT%H%M%SZ")
    path = f"/recipes/{unit}" if kind == "recipe" else f"/volumes/{unit}/{name}"
    more = ["--tags=items:0", "--tags=window_ms:1"] if kind == "recipe" else [f"--tags=item:volume%3A{name}"]
    daemon.kopia("snapshot", "create", "--pin=kopi-docka", "--stdin-file=x.tar", f"--tags=type:{kind}", f"--tags=unit:{unit}",
                 f"--tags=backup_id:{backup_id}", *more, f"--start-time={time.strftime('%Y-%m-%d %H:%M:%S UTC')}",
                 f"--override-source={host or identity(daemon)}:{path}", path, input=f"{unit} {backup_id}")
    return backup_id


def make_all(daemon, unit, times):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda t: make(daemon, unit, t), times))


def reconfigure(daemon, keep, **more):
    daemon.configure(kopia__program=daemon.directory / "kopia", **{f"retention__{k}": v for k, v in zip(NAMES, keep)}, **more)
    assert "error" not in daemon.call("Reload")


def plan(daemon, unit):
    return daemon.call("PlanRetention", {"unit": unit})["parameters"]["units"][0]


def reasons_of_ours(daemon, unit):
    return {p["time"]: sorted(p["reasons"]) for p in plan(daemon, unit)["points"]}


def reasons_of_kopia(daemon, unit, keep):
    source = f"{identity(daemon)}:/recipes/{unit}"
    flags = zip(("latest", "daily", "weekly", "monthly", "annual"), keep)
    daemon.kopia("policy", "set", source, "--keep-hourly=0", *(f"--keep-{k}={v}" for k, v in flags))
    listed = json.loads(daemon.kopia("snapshot", "list", "--all", "--json", source).stdout)
    return {s["startTime"]: sorted(r.replace("annual", "yearly") for r in s.get("retentionReason", [])) for s in listed}


def year():
    """Dates of somewhat more than a year, around the edges of days, weeks, months and years."""
    newest = datetime.datetime(2026, 1, 20, 2, 0, 0, tzinfo=UTC)
    texts = ("2026-01-20T01:00:00 2026-01-19T23:59:59 2026-01-19T00:00:00 2026-01-18T23:59:59 2026-01-17T02:00:00 "
             "2026-01-16T02:00:00 2026-01-15T02:00:00 2026-01-13T02:00:01 2026-01-13T02:00:00 2026-01-13T01:59:59 "
             "2026-01-12T02:00:00 2026-01-11T02:00:00 2026-01-05T00:00:00 2026-01-04T23:59:59 2026-01-01T00:00:00 "
             "2025-12-31T23:59:59 2025-12-29T02:00:00 2025-12-28T02:00:00 2025-12-23T02:00:00 2025-12-22T02:00:00 "
             "2025-12-01T00:00:00 2025-11-30T23:59:59 2025-10-31T02:00:00 2025-10-01T02:00:00 2025-09-15T02:00:00 "
             "2025-08-31T02:00:00 2025-06-30T02:00:00 2025-05-31T02:00:00 2025-03-01T02:00:00 2025-02-28T02:00:00 "
             "2025-01-31T02:00:00 2025-01-20T02:00:00 2025-01-20T01:59:59 2024-12-30T02:00:00 2024-02-29T02:00:00 "
             "2024-01-20T02:00:00 2024-01-20T01:59:59 2023-12-31T02:00:00")
    return [newest] + [datetime.datetime.fromisoformat(t).replace(tzinfo=UTC) for t in texts.split()]


def test_the_choice_is_kopias(watched):
    """The same dates, several policies: each point stays for the same reasons as kopia's snapshot of that moment."""
    make_all(watched, "shop", year())
    for keep in ((3, 7, 4, 12, 2), (0, 7, 0, 0, 0), (0, 0, 4, 0, 0), (0, 0, 0, 13, 3), (1, 2, 60, 2, 1), (0, 0, 0, 0, 0)):
        reconfigure(watched, keep)
        ours, kopias = reasons_of_ours(watched, "shop"), reasons_of_kopia(watched, "shop", keep)
        assert len(ours) == len(year()) and any(r == [] for r in ours.values()) == (sum(keep) > 0)
        assert ours == kopias, keep

    reconfigure(watched, (3, 7, 4, 12, 2))
    staying = {p["backup_id"] for p in plan(watched, "shop")["points"] if p["stays"]}
    text = watched.ctl("retention", "--dry-run", check=0).stdout
    assert "shop keeps latest 3, daily 7, weekly 4, monthly 12, yearly 2" in text and "nothing was deleted" in text
    assert text.count("stays  ") == len(staying) and text.count("GOES   ") == len(year()) - len(staying)
    assert not world.asked(watched.directory, "snapshot delete")

    assert "would go at once" in watched.ctl("retention", "--unit", "shop", check=1).stderr
    text = watched.ctl("retention", "--unit", "shop", "--yes", check=0).stdout
    assert f"{len(year()) - len(staying)} restore points deleted, {len(staying)} left" in text
    assert len(world.asked(watched.directory, "snapshot delete")) == 1  # many points, one kopia
    left = watched.call("ListRestorePoints")["parameters"]["restore_points"]
    assert {p["backup_id"] for p in left} == staying
    reply = json.loads(watched.ctl("--json", "retention", check=0).stdout.splitlines()[-1])
    assert all(p["stays"] for p in reply["units"][0]["points"])  # what stayed stays
    assert len(world.asked(watched.directory, "snapshot delete")) == 1


def days_ago(n):
    return datetime.datetime.now(UTC).replace(microsecond=0) - datetime.timedelta(days=n)


def ids(daemon, unit, **more):
    points = daemon.call("ListRestorePoints", {"unit": unit, **more})["parameters"]["restore_points"]
    return [p["backup_id"] for p in points]


def test_after_a_run(engine, watched):
    """A run thins out all units of this host, also those that are gone, by whole points; nobody else's."""
    for c in ("shop", "mail"):
        engine.container(c, volumes=[f"{c}-data:/data"])
    reconfigure(watched, (1, 0, 0, 0, 0), **{"unit:mail__retention_latest": 5})
    whole = make(watched, "gone", days_ago(31))  # a month of failing runs, and then the unit was removed
    partial = [make(watched, "gone", days_ago(n), kind="volume") for n in (30, 20, 10, 5)]
    make(watched, "gone", days_ago(33), kind="volume")
    make(watched, "gone", days_ago(40))
    foreign = [make(watched, "shop", days_ago(n), host="root@elsewhere") for n in (400, 300)]
    watched.kopia("snapshot", "create", "--stdin-file=x", f"--override-source={identity(watched)}:/my/own", "/my/own", input="x")
    old = make(watched, "shop", days_ago(50))

    first = watched.backup()["backup_id"]
    assert ids(watched, "shop") == [first] and old != first
    assert ids(watched, "gone") == partial[:0:-1] + [whole]
    assert len(world.asked(watched.directory, "policy set")) - 1 == 2  # init's own, and one a unit for all its prefixes
    second = watched.backup("mail")["backup_id"]
    assert ids(watched, "shop") == [first] and ids(watched, "mail") == [second, first]
    third = watched.backup()["backup_id"]
    assert ids(watched, "shop") == [third] and ids(watched, "mail") == [third, second, first]
    assert ids(watched, "shop", host="root@elsewhere") == foreign[::-1]
    assert "/my/own" in watched.kopia("snapshot", "list", "--all").stdout
    assert len(world.asked(watched.directory, "policy set")) - 1 == 2  # no drift, nothing set
    # all of a point went, and all of one stayed
    tags = [s["tags"] for s in json.loads(watched.kopia("snapshot", "list", "--all", "--json", "--tags=unit:shop").stdout)
            if s["source"]["host"] != "elsewhere"]
    assert sorted(t["tag:type"] for t in tags) == ["recipe", "volume"] and {t["tag:backup_id"] for t in tags} == {third}

    # the configuration is what counts: for the policies of kopia, and for what stays
    reconfigure(watched, (1, 0, 0, 0, 0), **{"unit:mail__retention_latest": 2, "kopia__compression": "none"})
    fourth = watched.backup("mail")["backup_id"]
    assert ids(watched, "mail") == [fourth, third]
    assert len(world.asked(watched.directory, "policy set")) - 1 == 3
    for prefix in ("volumes", "binds", "recipes"):
        policy = json.loads(watched.kopia("policy", "show", "--json", f"{identity(watched)}:/{prefix}/mail").stdout)
        assert policy["retention"]["keepLatest"] == 2 and policy["compression"]["compressorName"] == "none"


def test_nothing_is_torn_apart(engine, directory):
    """A partial run and a cancelled one take nothing from the points that are there; the next good one ends them."""
    fails = f'case "$*" in *--stdin-file=bb.tar*) [ ! -e {directory}/bad ] || exit 1;; esac'
    d = world.Daemon(engine, directory, kopia__program=world.kopia_wrapper(directory, fails), retention__latest=1, retention__daily=0,
                     retention__weekly=0, retention__monthly=0, retention__yearly=0).start().init()
    engine.container("shop", volumes=["aa:/a", "bb:/b"])
    engine.sh("shop", "echo 1 > /a/f; echo 1 > /b/f")
    whole = d.backup()["backup_id"]

    def snapshots(of):
        return len(json.loads(d.kopia("snapshot", "list", "--all", "--json", f"--tags=backup_id:{of}").stdout))

    (directory / "bad").touch()
    partial = d.backup(state="failed")["backup_id"]
    assert ids(d, "shop") == [partial, whole] and snapshots(whole) == 3 and snapshots(partial) == 2
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(d.call, "Backup")
        job = world.until(lambda: next((j for j in d.call("Status")["parameters"]["jobs"] if j["state"] == "running"), None), "it runs")
        d.call("Cancel", {"job": job["job"]})
        assert run.result()["parameters"]["result"]["state"] == "cancelled"
    assert ids(d, "shop") == [partial, whole] and snapshots(whole) == 3
    (directory / "bad").unlink()
    again = d.backup()["backup_id"]
    assert ids(d, "shop") == [again] and snapshots(whole) == snapshots(partial) == 0


def test_a_failing_retention_is_a_warning(engine, directory):
    """The data is safe: the run is not called failed, and not called good."""
    fails = 'case "$*" in *"snapshot delete"*) echo "ERROR no luck today" >&2; exit 1;; esac'
    d = world.Daemon(engine, directory, kopia__program=world.kopia_wrapper(directory, fails), retention__latest=1, retention__daily=0,
                     retention__weekly=0, retention__monthly=0, retention__yearly=0).start().init()
    engine.container("shop", volumes=["shop-data:/data"])
    make(d, "shop", days_ago(50))
    result = d.backup(state="warnings")
    assert result["units"][0]["data"] == "complete" and not result["units"][0]["errors"]
    assert len(result["errors"]) == 1 and result["errors"][0].startswith("retention: ") and "no luck today" in result["errors"][0]
    assert len(ids(d, "shop")) == 2
    assert len(world.asked(directory, "snapshot delete")) == 2  # it looked once more before it gave up
    r = d.ctl("retention", check=1)
    assert "no luck today" in r.stderr


def test_wrong_questions(daemon):
    r = daemon.ctl("retention", "--unit", "nobody", check=1)
    assert "nobody has no restore points here" in r.stderr
    assert daemon.call("ApplyRetention", {"unit": "nobody"})["error"] == "io.kopidocka.NoSuchUnit"
    assert daemon.ctl("retention", "--dry-run", check=0).stdout == "0 restore points would go, 0 stay; nothing was deleted\n"
