# SPDX-License-Identifier: MIT
"""The disaster-recovery bundle: what is in it, that it opens, what is removed and what never is."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

import world

INSIDE = ["README", "recover.sh", "kopia-repository.json", "kopia-password.txt", "backup-status.json", "kopi-docka.conf"]


@pytest.fixture
def places(directory):
    (directory / "recovery").mkdir()
    return directory / "recovery", directory / "passwords"


@pytest.fixture
def daemon(engine, directory, places):
    yield world.Daemon(engine, directory, backup__recovery_bundle_path=places[0], backup__recovery_password_path=places[1],
                       backup__recovery_bundle_retention=2).start().init()


def write(daemon, check=0, **parameters):
    """The reply of one bundle; each has a second of its own in its name."""
    r = daemon.ctl("--json", "disaster-recovery", *[w for k, v in parameters.items() for w in (f"--{k}", v)], check=check)
    return json.loads(r.stdout.splitlines()[-1])


def another(daemon, reply, check=0):
    """A later bundle than that of ${reply}."""
    world.until(lambda: world.run("date", "-u", "+%Y%m%dT%H%M%SZ").stdout.strip() not in reply["path"], "the next second")
    return write(daemon, check)


def open_with_the_readme(readme, into):
    """Its second command, with the place it names replaced by ours."""
    command = re.search(r"^    (openssl enc -d .*)$", readme.read_text(), re.M).group(1)
    into.mkdir()
    r = subprocess.run(["sh", "-c", command.replace("/root/recovery", str(into))], cwd=readme.parent, capture_output=True, text=True)
    assert r.returncode == 0, command + r.stderr
    return into


def test_content(engine, daemon, directory, places):
    engine.container("web", volumes=["data:/data"])
    daemon.backup()
    reply = write(daemon)
    assert reply["warnings"] == [] and reply["removed"] == []
    bundles, passwords = places
    name = os.path.basename(reply["path"])[:-len(".tar.enc")]
    identity = json.loads((daemon.state / "identity.json").read_text())
    assert re.fullmatch(rf"kopi-docka-recovery-{identity['identity']}-\d{{8}}T\d{{6}}Z", name)
    assert sorted(p.name for p in bundles.iterdir()) == [f"{name}.{e}" for e in ("README", "sha256", "tar.enc")]
    assert sorted(p.name for p in passwords.iterdir()) == [f"{name}.PASSWORD", f"{name}.sha256"]
    for d in places:
        world.run("sha256sum", "-c", "--strict", f"{name}.sha256", cwd=d)
        assert all(p.stat().st_mode & 0o777 == 0o600 for p in d.iterdir())
    assert passwords.stat().st_mode & 0o777 == 0o700
    readme = bundles / f"{name}.README"
    passphrase = (passwords / f"{name}.PASSWORD").read_text().strip()
    assert len(passphrase) == 44
    for secret in (passphrase, daemon.password):
        assert secret not in readme.read_text() and secret not in daemon.log.read_text() and secret not in json.dumps(reply)
    inside = open_with_the_readme(readme, directory / "open")
    assert sorted(p.name for p in inside.iterdir()) == sorted(INSIDE)
    assert all(p.stat().st_mode & 0o777 == (0o700 if p.name == "recover.sh" else 0o600) for p in inside.iterdir())
    assert (inside / "kopia-password.txt").read_text() == daemon.password + "\n"
    assert (inside / "kopi-docka.conf").read_text() == daemon.conf.read_text()
    assert (inside / "README").read_text() == readme.read_text()
    config = json.loads((inside / "kopia-repository.json").read_text())
    assert config["storage"]["config"]["path"] == str(daemon.repo) and config["kopi-docka"]["unique_id"] == identity["unique_id"]
    status = json.loads((inside / "backup-status.json").read_text())
    assert status["restore_points"][0]["unit"] == "web" and status["restore_points"][0]["complete"]
    assert status["runs"][0]["units"][0]["unit"] == "web" and status["identity"] == identity["identity"]
    assert all(re.match(r"\d+\.\d+", status["versions"][p]) for p in ("kopi-docka", "kopia", "docker"))
    world.run("shellcheck", inside / "recover.sh")


def test_rotation_takes_only_its_own(engine, daemon, places):
    bundles, _ = places
    first = write(daemon)
    stranger = bundles / os.path.basename(first["path"]).replace("Z.tar.enc", "Z.tar.enc.old")
    stranger.write_text("not ours")
    old = bundles / (os.path.basename(first["path"])[:-len("20260101T000000Z.tar.enc")] + "20200101T000000Z.tar.enc")
    old.write_text("named like ours, never written by us")
    killed = bundles / f".{old.name[:-len('-20200101T000000Z.tar.enc')]}.new.Ab1xyZ"
    killed.mkdir()
    (killed / "half").write_text("what a helper that was killed left behind")
    second = another(daemon, first, check=3)
    assert second["removed"] == [] and len(second["warnings"]) == 1 and old.name in second["warnings"][0]
    assert not killed.exists()
    third = another(daemon, second, check=3)
    assert third["removed"] == [first["path"]]
    name = os.path.basename(first["path"])[:-len(".tar.enc")]
    assert not any(p.name.startswith(name + ".") for d in places for p in d.iterdir() if p != stranger)
    # touched since: no longer ours to remove
    with open(second["path"], "ab") as f:
        f.write(b"x")
    fourth = another(daemon, third, check=3)
    assert fourth["removed"] == [] and os.path.exists(second["path"]) and os.path.exists(third["path"])
    assert stranger.exists() and old.exists() and len(fourth["warnings"]) == 2


def test_the_newest_stays_when_the_clock_was_ahead(engine, daemon, places):
    bundles, passwords = places
    daemon.stop()
    daemon.configure(backup__recovery_bundle_path=bundles, backup__recovery_password_path=passwords, backup__recovery_bundle_retention=2)
    daemon.start()
    first = write(daemon)
    name = os.path.basename(first["path"])[:-len(".tar.enc")]
    ahead = name[:-len("20260101T000000Z")] + "20990101T000000Z"
    for d in places:  # as if it had been written then
        for p in list(d.iterdir()):
            p.rename(d / p.name.replace(name, ahead))
        sums = d / f"{ahead}.sha256"
        if (d / f"{ahead}.README").exists():
            readme = d / f"{ahead}.README"
            readme.write_text(readme.read_text().replace(name, ahead))
        sums.write_text(world.run("sha256sum", *sorted(p.name for p in d.iterdir() if p != sums), cwd=d).stdout)
    second = write(daemon)
    third = another(daemon, second)  # the one of the future goes, not the one before this
    assert second["removed"] == [] and third["removed"] == [str(bundles / f"{ahead}.tar.enc")]
    assert os.path.exists(second["path"]) and os.path.exists(third["path"])


def test_passphrase_beside_the_bundle_is_a_warning(engine, directory, places):
    daemon = world.Daemon(engine, directory, backup__recovery_bundle_path=places[0]).start().init()
    r = daemon.ctl("disaster-recovery", check=3)
    assert "warning: the passphrase lies beside the bundle" in r.stdout and "recovery_password_path" in r.stdout
    assert doctor(daemon)["recovery passphrase"]["state"] == "warning"
    sums = next(places[0].glob("*.sha256"))
    assert len(world.run("sha256sum", "-c", sums.name, cwd=places[0]).stdout.splitlines()) == 3
    open_with_the_readme(next(places[0].glob("*.README")), directory / "open")


def test_after_a_run(engine, directory, places):
    daemon = world.Daemon(engine, directory, backup__recovery_bundle_path=places[0], backup__recovery_password_path=places[1],
                          backup__update_recovery_bundle="true").start().init()
    engine.container("web", volumes=["data:/data"])
    result = daemon.backup()
    inside = open_with_the_readme(next(places[0].glob("*.README")), directory / "open")
    status = json.loads((inside / "backup-status.json").read_text())
    assert [r["backup_id"] for r in status["runs"]] == [result["backup_id"]], "the run that it was written after is in it"
    # a bundle that fails is a warning of the run, and undoes nothing
    before = sorted(places[0].iterdir())
    places[1].rename(directory / "away")
    places[1].write_text("no directory")
    result = daemon.backup(state="warnings")
    assert result["units"][0]["data"] == "complete" and "the recovery bundle was not written" in result["warnings"][0]
    assert "passwords is no directory" in result["warnings"][0] and result["units"][0]["service"] == "up"
    assert sorted(places[0].iterdir()) == before


def test_a_place_that_does_not_answer(engine, directory, places):
    """A helper that hangs, as one does on a dead mount: the socket answers, and Cancel ends it."""
    helpers = directory / "helpers"
    helpers.mkdir()
    for p in (world.BUILD / "helpers").glob("kopi-docka-*"):
        if p.is_file():
            (helpers / p.name).symlink_to(p)
    (helpers / "kopi-docka-bundle").unlink()
    (helpers / "kopi-docka-bundle").write_text(f"#!/bin/sh\n: >{directory}/hangs\nexec sleep 1000\n")
    (helpers / "kopi-docka-bundle").chmod(0o755)
    daemon = world.Daemon(engine, directory, backup__recovery_bundle_path=places[0]).start(KOPI_DOCKA_HELPERS=str(helpers)).init()
    client = subprocess.Popen([world.BUILD / "client/kopi-dockactl", "--socket", daemon.socket, "disaster-recovery"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    world.until((directory / "hangs").exists, "the helper runs")
    job = daemon.call("Status")["parameters"]["jobs"][0]
    assert job["operation"] == "bundle"
    assert daemon.call("Cancel", {"job": job["job"]})["parameters"]["state"] == "cancelled"
    assert "cancelled" in client.communicate(timeout=60)[0] and client.returncode == 1
    assert "parameters" in daemon.call("Status")


def doctor(daemon):
    return {c["name"]: c for c in daemon.call("Doctor")["parameters"]["checks"]}


def test_doctor(engine, daemon, places):
    assert doctor(daemon)["recovery bundle"]["state"] == "warning" and "none yet" in doctor(daemon)["recovery bundle"]["detail"]
    reply = write(daemon)
    found = doctor(daemon)
    assert found["recovery bundle"]["state"] == "ok" and reply["path"] in found["recovery bundle"]["detail"]
    assert found["recovery bundles"]["state"] == "ok" and "recovery passphrase" not in found
    password = next(places[1].glob("*.PASSWORD"))
    password.rename(str(password) + ".kept")
    found = doctor(daemon)["recovery bundle"]
    assert found["state"] == "failed" and "the passphrase of " in found["detail"] and found["advice"]
    with open(reply["path"], "ab") as f:
        f.write(b"x")
    found = doctor(daemon)["recovery bundle"]
    assert found["state"] == "failed" and "is not as it was written" in found["detail"]


@pytest.fixture
def small(directory):
    d = directory / "small"
    d.mkdir()
    world.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", d)
    yield d
    world.run("umount", d)


def test_errors(engine, daemon, directory, small):
    r = daemon.ctl("disaster-recovery", "--directory", "/nowhere/at/all", check=1)
    assert "the directory above /nowhere/at/all is not there: is its disk mounted?" in r.stderr
    r = daemon.ctl("disaster-recovery", "--directory", daemon.conf, check=1)
    assert f"{daemon.conf} is no directory" in r.stderr
    r = daemon.ctl("disaster-recovery", "--directory", ".", cwd=directory / "recovery", check=0)
    assert str(directory / "recovery/kopi-docka-recovery-") in r.stdout
    (small / "full").write_bytes(b"x" * 60 * 1024)
    r = daemon.ctl("disaster-recovery", "--directory", small, check=1)
    assert f"to {small}: No space left on device" in r.stderr, r.stderr
    assert [p.name for p in small.iterdir()] == ["full"], "nothing half-made stays"
    world.run("mount", "-o", "remount,ro", small)
    r = daemon.ctl("disaster-recovery", "--directory", small, check=1)
    assert f"cannot write to {small}: Read-only file system" in r.stderr
    daemon.configure()
    assert "parameters" in daemon.call("Reload")
    r = daemon.ctl("disaster-recovery", check=1)
    assert "no directory to write the bundle to" in r.stderr and "backup.recovery_bundle_path" in r.stderr


# --- the helper alone ----------------------------------------------------------------------------


def helper(directory, name, openssl=None, **kw):
    """kopi-docka-bundle on an archive of one file, with ${openssl} (sh) in openssl's place."""
    (directory / "bin").mkdir(exist_ok=True)
    if openssl:
        (directory / "bin/openssl").write_text(f"#!/bin/sh\n{openssl}\n")
        (directory / "bin/openssl").chmod(0o755)
    (directory / "README").write_text(f"Kopi-Docka recovery bundle {name}\n")
    archive = directory / "archive.tar"
    world.run("tar", "-cf", archive, "-C", directory, "README")
    return subprocess.Popen([world.BUILD / "helpers/kopi-docka-bundle", directory / "bundles", name, "1000", directory / "bundles", "1", "s"],
                            stdin=open(archive, "rb"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={"PATH": f"{directory}/bin:/usr/bin:/bin"}, start_new_session=True, **kw)


def test_what_cannot_be_opened_again_replaces_nothing(directory):
    first = helper(directory, "s-20260101T000000Z")
    assert first.wait(60) == 0
    kept = sorted((directory / "bundles").iterdir())
    assert len(kept) == 4
    # one byte more than was encrypted, as a file system may have it that lies
    bad = helper(directory, "s-20260102T000000Z", openssl="""/usr/bin/openssl "$@" || exit
case " $* " in *" -d "*) ;; *" -out "*.tar.enc*) for last; do :; done; printf x >>"$last" ;; esac""")
    _, said = bad.communicate(timeout=60)
    assert bad.returncode == 1 and "cannot be opened again" in said and "the old ones stay" in said
    assert sorted((directory / "bundles").iterdir()) == kept
    good = helper(directory, "s-20260103T000000Z", openssl='exec /usr/bin/openssl "$@"')
    out, said = good.communicate(timeout=60)
    assert good.returncode == 0 and f"removed {directory}/bundles/s-20260101T000000Z.tar.enc" in out, said
    assert sorted(p.name.split(".")[0] for p in (directory / "bundles").iterdir()) == ["s-20260103T000000Z"] * 4


def test_a_helper_that_is_ended_leaves_nothing(directory):
    p = helper(directory, "s-20260101T000000Z", openssl=f""": >{directory}/begun
exec sleep 1000""")
    world.until((directory / "begun").exists, "openssl runs")
    assert any((directory / "bundles").iterdir())
    os.killpg(p.pid, signal.SIGTERM)
    assert p.wait(60) != 0 and not any((directory / "bundles").iterdir())


def test_no_openssl(directory):
    (directory / "bin").mkdir()
    (directory / "bin/rm").symlink_to(shutil.which("rm"))
    r = world.run(world.BUILD / "helpers/kopi-docka-bundle", directory / "bundles", "n", "1", directory / "bundles", "1", "s",
                  env={"PATH": str(directory / "bin")}, check=False, stdin=subprocess.DEVNULL)
    assert r.returncode == 1 and r.stderr == "openssl was not found: it is needed to encrypt the bundle; install it\n"


def test_no_secret_in_any_argument(engine, daemon, places):
    """While bundles are written all command lines of the machine are looked at."""
    seen, over = set(), threading.Event()

    def watch():
        while not over.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    seen.add(open(f"/proc/{pid}/cmdline", "rb").read())
                except OSError:
                    pass

    t = threading.Thread(target=watch)
    t.start()
    try:
        reply = write(daemon)
        while not any(b"openssl\0enc" in line for line in seen):
            reply = another(daemon, reply)
    finally:
        over.set()
        t.join()
    for p in places[1].glob("*.PASSWORD"):
        assert not any(p.read_text().strip().encode() in line for line in seen)
    assert not any(daemon.password.encode() in line for line in seen)
