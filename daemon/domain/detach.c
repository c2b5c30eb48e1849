/* SPDX-License-Identifier: MIT */
/*
 * The usual two forks, with a pipe from the last process back to the first: what keeps
 * the daemon from beginning is read by whoever wanted it, with the same words and exit
 * status as if it ran in the foreground.
 */
#include "daemon/domain/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/iface.h"
#include "common/log.h"
#include "common/paths.h"

#define LOG_MAX    ((off_t)1 << 20)
#define REPORT_MAX 4096

static NORETURN void give_up(const struct fault *f)
{
	fprintf(stderr, "%s\n", f->text);
	if (f->advice[0])
		fprintf(stderr, "%s\n", f->advice);
	exit(EXIT_FAILED);
}

/* One old log is kept: a daemon started for single calls writes little. */
static int open_log(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_size > LOG_MAX) {
		char *old CLEANUP(freep) = xasprintf("%s.old", path);
		IGNORE(rename(path, old)); /* then it grows on */
	}
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
}

static NORETURN void wait_for_report(int fd, const char *log)
{
	struct buf report CLEANUP(buf_done) = { 0 };

	if (fd_read_all(fd, REPORT_MAX, &report) < 0 || report.len == 0) {
		fprintf(stderr, "the daemon ended before it was ready; %s may tell why\n", log);
		exit(EXIT_FAILED);
	}
	fwrite(report.data + 1, 1, report.len - 1, stderr);
	exit(*report.data);
}

static void become_daemon(int log)
{
	static const char *const foreign[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM" };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(EXIT_FAILED); /* UNTESTED: the report's pipe is closed by it */
	close(null);
	close(log);
	umask(0077);
	IGNORE(chdir("/")); /* only so that no file system is held */
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		unsetenv(foreign[i]); /* of the service that called us, if one did */
	log_init("kopi-dockad", LOG_LEVEL_INFO);
}

int detach(const char **config)
{
	struct conf *c = NULL;
	struct fault f = { 0 };
	int report[2];

	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0 && errno != ENOSYS)
		log_debug("what was open stays open: %s", strerror(errno));
	if (conf_load(*config, &c, &f) < 0 || paths_make(c, &f) < 0)
		give_up(&f);
	if (*config)
		*config = realpath(*config, NULL); /* for as long as the process lives */
	char *path = path_log(c);
	int log = open_log(path);
	conf_free(c);
	if (log < 0 || pipe2(report, O_CLOEXEC) < 0) {
		fault_errno(&f, FAULT_FAILED, -errno, "cannot open %s", path);
		give_up(&f);
	}
	pid_t pid = fork();
	if (pid == 0 && (setsid() < 0 || (pid = fork()) != 0))
		_exit(pid < 0 ? EXIT_FAILED : EXIT_OK); /* the session's leader could get a terminal */
	if (pid < 0) {
		fault_errno(&f, FAULT_FAILED, -errno, "cannot fork");
		give_up(&f);
	}
	if (pid > 0) {
		close(report[1]);
		wait_for_report(report[0], path);
	}
	close(report[0]);
	free(path);
	become_daemon(log);
	return report[1];
}

void detach_report(int *fd, int status, const struct fault *f)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	char byte = (char)status;

	if (*fd < 0)
		return;
	IGNORE(buf_add(&text, &byte, 1)); /* a caller that gets nothing says so itself */
	if (f)
		buf_printf(&text, "%s\n%s%s", f->text, f->advice, f->advice[0] ? "\n" : "");
	IGNORE(fd_write_all(*fd, text.data, text.len)); /* it may have gone */
	closep(fd);
}
