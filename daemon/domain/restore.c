/* SPDX-License-Identifier: MIT */
/*
 * A restore as a table: find the point, lay out its recipe, make what is missing, extract
 * every item beside what it replaces, and only then stop who uses them, swap, start, and
 * wait until all is healthy.
 *
 * Failure modes: whatever fails, the table is left from bottom to top, and that is the way
 * back: what runs with the new data is stopped again, the old data changes places with it,
 * and what was running is started. A failure before "stop" leaves the host as it was. Not
 * being healthy is a failure only if the caller wants the way back (o.way_back); else it is
 * offered. Cancel is a failure at any time. A way back that does not succeed stays in the
 * ledger: recovery goes on with it, and starts no container on half of something before.
 */
#include "daemon/domain/restore_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/restore_past.h"

static const struct step table[] = {
	{ "find", NULL, restore_find_enter, NULL, NULL },
	{ "recipe", NULL, restore_recipe_enter, NULL, NULL },
	{ "look", "healthy-again", restore_look_enter, restore_healthy_again, NULL },
	{ "paths", NULL, restore_paths_enter, NULL, restore_paths_cancel },
	{ "create", NULL, restore_create_enter, NULL, NULL },
	{ "place", "sweep", restore_place_enter, restore_place_leave, NULL },
	{ "extract", NULL, restore_extract_enter, NULL, restore_extract_cancel },
	{ "record", "settle", restore_record_enter, restore_record_leave, NULL },
	{ "stop", "start-again", restore_stop_enter, restore_stop_leave, NULL },
	{ "extract-late", NULL, restore_extract_late_enter, NULL, restore_extract_cancel },
	{ "safety", NULL, restore_safety_enter, NULL, restore_safety_cancel },
	{ "swap", "swap-back", restore_swap_enter, restore_swap_leave, restore_swap_cancel },
	{ "start", "stop-again", restore_start_enter, restore_start_leave, NULL },
	{ "healthy", NULL, restore_healthy_enter, NULL, restore_healthy_cancel },
};

static const struct step recipe_table[] = {
	{ "find", NULL, restore_find_enter, NULL, NULL },
	{ "recipe", NULL, restore_recipe_enter, NULL, NULL },
};

static const struct step foretell_table[] = {
	{ "find", NULL, restore_find_enter, NULL, NULL },
	{ "recipe", "tidy", restore_recipe_enter, restore_foretell_recipe_leave, NULL },
	{ "look", NULL, restore_look_enter, NULL, NULL },
	{ "paths", NULL, restore_paths_enter, NULL, restore_paths_cancel },
	{ "foretell", NULL, restore_foretell_enter, NULL, NULL },
};

static const struct {
	const struct step *steps;
	size_t n;
} tables[] = {
	{ table, ARRAY_SIZE(table) }, { recipe_table, ARRAY_SIZE(recipe_table) }, { foretell_table, ARRAY_SIZE(foretell_table) },
};

const char *const *restore_phases(void)
{
	static const char *const phases[] = { "find", "recipe", "look", "paths", "create", "place", "extract", "record", "stop",
		"extract-late", "safety", "swap", "start", "healthy", "stop-again", "swap-back", "start-again", "settle", "sweep",
		"healthy-again", NULL };
	_Static_assert(ARRAY_SIZE(phases) == ARRAY_SIZE(table) + 6 + 1, "every enter and every leave");
	return phases;
}

void restore_report(struct restore *r, const char *item, int64_t bytes, int64_t total)
{
	struct progress p = PROGRESS_INIT;

	p.unit = r->unit;
	p.backup_id = r->backup_id;
	p.phase = r->steps ? steps_phase(r->steps) : "find";
	p.item = item;
	p.bytes = bytes;
	p.total_bytes = total;
	if (r->engaged)
		p.window_ms = service_window_ms(r->service);
	if (r->o.on_progress)
		r->o.on_progress(r->o.arg, &p);
}

static void on_phase(void *owner, const char *name, bool leaving)
{
	struct restore *r = owner;

	log_debug("restore of %s: %s", r->unit, name);
	/* The way back is told only where it is gone. */
	if (r->steps && (!leaving || steps_failed(r->steps)))
		restore_report(r, NULL, -1, -1);
}

void restore_next(struct restore *r, const struct fault *f)
{
	if (f)
		steps_fail(r->steps, f);
	steps_next(r->steps);
}

struct restore_item *restore_add_item(struct restore *r, const char *id)
{
	GROW(r->items, r->n_items);
	struct restore_item *it = &r->items[r->n_items++];
	it->id = xstrdup(id);
	it->device = it->free = it->size = it->used = -1;
	it->mode = SWAP_MODES;
	return it;
}

void restore_item_done(struct restore_item *it)
{
	char *owned[] = { it->kind, it->id, it->source_id, it->reuse, it->path, it->dest, it->volume, it->staged, it->kept, it->failed,
		it->asked, it->staged_is, it->dest_is, it->above_is, it->outer };

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	archive_done(&it->from);
	archive_done(&it->safety);
	strv_done(&it->also);
	strv_done(&it->lost);
}

void restore_drop_item(struct restore *r, size_t index)
{
	restore_item_done(&r->items[index]);
	memmove(&r->items[index], &r->items[index + 1], (r->n_items - index - 1) * sizeof(*r->items));
	r->n_items--;
}

static void restore_free(struct restore *r)
{
	for (size_t i = 0; i < r->n_left; i++) {
		free(r->left[i].id);
		free(r->left[i].path);
		free(r->left[i].reason);
	}
	free(r->left);
	char *owned[] = { r->of, r->unit, r->backup_id, r->host, r->target, r->recipe_dir, r->recipe_end, r->restore_id, r->back, r->safety_dir };

	service_free(r->service);
	planned_free(r->planned);
	json_object_put(r->recipe_volumes);
	json_object_put(r->recipe_networks);
	json_object_put(r->recipe_unit);
	json_object_put(r->foretold_stops);
	for (size_t i = 0; i < r->n_items; i++)
		restore_item_done(&r->items[i]);
	free(r->items);
	swaps_done(&r->swaps);
	points_free(r->points, r->n_points);
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	strv_done(&r->wanted);
	strv_done(&r->paths);
	strv_done(&r->map);
	strv_done(&r->make);
	strv_done(&r->also);
	strv_done(&r->next_steps);
	strv_done(&r->redacted);
	strv_done(&r->compose);
	free(r);
}

static void on_foretold(void *owner, const struct fault *first)
{
	struct restore *r = owner;
	bool good = first->code == FAULT_NONE;

	r->done(r->o.arg, good ? NULL : first, good ? restore_foretell_reply(r) : NULL);
	restore_free(r);
}

/* What became of the old data is said when it is known. */
static void advise(const struct restore *r, struct fault *f)
{
	if (f->code == FAULT_NONE || !r->swapping || f->advice[0])
		return;
	if (r->put_back)
		fault_advise(f, "what was there is put back");
	else if (r->stuck)
		fault_advise(f, "what was there is not back yet, and its containers stay down until it is: the daemon tries again, see "
			"kopi-docka status");
}

static void over(struct restore *r)
{
	struct fault *first = &r->outcome;
	bool good = first->code == FAULT_NONE;
	/* That the old data is back because the new was not healthy is an answer, not a failure to answer. */
	bool answer = good || (r->put_back && r->verdict.code != FAULT_NONE);
	struct log_fields fields = { .unit = r->unit, .backup_id = r->backup_id };

	advise(r, first);
	recover_hold(r->o.recover, NULL);
	log_event(good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, EV_RESTORED, &fields, "restore of %s: %s", r->unit,
		good ? "done" : first->text);
	restore_recipe_settle(r, answer);
	r->done(r->o.arg, answer ? NULL : first, answer ? restore_reply(r) : NULL);
	restore_free(r);
}

static void on_remembered(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f) { /* law 7, and what was done is done */
		log_warning("restore %s is not in the history: %s", r->restore_id, f->text);
		strv_addf(&r->next_steps, "this restore is not in the history: %s", f->text);
		r->number = 0;
	}
	over(r);
}

/* What did not get as far as knowing what to bring is no restore: a name was mistyped, or the recipe alone was asked for. */
static void on_done(void *owner, const struct fault *outcome)
{
	struct restore *r = owner;

	r->outcome = *outcome;
	r->steps = NULL; /* gone by now, while the history is still being written */
	if (r->n_items == 0 || r->o.recipe_only || (!r->point && !r->back)) {
		over(r);
		return;
	}
	struct json_object *record CLEANUP(json_putp) = restore_record(r);
	r->number = restore_past_add(r->ctx->loop, r->ctx->conf, record, on_remembered, r);
}

/* The time of this restore, and of no other: its record and its old copies bear it. */
static char *new_id(const struct conf *c)
{
	for (int64_t ms = wall_ms();; ms += 1000) {
		char *id CLEANUP(freep) = restore_id_format(ms);
		char *path CLEANUP(freep) = swaps_path(c, id);
		if (access(path, F_OK) < 0)
			return TAKE_PTR(id);
	}
}

struct restore *restore_start(const struct restore_options *o, restore_done_fn *done)
{
	struct restore *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	r->ctx = o->ctx;
	r->done = done;
	r->of = xstrdup(o->unit ? o->unit : "");
	r->unit = xstrdup(o->as ? o->as : r->of);
	r->backup_id = xstrdup(o->backup_id);
	r->host = xstrdup(o->host);
	r->target = xstrdup(o->target);
	r->recipe_dir = xstrdup(o->recipe_directory);
	r->back = xstrdup(o->back);
	r->safety_dir = xstrdup(o->safety_directory);
	r->restore_id = new_id(o->ctx->conf);
	r->started_ms = wall_ms();
	if (o->items)
		strv_copy(&r->wanted, o->items);
	strv_sort_unique(&r->wanted); /* named twice it is one */
	if (o->paths)
		strv_copy(&r->paths, o->paths);
	if (o->map)
		strv_copy(&r->map, o->map);
	size_t which = o->foretell ? 2 : o->recipe_only ? 1 : 0;
	if (!o->foretell) /* what is only asked for may be asked beside a running job */
		recover_hold(o->recover, r->unit);
	r->steps = steps_start(o->ctx->loop, tables[which].steps, tables[which].n, r, on_phase, o->foretell ? on_foretold : on_done);
	return r;
}

void restore_cancel(struct restore *r)
{
	if (!r->steps)
		return; /* all is done, and it is only being noted */
	r->cancelled = true;
	steps_cancel(r->steps);
}
