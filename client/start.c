/* SPDX-License-Identifier: MIT */
/*
 * No daemon is needed to begin with: where none runs, root's call starts one, the same
 * program under the same laws. systemd does it where it can, so that there is one
 * service and one place for its log; a daemon of our own has a session of its own and ends
 * when idle. It begins no scheduled runs: it is there for the call.
 *
 * Two calls at once may both start one. The lock lets one of them live; the other says
 * "busy", which only counts when nobody answers for a while.
 */
#include "client/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/iface.h"
#include "common/log.h"
#include "common/paths.h"

#define IDLE_S     "60"
#define SERVICE    "kopi-dockad.service"
#define SAID_MAX   ((size_t)64 << 10)
#define RACE_MS    5000 /* how long a daemon may take from its lock to its socket, and from its socket to its end */
#define PAUSE_MS   100

bool start_wanted(const struct options *o, int error)
{
	return !o->socket && geteuid() == 0 && (error == -ENOENT || error == -ECONNREFUSED);
}

/* Run ${argv} and wait. ${said}: what it says on stderr (NULL: nobody wants to know). Its exit status, or -errno. */
static int run(const char *const *argv, struct buf *said)
{
	int fds[2], status;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	struct buf ignored CLEANUP(buf_done) = { 0 };
	IGNORE(fd_read_all(fds[0], SAID_MAX, said ? said : &ignored)); /* more than that is not for people */
	close(fds[0]);
	if (pid < 0)
		return -EAGAIN;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- through systemd ----------------------------------------------------------------------- */

static const char *systemctl(void)
{
	static const char *const places[] = { "/usr/bin/systemctl", "/bin/systemctl" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* Its unit reads the system's configuration, and it is known. */
static bool systemd_has_it(const struct options *o, const struct conf *c)
{
	const char *const argv[] = { systemctl(), "cat", SERVICE, NULL };

	return !o->config && (!c->path || streq(c->path, PATH_CONF_SYSTEM)) && access("/run/systemd/system", F_OK) == 0 &&
		argv[0] && run(argv, NULL) == 0;
}

static bool was_busy(void)
{
	char *command CLEANUP(freep) = xasprintf("[ \"$(%s show -P ExecMainStatus " SERVICE ")\" = %d ]", systemctl(), EXIT_BUSY);
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };

	return run(argv, NULL) == 0;
}

/* What it said itself: a sentence and advice. systemctl only knows that it failed. */
static int start_service(void)
{
	const char *const start[] = { systemctl(), "start", SERVICE, NULL };
	/* --sync: what it said last may not have been taken in yet. */
	char *command CLEANUP(freep) = xasprintf("timeout 5 journalctl --sync; exec journalctl -u " SERVICE
		" -t kopi-dockad -p err --since=@%lld -n 2 -o cat -q --no-pager >&2", (long long)(wall_ms() / 1000));
	const char *const story[] = { "/bin/sh", "-c", command, NULL };
	struct buf said CLEANUP(buf_done) = { 0 }, told CLEANUP(buf_done) = { 0 };

	if (run(start, &said) == 0)
		return 0;
	if (run(story, &told) == 0 && told.len)
		fputs(told.data, stderr);
	else
		fputs(said.data ? said.data : "the service " SERVICE " cannot be started\n", stderr);
	return was_busy() ? EXIT_BUSY : EXIT_UNREACHABLE;
}

/* --- detached ------------------------------------------------------------------------------ */

static int spawn(const struct options *o, struct buf *said)
{
	char *daemon CLEANUP(freep) = path_daemon();
	const char *argv[] = { daemon, "--detach", "--no-schedule", "--idle-exit", IDLE_S, o->config ? "--config" : NULL, o->config, NULL };

	if (daemon)
		return run(argv, said);
	buf_puts(said, "kopi-dockad is not beside this program: the installation is not complete\n");
	return EXIT_UNREACHABLE;
}

int start_daemon(const struct options *o, bool (*answers)(void *arg), void *arg)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	uint64_t begin = clock_ms();

	if (conf_load(o->config, &c, NULL) == 0 && systemd_has_it(o, c))
		return start_service();
	for (;;) { /* what cannot be read is said by the daemon */
		struct buf said CLEANUP(buf_done) = { 0 };
		int status = spawn(o, &said);
		if (status == 0 || answers(arg))
			return 0;
		if (status != EXIT_BUSY || clock_ms() - begin > RACE_MS) {
			fprintf(stderr, "%s", said.data ? said.data : "kopi-dockad cannot be started\n");
			return status == EXIT_BUSY ? EXIT_BUSY : EXIT_UNREACHABLE;
		}
		poll(NULL, 0, PAUSE_MS);
	}
}

/* --- in the foreground --------------------------------------------------------------------- */

int start_foreground(const struct verb *v, struct options *o)
{
	char *daemon CLEANUP(freep) = path_daemon(), *minutes CLEANUP(freep) = NULL;
	const char *argv[6] = { daemon };
	size_t n = 1;

	if (o->socket)
		return help_usage(v, "daemon takes no --socket: it follows from the configuration");
	if (!daemon) {
		fputs("kopi-dockad is not beside this program: the installation is not complete\n", stderr);
		return EXIT_FAILED;
	}
	if (o->config) {
		argv[n++] = "--config";
		argv[n++] = o->config;
	}
	if (o->interval_minutes >= 0) {
		argv[n++] = "--interval-minutes";
		argv[n++] = minutes = xasprintf("%lld", (long long)o->interval_minutes);
	}
	execv(daemon, (char *const *)(uintptr_t)argv);
	fprintf(stderr, "cannot run %s: %s\n", daemon, strerror(errno));
	return EXIT_FAILED;
}
