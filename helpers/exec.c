/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-exec: between fork and exec, for what uv_spawn cannot do.
 *
 *   kopi-docka-exec PARENT [--background] -- PROGRAM ARG …
 *
 * The program dies by SIGKILL when PARENT dies: kopia takes the end of its input for
 * success, so a daemon that is killed must take its kopia along before the pipe closes.
 * --background: low priority for processor and disk, outside the window.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base.h"

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_BEST_EFFORT_LOWEST ((2 << 13) | 7)

int main(int argc, char **argv)
{
	int i = 2;

	if (argc < 4)
		return 125;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return 125;
	/* It may have died before the line above. */
	if (getppid() != (pid_t)atoi(argv[1]))
		return 125;
	if (streq(argv[i], "--background")) {
		i++;
		IGNORE(setpriority(PRIO_PROCESS, 0, 10)); /* a courtesy, not a need */
		IGNORE(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT_LOWEST));
	}
	if (!streq(argv[i], "--") || !argv[i + 1])
		return 125;
	execv(argv[i + 1], argv + i + 1);
	fprintf(stderr, "cannot run %s: %s\n", argv[i + 1], strerror(errno));
	return 127;
}
