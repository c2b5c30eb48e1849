# SPDX-License-Identifier: MIT
"""What list shows."""


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
