# SPDX-License-Identifier: MIT
"""service_healthy edges hold the dependent back until the other is healthy; other edges do not."""
import datetime

import pytest

import world

CHECK = ["--health-cmd", "test -f /tmp/ready", "--health-interval", "1s", "--health-retries", "2", "--health-start-period", "30s"]
SLOW = 'rm -f /tmp/ready; sleep 2; touch /tmp/ready; touch /data/ready; ' + world.GOOD
# healthy the first time only
ONCE = '[ -f /data/once ] && rm -f /tmp/ready || touch /tmp/ready /data/once; ' + world.GOOD


def make(engine, condition, command, check):
    engine.container("shop-db-1", *check, project="shop", service="db", volumes=["shopdata:/data"], command=command)
    engine.container("shop-web-1", project="shop", service="web", depends_on=f"db:{condition}:false")
    world.until(lambda: engine.inspect("shop-db-1")["State"]["Health"]["Status"] == "healthy", "it is healthy")


def started(engine, name):
    return datetime.datetime.fromisoformat(engine.inspect(name)["State"]["StartedAt"][:26] + "+00:00").timestamp()


def ready(engine):
    return (engine.volume("shopdata") / "ready").stat().st_mtime


def test_dependent_waits_for_health(engine, daemon):
    make(engine, "service_healthy", SLOW, CHECK)
    before = ready(engine)
    unit = daemon.backup("shop")["units"][0]
    assert unit["service"] == "up" and unit["data"] == "complete"
    assert before < ready(engine) <= started(engine, "shop-web-1")
    assert engine.inspect("shop-db-1")["State"]["Health"]["Status"] == "healthy"
    assert unit["phases"]["start_ms"] >= 2000, "the edge is inside the window, and is counted"


def test_other_edges_do_not_wait(engine, daemon):
    make(engine, "service_started", SLOW, CHECK)
    unit = daemon.backup("shop")["units"][0]
    assert started(engine, "shop-web-1") < ready(engine)
    # health is looked at, but outside the window
    assert unit["service"] == "up" and unit["phases"]["healthy_ms"] > 0
    assert unit["window_ms"] < unit["phases"]["healthy_ms"] + 2000


@pytest.mark.parametrize("condition", ["service_healthy", "service_started"])
def test_never_healthy_again(engine, daemon, condition):
    """The data is good, the service is not, and nobody stays down for it."""
    check = ["--health-cmd", "test -f /tmp/ready", "--health-interval", "1s", "--health-retries", "2"]
    make(engine, condition, ONCE, check)
    before = engine.all_states()
    unit = daemon.backup("shop", state="warnings")["units"][0]
    assert unit["data"] == "complete" and unit["service"] == "degraded"
    assert any("shop-db-1" in line and "health" in line for line in unit["warnings"] + unit["errors"]), unit
    assert engine.all_states() == before
    assert daemon.call("Status")["parameters"]["recovering"] == []
