/* SPDX-License-Identifier: MIT */
/*
 * Outside the window, after it: the health of what was started and the uploads side
 * by side, then the recipe as the restore point's commit, or the discarding of what
 * must not stay. Its own story, one function after another:
 *
 *   begin → uploads + health → judge → (drop rejected) → check → commit → over
 *                                   ↘ discard ────────────────────────↗
 *
 * Failure modes: an item is rejected → the point is partial, the rest is kept; not
 * cold, cancelled, or nothing accepted → all snapshots of this unit and run are
 * deleted; the repository is gone → the ledger's run entry stays open for recover.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/backup_internal.h"
#include "daemon/domain/known.h"
#include "daemon/domain/method.h"

#define WATCH_MS 1000

static void upload_next(struct backup *b);
static void judge(struct backup *b);
static void discard(struct backup *b);
static void commit(struct backup *b);
static void over(struct backup *b);

static void add_error(struct backup *b, const struct fault *f)
{
	if (!strv_has(&b->result.errors, f->text))
		strv_add(&b->result.errors, f->text);
}

/* --- uploads and health -------------------------------------------------------------- */

static void part_over(struct backup *b)
{
	if (--b->waiting == 0)
		judge(b);
}

static void on_health(void *arg, const struct fault *f)
{
	struct backup *b = arg;
	size_t n;
	const struct service_member *m = service_members(b->service, &n);

	if (f) {
		for (size_t i = 0; i < n; i++)
			if (m[i].unhealthy && m[i].problem)
				strv_add(&b->result.warnings, m[i].problem);
		if (b->result.service == SERVICE_UP)
			b->result.service = SERVICE_DEGRADED;
	}
	backup_phase_took(b, PHASE_HEALTHY, b->phase_begin);
	part_over(b);
}

/* kopia may compress and send without reading: only that nothing at all moves counts as a stall. */
static void on_watch(void *arg)
{
	struct backup *b = arg;
	int64_t motion = 0, stall = b->ctx->conf->backup.stall_timeout_ms;
	uint64_t now = loop_now(b->ctx->loop);
	struct progress p = PROGRESS_INIT;
	struct fault f = { 0 };

	for (size_t i = 0; i < b->n_transfers; i++)
		motion += transfer_motion(b->transfers[i]);
	if (b->commit)
		motion += transfer_motion(b->commit);
	if (motion != b->last_motion) {
		b->last_motion = motion;
		b->last_moved = now;
	}
	p.phase = "finish";
	backup_report(b, &p);
	if (stall > 0 && (int64_t)(now - b->last_moved) > stall) {
		fault_set(&f, FAULT_REPOSITORY, -ETIMEDOUT, "kopia did nothing for %" PRId64 " ms: it was ended", stall);
		for (size_t i = 0; i < b->n_transfers; i++)
			if (!transfer_idle(b->transfers[i]))
				transfer_abort(b->transfers[i], &f);
		if (b->commit)
			transfer_abort(b->commit, &f);
		b->last_moved = now;
	}
	timer_set(b->watch, WATCH_MS);
}

static void on_uploaded(void *arg, struct transfer *t)
{
	struct backup *b = arg;

	(void)t;
	b->running--;
	upload_next(b);
}

static void upload_next(struct backup *b)
{
	while (b->next < b->n_transfers && b->running < (size_t)b->workers) {
		struct transfer *t = b->transfers[b->next++];
		/* A failed stream may still have to be reaped: its upload stage waits for that. */
		if (t->fault.code != FAULT_NONE && transfer_idle(t))
			continue;
		b->running++;
		transfer_upload(t, on_uploaded);
	}
	if (b->running == 0 && b->next == b->n_transfers) {
		backup_phase_took(b, PHASE_UPLOAD, b->phase_begin);
		part_over(b);
	}
}

/* What is not to be uploaded is ended before the uploads begin. */
static void abort_unwanted(struct backup *b)
{
	struct fault f = { 0 };

	if (!b->cold_lost && b->window_open && !b->cancelled)
		return;
	fault_set(&f, FAULT_CANCELLED, -ECANCELED, b->cold_lost ? "not cold" : "not read");
	for (size_t i = 0; i < b->n_transfers; i++)
		transfer_abort(b->transfers[i], &f);
}

void backup_finish_leave(void *owner)
{
	struct backup *b = owner;

	timer_free(b->watch); /* the reading's */
	b->watch = timer_new(b->ctx->loop, on_watch, b);
	b->last_moved = loop_now(b->ctx->loop);
	timer_set(b->watch, WATCH_MS);
	abort_unwanted(b);
	b->waiting = 2;
	b->next = b->running = 0;
	if (b->engaged)
		service_healthy(b->service, on_health, b);
	else
		b->waiting = 1;
	upload_next(b);
}

/* --- judge --------------------------------------------------------------------------- */

static void take_result(struct backup *b, const struct transfer *t)
{
	struct unit_result *r = &b->result;
	const struct item *it = backup_item_of(b, t);
	bool good = t->accepted && t->fault.code == FAULT_NONE && !b->cold_lost && !b->cancelled;

	GROW(r->items, r->n_items);
	struct item_result *to = &r->items[r->n_items++];
	*to = (struct item_result){
		.id = xstrdup(it ? it->id : t->path),
		.method = xstrdup(t->method->name),
		.object = good ? xstrdup(t->created.object) : NULL,
		.cold = b->window_open && t->read ? !b->cold_lost : -1,
		.bytes = t->bytes,
		.uploaded_bytes = -1,
		.note = it && it->shared_fs ? xasprintf("cold on this host: other hosts can write to %s", it->shared_fs) : NULL,
		.excluded_entries = it && it->excluded_entries > 0 ? it->excluded_entries : 0,
		.excluded_bytes = it && it->excluded_bytes > 0 ? it->excluded_bytes : 0,
	};
	for (size_t i = 0; i < t->notes.n; i++)
		strv_addf(&r->warnings, "%s: %s", to->id, t->notes.v[i]);
	if (good) {
		backup_log_item(b, it, EV_ITEM_SAVED, "is in the repository");
		return;
	}
	if (it && it->lost) { /* a sentence of any length */
		to->error = xstrdup(it->lost);
		strv_addf(&r->errors, "%s: %s", it->id, it->lost);
		backup_log_item(b, it, EV_ITEM_FAILED, "is not saved: %s", it->lost);
		return;
	}
	to->error = xstrdup(t->fault.code != FAULT_NONE ? t->fault.text : "not accepted");
	backup_log_item(b, it, EV_ITEM_FAILED, "is not saved: %s", to->error);
	struct fault f = t->fault;
	if (f.code == FAULT_NONE)
		fault_set(&f, FAULT_FAILED, -EIO, "not accepted");
	fault_wrap(&f, "%s", to->id);
	if (f.code != FAULT_CANCELLED) {
		add_error(b, &f);
		steps_fail(b->steps, &f);
	}
}

static size_t accepted(const struct backup *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->result.n_items; i++)
		n += b->result.items[i].object != NULL;
	return n;
}

static bool any_rejected_snapshot(const struct backup *b)
{
	for (size_t i = 0; i < b->n_transfers; i++)
		if (b->transfers[i]->accepted && b->transfers[i]->fault.code != FAULT_NONE)
			return true;
	return false;
}

static void on_dropped(void *arg, const struct fault *f)
{
	struct backup *b = arg;

	if (f) {
		add_error(b, f);
		discard(b);
		return;
	}
	commit(b);
}

/* Snapshots of this run whose item was rejected must not stay beside the good ones. */
static void drop_rejected(struct backup *b)
{
	struct strv keep CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < b->result.n_items; i++)
		if (b->result.items[i].object)
			strv_add(&keep, b->result.items[i].object);
	repository_keep_only(b->ctx->repository, b->backup_id, b->unit_name, &keep, on_dropped, b);
}

static void judge(struct backup *b)
{
	b->phase_begin = loop_now(b->ctx->loop);
	for (size_t i = 0; i < b->n_transfers; i++)
		take_result(b, b->transfers[i]);
	size_t good = accepted(b);
	bool all = b->window_open && !b->cold_lost && !b->cancelled && good == b->unit->n_items;
	b->result.data = all ? DATA_COMPLETE : good ? DATA_PARTIAL : DATA_NONE;
	if (!b->recorded)
		over(b); /* nothing was stopped, nothing can be in the repository */
	else if (b->result.data == DATA_NONE)
		discard(b);
	else if (b->result.data == DATA_PARTIAL || any_rejected_snapshot(b))
		drop_rejected(b);
	else
		commit(b);
}

/* --- discard ------------------------------------------------------------------------- */

static void close_run(struct backup *b, const char *why)
{
	char *key CLEANUP(freep) = xasprintf("%s/%s", b->backup_id, b->unit_name);

	ledger_close(b->ctx->ledger, key, why, NULL, NULL);
}

static void on_discarded(void *arg, const struct fault *f)
{
	struct backup *b = arg;

	b->result.data = DATA_NONE;
	if (f)
		strv_addf(&b->result.warnings, "what was uploaded could not be deleted yet (%s); it will be tried again",
			f->text);
	else
		close_run(b, "discarded");
	over(b);
}

static void discard(struct backup *b)
{
	repository_delete_run(b->ctx->repository, b->backup_id, b->unit_name, on_discarded, b);
}

/* --- commit -------------------------------------------------------------------------- */

static void commit_failed(struct backup *b, const struct fault *f)
{
	struct fault own = *f;

	fault_wrap(&own, "the recipe, which commits the restore point");
	add_error(b, &own);
	steps_fail(b->steps, &own);
	discard(b);
}

/* That it is known matters when it is gone one day: a warning is enough. */
static void on_known(void *arg, const struct fault *f)
{
	struct backup *b = arg;

	if (f)
		strv_addf(&b->result.warnings, "that there are restore points of %s could not be noted: %s", b->unit_name, f->text);
	over(b);
}

/* What its items have now is what the next run compares with. */
static void note_contents(struct backup *b)
{
	struct strv saved CLEANUP(strv_done) = { 0 };
	struct known_unit k = { 0 };

	for (size_t i = 0; i < b->result.n_items; i++)
		if (b->result.items[i].object)
			strv_add(&saved, b->result.items[i].id);
	IGNORE(known_load(b->ctx->conf, b->unit_name, &k)); /* its first point, or nothing that can be read: it is known from now on */
	contents_update(&k, b->unit, &saved, b->backup_id, b->o.start_ms);
	if (b->result.data == DATA_COMPLETE) {
		free(k.complete);
		k.complete = xstrdup(b->backup_id);
	}
	known_save(b->ctx->loop, b->ctx->conf, &k, on_known, b);
	known_unit_done(&k);
}

static void on_committed(void *arg, struct transfer *t)
{
	struct backup *b = arg;

	if (t->fault.code != FAULT_NONE || !t->accepted) {
		commit_failed(b, &t->fault);
		return;
	}
	b->committed = true;
	close_run(b, "committed");
	note_contents(b);
}

static void on_commit_read(void *arg, struct transfer *t)
{
	(void)arg;
	transfer_upload(t, on_committed);
}

static void on_still_there(void *arg, const struct fault *f)
{
	struct backup *b = arg;
	struct fault own = { 0 };

	if (f) {
		commit_failed(b, f);
		return;
	}
	struct json_object *o = unit_result_json(&b->result);
	char *text CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PRETTY, NULL);
	int ret = recipe_add(b->recipe, "result.json", text, &own);
	json_object_put(o);
	if (ret < 0) {
		commit_failed(b, &own);
		return;
	}
	b->commit = backup_new_recipe_transfer(b);
	transfer_read(b->commit, on_commit_read);
}

static void commit(struct backup *b)
{
	repository_still_there(b->ctx->repository, on_still_there, b);
}

/* --- over ---------------------------------------------------------------------------- */

static void over(struct backup *b)
{
	timer_clear(b->watch);
	backup_phase_took(b, PHASE_FINISH, b->phase_begin);
	if (b->result.phase_ms[PHASE_PREPARE] >= 0 && !b->engaged)
		b->result.service = SERVICE_UNTOUCHED;
	const struct fault *f = steps_fault(b->steps);
	if (f->code != FAULT_NONE)
		add_error(b, f);
	steps_next(b->steps);
}
