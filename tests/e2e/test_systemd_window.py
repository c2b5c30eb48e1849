# SPDX-License-Identifier: MIT
"""Law 1 with systemd, on a machine that stops in the window: what we stopped runs again, and nothing else."""
import pytest

import rig
import world

STOPPED = {"db", "web", "cache"}


@pytest.fixture
def shop(machine):
    """A project with every restart policy, a member that does not run, and a container that is not ours to start."""
    machine.container("db", project="shop", volumes=["data:/data"])
    machine.container("web", "--restart=unless-stopped", project="shop", depends_on="db:service_started:false")
    machine.container("cache", "--restart=always", project="shop", volumes=["more:/data"])
    machine.container("job", project="shop", command="exit 0")
    machine.container("foreign", command="exit 0")
    machine.docker("exec", "db", "sh", "-c", "echo kept >/data/file")
    world.until(lambda: machine.running() == STOPPED, "only the three run")
    return machine


def all_again(machine):
    world.until(lambda: machine.running() == STOPPED, f"what ran runs, nothing else: {machine.running()}", 90)


def start_service(machine, text=""):
    machine.drop_in("kopi-dockad.service", f"[Service]\nRestartSec=100ms\n{text}")
    machine.sh("systemctl start kopi-dockad.service")


def nothing_open(machine):
    """The daemon has nothing to put right any more, and the interrupted run left nothing in the repository."""
    world.until(lambda: "still down" not in machine.ctl("status", check=0).stdout, "nothing is open")
    assert "shop " not in machine.ctl("list", "--restore-points", check=0).stdout


@pytest.mark.parametrize("how", ["watchdog", "kill"])
def test_daemon_dies_in_the_window(shop, how):
    start_service(shop, "WatchdogSec=2s" if how == "watchdog" else "")
    client = shop.in_window(*STOPPED)
    pid = shop.show("kopi-dockad", "MainPID")
    if how == "watchdog":
        shop.sh(f"kill -STOP {pid}")
    else:  # as the kernel does when there is no memory left
        shop.sh("systemctl kill -s KILL --kill-who=main kopi-dockad")
    world.until(lambda: shop.show("kopi-dockad", "NRestarts") == "1", "systemd starts it again")
    shop.let_go()
    assert client.wait(60) == 4, client.stdout.read()
    all_again(shop)
    assert shop.show("kopi-dockad", "MainPID") != pid
    nothing_open(shop)
    assert shop.ctl("backup", check=0).returncode == 0
    all_again(shop)


@pytest.mark.parametrize("enabled", ["kopi-dockad.service", "kopi-docka.timer"])
def test_power_cut(shop, enabled):
    """Also where only the timer is enabled: then no daemon runs after the boot, and they run nevertheless."""
    shop.sh(f"systemctl enable --now {enabled}")
    client = shop.in_window(*STOPPED)
    shop.power_cut()
    client.wait(60)
    all_again(shop)
    if enabled == "kopi-docka.timer":
        assert shop.show("kopi-dockad-recover", "Result") == "success"
        assert shop.show("kopi-dockad", "ActiveState") == "inactive"
        assert shop.show("kopi-docka.timer", "ActiveState") == "active"
        assert "was started" in shop.journal("kopi-dockad-recover")
    nothing_open(shop)


def test_reboot(shop):
    """The daemon has its containers started before the engine ends; then the engine's own policies count."""
    shop.sh("systemctl enable --now kopi-dockad.service")
    client = shop.in_window(*STOPPED)
    shop.reboot()
    client.wait(60)
    before = shop.journal("kopi-dockad")
    assert "shop runs again" in before and "is over: cancelled" in before, before
    assert "Failed with result" not in before
    world.until(lambda: shop.running() == {"web", "cache"}, "what the engine starts after a reboot")
    nothing_open(shop)


@pytest.mark.parametrize("unit", ["kopi-dockad.service", "kopi-docka.service"])
def test_stop(shop, unit):
    """systemctl stop of the daemon, and of the unit that only asked for the run: cancelled, everything runs."""
    start_service(shop)
    if unit == "kopi-docka.service":
        shop.in_window(*STOPPED, start=lambda: shop.sh("systemctl start --no-block kopi-docka"))
    else:
        client = shop.in_window(*STOPPED)
    shop.sh(f"systemctl stop {unit}")
    assert shop.running() == STOPPED
    assert "is over: cancelled" in shop.journal("kopi-dockad")
    if unit == "kopi-dockad.service":
        assert client.wait(60) == 1, client.stdout.read()
        assert shop.show(unit, "Result") == "success"
    shop.let_go()
    nothing_open(shop)


def test_slow_stop_is_waited_for(machine):
    """Containers take longer to stop than TimeoutStopSec=: systemd is asked for time instead of killing us."""
    machine.container("slow", command='trap "sleep 5; exit 0" TERM; while :; do sleep 0.1; done', volumes=["data:/data"])
    start_service(machine, "TimeoutStopSec=2s")
    client = machine.begin_backup()
    world.until(lambda: "stop" in machine.sh("systemctl show -P StatusText kopi-dockad"), "it is stopping")
    machine.sh("systemctl stop kopi-dockad")
    assert machine.show("kopi-dockad", "Result") == "success", machine.journal("kopi-dockad")
    assert client.wait(60) == 1
    assert machine.running() == {"slow"}


def test_docker_restarts_in_the_window(shop):
    """The engine comes back and has started what its policies say: we do not end with it, and start the rest."""
    start_service(shop)
    client = shop.in_window(*STOPPED)
    pid = shop.show("kopi-dockad", "MainPID")
    shop.sh("systemctl restart docker")
    shop.let_go()
    client.wait(120)
    all_again(shop)
    assert shop.show("kopi-dockad", "MainPID") == pid
    assert client.returncode != 0, client.stdout.read()  # it was not cold, or it was tried twice: said in any case


def test_child_out_of_memory(shop):
    """kopia is killed by the kernel: the run has failed, the daemon goes on."""
    start_service(shop, "MemoryMax=30M")
    shop.docker("exec", "db", "dd", "if=/dev/urandom", "of=/data/big", "bs=1M", "count=64")
    r = shop.ctl("backup")
    assert r.returncode == 1, r.stdout
    assert shop.show("kopi-dockad", "NRestarts") == "0" and shop.show("kopi-dockad", "ActiveState") == "active"
    all_again(shop)


def test_recover_gives_up_with_a_sentence(machine):
    """A container that cannot be started: the stop of the service does not hang, and says what is down."""
    machine.sh("mkdir -p /srv/there")
    machine.docker("run", "-d", "--name=lost", "--network=none", "--mount=type=bind,source=/srv/there,target=/there", "bb:latest",
                   "/bin/sh", "-c", world.GOOD)
    start_service(machine)
    client = machine.in_window("lost")
    machine.sh("mv /srv/there /srv/gone; systemctl kill -s KILL --kill-who=main kopi-dockad")
    machine.let_go()
    client.wait(60)
    world.until(lambda: "lost is not running again" in machine.journal("kopi-dockad"), "said")
    machine.sh("mv /srv/gone /srv/there")
    world.until(lambda: machine.running() == {"lost"}, "started as soon as it can be", 90)
