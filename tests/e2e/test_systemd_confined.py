# SPDX-License-Identifier: MIT
"""What the shipped unit must be able to do, it can; beyond that it is confined."""
PLACES = ["/srv/app", "/home/anna/app", "/root/app", "/etc/app", "/opt/app", "/usr/local/share/app", "/var/tmp/app", "/tmp/app",
          "/mnt/late/app"]
# One line an entry: what a restore has to bring back.
LIST = (r"cd $1 && { find . -not -type d -printf '%P %y %m %U:%G %s %l\n'; find . -type d -printf '%P d %m %U:%G\n';"
        r" find . -type f -exec sha256sum {} +; getfattr -Rhd -m - --absolute-names . 2>/dev/null;"
        r" find . \( -type c -o -type b \) -exec stat -c '%n %t:%T' {} +; } | sort")
FILL = """cd $1; echo secret >root-only; chmod 600 root-only; mkdir -m 700 closed; echo in >closed/file; chown -R 999:998 closed
    cp /bin/true setuid; chmod 4755 setuid; cp /bin/true capable; ln root-only hard; ln -s /nowhere link; mkfifo -m 620 fifo
    setfattr -n user.note -v text root-only; chown 5:6 .; chmod 2771 ."""
SPECIAL = """cd $1; mknod -m 600 tun c 10 200; mknod -m 640 disk b 7 3; setfattr -n trusted.note -v text root-only
    setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 capable"""


def on(machine, script, path):
    return machine.run("bash", "-c", script, "-", path).stdout


def test_backs_up_and_restores_everything_everywhere(machine):
    machine.sh("systemctl start kopi-dockad.service; mkdir -p /mnt/late")
    machine.sh("mount -t tmpfs late /mnt/late")  # the service runs already, and sees what the host sees
    machine.sh(f"mkdir -p {' '.join(PLACES)}")
    binds = [f"{p}:/bind{i}" for i, p in enumerate(PLACES)]
    machine.container("app", volumes=["data:/data", *binds])
    volume = machine.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "data").stdout.strip()
    for place in [*PLACES, volume]:
        on(machine, FILL, place)
        if place != "/mnt/late/app":  # tmpfs has no user.* here, and the other kinds are shown elsewhere
            on(machine, SPECIAL, place)
    before = {p: on(machine, LIST, p) for p in [*PLACES, volume]}
    assert all(len(b.splitlines()) > 12 for b in before.values())
    r = machine.ctl("backup", check=0)
    assert "data complete" in r.stdout, r.stdout

    for place in [*PLACES, volume]:
        machine.sh(f"find {place} -mindepth 1 -delete; chmod 700 {place}; chown 0:0 {place}; echo new >{place}/new")
    r = machine.ctl("restore", "app", "--yes", check=0)
    for place, listing in before.items():
        assert on(machine, LIST, place) == listing, place
    assert machine.running() == {"app"}

    # Beside: /tmp is the host's, not one of the service's own.
    machine.sh("mkdir /tmp/look")
    machine.ctl("restore", "app", "--target", "/tmp/look", "--item", "volume:data", check=0)
    assert machine.sh("find /tmp/look -name root-only -exec cat {} +") == "secret\n"
    # kopia's cache is where the unit says.
    assert machine.sh("ls /var/cache/kopi-docka/kopia").strip()
    machine.sh("rm -rf /etc/app /opt/app /usr/local/share/app /var/tmp/app /tmp/app /tmp/look /root/app")


def test_writes_where_the_configuration_says(machine):
    """The repository on a disk that comes later than the service, reports in a home, the bundle on the disk."""
    machine.sh("rm -rf /var/lib/kopi-docka/*")
    machine.configure(kopia__repository_path="/mnt/disk/repo", backup__backup_base_path="/home/anna/reports",
                      backup__update_recovery_bundle="true", backup__recovery_bundle_path="/mnt/disk/bundle",
                      backup__recovery_password_path="/root/bundle-password")
    machine.sh("systemctl start kopi-dockad.service; mkdir -p /mnt/disk /home/anna; mount -t tmpfs disk /mnt/disk; mkdir /mnt/disk/repo")
    machine.ctl("init", check=0)
    assert machine.sh("mountpoint /mnt/disk")
    machine.container("one", volumes=["data:/data"])
    r = machine.ctl("backup", check=0)
    assert "data complete" in r.stdout
    assert machine.sh("ls /mnt/disk/repo/kopia.repository.f")
    assert machine.sh("find /home/anna/reports -name '*.json' -type f"), r.stdout + r.stderr
    assert machine.sh("find /mnt/disk/bundle -type f") and machine.sh("find /root/bundle-password -type f")
    machine.sh("rm -rf /root/bundle-password")


# In this container they work for root; under the unit they must not.
FORBIDDEN = {
    "mount": "mount -t tmpfs x /mnt && umount /mnt",
    "namespaces": "unshare --uts true",
    "chroot": "chroot / /bin/true",
    "devices": "cd /root; rm -f try; mknod try c 5 1; (: <>try)",
    "host_name": "hostname $(hostname)",
    "user_ids": "setpriv --reuid=1 --regid=1 --clear-groups true",
    "personality": "setarch -R true",
    "priority": "[ $(nice -n -5 nice) -lt $(nice) ]",
    "immutable": "touch /srv/file && chattr +i /srv/file && chattr -i /srv/file",
    "core_files": "[ $(ulimit -Hc) != 0 ]",
}
TRY = "#!/bin/bash\ncd /\n" + "".join(f"( {script} ) >/dev/null 2>&1 && echo can:{what}\n" for what, script in FORBIDDEN.items())


def test_confined(machine):
    """A program in the place of the daemon, under the very unit: what is closed is closed, and not for another reason."""
    machine.write("/opt/try", TRY + "echo tried all\n", "755")
    plain = machine.run("/opt/try").stdout
    assert set(plain.split()) >= {f"can:{what}" for what in FORBIDDEN}, plain
    machine.drop_in("kopi-dockad.service", "[Service]\nType=oneshot\nRestart=no\nExecStopPost=\nExecStart=\nExecStart=/opt/try\n")
    machine.sh("systemctl start kopi-dockad.service")
    said = machine.journal("kopi-dockad")
    assert "tried all" in said and "can:" not in said, said
