# SPDX-License-Identifier: MIT
"""Every key of the order's example does what it says. Bundle, retention and schedule keys: test_bundle, test_retention,
test_schedule. That no key is only accepted: test_every_key_is_used_and_documented."""
import json
import os
import re
import subprocess

import pytest

import world

DAEMON = world.BUILD / "daemon/kopi-dockad"


def check(directory, text, ok=True):
    path = directory / "checked.conf"
    path.write_text(text)
    path.chmod(0o600)
    r = world.run(DAEMON, "--check", "--config", path, check=False)
    assert (r.returncode == 0) == ok, r
    return r.stderr


def archive_names(d, item="volume:data"):
    """What the newest archive of an item has."""
    snapshots = [s for s in json.loads(d.kopia("snapshot", "list", "--all", "--json").stdout)
                 if s.get("tags", {}).get("tag:type") in ("volume", "bind")]
    newest = max(snapshots, key=lambda s: s["startTime"])
    root = newest["rootEntry"]["obj"]
    name = d.kopia("ls", root).stdout.split()[0]
    tar = subprocess.run(["kopia", f"--config-file={d.state}/repository.config", "show", f"{root}/{name}"], check=True,
                         stdout=subprocess.PIPE, env={**os.environ, "KOPIA_PASSWORD": d.password, "HOME": str(d.directory)}).stdout
    return set(subprocess.run(["tar", "-tf", "-"], input=tar, stdout=subprocess.PIPE, check=True).stdout.decode().split())


# --- [kopia] ------------------------------------------------------------------------------------------------------


def test_kopia_keys(engine, directory):
    """repository_path, password, compression, encryption, cache_directory, backup_base_path: seen in the one repository."""
    d = world.Daemon(engine, directory, kopia__repository_path=directory / "elsewhere", kopia__encryption="aes256",
                     kopia__compression="zstd", kopia__cache_directory=directory / "fast", backup__backup_base_path=directory / "base")
    d.start().init()
    engine.container("web", volumes=["data:/data"])
    engine.sh("web", "yes compressible | head -c 1000000 > /data/text")
    d.backup()
    assert (directory / "elsewhere/kopia.repository.f").exists() and not d.repo.exists()
    status = json.loads(d.kopia("repository", "status", "--json").stdout)  # with the configured password, or it fails
    assert status["contentFormat"]["encryption"] == "AES256-GCM-HMAC-SHA256"
    wrong = subprocess.run(["kopia", f"--config-file={d.state}/repository.config", "repository", "status"], text=True,
                           env={**os.environ, "KOPIA_PASSWORD": "not-that", "HOME": str(directory)}, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    assert wrong.returncode != 0 and "password" in wrong.stdout
    identity = json.loads((d.state / "identity.json").read_text())["identity"]
    policy = json.loads(d.kopia("policy", "show", "--json", f"{identity}:/volumes/web").stdout)
    assert policy["compression"]["compressorName"] == "zstd"
    assert "zstd" in d.kopia("content", "list", "--compression").stdout
    assert any((directory / "fast").iterdir()) and not (directory / "cache/kopia").exists()
    assert list((directory / "base").glob("*Z.json"))


def test_encryption_chacha20(engine, directory):
    d = world.Daemon(engine, directory, kopia__encryption="chacha20").start().init()
    assert json.loads(d.kopia("repository", "status", "--json").stdout)["contentFormat"]["encryption"] == "CHACHA20-POLY1305-HMAC-SHA256"


def test_cache_directory_of_the_environment(engine, directory):
    """KOPIA_CACHE_DIRECTORY counts where the file says nothing."""
    d = world.Daemon(engine, directory)
    d.start(KOPIA_CACHE_DIRECTORY=str(directory / "from-environment")).init()
    engine.container("web", volumes=["data:/data"])
    d.backup()
    assert any((directory / "from-environment").iterdir()) and not (directory / "cache/kopia").exists()
    d.stop()
    d.configure(kopia__cache_directory=directory / "from-file")
    d.start(KOPIA_CACHE_DIRECTORY=str(directory / "from-environment-2"))
    d.backup()
    assert any((directory / "from-file").iterdir()) and not (directory / "from-environment-2").exists()


# --- [backup] -----------------------------------------------------------------------------------------------------

# tar that says when it begins and ends; ${1} of them must be there at once, or each waits for a moment
WATCHED_TAR = """#!/bin/sh
case " $* " in *" -cf "*) ;; *) exec {real} "$@" ;; esac
echo + >> {log}
i=0
while [ $(grep -c + {log}) -lt {together} ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done
[ {together} -gt 1 ] || sleep 0.3
{real} "$@"
r=$?
echo - >> {log}
exit $r
"""


def most_at_once(engine, directory, workers, together):
    name = f"w{workers}"
    d = world.Daemon(engine, directory / name, backup__parallel_workers=workers, backup__method="stream")
    log, real, tar = directory / f"{name}.log", directory / "tar.real", directory / f"{name}.tar"
    world.run("cp", "/bin/tar", real)
    tar.write_text(WATCHED_TAR.format(log=log, real=real, together=together))
    tar.chmod(0o755)
    log.touch()
    d.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "/bin/sh", "-euc",
                                  f'mount --bind {tar} /usr/bin/tar; exec "$@"', "sh", DAEMON, "--config", d.conf],
                                 stdout=open(d.log, "ab"), stderr=subprocess.STDOUT)
    world.Daemon.started.append(d.process)
    world.until(lambda: d.alive() and d.answers(), "the daemon answers")
    d.init().backup()
    plan = d.call("Plan")["parameters"]
    d.stop()
    now = most = 0
    for word in log.read_text().split()[:6]:  # the items; the recipe follows
        now += 1 if word == "+" else -1
        most = max(most, now)
    return most, plan["parallel_workers"]


def test_parallel_workers(engine, directory):
    """A number bounds what is read at once, and is reached; auto says how many and why."""
    engine.container("web", volumes=["one:/1", "two:/2", "three:/3"])
    assert most_at_once(engine, directory, 1, together=1) == (1, "1: backup.parallel_workers")
    assert most_at_once(engine, directory, 3, together=3) == (3, "3: backup.parallel_workers")
    d = world.Daemon(engine, directory / "auto", backup__parallel_workers="auto").start().init()
    text = d.ctl("backup", "--dry-run", check=0).stdout
    assert re.search(r"items read at a time: \d+: auto, from \d+ cores and \d+ MiB of memory", text), text
    assert ": auto, from" in d.ctl("status", check=0).stdout


def test_stop_timeout(engine, directory):
    """What the engine is asked for: the key, a unit's own, a container's own longer one; never a shorter one of its own."""
    path = directory / "relay/docker.sock"
    path.parent.mkdir()
    relay = world.Relay(path, engine)
    d = world.Daemon(engine, directory, docker__socket=path, backup__stop_timeout="7s")
    d.conf.write_text(d.conf.read_text() + "[unit:own]\nstop_timeout = 11\n")
    d.start().init()
    ids = {engine.container(name, *options): t for name, options, t in (
        ("plain", (), 7), ("longer", ("--stop-timeout", "41"), 41), ("shorter", ("--stop-timeout", "2"), 7), ("own", (), 11))}
    d.backup()
    asked = {p.split("/")[3]: p.split("t=")[1] for m, p in relay.asked if "/stop?" in p}
    assert asked == {i: str(t) for i, t in ids.items()}
    relay.shutdown()
    relay.server_close()


def test_start_timeout(engine, directory):
    """How long the start is tried in the window where the engine does not answer; recovery goes on after it."""
    path = directory / "relay/docker.sock"
    path.parent.mkdir()
    relay = world.Relay(path, engine)
    d = world.Daemon(engine, directory, docker__socket=path, backup__start_timeout=3).start().init()
    engine.container("one", volumes=["data:/data"])
    relay.refused = "/start"
    unit = d.backup(state="failed")["units"][0]
    assert unit["not_restarted"] == ["one"] and 3000 <= unit["phases"]["start_ms"] < 60000, unit
    assert len([p for m, p in relay.asked if "/start" in p]) > 2
    relay.refused = None
    world.until(lambda: "one" in engine.running(), "recovery goes on after it")
    relay.shutdown()
    relay.server_close()


EXCLUDES = {
    "json": '[backup]\nexclude_patterns = ["*.tmp", "*.cache", "lost+found"]\n',
    "single-quoted": "[backup]\nexclude_patterns = ['*.tmp', '*.cache', 'lost+found']\n",
    "bare-brackets": "[backup]\nexclude_patterns = [*.tmp, *.cache, lost+found]\n",
    "commas": "[backup]\nexclude_patterns = *.tmp, *.cache,lost+found\n",
    "one": "[backup]\nexclude_patterns = *.tmp\n",
    "array": 'backup: { exclude_patterns = [ "*.tmp", "*.cache", "lost+found" ]; };\n',
    "list": 'backup: { exclude_patterns = ( "*.tmp", "*.cache", "lost+found" ); };\n',
}


@pytest.mark.parametrize("spelling", EXCLUDES)
def test_exclude_patterns_are_read(engine, directory, spelling):
    """All spellings mean the same: the dry run's coverage says what will be left out."""
    engine.container("web", volumes=["data:/data"])
    d = world.Daemon(engine, directory)
    if spelling in ("array", "list"):
        d.conf.write_text(f'kopia: {{ repository_path = "{d.repo}"; password = "{d.password}"; }};\n'
                          f'paths: {{ state = "{d.state}"; runtime = "{directory}/run"; cache = "{directory}/cache"; }};\n'
                          f'docker: {{ socket = "{engine.socket}"; }};\n' + EXCLUDES[spelling])
    else:
        d.conf.write_text(d.conf.read_text().replace("[backup]\n", EXCLUDES[spelling]))
    d.start()
    coverage = d.call("ListUnits")["parameters"]["units"][0]["coverage"]
    patterns = "*.tmp" if spelling == "one" else "*.tmp, *.cache, lost+found"
    assert [c["reason"] for c in coverage if c["saved"]] == [f"without what matches: {patterns}"]


def test_excluded_files_are_absent(engine, directory):
    """What matches is not in the archive, a unit's own patterns come on top, and the recipe says so."""
    d = world.Daemon(engine, directory, backup__exclude_patterns='["*.tmp", "lost+found"]')
    d.conf.write_text(d.conf.read_text() + "[unit:web]\nexclude_patterns = big\n")
    d.start().init()
    engine.container("web", volumes=["data:/data"])
    engine.sh("web", "cd /data; mkdir sub lost+found big; touch keep sub/a.tmp sub/keep.too b.tmp lost+found/x big/y 'not.tmp.really'")
    d.backup()
    assert archive_names(d) == {"./", "./keep", "./sub/", "./sub/keep.too", "./not.tmp.really"}
    d.ctl("restore", "web", "--target", directory / "out", check=0)
    recipe = next(directory.rglob("RESTORE.md"), None)
    where = [recipe] if recipe else list((d.state / "restored").rglob("RESTORE.md"))
    assert where and "without what matches: *.tmp, lost+found, big" in where[0].read_text()
    assert "*.tmp, lost+found, big" in d.ctl("list", "--units", check=0).stdout


def test_task_timeout(directory):
    """0 means none, as the order says; another value is answered with what to use instead."""
    assert check(directory, "[backup]\ntask_timeout = 0\n") == ""
    said = check(directory, "[backup]\ntask_timeout = 3600\n", ok=False)
    assert "backup.task_timeout = '3600'" in said and "max_window" in said and "stall_timeout" in said
    assert len(said.strip().splitlines()) == 1


# --- [logging], values ------------------------------------------------------------------------------------------------


def test_logging_level(engine, directory):
    """ERROR is silent about a run, DEBUG tells each step, a reload changes it, an unknown one is refused."""
    d = world.Daemon(engine, directory, logging__level="ERROR").start().init()
    engine.container("web", volumes=["data:/data"])
    d.backup()
    assert "begins" not in d.log.read_text() and "engine at" not in d.log.read_text()
    for level, there in (("warning", False), ("INFO", True), ("Debug", True)):
        d.configure(logging__level=level)
        d.ctl("reload", check=0)
        before = len(d.log.read_text())
        d.backup()
        text = d.log.read_text()[before:]
        assert ("begins" in text) == there, (level, text)
        assert (": debug:" in text or "debug" in text) == (level == "Debug"), (level, text)
    assert "ERROR, WARNING, INFO or DEBUG" in check(directory, "[logging]\nlevel = LOUD\n", ok=False)


def test_the_order_s_example_unchanged(directory):
    """Word for word as the order has it: accepted; its password is refused where it would count."""
    order = """[kopia]
repository_path = /backup/kopia-repo
password = changeme-very-secret
compression = zstd-fastest
encryption = aes256
cache_directory = /var/cache/kopia

[backup]
backup_base_path = /backup/kopi-docka
parallel_workers = auto
stop_timeout = 30
start_timeout = 60
exclude_patterns = ["*.tmp", "*.cache", "lost+found"]
update_recovery_bundle = false
recovery_bundle_path = /backup/recovery
recovery_bundle_retention = 3

[retention]
daily = 7
weekly = 4
monthly = 12
yearly = 2

[logging]
level = INFO
"""
    assert check(directory, order) == ""


@pytest.mark.parametrize("line, said", [
    ("[spool]\nmax = 20 gigabytes", "a size is needed"), ("[spool]\nmax = -1", "a size is needed"),
    ("[backup]\nmax_window = soon", "a duration is needed"), ("[backup]\nstop_timeout = 1500ms", "whole seconds"),
    ("[backup]\nparallel_workers = 0", "from 1 to 64"), ("[backup]\nparallel_workers = many", "auto, or"),
    ("[kopia]\nrepository_path = backup", "absolute path"), ("[kopia]\ncompression = zip", "one of kopia's"),
    ("[kopia]\nencryption = rot13", "aes256 or chacha20"), ("[retention]\ndaily = -1", "from 0 to"),
    ("[backup]\nexclude_patterns = [\"a", "a list is needed"), ("[backup]\nupdate_recovery_bundle = maybe", "true or false"),
    ("[kopia]\npasswort = x", "did you mean 'password'"), ("[kopie]\npassword = x", "unknown section"),
])
def test_values_that_cannot_be_used(directory, line, said):
    """One sentence with file and line, and what would be right."""
    text = check(directory, line + "\n", ok=False)
    assert said in text and re.search(r"checked\.conf:\d", text), text


def test_sizes_and_durations(directory):
    for size in ("512MiB", "20GB", "1048576", "1 TiB", "4g"):
        check(directory, f"[spool]\nmax = {size}\n[kopia]\ncache_size = {size}\n")
    for duration in ("250ms", "90s", "90", "5min", "5 min", "1h", "2d"):
        check(directory, f"[backup]\nmax_window = {duration}\nstall_timeout = {duration}\n")


def test_every_key_is_used_and_documented():
    """No key is accepted and then forgotten: its field is read outside the parser, and conf(5) has type, default, example."""
    source = (world.TOP / "common/conf_keys.c").read_text()
    rows = re.findall(r'\{ "(\w+)", "(\w+)", KEY_\w+, (?:AT\(([\w.]+)\)|0),', source)
    assert len(rows) > 50
    page = (world.TOP / "docs/kopi-docka.conf.5").read_text()
    documented = {}
    for block in re.split(r"^\.Sh ", page, flags=re.M):
        section = re.search(r"^\.Ql \[(\w+)(?::NAME)?\]", block, re.M)
        for names, rest in re.findall(r"^\.It Cm ([^\n]+)\n((?:(?!^\.It |^\.El).*\n)+)", block, re.M) if section else ():
            for name in names.split(" , "):
                documented[section.group(1), name] = rest
    code = "".join(p.read_text() for part in ("daemon", "client") for p in (world.TOP / part).rglob("*.c"))
    code += (world.TOP / "common/conf.c").read_text() + (world.TOP / "common/paths.c").read_text()
    code = code.replace((world.TOP / "common/conf.c").read_text().split("void conf_free(")[1], "")
    for section, name, field in rows:
        text = documented.get((section, name))
        assert text and "; default " in text and re.search("as in|Example:", text), (section, name, text)
        if field:
            assert re.search(rf"(->|\.|\b){re.escape(field)}\b", code), f"{section}.{name}: {field} is never read"
