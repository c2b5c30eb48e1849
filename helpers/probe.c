/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-probe DIRECTORY: can it be written, and how much room is there? A child of
 * the daemon and killable, because a dead mount blocks whoever touches it. What decides
 * is a file that is written and synced: modes do not show a quota, a full or a read-only
 * filesystem. The file has no name, so that nothing is left behind whatever happens;
 * where the filesystem cannot do that (NFS), its name is gone before anything is written.
 *
 * Prints one JSON line: free_bytes, total_bytes, and error when it cannot be written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/varlink.h"

#define PROBE_BYTES 4096

static int open_nameless(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	char *path CLEANUP(freep) = xasprintf("%s/.kopi-docka-probe-XXXXXX", directory);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int try_to_write(const char *directory)
{
	static const char zeros[PROBE_BYTES];
	int fd CLEANUP(closep) = open_nameless(directory);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, zeros, sizeof(zeros));
	if (n != sizeof(zeros))
		return n < 0 ? -errno : -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct statvfs v;
	int r;

	if (argc != 2) {
		fputs("usage: kopi-docka-probe DIRECTORY: called by kopi-dockad\n", stderr);
		return 2;
	}
	if (statvfs(argv[1], &v) < 0) {
		r = -errno;
	} else {
		json_put_number(o, "free_bytes", (int64_t)v.f_bavail * (int64_t)v.f_frsize);
		json_put_number(o, "total_bytes", (int64_t)v.f_blocks * (int64_t)v.f_frsize);
		r = try_to_write(argv[1]);
	}
	if (r < 0)
		json_put_text(o, "error", strerror(-r));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	return 0;
}
