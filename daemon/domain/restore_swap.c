/* SPDX-License-Identifier: MIT */
/*
 * The exchange, and the way back. From the moment that something is staged until the verdict
 * is known the ledger points to the record, and that says what a kill leaves to do: half of an
 * exchange is put back, and what is all in place is judged by the health of its containers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/paths.h"
#include "daemon/domain/restore_internal.h"

/* --- what goes where ------------------------------------------------------------------------- */

/* In our own state directory, where nobody else writes. */
static char *marker_of(const struct restore *r)
{
	char *dir CLEANUP(freep) = path_restores(r->ctx->conf);

	return xasprintf("%s/%s.begun%zu", dir, r->restore_id, r->swaps.n);
}

static struct swap *add_swap(struct restore *r, const struct restore_item *it)
{
	struct swap *s = swaps_add(&r->swaps);

	s->item = xstrdup(it->id);
	s->mode = it->mode;
	s->is_file = it->is_file;
	s->staged = xstrdup(it->staged);
	s->staged_is = xstrdup(it->staged_is);
	s->dest_is = it->outer ? NULL : xstrdup(it->dest_is); /* by then it is what its outer item brought */
	s->above_is = xstrdup(it->above_is);
	s->bring_nothing = it->reuse && it->nothing;
	return s;
}

static void add_path(struct restore *r, const struct restore_item *it, const char *path, const char *from)
{
	struct swap *s = add_swap(r, it);

	s->root = xstrdup(it->dest);
	s->dest = xstrdup(path);
	s->new = from ? xstrdup(from) : xasprintf("%s/%s", it->staged, path);
	s->kept = xasprintf("%s/%s", it->kept, path);
	s->failed = xasprintf("%s/%s", it->failed, path);
	s->marker = marker_of(r);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void add_whole(struct restore *r, const struct restore_item *it)
{
	struct swap *s = add_swap(r, it);

	s->dest = xstrdup(it->dest);
	s->new = it->reuse ? xstrdup(it->reuse)
		: it->is_file ? xasprintf("%s/%s", it->staged, base_name(it->asked)) : xstrdup(it->staged);
	s->kept = xstrdup(it->kept);
	s->failed = xstrdup(it->failed);
	s->marker = marker_of(r);
}

static void add_in_place(struct restore *r, const struct restore_item *it)
{
	struct swap *s = add_swap(r, it);

	s->dest = xstrdup(it->dest);
	s->marker = marker_of(r);
	archive_copy(&s->from, &it->from);
	archive_copy(&s->safety, &it->safety);
}

void restore_make_swaps(struct restore *r)
{
	swaps_done(&r->swaps);
	r->swaps = (struct swaps){
		.id = xstrdup(r->restore_id), .unit = xstrdup(r->unit), .backup_id = xstrdup(r->backup_id),
		.elsewhere = r->target != NULL, .way_back = r->o.way_back,
	};
	size_t n = 0;
	const struct service_member *m = r->service ? service_members(r->service, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		strv_add(&r->swaps.containers, m[i].id);
		if (!m[i].was_healthy)
			strv_add(&r->swaps.unhealthy, m[i].id);
	}
	for (size_t i = 0; i < r->n_items; i++) {
		const struct restore_item *it = &r->items[i];
		if (it->in_place && !r->safety_dir && !r->swaps.safety)
			r->swaps.safety = restore_safety_id(r);
		if (it->in_place)
			add_in_place(r, it);
		else if (it->path)
			add_path(r, it, it->path, it->reuse);
		else if (r->paths.n)
			for (size_t j = 0; j < r->paths.n; j++)
				add_path(r, it, r->paths.v[j], NULL);
		else
			add_whole(r, it);
	}
}

void restore_open_swaps(struct restore *r, ledger_done_fn *done)
{
	char *key CLEANUP(freep) = swaps_key(r->restore_id);
	char *name CLEANUP(freep) = xasprintf("restore %s of %s", r->restore_id, r->unit);
	struct ledger_entry e = { .kind = LEDGER_SWAP, .key = key, .name = name, .unit = r->unit };

	ledger_add(r->ctx->ledger, &e, 1, done, r);
}

/* Not before: an entry without its record would be one that nobody can settle. */
static void on_closed(void *arg, const struct fault *f)
{
	char *path = arg;

	if (path && !f)
		IGNORE(unlink(path)); /* nothing was put anywhere; one that stays is read as that */
	free(path);
}

void restore_close_swaps(struct restore *r)
{
	char *path CLEANUP(freep) = swaps_path(r->ctx->conf, r->restore_id), *key CLEANUP(freep) = swaps_key(r->restore_id);
	bool worth = r->swaps.safety && r->engaged;

	if (r->stuck)
		return;
	for (size_t i = 0; i < r->swaps.n; i++)
		if (r->swaps.v[i].mode != SWAP_IN_PLACE)
			IGNORE(unlink(r->swaps.v[i].marker)); /* says nothing any more */
	for (size_t i = 0; i < r->swaps.n; i++)
		worth |= r->swaps.v[i].done || r->swaps.v[i].put_back;
	ledger_close(r->ctx->ledger, key, "settled", on_closed, worth ? NULL : TAKE_PTR(path));
}

/* --- the exchange ------------------------------------------------------------------------------ */

/* Before that is durable nothing may start with the new data: a kill would put back the old below it. */
static void on_placed(void *arg, const struct fault *f)
{
	restore_next(arg, f);
}

static void on_swapped(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	r->swapper = NULL;
	if (f) {
		restore_next(r, f);
		return;
	}
	r->swaps.state = SWAPS_PLACED; /* and with what there was before, and what was not there */
	swaps_save(r->ctx, &r->swaps, on_placed, r);
}

static void on_saved(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f) {
		restore_next(r, f);
		return;
	}
	r->swapping = true;
	r->swapper = swapper_start(r->ctx, &r->swaps, SWAPS_DO, on_swapped, r);
}

void restore_swap_enter(void *owner)
{
	struct restore *r = owner;

	restore_make_swaps(r); /* with the safety copies, now that they are there */
	swaps_save(r->ctx, &r->swaps, on_saved, r);
}

void restore_swap_cancel(void *owner)
{
	struct restore *r = owner;

	swapper_cancel(r->swapper);
}

/* --- the way back ---------------------------------------------------------------------------------- */

static void on_settled(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f) /* a kill from now on settles it once more */
		log_warning("%s", f->text);
	steps_next(r->steps);
}

static void on_put_back(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	r->swapper = NULL;
	if (f) {
		r->stuck = true;
		log_error("the old data of %s is not back yet: %s", r->unit, f->text);
		strv_addf(&r->next_steps, "the old data is not back yet (%s); the daemon tries again, see kopi-docka status", f->text);
		steps_next(r->steps);
		return;
	}
	r->put_back = true;
	r->swaps.state = SWAPS_SETTLED;
	swaps_save(r->ctx, &r->swaps, on_settled, r);
}

static void on_turned(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f) /* going on is still better than half of each */
		log_warning("%s", f->text);
	r->swapper = swapper_start(r->ctx, &r->swaps, SWAPS_UNDO, on_put_back, r);
}

static bool anything_runs(const struct restore *r)
{
	return r->engaged && r->started;
}

void restore_swap_leave(void *owner)
{
	struct restore *r = owner;

	/* What could not be stopped again keeps what it has: nothing is changed under a container. */
	if (!steps_failed(r->steps) || !r->swapping || anything_runs(r)) {
		steps_next(r->steps);
		return;
	}
	r->swaps.state = SWAPS_UNDER_WAY;
	swaps_save(r->ctx, &r->swaps, on_turned, r);
}

void restore_offer_way_back(struct restore *r)
{
	strv_addf(&r->next_steps, "to have the old data back: kopi-docka restore %s --back %s --yes", r->unit, r->restore_id);
}
