/* SPDX-License-Identifier: MIT */
/*
 * The listening socket's file: a stale one is replaced, one that someone listens on is
 * not, and nobody can connect before its group is set.
 */
#include "daemon/mech/listen_socket.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

#define BACKLOG 64

static bool someone_listens(const struct sockaddr_un *a)
{
	int fd CLEANUP(closep) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN);
}

/* The socket is made unreachable to others first, then opened to the group. */
static void open_to_group(const char *path, const char *group)
{
	const struct group *g = group ? getgrnam(group) : NULL;

	if (!g) {
		if (group && getuid() == 0)
			log_debug("there is no group %s: the control socket is for root alone", group);
		return;
	}
	if (chown(path, (uid_t)-1, g->gr_gid) < 0 || chmod(path, 0660) < 0)
		log_warning("the control socket cannot be opened to group %s: %s", group, strerror(errno));
}

int listen_socket_make(const char *path, const char *group, int *ret, struct fault *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd CLEANUP(closep) = -1;

	if (strlen(path) >= sizeof(a.sun_path))
		return fault_set(f, FAULT_CONF, -ENAMETOOLONG, "the socket's path %s is longer than %zu bytes", path,
			sizeof(a.sun_path) - 1);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (someone_listens(&a))
		return fault_set(f, FAULT_BUSY, -EADDRINUSE, "another daemon listens on %s", path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot make a socket");
	mode_t old = umask(0177);
	int r = bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	umask(old);
	if (r < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot bind %s", path);
	open_to_group(path, group);
	if (listen(fd, BACKLOG) < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot listen on %s", path);
	*ret = TAKE_FD(fd);
	return 0;
}

void listen_socket_inherited(int fd, const char *group)
{
	struct sockaddr_un a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.sun_family == AF_UNIX && a.sun_path[0] == '/')
		open_to_group(a.sun_path, group);
}
