# SPDX-License-Identifier: MIT
"""The database is its own oracle: cold means that it says it was shut down."""
import threading

import pytest

import world

PG = "/usr/lib/postgresql/15/bin"


def as_user(user, *argv):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]


@pytest.fixture
def postgres(engine, databases):
    engine.docker("volume", "create", "pgdata")
    owner = engine.docker("run", "--rm", "--network", "none", databases, "id", "-u", "postgres").stdout.strip()
    world.run("chown", owner, engine.volume("pgdata"))

    def start():
        engine.container("shop-db-1", "--stop-signal", "SIGINT", "--stop-timeout", "60", image=databases, project="shop", service="db",
                         volumes=["pgdata:/pg"], command=as_user(
                             "postgres", "sh", "-c", f"[ -s /pg/d/PG_VERSION ] || {PG}/initdb -D /pg/d >/dev/null; exec {PG}/postgres -D /pg/d -k /tmp"))

    def sql(text, check=True):
        return engine.docker("exec", "shop-db-1", *as_user("postgres", "psql", "-h", "/tmp", "-At", "-c", text, "postgres"), check=check)

    start()
    world.until(lambda: sql("select 1", check=False).returncode == 0, "PostgreSQL answers")
    return start, sql


def test_postgres_under_load(engine, daemon, directory, postgres, databases):
    start, sql = postgres
    sql("create table t(n bigserial, x text)")
    writing = threading.Event()
    stop = threading.Event()

    def load():
        while not stop.is_set():
            if sql("insert into t(x) select md5(random()::text) from generate_series(1, 500)", check=False).returncode == 0:
                writing.set()

    t = threading.Thread(target=load)
    t.start()
    assert writing.wait(30)
    unit = daemon.backup("shop")["units"][0]
    assert unit["data"] == "complete" and unit["service"] == "up" and not unit["warnings"]
    stop.set()
    t.join()

    daemon.ctl("restore", "shop", "--target", directory / "t", check=0)
    control = engine.docker("run", "--rm", "--network", "none", "-v", f"{directory}/t/volume%3Apgdata:/pg", databases,
                            f"{PG}/pg_controldata", "/pg/d").stdout
    assert "Database cluster state:               shut down\n" in control

    rows = int(sql("select count(*) from t").stdout)
    engine.docker("rm", "-f", "shop-db-1")
    engine.docker("volume", "rm", "pgdata")
    daemon.ctl("restore", "shop", "--yes", check=0)
    start()
    world.until(lambda: sql("select 1", check=False).returncode == 0, "PostgreSQL answers")
    restored = int(sql("select count(*) from t").stdout)
    assert 0 < restored <= rows and restored % 500 == 0
    assert "recovery" not in engine.docker("logs", "shop-db-1").stderr


def test_redis(engine, daemon, databases):
    def start():
        engine.container("cache", image=databases, volumes=["rdata:/r"], command=["redis-server", "--dir", "/r", "--port", "0", "--unixsocket", "/tmp/s",
                                                                                  "--save", "3600", "1"])

    def redis(*argv):
        return engine.docker("exec", "cache", "redis-cli", "-s", "/tmp/s", *argv, check=False).stdout.strip()

    start()
    world.until(lambda: redis("ping") == "PONG", "redis answers")
    for i in range(100):
        redis("set", f"k{i}", str(i))
    assert daemon.backup("cache")["units"][0]["data"] == "complete"
    engine.docker("rm", "-f", "cache")
    engine.docker("volume", "rm", "rdata")
    daemon.ctl("restore", "cache", "--yes", check=0)
    start()
    world.until(lambda: redis("ping") == "PONG", "redis answers")
    assert redis("dbsize") == "100" and redis("get", "k99") == "99"
