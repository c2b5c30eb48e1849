/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-hold: keeps what is mounted on a directory while the engine takes the mount away.
 *
 *   kopi-docka-hold PATH
 *
 * A clone of the mount, attached nowhere: it has no name that others could use or that would have to be cleaned
 * up, and goes with this process. One JSON line says by which descriptor it is reached (/proc/PID/fd/N) and what it
 * is; then it waits to be killed. Everything here may block on a dead server: that is why it is a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base.h"
#include "common/varlink.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* What is mounted below it is held too: else the directories beneath would be read instead. */
static int hold(const char *path)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
}

int main(int argc, char **argv)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct stat st;

	if (argc != 2)
		return 2;
	int fd = hold(argv[1]);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fprintf(stderr, "%s\n", errno == ENOSYS ? "this kernel cannot hold a mount (Linux 5.2 can)" : strerror(errno));
		return 1;
	}
	json_put_number(o, "pid", getpid());
	json_put_number(o, "fd", fd);
	json_put_number(o, "device", (int64_t)st.st_dev);
	json_put_number(o, "inode", (int64_t)st.st_ino);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	if (fflush(stdout) != 0)
		return 1;
	for (;;)
		pause();
}
