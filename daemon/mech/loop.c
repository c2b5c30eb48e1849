/* SPDX-License-Identifier: MIT */
/*
 * libuv behind opaque objects. Deferred calls are kept in a list that one uv_async
 * drains, so that they cost no handle each and an idle loop has nothing to wake for.
 */
#include "daemon/mech/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/mech/loop_internal.h"

struct deferred {
	struct deferred *next;
	loop_fn *fn;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake; /* unreferenced: it does not keep the loop running by itself */
	struct deferred *first, **end;
	bool stopped;
};

struct timer {
	uv_timer_t uv;
	loop_fn *fn;
	void *arg;
	bool armed;
};

struct signal_watch {
	uv_signal_t uv;
	signal_fn *fn;
	void *arg;
};

struct work {
	uv_work_t uv;
	work_fn *work;
	work_done_fn *done;
	void *arg;
	int result;
};

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

static void run_deferred(struct loop *l)
{
	/* Only what was there at the beginning: what they defer is for the next iteration. */
	struct deferred *d = l->first;

	l->first = NULL;
	l->end = &l->first;
	while (d) {
		struct deferred *next = d->next;
		d->fn(d->arg);
		free(d);
		d = next;
	}
	if (l->first)
		uv_async_send(&l->wake);
	else
		uv_unref((uv_handle_t *)&l->wake);
}

static void on_wake(uv_async_t *a)
{
	run_deferred(a->data);
}

int loop_new(struct loop **ret)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	int r = uv_loop_init(&l->uv);

	if (r < 0) {
		free(l);
		return r;
	}
	l->end = &l->first;
	l->wake.data = l;
	r = uv_async_init(&l->uv, &l->wake, on_wake);
	if (r < 0) {
		IGNORE(uv_loop_close(&l->uv)); /* nothing was opened in it */
		free(l);
		return r;
	}
	uv_unref((uv_handle_t *)&l->wake);
	*ret = l;
	return 0;
}

void loop_run(struct loop *l)
{
	l->stopped = false;
	while (!l->stopped && uv_run(&l->uv, UV_RUN_ONCE) != 0) {
	}
}

static void on_drain_end(uv_timer_t *t)
{
	bool *over = t->data;

	*over = true;
}

void loop_drain(struct loop *l, unsigned int max_ms)
{
	bool over = false;
	uv_timer_t *limit = xcalloc(1, sizeof(*limit));

	limit->data = &over;
	if (uv_timer_init(&l->uv, limit) < 0 || uv_timer_start(limit, on_drain_end, max_ms, 0) < 0)
		abort(); /* UNTESTED: neither fails on an open loop */
	uv_unref((uv_handle_t *)limit);
	while (!over && uv_run(&l->uv, UV_RUN_ONCE) != 0) {
	}
	uv_close((uv_handle_t *)limit, (uv_close_cb)free);
	uv_run(&l->uv, UV_RUN_NOWAIT);
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
	uv_async_send(&l->wake); /* an iteration that waits must come back */
}

static void say_open(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		log_error("a %s handle was left open", uv_handle_type_name(h->type));
}

static void let_go(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (h->type == UV_PROCESS && !uv_has_ref(h) && !uv_is_closing(h))
		child_let_go(h);
}

int loop_free(struct loop *l)
{
	if (!l)
		return 0;
	while (l->first) {
		struct deferred *d = l->first;
		l->first = d->next;
		free(d);
	}
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_walk(&l->uv, let_go, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
	int r = uv_loop_close(&l->uv);
	if (r < 0) {
		uv_walk(&l->uv, say_open, NULL);
		return r; /* leaked on purpose: its handles are still in use */
	}
	free(l);
	return 0;
}

uint64_t loop_now(struct loop *l)
{
	uv_update_time(&l->uv);
	return uv_now(&l->uv);
}

void loop_defer(struct loop *l, loop_fn *fn, void *arg)
{
	struct deferred *d = xcalloc(1, sizeof(*d));

	*d = (struct deferred){ .fn = fn, .arg = arg };
	*l->end = d;
	l->end = &d->next;
	uv_ref((uv_handle_t *)&l->wake);
	uv_async_send(&l->wake);
}

/* --- timers --------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *uv)
{
	struct timer *t = uv->data;

	t->armed = false;
	t->fn(t->arg);
}

struct timer *timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	t->fn = fn;
	t->arg = arg;
	t->uv.data = t;
	if (uv_timer_init(&l->uv, &t->uv) < 0)
		abort(); /* UNTESTED: cannot fail on an open loop */
	return t;
}

void timer_set(struct timer *t, uint64_t ms)
{
	uv_update_time(t->uv.loop);
	t->armed = true;
	if (uv_timer_start(&t->uv, on_timer, ms, 0) < 0)
		abort(); /* UNTESTED: only a closing handle fails */
}

void timer_clear(struct timer *t)
{
	t->armed = false;
	uv_timer_stop(&t->uv);
}

bool timer_armed(const struct timer *t)
{
	return t->armed;
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void timer_free(struct timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

void timer_freep(struct timer **t)
{
	timer_free(*t);
	*t = NULL;
}

/* --- signals -------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *uv, int signum)
{
	struct signal_watch *s = uv->data;

	s->fn(s->arg, signum);
}

struct signal_watch *signal_watch_new(struct loop *l, int signum, signal_fn *fn, void *arg)
{
	struct signal_watch *s = xcalloc(1, sizeof(*s));

	s->fn = fn;
	s->arg = arg;
	s->uv.data = s;
	if (uv_signal_init(&l->uv, &s->uv) < 0 || uv_signal_start(&s->uv, on_signal, signum) < 0)
		abort(); /* UNTESTED: only an invalid number fails */
	uv_unref((uv_handle_t *)&s->uv);
	return s;
}

static void on_signal_closed(uv_handle_t *h)
{
	free(h->data);
}

void signal_watch_free(struct signal_watch *s)
{
	if (s)
		uv_close((uv_handle_t *)&s->uv, on_signal_closed);
}

/* --- work in the pool ------------------------------------------------------------------ */

static void on_work(uv_work_t *uv)
{
	struct work *w = uv->data;

	w->result = w->work(w->arg);
}

static void on_worked(uv_work_t *uv, int status)
{
	struct work *w = uv->data;

	w->done(w->arg, status < 0 ? status : w->result);
	free(w);
}

void loop_work(struct loop *l, work_fn *work, work_done_fn *done, void *arg)
{
	struct work *w = xcalloc(1, sizeof(*w));

	*w = (struct work){ .work = work, .done = done, .arg = arg };
	w->uv.data = w;
	if (uv_queue_work(&l->uv, &w->uv, on_work, on_worked) < 0)
		abort(); /* UNTESTED: only a missing work function fails */
}
