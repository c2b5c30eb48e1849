/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-exec: between fork and exec, for what uv_spawn cannot do.
 *
 *   kopi-docka-exec PARENT|- [--background] [--in DIRECTORY | --file FILE [--is DEV:INO]] -- PROGRAM ARG …
 *
 * The program dies by SIGKILL when PARENT dies: kopia takes the end of its input for
 * success, so a daemon that is killed must take its kopia along before the pipe closes.
 * -: it outlives us.
 * --background: low priority for processor and disk, outside the window.
 * --in: the program's working directory. Whoever owns a directory on the way can put a link in its place
 * at any moment, so the path is opened once, links followed, and what was opened is compared with what was
 * measured: by descriptor, which nobody can exchange.
 * --file: the same for a single file. The program finds it as ./3 in its working directory, which is its own
 * list of descriptors: there it opens that very file, whatever its name stands for by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base.h"

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_BEST_EFFORT_LOWEST ((2 << 13) | 7)

#define FILE_FD 3 /* as the program sees it */

struct place {
	const char *path;     /* NULL: none asked for */
	const char *identity; /* NULL: whichever it is */
	bool is_file;
};

static int is_the_one(const struct place *p, int fd)
{
	char own[64];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (p->is_file ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode))
		return -ESTALE;
	snprintf(own, sizeof(own), "%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev, (uint64_t)st.st_ino);
	return !p->identity || streq(p->identity, own) ? 0 : -ESTALE;
}

/* The descriptor of a file must outlive exec; that of a directory has served when we are in it. */
static int enter(const struct place *p, int fd)
{
	if (!p->is_file)
		return fchdir(fd) < 0 ? -errno : 0;
	if (fd == FILE_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, FILE_FD) < 0)
		return -errno;
	return chdir("/proc/self/fd") < 0 ? -errno : 0;
}

static int go_in(const struct place *p)
{
	int fd = open(p->path, O_PATH | O_CLOEXEC);
	int r = fd < 0 ? -errno : is_the_one(p, fd);

	if (r == 0)
		r = enter(p, fd);
	if (r == -ESTALE)
		fprintf(stderr, "%s is another %s than the one that was measured: nothing of it was read\n", p->path,
			p->is_file ? "file" : "directory");
	else if (r < 0)
		fprintf(stderr, "cannot open %s: %s\n", p->path, strerror(-r));
	return r;
}

static int bind_to(const char *parent)
{
	if (streq(parent, "-"))
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	/* It may have died before the line above. */
	return getppid() == (pid_t)atoi(parent) ? 0 : -1;
}

static void be_gentle(void)
{
	IGNORE(setpriority(PRIO_PROCESS, 0, 10)); /* a courtesy, not a need */
	IGNORE(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT_LOWEST));
}

/* Returns where the program stands in ${argv}, 0 if it does not. */
static int parse(char **argv, struct place *p)
{
	int i = 2;

	for (; argv[i] && !streq(argv[i], "--"); i++) {
		bool file = streq(argv[i], "--file");
		if (streq(argv[i], "--background"))
			be_gentle();
		else if ((file || streq(argv[i], "--in")) && argv[i + 1])
			*p = (struct place){ .path = argv[++i], .is_file = file };
		else if (streq(argv[i], "--is") && argv[i + 1])
			p->identity = argv[++i];
		else
			return 0;
	}
	return argv[i] && argv[i + 1] ? i + 1 : 0;
}

int main(int argc, char **argv)
{
	struct place p = { 0 };
	int i = argc < 4 ? 0 : parse(argv, &p);

	if (i == 0 || bind_to(argv[1]) < 0)
		return 125;
	if (p.path && go_in(&p) < 0)
		return 126;
	execv(argv[i], argv + i);
	fprintf(stderr, "cannot run %s: %s\n", argv[i], strerror(errno));
	return 127;
}
