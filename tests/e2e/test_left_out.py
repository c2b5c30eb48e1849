# SPDX-License-Identifier: MIT
"""What is not saved is said, and nothing is left out for its name alone."""
import json


def names(daemon, item, unit):
    r = daemon.ctl("ls", unit, "--item", item, "--recursive", "--json", check=0)
    return {e["path"] for e in json.loads(r.stdout)["entries"] if e["path"]}


def test_patterns_are_counted_as_the_admins(engine, daemon, directory):
    daemon.stop()
    daemon.configure(backup__exclude_patterns='["*.cache"]')
    daemon.conf.write_text(daemon.conf.read_text() + "[unit:web]\nexclude_patterns = big\n")
    daemon.start()
    engine.container("web", volumes=["data:/data"])
    engine.container("other", "--volumes-from", "web:ro")
    engine.sh("web", "cd /data; mkdir big; echo 12345 >invoices.cache; echo 12345 >big/x; echo 1 >keep")
    result = daemon.backup(state="ok")
    items = {u["unit"]: u["items"][0] for u in result["units"]}
    assert (items["web"]["excluded_entries"], items["web"]["excluded_bytes"]) == (3, 12)
    assert (items["other"]["excluded_entries"], items["other"]["excluded_bytes"]) == (1, 6)
    assert names(daemon, "volume:data", "web") == {"keep"}
    plan = daemon.call("Plan", {"units": ["web"]})["parameters"]["plans"][0]["unit"]
    assert plan["items"][0]["excluded_entries"] == 3
    assert ["without what matches: *.cache, big (3 entries, 12 bytes)"] == [c["reason"] for c in plan["coverage"] if c["saved"]]
    assert "without 3 entries" in daemon.ctl("backup", "--unit", "web", check=0).stdout
    daemon.ctl("restore", "web", "--target", directory / "t", check=0)
    text = next((daemon.state / "restored").rglob("RESTORE.md"), None) or next(directory.rglob("RESTORE.md"))
    assert "(3 entries, 12 bytes)" in text.read_text()


def test_nothing_for_its_name(engine, daemon, directory):
    """Directories called like sockets, or like what restores keep, are data; what a restore did keep in an item is not."""
    outer = directory / "srv"
    for name in ("data.sock", "a.socket", "app", "app/.kopi-docka-kept", ".kopi-docka-staging/x"):
        (outer / name).mkdir(parents=True)
        (outer / name / "f").write_text("mine\n")
    engine.container("sock", volumes=[f"{outer}/data.sock:/a", f"{outer}/a.socket:/b"])
    unit = daemon.backup("sock")["units"][0]
    assert {i["id"] for i in unit["items"]} == {f"bind:{outer}/data.sock", f"bind:{outer}/a.socket"}
    engine.container("inner", volumes=[f"{outer}/app:/app"])
    engine.container("files", volumes=[f"{outer}:/srv"])
    daemon.backup("inner")
    kept = daemon.call("Restore", {"unit": "inner", "way_back": True})["parameters"]["restored"][0]["kept"]
    assert (outer / "app/.kopi-docka-kept/f").read_text() == "mine\n"
    daemon.backup("files")
    have = names(daemon, f"bind:{outer}", "files")
    assert {"app/.kopi-docka-kept/f", ".kopi-docka-staging/x/f", "data.sock/f"} <= have
    if kept.startswith(f"{outer}/"):  # else it is elsewhere, and in nobody's item
        assert not any(name.startswith(".kopi-docka-kept") for name in have), have
        coverage = daemon.call("Plan", {"units": ["files"]})["parameters"]["plans"][0]["unit"]["coverage"]
        assert any(c["source"] == f"{outer}/.kopi-docka-kept" and not c["saved"] for c in coverage)
