/* SPDX-License-Identifier: MIT */
/*
 * Happy path: list the units → one backup after another → aftermath → done.
 * Failure modes: a unit's failure is in the result and the next unit goes on; only
 * what keeps the run from beginning is its own fault. Cancel: the unit under way is
 * cancelled, the others are not begun.
 */
#include "daemon/domain/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/varlink.h"
#include "common/paths.h"
#include "daemon/domain/aftermath.h"
#include "daemon/domain/history.h"
#include "daemon/domain/known.h"
#include "daemon/domain/made.h"
#include "daemon/domain/planner.h"
#include "daemon/domain/underway.h"

struct run {
	struct run_options o;
	struct strv wanted, except;
	struct strv units;   /* to do, in order; a retried one is appended */
	struct strv retried;
	size_t next;
	struct backup *backup;
	bool cancelled;
	struct run_result result;
	struct fault fault;
	run_done_fn *done;
};

static void next_unit(struct run *r);

static void finish(void *arg)
{
	struct run *r = arg;

	r->done(r->o.arg, r->fault.code == FAULT_NONE ? NULL : &r->fault,
		r->result.backup_id ? &r->result : NULL);
	strv_done(&r->wanted);
	strv_done(&r->except);
	strv_done(&r->units);
	strv_done(&r->retried);
	run_result_done(&r->result);
	free(r);
}

static void on_progress(void *arg, const struct progress *p)
{
	struct run *r = arg;

	if (r->o.on_progress)
		r->o.on_progress(r->o.arg, p);
}

/* --- the end ------------------------------------------------------------------------- */

static void on_aftermath(void *arg)
{
	struct run *r = arg;
	struct log_fields fields = { .backup_id = r->result.backup_id };
	bool bad = r->result.state == RUN_FAILED || r->result.state == RUN_CANCELLED;

	log_event(bad ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, bad ? EV_RUN_FAILED : EV_RUN_FINISHED, &fields,
		"run %s is over: %s", r->result.backup_id, run_state_name(r->result.state));
	underway_clear(r->o.ctx->conf);
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "result", run_result_json(&r->result));
	events_tell(r->o.ctx->events, "run-finished", o);
	finish(r);
}

static void end(struct run *r)
{
	char *rates CLEANUP(freep) = path_rates(r->o.ctx->conf);
	struct aftermath_options o = {
		.ctx = r->o.ctx, .result = &r->result, .on_progress = on_progress, .arg = r,
	};
	struct fault f = { 0 };

	if (r->cancelled)
		r->result.state = RUN_CANCELLED;
	if (rates_save(r->o.ctx->rates, rates, &f) < 0)
		log_warning("%s", f.text);
	aftermath_start(&o, on_aftermath);
}

/* Law 7: one that could not begin is a failed run of the history too; a mistyped unit is none. */
static void cannot_begin(struct run *r)
{
	if (r->fault.code == FAULT_NO_SUCH_UNIT || r->fault.code == FAULT_CANCELLED) {
		finish(r);
		return;
	}
	r->result.started_ms = wall_ms();
	r->result.backup_id = history_next_id(r->o.ctx->conf, r->result.started_ms);
	strv_add(&r->result.errors, r->fault.text);
	end(r);
}

/* --- unit after unit ----------------------------------------------------------------- */

/* The newer result of a unit that was tried again replaces the first. */
static struct unit_result *slot(struct run *r, const char *unit)
{
	for (size_t i = 0; i < r->result.n_units; i++) {
		if (!streq(r->result.units[i].unit, unit))
			continue;
		unit_result_done(&r->result.units[i]);
		return &r->result.units[i];
	}
	GROW(r->result.units, r->result.n_units);
	return &r->result.units[r->result.n_units++];
}

/* What the first try had stopped and could not start is down still, unless the second had it running. */
static void keep_down(const struct run *r, struct unit_result *u)
{
	for (size_t i = 0; i < r->result.n_units; i++) {
		const struct unit_result *first = &r->result.units[i];
		for (size_t j = 0; streq(first->unit, u->unit) && j < first->not_restarted.n; j++) {
			const char *name = first->not_restarted.v[j];
			if (strv_has(&u->restarted, name))
				continue;
			if (!strv_has(&u->not_restarted, name))
				strv_add(&u->not_restarted, name);
			strv_addf(&u->errors, "%s was stopped by the first try and is not running again", name);
			u->service = SERVICE_DOWN;
		}
	}
}

/* What an earlier operation had stopped and nobody could start since: the unit is not up, whatever this one did. */
static void tell_left_down(const struct run *r, struct unit_result *u)
{
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->o.ctx->ledger, &n);

	for (size_t i = 0; i < n; i++) {
		const char *name = v[i].name ? v[i].name : v[i].key;
		if (v[i].kind != LEDGER_CONTAINER || !streq(v[i].unit, u->unit) || strv_has(&u->restarted, name))
			continue;
		u->service = SERVICE_DOWN;
		if (strv_has(&u->not_restarted, name))
			continue;
		strv_add(&u->not_restarted, name);
		strv_addf(&u->errors, "%s was stopped by an earlier operation and is not running again yet", name);
	}
}

static void on_unit(void *arg, struct unit_result *u, const struct fault *f, bool retry)
{
	struct run *r = arg;
	char *unit CLEANUP(freep) = xstrdup(u->unit);
	struct log_fields fields = { .unit = unit, .backup_id = r->result.backup_id };

	r->backup = NULL;
	recover_hold(r->o.recover, NULL);
	if (f) {
		log_event(LOG_LEVEL_ERROR, EV_UNIT_FAILED, &fields, "%s: %s", unit, f->text);
		if (!strv_has(&u->errors, f->text))
			strv_add(&u->errors, f->text);
	}
	bool again = retry && !r->cancelled && !strv_has(&r->retried, unit);
	if (!again && strv_has(&r->retried, unit))
		strv_add(&u->warnings, "was tried twice: someone else had changed its containers");
	keep_down(r, u);
	tell_left_down(r, u);
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "unit", unit_result_json(u));
	json_put_text(o, "backup_id", r->result.backup_id);
	events_tell(r->o.ctx->events, "unit-finished", o);
	*slot(r, unit) = *u; /* takes what it owns */
	if (again) {
		log_warning("%s is tried once more at the end of the run", unit);
		strv_add(&r->retried, unit);
		strv_add(&r->units, unit);
	}
	next_unit(r);
}

static void add_error(struct run *r, const char *unit, char *sentence /* taken */)
{
	struct log_fields fields = { .unit = unit, .backup_id = r->result.backup_id };

	GROW(r->result.units, r->result.n_units);
	struct unit_result *u = &r->result.units[r->result.n_units++];
	unit_result_init(u, unit);
	strv_take(&u->errors, sentence);
	log_event(LOG_LEVEL_ERROR, EV_UNIT_FAILED, &fields, "%s", sentence);
}

static void begin_unit(void *arg)
{
	struct run *r = arg;

	if (r->cancelled) {
		end(r);
		return;
	}
	const char *unit = r->units.v[r->next++];
	if (ledger_has(r->o.ctx->ledger, LEDGER_SWAP, unit)) { /* half old and half new would be a complete point */
		add_error(r, unit, xasprintf("an interrupted restore of %s is not settled yet: nothing was stopped or saved", unit));
		next_unit(r);
		return;
	}
	struct backup_options o = {
		.ctx = r->o.ctx,
		.unit = unit,
		.backup_id = r->result.backup_id,
		.start_ms = r->result.started_ms,
		.on_progress = on_progress,
		.arg = r,
	};
	recover_hold(r->o.recover, unit);
	r->backup = backup_start(&o, on_unit);
}

/* A run that is cut off shall be seen as far as it went. */
static void next_unit(struct run *r)
{
	if (r->next == r->units.n || r->cancelled)
		end(r);
	else
		underway_note(r->o.ctx->loop, r->o.ctx->conf, &r->result, r->units.v[r->next], begin_unit, r);
}

/* --- beginning ----------------------------------------------------------------------- */

static void take_units(struct run *r, const struct planned *p)
{
	for (size_t i = 0; i < p->units.n; i++) {
		const struct unit *u = &p->units.v[i];
		if (r->wanted.n && !strv_has(&r->wanted, u->name))
			continue;
		if (!r->wanted.n && strv_has(&r->except, u->name))
			log_info("%s is left out: it has a schedule of its own", u->name);
		else if (u->skipped && !r->wanted.n)
			strv_addf(&r->result.skipped, "%s: %s", u->name, u->skipped);
		else
			strv_add(&r->units, u->name);
	}
}

/* Law 5: a unit that had restore points and is gone is an error of every run of all, until acknowledged. */
static void add_missing(struct run *r, const struct strv *missing)
{
	for (size_t i = 0; i < missing->n; i++)
		add_error(r, missing->v[i], known_sentence(missing->v[i]));
}

/* What is uploaded under an id that was not noted may be taken for a copy's next time. A state directory that cannot be
 * written keeps every unit from being stopped, too: each says so itself. */
static void on_noted(void *arg, const struct fault *f)
{
	struct run *r = arg;

	if (f)
		strv_addf(&r->result.warnings, "this run is not noted as ours: %s", f->text);
	next_unit(r);
}

/* No containers, or none that anybody should touch: that is said, and not that there are none. */
static void nothing_to_do(struct run *r)
{
	const struct strv *skipped = &r->result.skipped;

	if (skipped->n) {
		fault_set(&r->fault, FAULT_NO_SUCH_UNIT, -ENOENT, "there is nothing to back up: left out is %s%s", skipped->v[0],
			skipped->n > 1 ? ", and more" : "");
		fault_advise(&r->fault, "kopi-docka list --units shows what is left out, and why");
		return;
	}
	fault_set(&r->fault, FAULT_NO_SUCH_UNIT, -ENOENT, "there is nothing to back up: no containers");
	fault_advise(&r->fault, "start a compose project or a container first; kopi-docka list --units shows them");
}

static void on_units(void *arg, const struct fault *f, struct planned *p)
{
	struct run *r = arg;
	struct strv missing CLEANUP(strv_done) = { 0 };

	if (f) {
		r->fault = *f;
		cannot_begin(r);
		return;
	}
	take_units(r, p);
	if (r->wanted.n == 0)
		known_missing(r->o.ctx->conf, &p->units, &missing);
	planned_free(p);
	if (r->units.n + missing.n == 0) {
		nothing_to_do(r);
		finish(r);
		return;
	}
	r->result.started_ms = wall_ms();
	r->result.backup_id = history_next_id(r->o.ctx->conf, r->result.started_ms);
	struct log_fields fields = { .backup_id = r->result.backup_id };
	log_event(LOG_LEVEL_INFO, EV_RUN_STARTED, &fields, "run %s begins, %zu unit%s", r->result.backup_id,
		r->units.n, r->units.n == 1 ? "" : "s");
	if (r->o.on_units)
		r->o.on_units(r->o.arg, &r->units);
	add_missing(r, &missing);
	made_note(r->o.ctx->loop, r->o.ctx->conf, r->result.backup_id, on_noted, r);
}

static void on_learned(void *arg, const struct fault *f)
{
	struct run *r = arg;
	struct planner_options o = { .ctx = r->o.ctx, .units = &r->wanted };

	if (f) /* each unit's preflight says it too */
		log_warning("which units have restore points is not known: %s", f->text);
	planner_start(&o, on_units, r);
}

static void begin(void *arg)
{
	struct run *r = arg;

	if (conf_check_password(r->o.ctx->conf, &r->fault) < 0) {
		cannot_begin(r);
		return;
	}
	if (r->wanted.n == 0)
		known_learn(r->o.ctx, on_learned, r);
	else
		on_learned(r, NULL);
}

struct run *run_start(const struct run_options *o, run_done_fn *done)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	if (o->units)
		strv_copy(&r->wanted, o->units);
	if (o->except)
		strv_copy(&r->except, o->except);
	r->done = done;
	loop_defer(o->ctx->loop, begin, r);
	return r;
}

void run_cancel(struct run *r)
{
	r->cancelled = true;
	if (r->backup)
		backup_cancel(r->backup);
}
