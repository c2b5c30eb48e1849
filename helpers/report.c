/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-report DIRECTORY NAME: puts what comes on standard input into DIRECTORY as
 * NAME, whole or not at all, 0600; then removes the oldest reports beyond 1000. The last
 * part of DIRECTORY is made where it is missing. A child of the daemon and killable:
 * backup_base_path may be a dead mount.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/runfiles.h"

#define REPORT_MAX ((size_t)64 << 20)

int main(int argc, char **argv)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	struct fault f = { 0 };

	if (argc != 3 || strchr(argv[2], '/')) {
		fputs("usage: kopi-docka-report DIRECTORY NAME: called by kopi-dockad\n", stderr);
		return 2;
	}
	if (fd_read_all(0, REPORT_MAX, &text) < 0) {
		fputs("the report cannot be read\n", stderr);
		return 1;
	}
	if (mkdir(argv[1], 0700) < 0 && errno != EEXIST) {
		fprintf(stderr, "cannot make %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	char *path CLEANUP(freep) = xasprintf("%s/%s", argv[1], argv[2]);
	if (file_replace(path, text.data ? text.data : "", text.len, 0600, &f) < 0) {
		fprintf(stderr, "%s\n", f.text);
		return 1;
	}
	runfiles_prune(argv[1], RUNFILES_KEPT);
	return 0;
}
