/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C is something to answer, not an end: what was stopped is started first, a question
 * ends with a sentence. The signals are blocked between looking and waiting, and only then, so that none
 * is missed and no child inherits a mask.
 */
#include "client/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

static volatile sig_atomic_t interrupted; /* cannot be but static: a handler has no argument */

static void on_interrupt(int signum)
{
	(void)signum;
	interrupted = 1;
}

void interrupt_catch(bool term)
{
	struct sigaction sa = { .sa_handler = on_interrupt }; /* no SA_RESTART: the wait must notice */

	sigaction(SIGINT, &sa, NULL);
	if (term)
		sigaction(SIGTERM, &sa, NULL);
}

bool interrupt_take(void)
{
	bool came = interrupted;

	/* One that comes between these two lines is the same to the person who typed it. */
	interrupted = 0;
	return came;
}

int interrupt_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const struct timespec patience = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	sigset_t block, before;
	int r;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &before);
	do {
		int n = interrupted ? 0 : ppoll(&p, 1, ms < 0 ? NULL : &patience, &before);
		r = interrupted ? -EINTR : n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
	} while (r == -EINTR && !interrupted); /* another signal: a changed window size */
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r == 0 && interrupted ? -EINTR : r; /* both at once: Ctrl-C and a line behind it */
}
