/* SPDX-License-Identifier: MIT */
/* The watchdog is fed by a timer of the loop itself: a loop that hangs stops feeding it. */
#include "daemon/mech/notify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

struct notify {
	struct timer *timer;
	uint64_t interval_ms;
	char *status; /* last sent */
};

static void on_watchdog(void *arg)
{
	struct notify *n = arg;

	sd_notify(0, "WATCHDOG=1");
	timer_set(n->timer, n->interval_ms);
}

struct notify *notify_new(struct loop *l)
{
	struct notify *n = xcalloc(1, sizeof(*n));
	uint64_t usec = 0;

	n->timer = timer_new(l, on_watchdog, n);
	if (sd_watchdog_enabled(0, &usec) > 0 && usec > 0) {
		n->interval_ms = usec / 1000 / 3;
		if (n->interval_ms == 0)
			n->interval_ms = 1;
		on_watchdog(n);
	}
	return n;
}

void notify_ready(struct notify *n)
{
	(void)n;
	sd_notify(0, "READY=1");
}

void notify_reloading(struct notify *n)
{
	struct timespec t;

	(void)n;
	clock_gettime(CLOCK_MONOTONIC, &t);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

void notify_stopping(struct notify *n)
{
	(void)n;
	sd_notify(0, "STOPPING=1");
}

void notify_extend(struct notify *n, unsigned int seconds)
{
	(void)n;
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu", (unsigned long long)seconds * 1000000);
}

void notify_status(struct notify *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = xvasprintf(fmt, ap);
	va_end(ap);
	if (streq(text, n->status)) {
		free(text);
		return;
	}
	free(n->status);
	n->status = text;
	sd_notifyf(0, "STATUS=%s", text);
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	timer_free(n->timer);
	free(n->status);
	free(n);
}

int notify_inherited_socket(void)
{
	if (sd_listen_fds(1) < 1)
		return -1;
	if (fcntl(SD_LISTEN_FDS_START, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return SD_LISTEN_FDS_START;
}
