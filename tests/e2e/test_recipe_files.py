# SPDX-License-Identifier: MIT
"""The files that compose files name: kept, redacted, or named with the reason."""
import ctypes
import json
import os
import threading
import time

import pytest

LABEL = "com.docker.compose."
COMPOSE = """
include: [part/compose.yml]
services:
  web:
    image: bb
    env_file: [web.env, {path: maybe.env, required: false}]
    build: ./src
configs:
  site: {file: "${CONF_DIR}/site.conf"}
  away: {file: away.conf}
  pipe: {file: pipe.conf}
  where: {file: "${NOBODY_SETS_THIS}/x"}
secrets:
  pw: {file: ./pw.txt}
  tok: {environment: TOKEN}
"""


def project(directory):
    p = directory / "project"
    for d in ("part", "conf", "src"):
        (p / d).mkdir(parents=True)
    (p / "compose.yml").write_text(COMPOSE)
    (p / "part/compose.yml").write_text("services: {part: {image: bb, extends: {file: base.yml, service: x}, env_file: part.env}}\n")
    (p / "part/base.yml").write_text("services: {x: {image: bb, env_file: gone.env}}\n")
    (p / "part/part.env").write_text("PART=1\n")
    (p / "part/.env").write_text("PART_TOKEN=canary-part\n")
    (p / ".env").write_text("CONF_DIR=conf\nROOT_PASSWORD='canary-dotenv\nmore'\n# OLD_TOKEN=canary-old\nURL=db://u:canary-url@h/\n")
    (p / "web.env").write_text("PLAIN=visible\nAPI_KEY=canary-web\n")
    (p / "conf/site.conf").write_text("site\n")
    (p / "pw.txt").write_text("canary-secret\n")
    (p / "pw.txt").chmod(0o640)
    (directory / "outside.conf").write_text("canary-outside\n")
    (p / "away.conf").symlink_to(directory / "outside.conf")
    os.mkfifo(p / "pipe.conf")
    return p


def labels(p, files):
    return ["-l", f"{LABEL}project.working_dir={p}", "-l", f"{LABEL}project.config_files={files}"]


def recipe_of(daemon, unit):
    return daemon.call("Restore", {"unit": unit, "recipe_only": True})["parameters"]["recipe_directory"]


def everything(recipe):
    return "".join(open(os.path.join(top, f)).read() for top, _, files in os.walk(recipe) for f in files)


def test_files_of_compose_files(engine, daemon, directory):
    p = project(directory)
    engine.container("shop-web-1", *labels(p, p / "compose.yml"), project="shop", service="web")
    warnings = daemon.backup("shop", state="warnings")["units"][0]["warnings"]
    recipe = recipe_of(daemon, "shop")
    for name in ("compose.yml", "part/compose.yml", "part/base.yml", "part/part.env", "part/.env", ".env", "web.env", "conf/site.conf"):
        assert os.path.exists(f"{recipe}/compose{p}/{name}"), name
    text = everything(recipe)
    assert "canary" not in text and "PLAIN=visible" in text and "CONF_DIR=conf" in text
    for name in (f"away.conf (configs: away): a link to {directory}/outside.conf", "pipe.conf (configs: pipe): a fifo",
                 "gone.env (env_file of x): it is not there", "NOBODY_SETS_THIS"):
        assert any(name in w for w in warnings), (name, warnings)
    assert len(warnings) == 4, warnings
    md = open(f"{recipe}/RESTORE.md").read()
    assert f"secret file `{p}/pw.txt` (secrets: pw): not kept, 14 bytes, mode 0640: secret files are not kept" in md
    assert "its content is the variable TOKEN" in md and f"build directory `{p}/src`" in md
    redacted = json.load(open(f"{recipe}/redacted.json"))["redacted"]
    assert f"API_KEY in {p}/web.env" in redacted and f"ROOT_PASSWORD in {p}/.env" in redacted and f"OLD_TOKEN in {p}/.env" in redacted
    files = {f["path"]: f for f in json.load(open(f"{recipe}/files.json"))}
    assert files[f"{p}/.env"]["redacted"] and files[f"{p}/conf/site.conf"]["saved"] and not files[f"{p}/pw.txt"]["saved"]
    assert f"{p}/maybe.env" not in files, "what may be missing is not named"


def test_secrets_kept_when_told_to(engine, daemon, directory):
    p = project(directory)
    daemon.configure(recipe__secrets="true")
    daemon.call("Reload")
    engine.container("shop-web-1", *labels(p, p / "compose.yml"), "-e", "API_KEY=canary-inspect", project="shop", service="web")
    daemon.backup("shop", state="warnings")
    recipe = recipe_of(daemon, "shop")
    assert open(f"{recipe}/compose{p}/pw.txt").read() == "canary-secret\n"
    assert "canary-dotenv" in open(f"{recipe}/compose{p}/.env").read()
    assert "canary-inspect" in open(f"{recipe}/inspect/shop-web-1.json").read()
    assert json.load(open(f"{recipe}/redacted.json"))["redacted"] == []
    assert "Secrets are in this recipe as they were" in open(f"{recipe}/RESTORE.md").read()


def test_compose_file_in_a_managers_volume(engine, daemon, directory):
    """Portainer keeps the projects it made in its own volume; the labels have the path inside its container."""
    engine.docker("tag", "bb:latest", "portainer/portainer-ce:latest")
    engine.container("decoy", volumes=["decoy:/data"])
    engine.container("portainer", image="portainer/portainer-ce:latest", volumes=["portainer_data:/data"])
    engine.sh("portainer", "mkdir -p /data/compose/3; cd /data/compose/3; echo 'services: {web: {image: bb, env_file: [stack.env, out.env]}}' >docker-compose.yml; "
                           "echo STACK_SECRET=canary >stack.env; echo A=b >.env; ln -s /etc/shadow out.env")
    engine.container("web-1", *labels("/data/compose/3", "/data/compose/3/docker-compose.yml"), project="stack", service="web")
    warnings = daemon.backup("stack", state="warnings")["units"][0]["warnings"]
    recipe = recipe_of(daemon, "stack")
    assert "env_file" in open(f"{recipe}/compose/data/compose/3/docker-compose.yml").read()
    assert "STACK_SECRET=***REDACTED***" in open(f"{recipe}/compose/data/compose/3/stack.env").read()
    assert not os.path.exists(f"{recipe}/compose/data/compose/3/out.env"), "no link is followed where a container can write"
    assert len(warnings) == 1 and "out.env" in warnings[0] and "a link" in warnings[0], warnings
    assert "found in volume portainer_data of container portainer" in open(f"{recipe}/RESTORE.md").read()
    engine.docker("rmi", "portainer/portainer-ce:latest", check=False)


def test_several_files_profiles_and_a_broken_one(engine, daemon, directory):
    p = directory / "several"
    p.mkdir()
    (p / "a.yml").write_text("services: {web: {image: bb, profiles: [dev], env_file: a.env}}\n")
    (p / "b.yml").write_text("services: {web: [\n")
    (p / "a.env").write_text("A=b\n")
    (p / "big.conf").write_bytes(bytes(3 << 20))
    (p / "c.yml").write_text("configs: {x: {file: big.conf}, d: {file: .}}\n")
    engine.container("web-1", *labels(p, f"{p}/a.yml,{p}/b.yml,{p}/c.yml,{p}/none.yml"), project="several", service="web")
    warnings = daemon.backup("several", state="warnings")["units"][0]["warnings"]
    recipe = recipe_of(daemon, "several")
    for name in ("a.yml", "b.yml", "c.yml", "a.env"):
        assert os.path.exists(f"{recipe}/compose{p}/{name}"), name
    for name in ("b.yml is no compose file: line 2", "big.conf (configs: x): larger than 2048 KiB", "(configs: d): a directory",
                 "none.yml (the project's labels): it is not there"):
        assert any(name in w for w in warnings), (name, warnings)


def test_file_secrets_are_items(engine, daemon, directory):
    """compose mounts them: then their content is data of the unit."""
    p = project(directory)
    (p / "compose.yml").write_text("secrets: {pw: {file: pw.txt}}\n")
    engine.container("shop-web-1", *labels(p, p / "compose.yml"), project="shop", service="web", volumes=[f"{p}/pw.txt:/run/secrets/pw:ro"])
    daemon.backup("shop")
    recipe = recipe_of(daemon, "shop")
    assert f"its content is in the item bind:{p}/pw.txt" in open(f"{recipe}/RESTORE.md").read()


@pytest.fixture
def dead_mount(directory):
    """A filesystem that never answers: nobody serves its requests."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = directory / "project/dead"
    place.mkdir(parents=True)
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
    assert libc.mount(b"dead", os.fsencode(place), b"fuse", 0, options) == 0, os.strerror(ctypes.get_errno())
    yield place
    os.close(fd)
    libc.umount2(os.fsencode(place), 2)


def test_a_dead_mount_blocks_nothing(engine, daemon, dead_mount):
    p = dead_mount.parent
    (p / "compose.yml").write_text("services: {web: {image: bb, env_file: [dead/a.env, live.env]}}\n")
    (p / "live.env").write_text("A=b\n")
    engine.container("shop-web-1", *labels(p, p / "compose.yml"), project="shop", service="web")
    slowest, stop = [0.0], threading.Event()

    def ask():
        while not stop.is_set():
            begin = time.monotonic()
            daemon.call("Status")
            slowest[0] = max(slowest[0], time.monotonic() - begin)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        warnings = daemon.backup("shop", state="warnings")["units"][0]["warnings"]
    finally:
        stop.set()
        asker.join()
    assert len(warnings) == 1 and "dead/a.env" in warnings[0] and "could not be read in time" in warnings[0], warnings
    assert os.path.exists(f"{recipe_of(daemon, 'shop')}/compose{p}/live.env")
    assert slowest[0] < 5, "law 9: the daemon answered meanwhile (the deadline of the child is 10 s)"
