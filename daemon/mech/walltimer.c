/* SPDX-License-Identifier: MIT */
/*
 * A timerfd on CLOCK_REALTIME: the kernel knows of suspend and of a set clock
 * (TFD_TIMER_CANCEL_ON_SET), which no timer of the loop does.
 */
#include "daemon/mech/walltimer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/mech/loop_internal.h"

#define FAR_S ((time_t)1 << 34) /* beyond every schedule; only a set clock comes before it */

struct walltimer {
	uv_poll_t poll;
	int fd;
	loop_fn *fn;
	void *arg;
};

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct walltimer *t = p->data;
	uint64_t times;

	(void)status;
	(void)events;
	if (read(t->fd, &times, sizeof(times)) < 0 && errno == EAGAIN)
		return;
	t->fn(t->arg); /* expired, or ECANCELED: the clock was set */
}

int walltimer_new(struct loop *l, loop_fn *fn, void *arg, struct walltimer **ret)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	struct walltimer *t = xcalloc(1, sizeof(*t));
	t->fd = fd;
	t->fn = fn;
	t->arg = arg;
	t->poll.data = t;
	if ((r = uv_poll_init(loop_uv(l), &t->poll, fd)) < 0) {
		close(fd);
		free(t);
		return r;
	}
	if (uv_poll_start(&t->poll, UV_READABLE, on_poll) < 0)
		abort(); /* UNTESTED: only a closing handle fails */
	*ret = t;
	return 0;
}

void walltimer_set(struct walltimer *t, int64_t wall)
{
	struct itimerspec at = { .it_value = { .tv_sec = FAR_S } };

	if (wall >= 0)
		at.it_value = (struct timespec){ .tv_sec = wall / 1000, .tv_nsec = wall % 1000 * 1000000 };
	if (at.it_value.tv_sec == 0 && at.it_value.tv_nsec == 0)
		at.it_value.tv_nsec = 1; /* all zero would disarm it */
	if (timerfd_settime(t->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) < 0 && errno != ECANCELED)
		log_error("the timer for schedules cannot be set: %s", strerror(errno));
}

static void on_closed(uv_handle_t *h)
{
	struct walltimer *t = h->data;

	close(t->fd);
	free(t);
}

void walltimer_free(struct walltimer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->poll, on_closed);
}
