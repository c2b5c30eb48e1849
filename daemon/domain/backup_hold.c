/* SPDX-License-Identifier: MIT */
/*
 * Mounts that the engine makes on demand leave with the last container: they are held before the first
 * stop is sent, read where they are held, and let go when all is read. What cannot be held is that item's failure
 * alone; where nobody answers, or nothing at all is left to read, nothing is stopped.
 */
#include <errno.h>

#include "daemon/domain/backup_internal.h"
#include "daemon/domain/method.h"

static struct transfer *transfer_of(const struct backup *b, const struct item *it)
{
	for (size_t i = 0; i < b->n_transfers; i++)
		if (backup_item_of(b, b->transfers[i]) == it)
			return b->transfers[i];
	return NULL;
}

void backup_lose(struct backup *b, const struct item *it, const struct fault *f)
{
	struct transfer *t = transfer_of(b, it);

	if (t)
		transfer_abort(t, f);
}

void backup_mark_lost(struct backup *b, size_t index)
{
	struct fault f = { 0 };

	if (!b->unit->items[index].lost)
		return;
	fault_set(&f, FAULT_FAILED, -ENODATA, "%s", b->unit->items[index].lost);
	transfer_abort(b->transfers[index], &f);
}

/* --- hold ---------------------------------------------------------------------------------- */

static void on_held(void *arg)
{
	struct backup *b = arg;
	size_t left = 0;

	for (size_t i = 0; i < b->n_transfers; i++) {
		b->transfers[i]->place = backup_item_of(b, b->transfers[i])->read_at;
		left += b->transfers[i]->fault.code == FAULT_NONE;
	}
	backup_phase_took(b, PHASE_PREPARE, b->phase_begin);
	backup_next_or_fail(b, b->n_transfers && !left ? &b->transfers[0]->fault : NULL);
}

static void on_lost(void *arg, struct item *it, const struct fault *f)
{
	struct backup *b = arg;

	if (f->sys == -ETIMEDOUT)
		steps_fail(b->steps, f); /* nothing is stopped that a dead server would keep down */
	backup_lose(b, it, f);
}

void backup_hold_enter(void *owner)
{
	struct backup *b = owner;
	struct units *own = &b->planned->units; /* the plan is ours: where its items are read is noted in it */
	struct unit *u = &own->v[b->unit - own->v];

	b->holds = holds_start(b->ctx->loop, u, on_lost, on_held, b);
}

/* --- release --------------------------------------------------------------------------------- */

void backup_release(struct backup *b, holds_done_fn *done)
{
	holds_release(b->ctx->loop, b->holds, done, b);
}

static void on_released(void *arg)
{
	struct backup *b = arg;

	steps_next(b->steps);
}

/* Also for those that were never read; the others are gone by then. */
void backup_hold_leave(void *owner)
{
	backup_release(owner, on_released);
}
