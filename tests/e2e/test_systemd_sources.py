# SPDX-License-Identifier: MIT
"""What is really mounted, seen from within the shipped unit; and where it may not look, that is an error of its own."""


def test_looks_at_what_containers_have_mounted(machine):
    machine.sh("systemctl start kopi-dockad.service; mkdir -p /srv/disk/app /srv/opt /srv/second; ln -s /srv/disk/app /srv/opt/app;"
               "mount --bind /srv/disk /srv/second; echo x >/srv/disk/app/f")
    try:
        machine.container("app", volumes=["/srv/opt/app:/d"])
        machine.container("other", volumes=["/srv/second/app:/d"])
        r = machine.ctl("backup", "--unit", "app", check=0)
        assert "data complete" in r.stdout, r.stdout
        assert "app, other" in machine.sh("kopi-docka --json backup --unit app | tr -d '\"' | sed 's/,/, /g; s/  */ /g'")
        machine.sh("mv /srv/disk/app /srv/disk/old; mkdir /srv/disk/app")
        r = machine.ctl("backup", "--unit", "app", check=1)
        assert "was replaced meanwhile" in r.stdout + r.stderr, r.stdout + r.stderr
    finally:
        machine.docker("rm", "-f", "app", "other", check=False)
        machine.sh("umount /srv/second")


def test_a_unit_that_may_not_look(machine):
    """Not "nobody else writes": nothing is stopped, and it says what is missing."""
    machine.drop_in("kopi-dockad.service", "[Service]\nCapabilityBoundingSet=~CAP_SYS_PTRACE\n")
    machine.sh("systemctl start kopi-dockad.service")
    machine.container("app", volumes=["data:/d"])
    r = machine.ctl("backup", check=1)
    said = r.stdout + r.stderr
    assert "may not look at what app has mounted" in said and "CAP_SYS_PTRACE" in said, said
    assert machine.running() == {"app"}
