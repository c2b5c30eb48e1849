/* SPDX-License-Identifier: MIT */
/*
 * One unit's backup. The table below is its table of contents: steps are entered
 * from top to bottom, and after success, failure or cancel every entered step is
 * left from bottom to top. So containers are started, and what was made is accepted
 * or discarded, by the table's shape; there is no path around it.
 *
 * The window is from "stop" to the end of "start". Everything before and after may
 * take as long as it wants.
 */
#include "daemon/domain/backup_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/domain/method.h"

static void plan_enter(void *owner);
static void plan_cancel(void *owner);
static void preflight_enter(void *owner);
static void prepare_enter(void *owner);
static void prepare_cancel(void *owner);
static void replan_enter(void *owner);

static const struct step table[] = {
	{ "plan", NULL, plan_enter, NULL, plan_cancel },
	{ "preflight", NULL, preflight_enter, NULL, NULL },
	{ "prepare", "finish", prepare_enter, backup_finish_leave, prepare_cancel },
	{ "replan", NULL, replan_enter, NULL, plan_cancel },
	{ "hold", "release", backup_hold_enter, backup_hold_leave, NULL },
	{ "record", "settle", backup_record_enter, backup_record_leave, NULL },
	{ "stop", "start", backup_stop_enter, backup_stop_leave, backup_stop_cancel },
	{ "prove", "prove-again", backup_prove_enter, backup_prove_leave, NULL },
	{ "read", "read-end", backup_read_enter, backup_read_leave, backup_read_cancel },
};

const char *const *backup_phases(void)
{
	static const char *const phases[] = { "plan", "preflight", "prepare", "replan", "hold", "record", "stop",
		"prove", "read", "read-end", "prove-again", "start", "settle", "release", "finish", NULL };
	_Static_assert(ARRAY_SIZE(phases) == ARRAY_SIZE(table) + 6 + 1, "every enter and every leave");
	return phases;
}

/* --- entry and end ------------------------------------------------------------------ */

void backup_report(struct backup *b, const struct progress *p)
{
	struct progress own = *p;

	own.backup_id = b->backup_id;
	own.unit = b->unit_name;
	if (!own.phase)
		own.phase = steps_phase(b->steps);
	if (b->engaged)
		own.window_ms = service_window_ms(b->service);
	if (b->o.on_progress)
		b->o.on_progress(b->o.arg, &own);
}

static void on_phase(void *owner, const char *name, bool leaving)
{
	struct backup *b = owner;
	struct progress p = PROGRESS_INIT;

	(void)leaving;
	p.phase = name;
	log_debug("%s %s: %s", b->backup_id, b->unit_name, name);
	b->phase_begin = loop_now(b->ctx->loop);
	if (b->steps) /* the first phase is told before steps_start() has returned */
		backup_report(b, &p);
}

void backup_phase_took(struct backup *b, int phase, uint64_t since)
{
	int64_t ms = (int64_t)(loop_now(b->ctx->loop) - since);
	int64_t *sum = &b->result.phase_ms[phase];

	*sum = (*sum < 0 ? 0 : *sum) + ms;
}

static void on_done(void *owner, const struct fault *first)
{
	struct backup *b = owner;

	timer_free(b->watch);
	for (size_t i = 0; i < b->n_transfers; i++)
		transfer_free(b->transfers[i]);
	free(b->transfers);
	transfer_free(b->commit);
	holds_free(b->holds);
	service_free(b->service);
	recipe_free(b->recipe);
	planned_free(b->planned);
	b->done(b->o.arg, &b->result, first->code == FAULT_NONE ? NULL : first, b->retry && !b->cancelled);
	free(b->unit_name);
	free(b->backup_id);
	free(b);
}

struct backup *backup_start(const struct backup_options *o, backup_done_fn *done)
{
	struct backup *b = xcalloc(1, sizeof(*b));

	b->o = *o;
	b->ctx = o->ctx;
	b->unit_name = xstrdup(o->unit);
	b->backup_id = xstrdup(o->backup_id);
	b->done = done;
	b->workers = capacity_workers(o->ctx->conf);
	unit_result_init(&b->result, o->unit);
	b->steps = steps_start(o->ctx->loop, table, ARRAY_SIZE(table), b, on_phase, on_done);
	return b;
}

void backup_cancel(struct backup *b)
{
	b->cancelled = true;
	steps_cancel(b->steps);
}

void backup_next_or_fail(struct backup *b, const struct fault *f)
{
	if (f)
		steps_fail(b->steps, f);
	steps_next(b->steps);
}

/* --- plan: what there is, what will be done, how long it may take -------------------- */

const struct conf_unit *backup_own_settings(const struct backup *b)
{
	return conf_unit(b->ctx->conf, b->unit_name);
}

int64_t backup_max_window_ms(const struct backup *b)
{
	const struct conf_unit *own = backup_own_settings(b);

	return own && own->max_window_ms >= 0 ? own->max_window_ms : b->ctx->conf->backup.max_window_ms;
}

/* Where nothing can be read, or has what it had, nothing is stopped for it. */
static bool nothing_left(const struct unit *u)
{
	for (size_t i = 0; i < u->n_items; i++)
		if (!u->items[i].lost)
			return false;
	return u->n_items > 0;
}

static int check_plan(struct backup *b, struct fault *f)
{
	const char *why = b->unit->refused ? b->unit->refused : b->unit->skipped;

	if (why)
		return fault_set(f, FAULT_FAILED, -EPERM, "unit %s cannot be backed up: %s", b->unit_name, why);
	if (nothing_left(b->unit)) {
		for (size_t i = 0; i < b->unit->n_items; i++)
			strv_addf(&b->result.errors, "%s: %s", b->unit->items[i].id, b->unit->items[i].lost);
		return fault_set(f, FAULT_FAILED, -ENODATA, "unit %s cannot be backed up: none of its items can be; nothing was stopped", b->unit_name);
	}
	b->forecast_ms = method_forecast_window(b->unit, b->ctx->conf, b->ctx->rates);
	b->result.forecast_window_ms = b->forecast_ms;
	int64_t max = backup_max_window_ms(b);
	if (max > 0 && b->forecast_ms > max) {
		fault_set(f, FAULT_WINDOW, -ETIME, "unit %s: the window would be %lld ms, max_window is %lld ms; "
			"nothing was stopped", b->unit_name, (long long)b->forecast_ms, (long long)max);
		fault_about(f, b->unit_name, b->forecast_ms, max);
		fault_advise(f, "raise backup.max_window, or exclude or move what is large");
		return -ETIME;
	}
	return 0;
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct backup *b = arg;
	struct fault own = { 0 };

	b->planner = NULL;
	if (!f) {
		b->planned = p;
		b->unit = units_find(&p->units, b->unit_name);
		strv_copy(&b->result.warnings, &b->unit->warnings);
		f = check_plan(b, &own) < 0 ? &own : NULL;
	}
	backup_phase_took(b, PHASE_PREPARE, b->phase_begin);
	backup_next_or_fail(b, f);
}

static void start_planner(struct backup *b, bool measure, planner_done_fn *done)
{
	struct strv units CLEANUP(strv_done) = { 0 };

	strv_add(&units, b->unit_name);
	struct planner_options o = {
		.ctx = b->ctx, .units = &units, .measure = measure, .keep_raw = measure, .before = measure ? NULL : b->planned,
	};
	b->planner = planner_start(&o, done, b);
}

static void plan_enter(void *owner)
{
	start_planner(owner, true, on_planned);
}

static void plan_cancel(void *owner)
{
	struct backup *b = owner;

	if (b->planner)
		planner_cancel(b->planner);
}

/* --- preflight: the repository answers and is the one we know ------------------------ */

static void on_checked(void *arg, const struct fault *f, const struct kopia_status *status)
{
	struct backup *b = arg;

	(void)status;
	backup_phase_took(b, PHASE_PREPARE, b->phase_begin);
	backup_next_or_fail(b, f);
}

static void preflight_enter(void *owner)
{
	struct backup *b = owner;

	repository_check(b->ctx->repository, on_checked, b);
}

/* --- prepare: recipe gathered, spools reserved, kopia reading ------------------------ */

static void prepare_next(struct backup *b);

static void prepare_over(struct backup *b)
{
	backup_phase_took(b, PHASE_PREPARE, b->phase_begin);
	steps_next(b->steps);
}

static void on_prepared(void *arg, struct transfer *t)
{
	struct backup *b = arg;

	if (t->fault.code != FAULT_NONE)
		steps_fail(b->steps, &t->fault);
	b->running--;
	prepare_next(b);
}

/* Spools are reserved all at once; kopias that wait on a pipe only as many as will read at a time. */
static bool prepare_early(const struct backup *b, size_t index)
{
	return b->transfers[index]->method == &method_spool || index < (size_t)b->workers;
}

static void prepare_next(struct backup *b)
{
	while (b->next < b->n_transfers && b->running < (size_t)b->workers && !steps_failed(b->steps)) {
		size_t i = b->next++;
		if (!prepare_early(b, i) || b->transfers[i]->fault.code != FAULT_NONE)
			continue;
		b->running++;
		transfer_prepare(b->transfers[i], on_prepared);
	}
	if (b->running == 0 && (b->next == b->n_transfers || steps_failed(b->steps)))
		prepare_over(b);
}

static void on_recipe(void *arg, const struct fault *f)
{
	struct backup *b = arg;

	strv_copy(&b->result.warnings, recipe_warnings(b->recipe));
	if (f || steps_failed(b->steps)) {
		backup_next_or_fail(b, f);
		return;
	}
	b->n_transfers = b->unit->n_items;
	b->transfers = xcalloc(b->n_transfers ? b->n_transfers : 1, sizeof(struct transfer *));
	for (size_t i = 0; i < b->n_transfers; i++) {
		b->transfers[i] = backup_new_item_transfer(b, &b->unit->items[i]);
		backup_mark_lost(b, i);
	}
	b->next = b->running = 0;
	prepare_next(b);
}

static void prepare_enter(void *owner)
{
	struct backup *b = owner;
	struct recipe_options o = {
		.ctx = b->ctx, .unit = b->unit, .inv = b->planned->inv, .backup_id = b->backup_id,
	};

	b->recipe = recipe_start(&o, on_recipe, b);
}

static void prepare_cancel(void *owner)
{
	struct backup *b = owner;
	struct fault f = { 0 };

	fault_set(&f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	for (size_t i = 0; i < b->n_transfers; i++)
		transfer_abort(b->transfers[i], &f);
}

/* --- replan: is it still as it was planned? ------------------------------------------ */

static void on_replanned(void *arg, const struct fault *f, struct planned *p)
{
	struct backup *b = arg;
	struct fault own = { 0 };

	b->planner = NULL;
	if (!f) {
		const struct unit *now = units_find(&p->units, b->unit_name);
		if (!unit_same(b->unit, now)) {
			b->retry = true;
			fault_set(&own, FAULT_FAILED, -EAGAIN,
				"the containers of %s changed while its backup was prepared; nothing was stopped",
				b->unit_name);
			f = &own;
		}
		planned_free(p);
	}
	backup_phase_took(b, PHASE_PREPARE, b->phase_begin);
	backup_next_or_fail(b, f);
}

static void replan_enter(void *owner)
{
	start_planner(owner, false, on_replanned);
}
