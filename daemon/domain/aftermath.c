/* SPDX-License-Identifier: MIT */
/*
 * The stages after a run, as a table. Unlike the steps of a backup nothing is left in
 * reverse and nothing ends the story early: a report is wanted most where the stage
 * before it failed. What went wrong is in the result before the next stage begins, so
 * that the last one, history, has all of it but its own failure; that one the caller
 * and the journal see.
 */
#include "daemon/domain/aftermath.h"

#include <stdlib.h>

#include "common/log.h"
#include "daemon/domain/bundle.h"
#include "daemon/domain/expiry.h"
#include "daemon/domain/history.h"
#include "daemon/domain/report.h"

struct aftermath {
	struct aftermath_options o;
	size_t next;
	void (*done)(void *arg);
};

/* --- policies, retention -------------------------------------------------------------- */

/* The units that this run added to; none of a cancelled run: whoever cancels is in a hurry. */
static void saved_units(const struct run_result *r, struct strv *ret)
{
	for (size_t i = 0; r->state != RUN_CANCELLED && i < r->n_units; i++)
		if (r->units[i].data != DATA_NONE)
			strv_add(ret, r->units[i].unit);
}

/* Whom a stage tells that it is over. */
struct ending {
	after_done_fn *done;
	void *arg;
};

static struct ending *ending_new(after_done_fn *done, void *arg)
{
	struct ending *e = xcalloc(1, sizeof(*e));

	*e = (struct ending){ done, arg };
	return e;
}

static void end_stage(struct ending *e, const struct fault *f)
{
	e->done(e->arg, f);
	free(e);
}

static void on_nothing(void *arg)
{
	end_stage(arg, NULL);
}

static void set_policies(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg)
{
	struct strv units CLEANUP(strv_done) = { 0 };

	saved_units(result, &units);
	if (units.n)
		repository_policies(ctx->repository, &units, done, arg);
	else
		loop_defer(ctx->loop, on_nothing, ending_new(done, arg));
}

static void on_expired(void *arg, const struct fault *f, struct json_object *reply)
{
	json_object_put(reply);
	end_stage(arg, f);
}

/* All units of ours, also those that are gone: a changed configuration counts for them too. */
static void expire(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg)
{
	struct strv units CLEANUP(strv_done) = { 0 };

	saved_units(result, &units);
	if (units.n == 0) {
		loop_defer(ctx->loop, on_nothing, ending_new(done, arg));
		return;
	}
	struct expiry_options o = { .ctx = ctx, .arg = ending_new(done, arg) };
	expiry_start(&o, on_expired);
}

/* --- bundle ---------------------------------------------------------------------------- */

/* The units' restore points are there whatever becomes of it: what fails is a warning. */
struct bundle_stage {
	struct run_result *result;
	after_done_fn *done;
	void *arg;
};

static void on_bundle(void *arg, const struct fault *f, const struct bundle_result *res)
{
	struct bundle_stage *s = arg;

	if (f)
		strv_addf(&s->result->warnings, "the recovery bundle was not written: %s", f->text);
	for (size_t i = 0; res && i < res->warnings.n; i++)
		strv_addf(&s->result->warnings, "recovery bundle: %s", res->warnings.v[i]);
	s->done(s->arg, NULL);
	free(s);
}

static void nothing_to_do(void *arg)
{
	on_bundle(arg, NULL, NULL);
}

static void write_bundle(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg)
{
	struct bundle_stage *s = xcalloc(1, sizeof(*s));
	bool good = result->state == RUN_OK || result->state == RUN_WARNINGS;

	*s = (struct bundle_stage){ .result = result, .done = done, .arg = arg };
	if (!ctx->conf->backup.update_recovery_bundle || !good) {
		loop_defer(ctx->loop, nothing_to_do, s);
		return;
	}
	struct bundle_options o = { .ctx = ctx, .run = result, .arg = s };
	bundle_start(&o, on_bundle);
}

/* --- history --------------------------------------------------------------------------- */

static void keep_history(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg)
{
	history_add(ctx->loop, ctx->conf, result, done, arg);
}

/* --- the table -------------------------------------------------------------------------- */

static const struct stage {
	const char *name;
	after_start_fn *start;
} stages[] = {
	{ "policies", set_policies },
	{ "retention", expire },
	{ "bundle", write_bundle },
	{ "report", report_start },
	{ "history", keep_history },
};

static void enter(void *arg);

static void on_stage(void *arg, const struct fault *f)
{
	struct aftermath *a = arg;
	struct log_fields fields = { .backup_id = a->o.result->backup_id };
	const char *name = stages[a->next++].name;

	if (f) {
		log_event(LOG_LEVEL_ERROR, EV_AFTER_FAILED, &fields, "%s: %s", name, f->text);
		strv_addf(&a->o.result->errors, "%s: %s", name, f->text);
	}
	enter(a);
}

static void enter(void *arg)
{
	struct aftermath *a = arg;
	struct run_result *result = a->o.result;
	struct progress p = PROGRESS_INIT;

	/* The last two have the same text, and so has the reply. */
	if (a->next + 1 < ARRAY_SIZE(stages))
		result->finished_ms = wall_ms();
	result->state = run_result_judge(result);
	if (a->next == ARRAY_SIZE(stages)) {
		a->done(a->o.arg);
		free(a);
		return;
	}
	p.backup_id = result->backup_id;
	p.phase = stages[a->next].name;
	if (a->o.on_progress)
		a->o.on_progress(a->o.arg, &p);
	stages[a->next].start(a->o.ctx, result, on_stage, a);
}

void aftermath_start(const struct aftermath_options *o, void (*done)(void *arg))
{
	struct aftermath *a = xcalloc(1, sizeof(*a));

	a->o = *o;
	a->done = done;
	loop_defer(o->ctx->loop, enter, a);
}
