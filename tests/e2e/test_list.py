# SPDX-License-Identifier: MIT
"""What list shows, and how fast."""
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


def test_three_hundred_containers_in_half_a_second(engine, daemon):
    """Created, not running: what costs is the engine's answers. The best of five, as others use the machine too."""
    for i in range(300):
        engine.docker("create", "--name", f"many-{i}", "--network", "none", "-v", f"many{i % 60}:/data", "bb:latest")
    times = []
    for _ in range(5):
        begin = time.monotonic()
        reply = daemon.call("ListUnits")["parameters"]
        times.append(time.monotonic() - begin)
        assert len(reply["units"]) == 300
    print(f"300 containers listed in {min(times):.3f} s")
    assert min(times) < 0.5, times
