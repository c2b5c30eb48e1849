/* SPDX-License-Identifier: MIT */
/*
 * Reading, the heart of the window: every item by its method, up to the workers at a
 * time, the largest first. One watch looks at all of them: law 10's two bounds, and
 * the progress that clients see. Its interval is no resolution: the end of a read is
 * an event of its own.
 *
 * Failure modes: one item fails → the others are read on (a partial point is better
 * than none, and the recipe says what is missing); stall, max_window, cancel → all are
 * ended at once, for the containers' sake.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/domain/backup_internal.h"
#include "daemon/domain/method.h"

#define WATCH_MS      500

static void read_next(struct backup *b);

static int by_size(const void *x, const void *y)
{
	const struct transfer *const *a = x, *const *b = y;
	int64_t n = (*a)->o.reserve_bytes, m = (*b)->o.reserve_bytes;

	return (m > n) - (m < n);
}

static int64_t total_bytes(const struct backup *b)
{
	int64_t sum = 0;

	for (size_t i = 0; i < b->n_transfers; i++)
		sum += b->transfers[i]->o.reserve_bytes > 0 ? b->transfers[i]->o.reserve_bytes : 0;
	return sum;
}

static int64_t read_bytes(const struct backup *b)
{
	int64_t sum = 0;

	for (size_t i = 0; i < b->n_transfers; i++) {
		int64_t bytes = transfer_bytes(b->transfers[i]);
		sum += bytes > 0 ? bytes : 0;
	}
	return sum;
}

static void tell(struct backup *b, int64_t bytes)
{
	struct progress p = PROGRESS_INIT;
	uint64_t now = loop_now(b->ctx->loop);
	uint64_t span = now - b->last_tick;

	p.bytes = bytes;
	p.total_bytes = total_bytes(b);
	if (span > 0 && bytes >= b->last_bytes)
		p.bytes_per_s = (bytes - b->last_bytes) * 1000 / (int64_t)span;
	if (p.bytes_per_s > 0 && p.total_bytes > bytes)
		p.eta_ms = (p.total_bytes - bytes) * 1000 / p.bytes_per_s;
	for (size_t i = 0; i < b->n_transfers; i++)
		if (b->transfers[i]->done)
			p.item = b->transfers[i]->path;
	b->last_bytes = bytes;
	b->last_tick = now;
	backup_report(b, &p);
}

static void end_all(struct backup *b, const struct fault *f)
{
	steps_fail(b->steps, f);
	for (size_t i = 0; i < b->n_transfers; i++)
		if (!b->transfers[i]->read || f->code == FAULT_CANCELLED) /* what is whole stays: one that hangs takes no other along */
			transfer_abort(b->transfers[i], f);
}

static void on_watch(void *arg)
{
	struct backup *b = arg;
	struct fault f = { 0 };
	int64_t motion = 0, max = backup_max_window_ms(b), stall = b->ctx->conf->backup.stall_timeout_ms;
	uint64_t now = loop_now(b->ctx->loop);

	for (size_t i = 0; i < b->n_transfers; i++)
		motion += transfer_motion(b->transfers[i]);
	if (motion != b->last_motion) {
		b->last_motion = motion;
		b->last_moved = now;
	}
	if (max > 0 && service_window_ms(b->service) > max)
		fault_set(&f, FAULT_WINDOW, -ETIME, "max_window of %lld ms was reached: the reading was ended",
			(long long)max);
	else if (stall > 0 && (int64_t)(now - b->last_moved) > stall)
		fault_set(&f, FAULT_FAILED, -ETIMEDOUT, "no byte was read for %lld ms: the reading was ended",
			(long long)stall);
	if (f.code != FAULT_NONE) {
		end_all(b, &f);
		return;
	}
	tell(b, read_bytes(b));
	timer_set(b->watch, WATCH_MS);
}

static void reading_over(struct backup *b)
{
	timer_clear(b->watch);
	tell(b, read_bytes(b));
	backup_phase_took(b, PHASE_READ, b->phase_begin);
	steps_next(b->steps);
}

static void on_read(void *arg, struct transfer *t)
{
	struct backup *b = arg;

	if (t->read) {
		int64_t took = (int64_t)(t->read_end - t->read_begin);
		rates_note_read(b->ctx->rates, t->method->name, t->bytes, took);
		backup_log_item(b, backup_item_of(b, t), EV_ITEM_READ, "was read: %" PRId64 " bytes in %" PRId64 " ms, %s", t->bytes, took,
			t->method->name);
	}
	b->running--;
	read_next(b);
}

static void read_next(struct backup *b)
{
	while (b->next < b->n_transfers && b->running < (size_t)b->workers && !steps_failed(b->steps)) {
		struct transfer *t = b->transfers[b->next++];
		if (t->fault.code != FAULT_NONE)
			continue;
		b->running++;
		transfer_read(t, on_read);
	}
	if (b->running == 0 && (b->next == b->n_transfers || steps_failed(b->steps)))
		reading_over(b);
}

void backup_read_enter(void *owner)
{
	struct backup *b = owner;

	b->window_open = true;
	b->next = b->running = 0;
	b->last_moved = b->last_tick = loop_now(b->ctx->loop);
	qsort(b->transfers, b->n_transfers, sizeof(struct transfer *), by_size);
	b->watch = timer_new(b->ctx->loop, on_watch, b);
	timer_set(b->watch, WATCH_MS);
	read_next(b);
}

void backup_read_cancel(void *owner)
{
	struct fault f = { 0 };

	fault_set(&f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	end_all(owner, &f);
}

/* Nothing of ours reads any more when the containers start: enter ends only then. */
void backup_read_leave(void *owner)
{
	struct backup *b = owner;

	if (b->watch)
		timer_clear(b->watch);
	steps_next(b->steps);
}
