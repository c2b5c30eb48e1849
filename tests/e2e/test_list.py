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


def test_what_is_ours_is_never_an_item(engine, daemon, directory):
    """Saved, it would change while it is read, or hold itself."""
    places = {"spool__directory": directory / "spool", "kopia__cache_directory": directory / "kopia-cache", "paths__state": directory / "state"}
    for i, place in enumerate(places.values()):
        place.mkdir(exist_ok=True)
        engine.container(f"own-{i}", "-v", f"{place}:/data:ro")
    daemon.stop()
    daemon.configure(**places)
    daemon.start()
    for unit in daemon.call("ListUnits")["parameters"]["units"]:
        assert unit["items"] == [] and unit["coverage"][0]["reason"].startswith("refused"), unit
