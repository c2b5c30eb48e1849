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
#include "daemon/domain/history.h"

struct aftermath {
	struct aftermath_options o;
	size_t next;
	void (*done)(void *arg);
};

static void keep_history(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg)
{
	history_add(ctx->loop, ctx->conf, result, done, arg);
}

static const struct stage {
	const char *name;
	after_start_fn *start;
} stages[] = {
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
