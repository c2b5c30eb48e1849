/* SPDX-License-Identifier: MIT */
/*
 * A night adds one point and takes one away, or a few where the edges of day, week, month and
 * year fall together. More than that at once is no night. Only complete points are counted:
 * partial ones go whenever a complete one follows them. After a pause of up to a week, which no
 * one can tell from a clock that is some days ahead, more is due than a night may take: the
 * oldest go, as many as may, and the rest is owed to the nights after it.
 *
 * Of all but the newest no more go than came; and none where only a newest one that is far
 * beyond makes them old, unless no more than one can be kept, or somebody has said yes to it
 * once (a unit that is saved once a month and keeps seven days).
 */
#include "daemon/pure/retention_guard.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/buf.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define PAUSE_MS (DAY_MS * 3 / 2) /* longer than from one night to the next */
#define FAR_MS   (DAY_MS * 15 / 2) /* longer than a pause */

struct counts {
	int64_t all, going;
	int64_t gap_ms; /* the longest before one that came since the last pass */
};

static struct counts count(const struct retention_point *v, size_t n, int64_t added)
{
	struct counts c = { 0 };
	int64_t later_ms = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].complete)
			continue;
		if (c.all > 0 && c.all <= added && later_ms - v[i].time_ms > c.gap_ms)
			c.gap_ms = later_ms - v[i].time_ms;
		later_ms = v[i].time_ms;
		c.all++;
		c.going += v[i].reasons.n == 0;
	}
	return c;
}

/* The newest has the first place of each of the five. */
static bool keeps_one_only(const struct conf_retention *k)
{
	return k->latest <= 1 && k->daily <= 1 && k->weekly <= 1 && k->monthly <= 1 && k->yearly <= 1;
}

/* The oldest ${may} go, the others later. */
static void put_off(struct retention_point *v, size_t n, int64_t may)
{
	for (size_t i = n; i-- > 0;)
		if (v[i].complete && v[i].reasons.n == 0 && may-- <= 0)
			strv_add(&v[i].reasons, "later");
}

static char *sentence(const struct counts *c, const struct retention_past *past)
{
	struct buf b = { 0 };

	buf_printf(&b, "%" PRId64 " of its %" PRId64 " complete restore points would go at once", c->going, c->all);
	if (past->added < 0)
		buf_printf(&b, ", and what earlier passes saw is not known");
	else
		buf_printf(&b, ", and %" PRId64 " came since the last pass", past->added);
	if (c->gap_ms > FAR_MS)
		buf_printf(&b, "; the newest is %" PRId64 " days beyond the one before it: was the clock ahead?", c->gap_ms / DAY_MS);
	return buf_steal(&b);
}

/* How many may go in this pass. */
static int64_t allowance(const struct counts *c, const struct conf_retention *keep, const struct retention_past *past, int64_t added)
{
	if (c->all - c->going > 1)
		return added + RETENTION_SPARE;
	/* All but the newest: as many as came, and none where only a far newest one makes them old. */
	return c->gap_ms > FAR_MS && !past->alone && !keeps_one_only(keep) ? 0 : added;
}

char *retention_guard(const struct conf_retention *keep, struct retention_point *v, size_t n, struct retention_past *past)
{
	int64_t added = past->added < 0 ? 1 : past->added; /* a pass follows a run */
	struct counts c = count(v, n, added);
	int64_t may = allowance(&c, keep, past, added), owed = past->owed;
	bool paused = c.gap_ms > PAUSE_MS && c.gap_ms <= FAR_MS;

	past->owed = 0;
	if (c.going <= may)
		return NULL;
	if (!paused && c.going > owed + may)
		return sentence(&c, past);
	put_off(v, n, may);
	past->owed = c.going - may;
	return NULL;
}
