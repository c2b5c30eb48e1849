/* SPDX-License-Identifier: MIT */
/*
 * One table. What is not here can be a unit's own, also below /etc and /var/lib: people keep
 * configurations and data of containers there. A directory above a row has the row in it, so
 * replacing it would replace the host's: /etc, /var and / are found by that alone.
 */
#include "common/host_path.h"

#include <string.h>

#include "common/base.h"

#define TREE  .tree = true
#define SAVED .saved = true

static const struct host_path table[] = {
	/* made by the kernel or at boot: nothing to save */
	{ "/proc", TREE, .what = "the kernel's" },
	{ "/sys", TREE, .what = "the kernel's" },
	{ "/dev", TREE, .what = "its devices" },
	{ "/run", TREE, .what = "sockets and state until the next boot" },
	{ "/lib/modules", TREE, .what = "the kernel's modules" },
	{ "/usr/lib/modules", TREE, .what = "the kernel's modules" },
	{ "/usr/share/zoneinfo", TREE, .what = "time zones" },
	{ "/etc/localtime", .what = "its time zone" },
	{ "/etc/timezone", .what = "its time zone" },
	{ "/etc/resolv.conf", .what = "its name servers" },
	{ "/etc/hosts", .what = "its names" },
	{ "/etc/hostname", .what = "its name" },
	{ "/etc/machine-id", .what = "its identity" },
	{ "/var/lib/dbus/machine-id", .what = "its identity" },
	/* engines */
	{ "/var/lib/docker", TREE, .but_volumes = true, .what = "the engine's own directory" },
	{ "/var/lib/containers/storage", TREE, .but_volumes = true, .what = "the engine's own directory" },
	{ "/var/lib/containerd", TREE, .what = "the engine's own directory" },
	{ "/var/lib/kubelet", TREE, .what = "the orchestrator's own directory" },
	{ "/etc/docker", TREE, SAVED, .what = "the engine's configuration" },
	{ "/etc/containerd", TREE, SAVED, .what = "the engine's configuration" },
	{ "/etc/containers", TREE, SAVED, .what = "the engine's configuration" },
	{ "/usr/bin", TREE, SAVED, .what = "its programs" },
	{ "/usr/sbin", TREE, SAVED, .what = "its programs" },
	{ "/usr/libexec", TREE, SAVED, .what = "its programs" },
	{ "/usr/local/bin", TREE, SAVED, .what = "its programs" },
	{ "/usr/local/sbin", TREE, SAVED, .what = "its programs" },
	{ "/usr/local/lib", TREE, SAVED, .what = "its libraries" },
	{ "/usr/lib", TREE, SAVED, .what = "its libraries" },
	{ "/usr/lib32", TREE, SAVED, .what = "its libraries" },
	{ "/usr/lib64", TREE, SAVED, .what = "its libraries" },
	{ "/usr/libx32", TREE, SAVED, .what = "its libraries" },
	{ "/usr/include", TREE, SAVED, .what = "what its packages install" },
	{ "/usr/share", TREE, SAVED, .what = "what its packages install" },
	{ "/usr/src", TREE, SAVED, .what = "the kernel's sources" },
	{ "/bin", TREE, SAVED, .what = "its programs" },
	{ "/sbin", TREE, SAVED, .what = "its programs" },
	{ "/lib", TREE, SAVED, .what = "its libraries" },
	{ "/lib32", TREE, SAVED, .what = "its libraries" },
	{ "/lib64", TREE, SAVED, .what = "its libraries" },
	{ "/libx32", TREE, SAVED, .what = "its libraries" },
	{ "/snap", TREE, SAVED, .what = "its programs" },
	{ "/nix", TREE, SAVED, .what = "its programs" },
	{ "/boot", TREE, SAVED, .what = "what it boots" },
	{ "/efi", TREE, SAVED, .what = "what it boots" },
	{ "/etc/passwd", SAVED, .what = "its accounts" },
	{ "/etc/passwd-", SAVED, .what = "its accounts" },
	{ "/etc/group", SAVED, .what = "its accounts" },
	{ "/etc/group-", SAVED, .what = "its accounts" },
	{ "/etc/shadow", SAVED, .what = "its passwords" },
	{ "/etc/shadow-", SAVED, .what = "its passwords" },
	{ "/etc/gshadow", SAVED, .what = "its passwords" },
	{ "/etc/gshadow-", SAVED, .what = "its passwords" },
	{ "/etc/subuid", SAVED, .what = "its accounts" },
	{ "/etc/subgid", SAVED, .what = "its accounts" },
	{ "/etc/login.defs", SAVED, .what = "its accounts" },
	{ "/etc/shells", SAVED, .what = "its accounts" },
	{ "/etc/skel", TREE, SAVED, .what = "its accounts" },
	{ "/etc/nsswitch.conf", SAVED, .what = "how it looks names up" },
	{ "/etc/sssd", TREE, SAVED, .what = "its accounts" },
	{ "/etc/krb5.conf", SAVED, .what = "its accounts" },
	{ "/etc/krb5.keytab", SAVED, .what = "its keys" },
	{ "/etc/ldap", TREE, SAVED, .what = "its accounts" },
	{ "/etc/sudoers", SAVED, .what = "who may become root" },
	{ "/etc/sudoers.d", TREE, SAVED, .what = "who may become root" },
	{ "/etc/doas.conf", SAVED, .what = "who may become root" },
	{ "/etc/polkit-1", TREE, SAVED, .what = "who may do what" },
	{ "/etc/pam.d", TREE, SAVED, .what = "how it lets users in" },
	{ "/etc/pam.conf", SAVED, .what = "how it lets users in" },
	{ "/etc/security", TREE, SAVED, .what = "how it lets users in" },
	{ "/etc/ssh", TREE, SAVED, .what = "its keys" },
	{ "/root/.ssh", TREE, SAVED, .what = "root's keys" },
	{ "/root/.gnupg", TREE, SAVED, .what = "root's keys" },
	{ "/root/.docker", TREE, SAVED, .what = "root's logins" },
	{ "/root/.config/containers", TREE, SAVED, .what = "root's logins" },
	{ "/etc/ssl", TREE, SAVED, .what = "its certificates" },
	{ "/etc/pki", TREE, SAVED, .what = "its certificates" },
	{ "/etc/ca-certificates", TREE, SAVED, .what = "its certificates" },
	{ "/etc/ca-certificates.conf", SAVED, .what = "its certificates" },
	{ "/usr/local/share/ca-certificates", TREE, SAVED, .what = "its certificates" },
	{ "/etc/apparmor", TREE, SAVED, .what = "what confines its programs" },
	{ "/etc/apparmor.d", TREE, SAVED, .what = "what confines its programs" },
	{ "/etc/selinux", TREE, SAVED, .what = "what confines its programs" },
	{ "/etc/fstab", SAVED, .what = "its disks" },
	{ "/etc/crypttab", SAVED, .what = "its disks" },
	{ "/etc/mtab", SAVED, .what = "its disks" },
	{ "/etc/exports", SAVED, .what = "its disks" },
	{ "/etc/lvm", TREE, SAVED, .what = "its disks" },
	{ "/etc/mdadm", TREE, SAVED, .what = "its disks" },
	{ "/etc/zfs", TREE, SAVED, .what = "its disks" },
	{ "/etc/network", TREE, SAVED, .what = "its network" },
	{ "/etc/netplan", TREE, SAVED, .what = "its network" },
	{ "/etc/NetworkManager", TREE, SAVED, .what = "its network" },
	{ "/etc/nftables.conf", SAVED, .what = "its network" },
	{ "/etc/iptables", TREE, SAVED, .what = "its network" },
	{ "/etc/ufw", TREE, SAVED, .what = "its network" },
	{ "/etc/firewalld", TREE, SAVED, .what = "its network" },
	{ "/etc/host.conf", SAVED, .what = "its network" },
	{ "/etc/hosts.allow", SAVED, .what = "its network" },
	{ "/etc/hosts.deny", SAVED, .what = "its network" },
	{ "/etc/networks", SAVED, .what = "its network" },
	{ "/etc/protocols", SAVED, .what = "its network" },
	{ "/etc/services", SAVED, .what = "its network" },
	{ "/etc/gai.conf", SAVED, .what = "its network" },
	{ "/etc/systemd", TREE, SAVED, .what = "its services" },
	{ "/etc/init.d", TREE, SAVED, .what = "its services" },
	{ "/etc/dbus-1", TREE, SAVED, .what = "its services" },
	{ "/etc/default", TREE, SAVED, .what = "its services" },
	{ "/etc/sysconfig", TREE, SAVED, .what = "its services" },
	{ "/etc/rsyslog.conf", SAVED, .what = "its services" },
	{ "/etc/rsyslog.d", TREE, SAVED, .what = "its services" },
	{ "/etc/logrotate.conf", SAVED, .what = "its services" },
	{ "/etc/logrotate.d", TREE, SAVED, .what = "its services" },
	{ "/etc/crontab", SAVED, .what = "what it runs by itself" },
	{ "/etc/anacrontab", SAVED, .what = "what it runs by itself" },
	{ "/etc/cron.d", TREE, SAVED, .what = "what it runs by itself" },
	{ "/etc/cron.hourly", TREE, SAVED, .what = "what it runs by itself" },
	{ "/etc/cron.daily", TREE, SAVED, .what = "what it runs by itself" },
	{ "/etc/cron.weekly", TREE, SAVED, .what = "what it runs by itself" },
	{ "/etc/cron.monthly", TREE, SAVED, .what = "what it runs by itself" },
	{ "/var/spool/cron", TREE, SAVED, .what = "what it runs by itself" },
	{ "/etc/udev", TREE, SAVED, .what = "its devices" },
	{ "/etc/modprobe.d", TREE, SAVED, .what = "the kernel's modules" },
	{ "/etc/modules", SAVED, .what = "the kernel's modules" },
	{ "/etc/modules-load.d", TREE, SAVED, .what = "the kernel's modules" },
	{ "/etc/sysctl.conf", SAVED, .what = "the kernel's settings" },
	{ "/etc/sysctl.d", TREE, SAVED, .what = "the kernel's settings" },
	{ "/etc/kernel", TREE, SAVED, .what = "what it boots" },
	{ "/etc/grub.d", TREE, SAVED, .what = "what it boots" },
	{ "/etc/initramfs-tools", TREE, SAVED, .what = "what it boots" },
	{ "/etc/dracut.conf.d", TREE, SAVED, .what = "what it boots" },
	{ "/etc/os-release", SAVED, .what = "which system it is" },
	{ "/etc/lsb-release", SAVED, .what = "which system it is" },
	{ "/etc/debian_version", SAVED, .what = "which system it is" },
	{ "/etc/redhat-release", SAVED, .what = "which system it is" },
	{ "/etc/issue", SAVED, .what = "which system it is" },
	{ "/etc/issue.net", SAVED, .what = "which system it is" },
	{ "/etc/motd", SAVED, .what = "which system it is" },
	{ "/etc/environment", SAVED, .what = "its shells" },
	{ "/etc/profile", SAVED, .what = "its shells" },
	{ "/etc/profile.d", TREE, SAVED, .what = "its shells" },
	{ "/etc/bash.bashrc", SAVED, .what = "its shells" },
	{ "/etc/locale.conf", SAVED, .what = "its languages" },
	{ "/etc/locale.gen", SAVED, .what = "its languages" },
	{ "/etc/adjtime", SAVED, .what = "its clock" },
	{ "/etc/ld.so.cache", SAVED, .what = "its libraries" },
	{ "/etc/ld.so.conf", SAVED, .what = "its libraries" },
	{ "/etc/ld.so.conf.d", TREE, SAVED, .what = "its libraries" },
	{ "/etc/ld.so.preload", SAVED, .what = "its libraries" },
	{ "/etc/alternatives", TREE, SAVED, .what = "its programs" },
	{ "/etc/apt", TREE, SAVED, .what = "its packages" },
	{ "/etc/dpkg", TREE, SAVED, .what = "its packages" },
	{ "/etc/yum.conf", SAVED, .what = "its packages" },
	{ "/etc/yum.repos.d", TREE, SAVED, .what = "its packages" },
	{ "/etc/dnf", TREE, SAVED, .what = "its packages" },
	{ "/etc/pacman.conf", SAVED, .what = "its packages" },
	{ "/etc/pacman.d", TREE, SAVED, .what = "its packages" },
	{ "/etc/apk", TREE, SAVED, .what = "its packages" },
	{ "/var/lib/apt", TREE, SAVED, .what = "its packages" },
	{ "/var/lib/dpkg", TREE, SAVED, .what = "its packages" },
	{ "/var/lib/rpm", TREE, SAVED, .what = "its packages" },
	{ "/var/lib/pacman", TREE, SAVED, .what = "its packages" },
	{ "/var/lib/snapd", TREE, SAVED, .what = "its packages" },
	{ "/var/cache/apt", TREE, SAVED, .what = "its packages" },
	{ "/var/cache/debconf", TREE, SAVED, .what = "its packages" },
	{ "/var/lib/systemd", TREE, SAVED, .what = "its services" },
	{ "/var/lib/dbus", TREE, SAVED, .what = "its services" },
	{ "/var/lib/NetworkManager", TREE, SAVED, .what = "its network" },
	{ "/var/lib/dhcp", TREE, SAVED, .what = "its network" },
	{ "/var/lib/pam", TREE, SAVED, .what = "how it lets users in" },
	{ "/var/lib/sudo", TREE, SAVED, .what = "who may become root" },
	{ "/var/log", TREE, SAVED, .what = "its logs" },
};

static bool is_inside(const char *path, const char *outer)
{
	size_t len = strlen(outer);

	if (streq(outer, "/"))
		return *path == '/' && path[1] != '\0';
	return strncmp(path, outer, len) == 0 && path[len] == '/';
}

/* Below the engine's volumes directory, not that itself. */
static bool is_a_volumes(const struct host_path *row, const char *path)
{
	const char *rest = path + strlen(row->path);

	return row->but_volumes && starts_with(rest, "/volumes/");
}

static bool covers(const struct host_path *row, const char *path)
{
	if (streq(path, row->path))
		return true;
	return row->tree && is_inside(path, row->path) && !is_a_volumes(row, path);
}

const struct host_path *host_path_find(const char *path, bool above)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (covers(&table[i], path))
			return &table[i];
	for (size_t i = 0; above && i < ARRAY_SIZE(table); i++)
		if (is_inside(table[i].path, path))
			return &table[i];
	return NULL;
}

char *host_path_reason(const char *path)
{
	const struct host_path *row = host_path_find(path, true);

	if (!row)
		return NULL;
	if (covers(row, path))
		return xasprintf("belongs to the host: %s", row->what);
	return xasprintf("contains %s, which belongs to the host: %s", row->path, row->what);
}
