# SPDX-License-Identifier: MIT
"""A machine to switch off: a container with systemd as PID 1 and a dockerd of its own, our release build installed in it as
`meson install` does. `docker kill` of it is a power cut, `docker stop` a reboot; its disk stays, /run does not.
Two things differ from a real machine: tar waits while /run/hold-tar exists (but for the recipe's), so that a window lasts as long as a test
wants; and a power cut loses no page cache."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import world

PACKAGES = ("systemd,systemd-sysv,dbus,docker.io,iptables,procps,attr,acl,openssl,ca-certificates,"
            "libuv1,libjson-c5,libconfig9,libsystemd0,libcurl4,libinih1,libyaml-0-2")
CONF = "/etc/kopi-docka.conf"
HELD_TAR = """#!/bin/sh
case "$(pwd -P) $*" in */var/cache/kopi-docka/*) ;; *) while [ -e /run/hold-tar ]; do sleep 0.05; done ;; esac
exec /usr/bin/tar.real "$@"
"""
SLOW = 'trap "sleep 3; exit 0" TERM; while :; do sleep 0.1; done'
UNITS = ("kopi-docka.timer", "kopi-docka.service", "kopi-dockad.socket", "kopi-dockad.service", "kopi-dockad-recover.service")


def build():
    """The release build, as it is installed; a directory."""
    tree, installed = world.BUILD / "rig", world.BUILD / "rig-installed"
    if not (tree / "build.ninja").exists():
        world.run("meson", "setup", tree, world.TOP, "--prefix=/usr", "--buildtype=release", "-Dtests=false")
    world.run("ninja", "-C", tree)
    shutil.rmtree(installed, ignore_errors=True)
    world.run("meson", "install", "-C", tree, "--no-rebuild", "--destdir", installed.resolve())
    return installed


def base_image():
    """Debian with systemd and Docker, made once a machine."""
    return world.debian("systemd", PACKAGES)


def freedoms():
    """What the container needs to be a machine. Where the tests themselves are confined: what they have."""
    if pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return ["--privileged", "--cgroupns=private"]
    known = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
        net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
        sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
        mac_admin syslog wake_alarm block_suspend audit_read""".split()
    bound = re.search(r"CapBnd:\s*([0-9a-f]+)", open("/proc/self/status").read())[1]
    ours = world.run("capsh", f"--decode={bound}").stdout
    return [f"--cap-add={c}" for c in known if f"cap_{c}" in re.split(r"[=,\s]", ours)] + \
        ["--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]


def prepare(engine):
    """The images, into the outer engine."""
    with open(base_image(), "rb") as f:
        engine.docker("import", "-", "machine:latest", stdin=f)
    engine.import_busybox()
    engine.docker("save", "-o", engine.directory / "bb.tar", "bb:latest")


def kept(directory):
    engine = world.Engine(pathlib.Path(directory) / "engine")
    if engine.docker("version", check=False).returncode != 0:
        engine.directory.mkdir(parents=True, exist_ok=True)
        engine.start()
        prepare(engine)
    return engine


class Machine:
    def __init__(self, engine, name):
        self.engine, self.name = engine, name
        self.since = None  # of the journal: when the test began

    def exists(self):
        return self.engine.docker("container", "inspect", self.name, check=False).returncode == 0

    def create(self):
        """Bare: Debian, systemd, Docker, kopia."""
        self.engine.docker("create", "--name", self.name, *freedoms(), "--network=none", "--tmpfs=/run", "--tmpfs=/run/lock",
                           "--tmpfs=/tmp", "-v", f"{self.name}-docker:/var/lib/docker", "--stop-signal=SIGRTMIN+3",
                           "machine:latest", "/lib/systemd/systemd")
        with tempfile.TemporaryDirectory() as d:
            files = pathlib.Path(d)
            (files / "etc/docker").mkdir(parents=True)
            (files / "etc/docker/daemon.json").write_text('{"bridge": "none", "iptables": false, "ip-forward": false}')
            (files / "etc/systemd/system").mkdir(parents=True)
            for name in ("systemd-sysctl.service", "systemd-modules-load.service"):  # the kernel is the host's
                (files / "etc/systemd/system" / name).symlink_to("/dev/null")
            (files / "usr/local/bin").mkdir(parents=True)
            shutil.copy(shutil.which("kopia"), files / "usr/local/bin/kopia")
            self.engine.docker("cp", f"{files}/.", f"{self.name}:/")
        self.boot()
        self.sh(f"[ -e /usr/bin/tar.real ] || mv /usr/bin/tar /usr/bin/tar.real; cat >/usr/bin/tar <<'EOF'\n{HELD_TAR}EOF\nchmod 755 /usr/bin/tar")
        self.run("docker", "load", input=(self.engine.directory / "bb.tar").read_bytes(), text=False)
        return self

    def install(self):
        self.copy(build())
        self.sh("mkdir -p /var/log/journal; systemctl restart systemd-journald; systemd-sysusers; journalctl --update-catalog;"
                "systemctl daemon-reload")
        missing = self.sh("ldd /usr/sbin/kopi-dockad /usr/bin/kopi-docka /usr/libexec/kopi-docka/* | grep 'not found' || true")
        assert not missing, f"a package is missing in PACKAGES: {missing}"
        return self

    def initialise(self):
        """A repository, kept as a template: each test begins with it and need not wait for kopia."""
        self.configure()
        self.sh("systemctl start kopi-dockad.socket")
        self.ctl("init", check=0)
        self.sh(f"""systemctl stop {' '.join(UNITS)}; mkdir /opt/template
            cp -a --parents {CONF} /srv/repo /var/lib/kopi-docka /var/cache/kopi-docka /opt/template""")
        return self

    def restore_template(self):
        self.sh("cp -a /opt/template/. /")
        self.from_now()
        return self

    def from_now(self):
        """What journal() and entries() show. Not by a cursor: with matches, journalctl 252 drops the first entry after it."""
        self.since = self.sh("date +'%F %T.%6N'").strip()

    def copy(self, directory):
        """What lies in this directory, over the root."""
        files = subprocess.run(["tar", "-C", directory, "--owner=0", "--group=0", "-chf", "-", "."], stdout=subprocess.PIPE, check=True)
        self.run("tar", "-C", "/", "-xf", "-", input=files.stdout, text=False)

    # --- power ---------------------------------------------------------------------------------------

    def boot(self):
        self.engine.docker("start", self.name)
        world.until(lambda: self.sh("systemctl is-system-running", check=False).strip() in ("running", "degraded"), "booted")
        world.until(lambda: self.docker("version", check=False).returncode == 0, "its dockerd answers")

    def power_cut(self):
        self.engine.docker("kill", self.name)
        self.boot()

    def reboot(self):
        self.engine.docker("stop", "-t", "120", self.name)
        self.boot()

    # --- inside --------------------------------------------------------------------------------------

    def run(self, *argv, **kw):
        return self.engine.docker("exec", *(["-i"] if "input" in kw else []), self.name, *argv, **kw)

    def sh(self, script, check=True):
        return self.run("sh", "-c", script, check=check).stdout

    def write(self, path, text, mode="644"):
        self.run("sh", "-c", f"mkdir -p $(dirname {path}); cat >{path}; chmod {mode} {path}", input=text)

    def ctl(self, *argv, check=None):
        r = self.run("kopi-docka", *argv, check=False)
        if check is not None:
            assert r.returncode == check, f"{argv}: exit {r.returncode}\n{r.stdout}\n{r.stderr}\n{self.journal('kopi-dockad')}"
        return r

    def journal(self, unit=None, *argv, output="cat"):
        """What was said since the test began."""
        which = (("-u", unit) if unit else ()) + ((f"--since={self.since}",) if self.since else ())
        return self.run("journalctl", "--no-pager", "-o", output, *which, *argv).stdout

    def entries(self, *matches):
        """The journal's entries as objects."""
        return [json.loads(line) for line in self.journal(None, *matches, output="json").splitlines()]

    def show(self, unit, *properties):
        """One property's value, or all of them."""
        text = self.run("systemctl", "show", unit, *(f"-p{p}" for p in properties)).stdout
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return values[properties[0]] if len(properties) == 1 else values

    # --- its containers ------------------------------------------------------------------------------

    def docker(self, *argv, **kw):
        return self.run("docker", *argv, **kw)

    def container(self, name, *options, project=None, service=None, command=world.GOOD, volumes=(), depends_on=""):
        label = "com.docker.compose."
        labels = ("-l", f"{label}project={project}", "-l", f"{label}service={service or name}", "-l", f"{label}oneoff=False",
                  "-l", f"{label}container-number=1", "-l", f"{label}depends_on={depends_on}") if project else ()
        mounts = [x for v in volumes for x in ("-v", v)]
        return self.docker("run", "-d", "--name", name, "--network=none", *labels, *mounts, *options, "bb:latest", "/bin/sh", "-c",
                           command).stdout.strip()

    def running(self):
        """Names; empty also where its dockerd does not answer at the moment."""
        return set(self.docker("ps", "--format", "{{.Names}}", check=False).stdout.split())

    # --- ours ----------------------------------------------------------------------------------------

    def configure(self, **keys):
        sections = {"kopia": {"repository_path": "/srv/repo", "password": "a-password-of-the-tests"},
                    "logging": {"level": "INFO"}, "backup": {"stop_timeout": 10, "start_timeout": 20}}
        for key, value in keys.items():
            section, name = key.split("__")
            sections.setdefault(section, {})[name] = value
        text = "".join(f"[{s}]\n" + "".join(f"{k} = {v}\n" for k, v in kv.items() if v is not None) for s, kv in sections.items())
        self.write(CONF, text, "600")

    def begin_backup(self, *argv):
        """In the background, as a service of systemd would be."""
        return subprocess.Popen(["/usr/bin/docker", "-H", f"unix://{self.engine.socket}", "exec", self.name, "kopi-docka", "backup",
                                 *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def in_window(self, *stopped, start=None):
        """A backup has stopped these and reads. It goes on with let_go."""
        self.sh("touch /run/hold-tar")
        p = start() if start else self.begin_backup()
        world.until(lambda: not set(stopped) & self.running() and self.sh("pgrep -f [b]in/tar || true").strip(),
                    f"{stopped} are stopped and tar waits")
        return p

    def drop_in(self, unit, text):
        self.write(f"/etc/systemd/system/{unit}.d/test.conf", text)
        self.sh("systemctl daemon-reload")

    def let_go(self):
        self.sh("rm -f /run/hold-tar")

    def clean(self):
        """As after install(): nothing of ours runs or is configured, no containers."""
        self.sh(f"""rm -f /run/hold-tar
            systemctl disable --now {' '.join(UNITS)} 2>/dev/null
            rm -rf /etc/systemd/system/kopi-docka* {CONF} /var/lib/kopi-docka /var/cache/kopi-docka /run/kopi-docka /srv/* /home/*
            while umount /mnt/* 2>/dev/null; do :; done; rm -rf /mnt/*
            systemctl daemon-reload; systemctl reset-failed
            systemctl is-active -q docker || systemctl start docker
            c=$(docker ps -aq); [ -z "$c" ] || docker rm -f -v $c >/dev/null
            v=$(docker volume ls -q); [ -z "$v" ] || docker volume rm $v >/dev/null""", check=False)
        return self
