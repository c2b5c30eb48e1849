/* SPDX-License-Identifier: MIT */
/*
 * Looking from time to time is enough: a daemon that will end soon may wake up, and one
 * that stays has no such timer. A look that finds nothing to do must follow another one
 * that did, and the whole span between them must have been quiet: every request counts,
 * also one that came and went between two looks.
 */
#include "daemon/domain/idle.h"

#include <stdlib.h>

#define LOOKS    4
#define HURRY_MS 100

struct idle {
	struct daemon *d;
	struct timer *timer;
	uint64_t after_ms, since;
	bool hurry;     /* whoever came and went is no reason to stay */
	uint64_t calls; /* that were answered when we last looked */
	loop_fn *end;
};

static bool busy(const struct idle *i)
{
	const struct daemon *d = i->d;
	size_t open;

	ledger_entries(d->ctx.ledger, &open);
	return open > 0 || ledger_pending(d->ctx.ledger) || recover_busy(d->recover) || !queue_idle(d->queue) ||
		schedule_next(d->schedule) >= 0 || control_connections(d->control) > 0 ||
		(!i->hurry && control_calls(d->control) != i->calls);
}

static void look(void *arg)
{
	struct idle *i = arg;

	if (busy(i)) {
		i->since = clock_ms();
		i->calls = control_calls(i->d->control);
	} else if (i->hurry || clock_ms() - i->since >= i->after_ms) {
		i->end(i->d);
		return;
	}
	timer_set(i->timer, i->after_ms / LOOKS);
}

struct idle *idle_new(struct daemon *d, unsigned int after_s, loop_fn *end)
{
	struct idle *i = xcalloc(1, sizeof(*i));

	*i = (struct idle){ .d = d, .after_ms = (uint64_t)after_s * 1000, .since = clock_ms(), .end = end };
	i->timer = timer_new(d->ctx.loop, look, i);
	timer_set(i->timer, i->after_ms / LOOKS);
	return i;
}

void idle_hurry(struct idle *i)
{
	if (!i)
		return;
	i->hurry = true;
	i->after_ms = HURRY_MS;
	timer_set(i->timer, 0);
}

void idle_free(struct idle *i)
{
	if (!i)
		return;
	timer_free(i->timer);
	free(i);
}
