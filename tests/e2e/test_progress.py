# SPDX-License-Identifier: MIT
"""What is shown while a job goes on, and what Ctrl-C does meanwhile."""
import subprocess
import threading

import pytest

import world

CTL = world.BUILD / "client/kopi-dockactl"
RESULT = {"parameters": {"result": {"backup_id": "20260131T020000Z", "state": "ok", "units": []}}}
CANCELLED = {"error": "io.kopidocka.Cancelled", "parameters": {"job": 7, "text": "the backup was cancelled"}}


def progress(phase="read", **more):
    return {"continues": True, "parameters": {"progress": {"job": 7, "operation": "backup", "phase": phase, **more}}}


@pytest.fixture
def fake(directory):
    f = world.FakeDaemon(directory / "socket")
    yield f
    f.close()


def test_one_line_on_a_narrow_terminal(fake):
    shown = threading.Event()
    fake.replies["Backup"] = lambda p: [
        progress(unit="a-project-with-a-long-name", item="volume:a-volume-with-a-long-name", bytes=1 << 30, total_bytes=1 << 31,
                 bytes_per_s=1 << 20, eta_ms=60000, window_ms=520), shown.wait, RESULT]
    with world.Terminal(CTL, "--socket", fake.path, "backup", columns=40) as t:
        t.expect("a-project")
        shown.set()
        assert t.end() == 0
        line = t.output.partition("\r\x1b[K")[2].partition("\r")[0]
        assert line == "a-project-with-a-long-name: read volum..".replace("volum..", "volu..") and len(line) < 40
        assert t.output.endswith("\r\x1b[Krun 20260131T020000Z: ok\n"), "the line is wiped before the result"


def test_without_a_terminal_a_line_for_each_phase(fake):
    fake.replies["Backup"] = lambda p: [progress(phase="queued", message="another job goes first")] + \
        [progress(unit="shop", bytes=n, total_bytes=9) for n in range(5)] + [progress(unit="shop", phase="start"), RESULT]
    r = subprocess.run([CTL, "--socket", fake.path, "backup"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert r.returncode == 0 and r.stderr.splitlines() == ["queued (another job goes first)", "shop: read 0 B of 9 B", "shop: start"] and "\x1b" not in r.stderr


def test_ctrl_c_cancels_once_and_waits(fake):
    told, over = threading.Event(), threading.Event()
    fake.replies["Backup"] = lambda p: [progress(), over.wait, CANCELLED]
    fake.replies["Cancel"] = lambda p: [told.set, {"parameters": {"state": "cancelled"}}]
    with world.Terminal(CTL, "--socket", fake.path, "backup") as t:
        t.expect("read")
        t.key("C")
        t.expect("cancelling: what was stopped is started first")
        assert told.wait(30)
        t.key("C")
        t.expect("please wait")
        over.set()
        assert t.end() == 1 and "the backup was cancelled" in t.output
    assert fake.calls.count(("Cancel", {"job": 7})) == 1


def test_ctrl_c_before_the_job_has_a_number(fake):
    told, pressed = threading.Event(), threading.Event()
    fake.replies["Backup"] = lambda p: [pressed.wait, progress(), told.wait, CANCELLED]
    fake.replies["Cancel"] = lambda p: [told.set, {"parameters": {"state": "cancelled"}}]
    with world.Terminal(CTL, "--socket", fake.path, "backup") as t:
        world.until(lambda: fake.calls, "it was asked")
        t.key("C")
        t.expect("cancelling")
        pressed.set()
        assert t.end() == 1
    assert ("Cancel", {"job": 7}) in fake.calls


def test_ctrl_c_at_a_question(fake):
    """Nothing is under way: the client ends at once, and no job is cancelled."""
    never = threading.Event()
    fake.replies["Status"] = lambda p: [never.wait]
    with world.Terminal(CTL, "--socket", fake.path, "status") as t:
        world.until(lambda: fake.calls, "it was asked")
        t.key("C")
        assert t.end() == 130
    never.set()
    assert fake.calls == [("Status", {})]


def test_confirmation_of_a_restore_by_name(fake):
    fake.replies["PlanRestore"] = lambda p: [{"parameters": {"unit": "shop", "backup_id": "20260131T020000Z", "items": [], "paths": [], "stops": []}}]
    fake.replies["Restore"] = lambda p: [{"parameters": {"backup_id": "20260131T020000Z", "restored": [], "service": "up", "next_steps": []}}]
    for answer, status in (("n", 1), ("", 1), ("\x04", 1), ("\x03", 130), ("y", 0)):
        with world.Terminal(CTL, "--socket", fake.path, "restore", "shop") as t:
            t.expect("[y/N]: ")
            t.type(answer)
            assert t.end() == status
            assert ("nothing was changed" in t.output) == (status != 0)
    assert [c for c in fake.calls if c[0] != "PlanRestore"] == [("Restore", {"unit": "shop"})]


def test_waiting_behind_another_job(engine, daemon):
    """Who has to wait sees so, and can leave the queue again."""
    engine.container("slow", command=world.STUBBORN, volumes=["vol:/data"])
    first = subprocess.Popen([CTL, "--socket", daemon.socket, "backup"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    world.until(lambda: daemon.call("Status")["parameters"].get("progress", {}).get("phase") == "stop", "it is stopping")
    with world.Terminal(CTL, "--socket", daemon.socket, "restore", "slow", "--yes") as t:
        t.expect("queued (another job goes first)")
        t.key("C")
        assert t.end() == 1 and "before it began" in t.output
    assert first.wait(120) == 3  # it had to be killed, and runs again
