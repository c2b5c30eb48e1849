# SPDX-License-Identifier: MIT
"""Who else could write: agents of the whole host keep running and are named; real sharers stop."""


def test_an_agent_of_the_whole_host(engine, daemon):
    engine.container("app", volumes=["data:/d"])
    engine.container("agent", volumes=["/:/host"])
    before = engine.running()["agent"]
    unit = daemon.backup("app", state="warnings")["units"][0]
    assert unit["data"] == "complete" and [w for w in unit["warnings"] if "agent can write to everything" in w], unit
    assert engine.running()["agent"] == before, "it was not stopped"
    daemon.configure(backup__trusted_writers='["agent"]')
    daemon.call("Reload")
    daemon.backup("app")
    assert engine.running()["agent"] == before
