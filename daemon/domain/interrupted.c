/* SPDX-License-Identifier: MIT */
/*
 * Happy path of the second turn: plan anew who uses the data, wait until who had been stopped
 * for it is healthy, sweep, close the ledger's entry.
 * Failure modes: not healthy → where the caller had asked for the way back, the record says so
 * first; then they are stopped, the old data changes places with the new, and they start again;
 * where nobody had, the command is told. The engine or the disk does not answer → the entry
 * stays open, and the next pass begins again: each turn looks at what is true.
 */
#include "daemon/domain/interrupted.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/varlink.h"
#include "daemon/domain/planner.h"
#include "daemon/domain/restore_past.h"
#include "daemon/domain/service.h"
#include "daemon/domain/swap.h"
#include "daemon/pure/users.h"

#define HEALTH_MAX_MS (10 * 60 * 1000) /* jobs wait for it */

struct interrupted {
	const struct context *ctx;
	char *key, *unit;
	struct swaps swaps;
	struct service *service;
	struct fault verdict; /* why the old comes back */
	bool nothing;         /* there is no record: nothing was put anywhere */
	bool hurried;
	swapper_done_fn *sweeping; /* what follows it */
	interrupted_done_fn *done;
	void *arg;
};

static void look(struct interrupted *i);
static void on_settled(void *arg, const struct fault *f);

void interrupted_tell(const struct context *ctx, const struct log_fields *fields, const char *text)
{
	struct json_object *o = json_object_new_object();

	log_event(LOG_LEVEL_WARNING, EV_RECOVERED, fields, "%s", text);
	json_put_text(o, "text", text);
	events_tell(ctx->events, "recovered", o);
}

static void end(struct interrupted *i, enum interrupted_end how)
{
	i->done(i->arg, how);
	service_free(i->service);
	swaps_done(&i->swaps);
	free(i->key);
	free(i->unit);
	free(i);
}

static struct interrupted *load(const struct context *ctx, const char *key, const char *unit, interrupted_done_fn *done, void *arg)
{
	struct interrupted *i = xcalloc(1, sizeof(*i));
	char *path CLEANUP(freep) = swaps_path(ctx->conf, swaps_key_id(key) ? swaps_key_id(key) : "");
	struct fault f = { 0 };

	*i = (struct interrupted){ .ctx = ctx, .key = xstrdup(key), .unit = xstrdup(unit), .done = done, .arg = arg };
	/* The record is written before the entry and removed after nothing was put anywhere. One that cannot be read is not passed
	 * over: it stays open, and says so in every pass. */
	i->nothing = access(path, F_OK) < 0 && errno == ENOENT;
	if (!i->nothing && swaps_load(path, &i->swaps, &f) < 0)
		log_error("an interrupted restore of %s cannot be put back: %s", unit, f.text);
	return i;
}

/* --- settled --------------------------------------------------------------------------------- */

/* In the history it is one that was cut off, and what became of it. */
static void remember(const struct interrupted *i, bool put_back, const char *text)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct strv items CLEANUP(strv_done) = { 0 };
	int64_t ms = 0;
	char *started CLEANUP(freep) = restore_id_time(i->swaps.id, &ms) == 0 ? format_time(ms) : NULL;

	for (size_t j = 0; j < i->swaps.n; j++)
		strv_add(&items, i->swaps.v[j].item);
	json_put_text(o, "restore_id", i->swaps.id);
	json_put_text(o, "unit", i->swaps.unit);
	json_put_text(o, "backup_id", i->swaps.backup_id);
	json_put_text(o, "started", started);
	json_put_text(o, "state", "interrupted");
	json_put_list(o, "items", &items);
	json_put_flag(o, "put_back", put_back);
	json_put_text(o, "error", text);
	IGNORE(restore_past_add(i->ctx->loop, i->ctx->conf, o, NULL, NULL) == 0); /* the journal has it, too */
}

static void settle(struct interrupted *i, const char *why, const char *text)
{
	struct log_fields fields = { .unit = i->swaps.unit, .backup_id = i->swaps.backup_id };

	interrupted_tell(i->ctx, &fields, text);
	remember(i, streq(why, "put back after an interruption"), text);
	ledger_close(i->ctx->ledger, i->key, why, NULL, NULL);
}

static void on_swept_old(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;
	char *text CLEANUP(freep) = NULL;

	if (f) /* a rest of what was staged: the record knows it until the old copies go */
		log_warning("after an interrupted restore: %s", f->text);
	if (i->verdict.code != FAULT_NONE)
		text = xasprintf("restore %s of %s was interrupted before it was known whether its containers are healthy, and they are "
			"not (%s): what was there before is in place", i->swaps.id, i->swaps.unit, i->verdict.text);
	else
		text = xasprintf("restore %s of %s was interrupted: what was there before is in place", i->swaps.id, i->swaps.unit);
	settle(i, "put back after an interruption", text);
	end(i, INTERRUPTED_PUT_BACK);
}

static void on_swept_new(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;
	char *text CLEANUP(freep) = NULL;

	if (f)
		log_warning("after an interrupted restore: %s", f->text);
	if (i->verdict.code != FAULT_NONE)
		text = xasprintf("restore %s of %s was interrupted when all was in place, and its containers are not healthy with it: %s; to "
			"have the old data back: kopi-docka restore %s --back %s --yes", i->swaps.id, i->swaps.unit, i->verdict.text,
			i->swaps.unit, i->swaps.id);
	else
		text = xasprintf("restore %s of %s was interrupted when all was in place: what was restored stays", i->swaps.id,
			i->swaps.unit);
	settle(i, "in place", text);
	end(i, INTERRUPTED_STAYS);
}

static void on_swept(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;
	char *text CLEANUP(freep) = xasprintf("restore %s of %s was interrupted when it was over: what it had staged is removed",
		i->swaps.id, i->swaps.unit);

	if (f)
		log_warning("after an interrupted restore: %s", f->text);
	settle(i, "settled", text);
	end(i, INTERRUPTED_STAYS);
}

/* Before what is staged goes it is written down: without that nothing is undone any more. */
static void sweep(struct interrupted *i, swapper_done_fn *done)
{
	i->sweeping = done;
	i->swaps.state = SWAPS_SETTLED;
	swaps_save(i->ctx, &i->swaps, on_settled, i);
}

static void on_settled(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f)
		log_warning("%s", f->text);
	swapper_start(i->ctx, &i->swaps, SWAPS_SWEEP, i->sweeping, i);
}

static void on_undone(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (!f) {
		sweep(i, on_swept_old);
		return;
	}
	log_error("restore %s of %s was interrupted and what was there is not back yet; its containers stay down until then: %s",
		i->swaps.id, i->swaps.unit, f->text);
	end(i, INTERRUPTED_OPEN);
}

/* --- the first turn --------------------------------------------------------------------------- */

static void settle_nothing(struct interrupted *i)
{
	log_warning("an interrupted restore of %s had put nothing anywhere", i->unit);
	ledger_close(i->ctx->ledger, i->key, "nothing was put anywhere", NULL, NULL);
	end(i, INTERRUPTED_STAYS);
}

static void begin(void *arg)
{
	struct interrupted *i = arg;

	if (i->nothing)
		settle_nothing(i);
	else if (!i->swaps.id)
		end(i, INTERRUPTED_OPEN);
	else if (i->swaps.state == SWAPS_UNDER_WAY)
		swapper_start(i->ctx, &i->swaps, SWAPS_UNDO, on_undone, i);
	else if (i->swaps.state == SWAPS_SETTLED)
		swapper_start(i->ctx, &i->swaps, SWAPS_SWEEP, on_swept, i);
	else
		end(i, i->swaps.state == SWAPS_PLACED ? INTERRUPTED_PLACED : INTERRUPTED_CONDEMNED);
}

void interrupted_start(const struct context *ctx, const char *key, const char *unit, interrupted_done_fn *done, void *arg)
{
	loop_defer(ctx->loop, begin, load(ctx, key, unit, done, arg));
}

/* --- the second: who runs with what was restored ------------------------------------------------ */

static int make_service(struct interrupted *i, const struct planned *p, struct fault *f)
{
	struct strv paths CLEANUP(strv_done) = { 0 };
	const struct conf *c = i->ctx->conf;
	struct unit users = { 0 };
	struct users_options who = {
		.inv = p->inv, .units = &p->units, .paths = &paths, .also = &i->swaps.containers,
		.measured = &i->swaps.containers, /* by whatever path they have it */
		.allow_autoremove = c->backup.allow_autoremove,
	};
	struct service_options o = {
		.loop = i->ctx->loop,
		.docker = i->ctx->docker,
		.ledger = i->ctx->ledger,
		.unit = i->unit,
		.state_directory = c->paths.state,
		.stop_timeout_s = c->backup.stop_timeout_s,
		.start_timeout_s = c->backup.start_timeout_s,
	};

	for (size_t j = 0; j < i->swaps.n; j++)
		strv_take(&paths, swap_place(&i->swaps.v[j]));
	int r = users_find(&who, &users, f);
	if (r < 0)
		return r;
	i->service = service_from_unit(&o, &users);
	unit_done(&users);
	return 0;
}

static void not_now(struct interrupted *i, const struct fault *f)
{
	log_error("what becomes of the interrupted restore %s of %s is not known yet: %s", i->swaps.id, i->swaps.unit, f->text);
	end(i, INTERRUPTED_OPEN);
}

/* --- put back ------------------------------------------------------------------------------------- */

static void on_started_again(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	(void)f; /* each member tells its own, and what did not start stays in the ledger */
	if (i->swaps.state == SWAPS_SETTLED)
		swapper_start(i->ctx, &i->swaps, SWAPS_SWEEP, on_swept_old, i);
	else
		end(i, INTERRUPTED_OPEN);
}

static void on_back(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f)
		log_warning("%s", f->text);
	service_start(i->service, on_started_again, i);
}

static void on_put_back(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f) {
		on_undone(i, f);
		return;
	}
	i->swaps.state = SWAPS_SETTLED;
	swaps_save(i->ctx, &i->swaps, on_back, i);
}

static void on_under_way(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f) /* a kill from now on comes here again */
		log_warning("%s", f->text);
	swapper_start(i->ctx, &i->swaps, SWAPS_UNDO, on_put_back, i);
}

static void on_stopped(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f) { /* nothing is changed under a container */
		log_error("the old data of %s cannot be put back yet: %s", i->swaps.unit, f->text);
		service_start(i->service, on_started_again, i);
		return;
	}
	i->swaps.state = SWAPS_UNDER_WAY;
	swaps_save(i->ctx, &i->swaps, on_under_way, i);
}

static void on_recorded(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f)
		not_now(i, f);
	else
		service_stop(i->service, on_stopped, i);
}

/* --- the verdict ------------------------------------------------------------------------------------ */

static void on_condemned(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	if (f)
		not_now(i, f);
	else
		look(i); /* those that end over and over are another run by now */
}

static void on_health(void *arg, const struct fault *f)
{
	struct interrupted *i = arg;

	service_free(i->service);
	i->service = NULL;
	if (i->hurried) {
		end(i, INTERRUPTED_OPEN);
	} else if (f && f->code == FAULT_ENGINE) {
		not_now(i, f);
	} else if (f && i->swaps.way_back) {
		i->verdict = *f;
		i->swaps.state = SWAPS_CONDEMNED;
		swaps_save(i->ctx, &i->swaps, on_condemned, i);
	} else {
		i->verdict = f ? *f : (struct fault){ 0 };
		sweep(i, on_swept_new);
	}
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct interrupted *i = arg;
	struct fault own = { 0 };

	if (f || make_service(i, p, &own) < 0) {
		planned_free(p);
		not_now(i, f ? f : &own);
		return;
	}
	planned_free(p);
	if (i->hurried) {
		end(i, INTERRUPTED_OPEN);
	} else if (i->swaps.state == SWAPS_CONDEMNED) {
		service_record(i->service, on_recorded, i);
	} else {
		service_adopt(i->service, &i->swaps.containers, &i->swaps.unhealthy, HEALTH_MAX_MS);
		service_healthy(i->service, on_health, i);
	}
}

static void look(struct interrupted *i)
{
	struct planner_options o = { .ctx = i->ctx, .keep_raw = true };

	planner_start(&o, on_planned, i);
}

static void judge(void *arg)
{
	struct interrupted *i = arg;

	if (!i->swaps.id)
		end(i, INTERRUPTED_OPEN);
	else if (i->swaps.containers.n == 0) /* nothing runs with it: into a directory, or all was down */
		sweep(i, on_swept_new);
	else
		look(i);
}

struct interrupted *interrupted_judge(const struct context *ctx, const char *key, const char *unit, interrupted_done_fn *done,
	void *arg)
{
	struct interrupted *i = load(ctx, key, unit, done, arg);

	loop_defer(ctx->loop, judge, i);
	return i;
}

void interrupted_hurry(struct interrupted *i)
{
	if (!i)
		return;
	i->hurried = true;
	if (i->service)
		service_cancel_healthy(i->service);
}
