/* SPDX-License-Identifier: MIT */
/*
 * The note is the run's JSON with one more field, the unit that was next. It is written
 * between units, so never in a window. A run that reached its end is in the history
 * under the same id, and then the note is only removed.
 */
#include "daemon/domain/underway.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/history.h"
#include "daemon/domain/report.h"

#define NOTE_MAX ((size_t)64 << 20)

/* --- noting --------------------------------------------------------------------------------- */

struct note {
	char *path, *text;
	struct fault fault;
	underway_fn *done;
	void *arg;
};

static int write_note(void *arg)
{
	struct note *n = arg;

	return file_replace(n->path, n->text, strlen(n->text), 0600, &n->fault);
}

static void on_noted(void *arg, int result)
{
	struct note *n = arg;

	if (result < 0)
		log_warning("%s", n->fault.text);
	n->done(n->arg);
	free(n->path);
	free(n->text);
	free(n);
}

void underway_note(struct loop *l, const struct conf *c, const struct run_result *r, const char *unit,
	underway_fn *done, void *arg)
{
	struct note *n = xcalloc(1, sizeof(*n));
	struct json_object *o CLEANUP(json_putp) = run_result_json(r);

	json_put_text(o, "next_unit", unit);
	*n = (struct note){
		.path = path_underway(c),
		.text = json_write(o, JSON_C_TO_STRING_PLAIN, NULL),
		.done = done,
		.arg = arg,
	};
	loop_work(l, write_note, on_noted, n);
}

void underway_clear(const struct conf *c)
{
	char *path CLEANUP(freep) = path_underway(c);

	IGNORE(unlink(path)); /* a note that stays is told from its run's history */
}

/* --- what a dead daemon left ----------------------------------------------------------------- */

static struct unit_result *unit_of(struct run_result *r, const char *name)
{
	for (size_t i = 0; i < r->n_units; i++)
		if (streq(r->units[i].unit, name))
			return &r->units[i];
	GROW(r->units, r->n_units);
	unit_result_init(&r->units[r->n_units], name);
	return &r->units[r->n_units++];
}

static bool in_history(const struct conf *c, const char *backup_id)
{
	char *directory CLEANUP(freep) = path_history(c), *path CLEANUP(freep) = xasprintf("%s/%s.json", directory, backup_id);

	return access(path, F_OK) == 0;
}

struct adoption {
	const struct context *ctx;
	struct run_result result;
	bool down, reported;
	char *unit;
	underway_fn *done;
	void *arg;
};

static void over(void *arg)
{
	struct adoption *a = arg;

	underway_clear(a->ctx->conf);
	a->done(a->arg);
	run_result_done(&a->result);
	free(a->unit);
	free(a);
}

static void on_kept(void *arg, const struct fault *f);

static void on_reported(void *arg, const struct fault *f)
{
	struct adoption *a = arg;

	a->reported = true;
	if (!f) {
		over(a);
		return;
	}
	log_error("%s", f->text);
	strv_addf(&a->result.errors, "report: %s", f->text);
	history_add(a->ctx->loop, a->ctx->conf, &a->result, on_kept, a);
}

/* The history first: it is what the next run's id follows, and a report may take its time. */
static void on_kept(void *arg, const struct fault *f)
{
	struct adoption *a = arg;

	if (f)
		log_error("the interrupted run %s could not be kept: %s", a->result.backup_id, f->text);
	if (a->reported)
		over(a);
	else
		report_start(a->ctx, &a->result, on_reported, a);
}

static void adopt(void *arg)
{
	struct adoption *a = arg;
	struct log_fields fields = { .unit = a->unit, .backup_id = a->result.backup_id };

	a->result.state = RUN_INTERRUPTED;
	if (a->unit) {
		struct unit_result *u = unit_of(&a->result, a->unit);
		u->service = a->down ? SERVICE_DOWN : SERVICE_UP;
		strv_add(&u->errors, "the daemon ended in the middle of it: what it had stopped is started, "
			"what it had not committed is discarded");
	}
	log_event(LOG_LEVEL_ERROR, EV_RUN_FAILED, &fields, "run %s was interrupted%s%s", a->result.backup_id,
		a->unit ? " at " : "", a->unit ? a->unit : "");
	history_add(a->ctx->loop, a->ctx->conf, &a->result, on_kept, a);
}

void underway_adopt(const struct context *ctx, bool down, underway_fn *done, void *arg)
{
	char *path CLEANUP(freep) = path_underway(ctx->conf);
	struct buf text CLEANUP(buf_done) = { 0 };
	struct adoption *a = xcalloc(1, sizeof(*a));
	bool there = file_read(path, NOTE_MAX, &text) == 0;
	struct json_object *o CLEANUP(json_putp) = there ? json_parse(text.data, text.len) : NULL;

	*a = (struct adoption){ .ctx = ctx, .down = down, .done = done, .arg = arg };
	bool known = o && run_result_parse(o, &a->result) == 0;
	if (there && !known)
		log_warning("%s cannot be read: what the interrupted run had done is not known", path);
	a->unit = xstrdup(json_text(o, "next_unit"));
	loop_defer(ctx->loop, known && !in_history(ctx->conf, a->result.backup_id) ? adopt : over, a);
}
