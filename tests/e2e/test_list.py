# SPDX-License-Identifier: MIT
import time


def test_list(engine, daemon):
    engine.container("shop-db-1", "-v", "/var/run:/hostrun:ro", "--tmpfs", "/tmp", project="shop", service="db", volumes=["shopdata:/data"])
    engine.docker("volume", "create", "lonely")
    reply = daemon.call("ListUnits")["parameters"]
    assert [u["name"] for u in reply["units"]] == ["shop"]
    assert reply["unattached_volumes"] == ["lonely"]
    coverage = reply["units"][0]["coverage"]
    assert {c["saved"] for c in coverage} == {True, False}
    assert all(c["saved"] or c["reason"] for c in coverage)
    assert "volume:shopdata" in daemon.ctl("list", "--units", check=0).stdout
    assert daemon.ctl("list", check=2)


def test_many_containers(engine, daemon):
    """Created, not running: what costs is the engine's answers."""
    for i in range(100):
        engine.docker("create", "--name", f"many-{i}", "--network", "none", "-v", f"many{i % 20}:/data", "bb:latest")
    daemon.call("ListUnits")
    begin = time.monotonic()
    reply = daemon.call("ListUnits")
    took = time.monotonic() - begin
    assert len(reply["parameters"]["units"]) == 100
    print(f"100 containers listed in {took:.3f} s")
