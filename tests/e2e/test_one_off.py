# SPDX-License-Identifier: MIT
"""Containers of docker compose run: their data is the unit's, they stop only where they write, and none vanishes."""


def one_off(engine, name, *options, volumes=(), command=None):
    label = "com.docker.compose."
    return engine.container(name, "-l", f"{label}project=shop", "-l", f"{label}service=app", "-l", f"{label}oneoff=True", *options,
                            volumes=volumes, command=command)


def test_saved_and_restored(engine, daemon, directory):
    extra = directory / "extra"
    extra.mkdir()
    engine.container("shop-app-1", project="shop", service="app", volumes=["data:/d"])
    one_off(engine, "shop-app-run-1", volumes=["data:/d:ro", f"{extra}:/x", "/anon"], command="echo x >/x/f; echo y >/anon/f")
    one_off(engine, "shop-app-run-2", volumes=["other:/o"])
    engine.sh("shop-app-run-2", "echo z >/o/f")
    engine.docker("wait", "shop-app-run-1")
    looker = one_off(engine, "shop-app-run-3", volumes=["data:/d:ro"])
    started = engine.running()
    unit = daemon.call("ListUnits")["parameters"]["units"][0]
    assert {m["name"] for m in unit["members"] if m.get("oneoff")} == {"shop-app-run-1", "shop-app-run-2", "shop-app-run-3"}
    result = daemon.backup("shop")["units"][0]
    assert {i["id"] for i in result["items"]} == {"volume:data", "volume:other", f"bind:{extra}", "anon:shop-app-run-1:/anon"}
    assert set(result["restarted"]) == {"shop-app-1", "shop-app-run-2"}, "who only reads goes on"
    now = engine.running()
    assert now.keys() == started.keys() and now["shop-app-run-3"] == started["shop-app-run-3"] and looker
    (extra / "f").write_text("changed\n")
    engine.sh("shop-app-run-2", "rm /o/f")
    daemon.ctl("restore", "shop", "--yes", check=0)
    assert (extra / "f").read_text() == "x\n" and engine.sh("shop-app-run-2", "cat /o/f") == "z\n"


def test_what_would_vanish(engine, daemon, directory):
    extra = directory / "extra"
    extra.mkdir()
    engine.container("shop-app-1", project="shop", service="app", volumes=["data:/d"])
    one_off(engine, "shop-app-run-1", "--rm", volumes=[f"{extra}:/x"])
    result = daemon.backup("shop", state="warnings")["units"][0]
    assert result["data"] == "complete" and any(str(extra) in w and "--rm" in w for w in result["warnings"])
    one_off(engine, "shop-app-run-2", "--rm", volumes=["data:/d"])
    started = engine.running()
    result = daemon.backup("shop", state="failed")["units"][0]
    assert any("--rm" in e and "shop-app-run-2" in e for e in result["errors"])
    assert engine.running() == started
