/* SPDX-License-Identifier: MIT */
/*
 * One pass: restores that were interrupted in their exchange are put back (interrupted.h), so
 * that no container is started on half of something; then for every unit with open container
 * entries a service is made from them and started (service_start looks before it acts); then
 * restores that were all in place get the verdict that the kill kept from them; then the rest
 * of the entries. What cannot be settled stays open, and the next pass comes after a pause of 1 s that
 * doubles up to 60 s.
 *
 * A container that still is in the run that we recorded ("lingering") was not stopped,
 * or its stop is in flight at the engine: it is looked at again until its grace and the
 * engine's own slack are over; only then is its entry closed.
 */
#include "daemon/domain/recover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/domain/interrupted.h"
#include "daemon/domain/service.h"

#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 60000
#define SLACK_S      15 /* the engine's own kill phases take 14 s at the most */

struct lingering {
	char *key;
	uint64_t since;
};

struct recover {
	const struct context *ctx;
	recover_settled_fn *settled;
	void *arg;
	struct timer *timer;
	struct service *service;
	char *held;
	struct strv todo; /* units of this pass */
	struct strv tried, blocked; /* of this pass: swaps looked at; units whose data is not whole yet */
	struct strv turned;         /* units whose old data was put back in this pass */
	struct strv placed;         /* key and unit by turns: to be judged when their containers are started */
	size_t judged;              /* of ${placed} */
	char *unit;                 /* of the swap that is looked at */
	struct interrupted *judging; /* NULL */
	char *run;                  /* key of the entry whose uploads are being deleted; NULL */
	size_t next;
	bool busy, again, containers_only, ending;
	unsigned int pause_ms;
	struct lingering *lingering;
	size_t n_lingering;
};

static void next_unit(struct recover *r);
static void next_run(struct recover *r);
static void next_swap(struct recover *r);
static void judge_next(struct recover *r);

static bool held(const struct recover *r, const struct ledger_entry *e)
{
	return r->held && streq(e->unit, r->held);
}

static size_t count(const struct recover *r, bool containers)
{
	size_t n, open = 0;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);

	for (size_t i = 0; i < n; i++)
		open += !held(r, &v[i]) && (!containers || v[i].kind == LEDGER_CONTAINER);
	return open;
}

static void pass_over(struct recover *r)
{
	size_t open = count(r, false);

	r->busy = false;
	if (r->again) {
		r->again = false;
		recover_kick(r);
	} else if (r->n_lingering) {
		timer_set(r->timer, PAUSE_MIN_MS); /* it may go down at any moment, and then it is started */
	} else if (open) {
		timer_set(r->timer, r->pause_ms);
		r->pause_ms = r->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : r->pause_ms * 2;
	} else {
		r->pause_ms = PAUSE_MIN_MS;
	}
	if (r->settled)
		r->settled(r->arg, count(r, true), open);
}

/* --- runs that never committed, temporaries ------------------------------------------ */

static void on_deleted(void *arg, const struct fault *f)
{
	struct recover *r = arg;
	char *key CLEANUP(freep) = TAKE_PTR(r->run);

	if (f) { /* the repository may be away for long: the pause grows */
		log_warning("what an interrupted run uploaded cannot be deleted yet: %s", f->text);
		pass_over(r);
		return;
	}
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);
	for (size_t i = 0; i < n; i++) {
		if (!streq(v[i].key, key)) /* meanwhile another may be the first, or this one's unit held */
			continue;
		struct log_fields fields = { .unit = v[i].unit, .backup_id = v[i].backup_id };
		char *text CLEANUP(freep) = xasprintf("what the interrupted run %s had uploaded of %s was discarded",
			v[i].backup_id, v[i].unit);
		interrupted_tell(r->ctx, &fields, text);
		ledger_close(r->ctx->ledger, key, "discarded after an interruption", NULL, NULL);
		break;
	}
	next_run(r);
}

static void next_run(struct recover *r)
{
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);

	for (size_t i = 0; i < n && !r->containers_only; i++) {
		if (held(r, &v[i]) || v[i].kind != LEDGER_RUN)
			continue;
		r->run = xstrdup(v[i].key);
		repository_delete_run(r->ctx->repository, v[i].backup_id, v[i].unit, on_deleted, r);
		return;
	}
	pass_over(r);
}

/* Temporaries are files of our own state and cache directories. */
static void remove_temporaries(struct recover *r)
{
	struct strv gone CLEANUP(strv_done) = { 0 };
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);

	for (size_t i = 0; i < n; i++)
		if (v[i].kind == LEDGER_TEMP && !held(r, &v[i]))
			strv_add(&gone, v[i].key);
	for (size_t i = 0; i < gone.n; i++) {
		IGNORE(unlink(gone.v[i])); /* gone already is as good */
		ledger_close(r->ctx->ledger, gone.v[i], "removed", NULL, NULL);
	}
}

/* --- containers ---------------------------------------------------------------------- */

static bool lingers_long_enough(struct recover *r, const struct service_member *m)
{
	uint64_t now = loop_now(r->ctx->loop);

	for (size_t i = 0; i < r->n_lingering; i++) {
		if (!streq(r->lingering[i].key, m->id))
			continue;
		if (now - r->lingering[i].since <= (uint64_t)(m->grace_s + SLACK_S) * 1000)
			return false;
		free(r->lingering[i].key);
		r->lingering[i] = r->lingering[--r->n_lingering];
		return true;
	}
	GROW(r->lingering, r->n_lingering);
	r->lingering[r->n_lingering++] = (struct lingering){ .key = xstrdup(m->id), .since = now };
	return false;
}

static void on_started(void *arg, const struct fault *f)
{
	struct recover *r = arg;
	size_t n;
	const struct service_member *m = service_members(r->service, &n);

	(void)f; /* each member tells its own */
	for (size_t i = 0; i < n; i++) {
		struct log_fields fields = { .unit = r->todo.v[r->next - 1], .container = m[i].name };
		char *text CLEANUP(freep) = xasprintf("%s, which an interrupted operation had stopped, was started", m[i].name);
		if (m[i].state == MEMBER_STARTED)
			interrupted_tell(r->ctx, &fields, text);
		else if (m[i].state == MEMBER_LEFT && strv_has(&r->turned, fields.unit))
			log_event(LOG_LEVEL_ERROR, EV_NOT_RESTARTED, &fields, "%s was started by someone else before its old data was back "
				"in place: it still has the other; restart it", m[i].name);
		else if (m[i].state == MEMBER_LINGERING && lingers_long_enough(r, &m[i]))
			ledger_close(r->ctx->ledger, m[i].id, "was never stopped", NULL, NULL);
	}
	service_free(r->service);
	r->service = NULL;
	next_unit(r);
}

static void next_unit(struct recover *r)
{
	if (r->next == r->todo.n) {
		judge_next(r);
		return;
	}
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);
	const struct conf *c = r->ctx->conf;
	struct service_options o = {
		.loop = r->ctx->loop,
		.docker = r->ctx->docker,
		.ledger = r->ctx->ledger,
		.unit = r->todo.v[r->next++],
		.state_directory = c->paths.state,
		.stop_timeout_s = c->backup.stop_timeout_s,
		.start_timeout_s = c->backup.start_timeout_s,
	};
	r->service = service_from_ledger(&o, v, n);
	service_start(r->service, on_started, r);
}

static void start_units(struct recover *r)
{
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);

	for (size_t i = 0; i < n; i++)
		if (v[i].kind == LEDGER_CONTAINER && !held(r, &v[i]) && !strv_has(&r->todo, v[i].unit) &&
			!strv_has(&r->blocked, v[i].unit))
			strv_add(&r->todo, v[i].unit);
	next_unit(r);
}

/* --- restores that were interrupted: no container is started on half of something ------- */

static void on_first_turn(void *arg, enum interrupted_end how)
{
	struct recover *r = arg;
	const char *key = r->tried.v[r->tried.n - 1], *unit = r->unit;

	if (how == INTERRUPTED_PUT_BACK)
		strv_add(&r->turned, unit);
	if (how == INTERRUPTED_OPEN || how == INTERRUPTED_CONDEMNED)
		strv_add(&r->blocked, unit);
	if (how == INTERRUPTED_PLACED || how == INTERRUPTED_CONDEMNED) {
		strv_add(&r->placed, key);
		strv_add(&r->placed, unit);
	}
	next_swap(r);
}

static void next_swap(struct recover *r)
{
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);

	for (size_t i = 0; i < n; i++) {
		if (v[i].kind != LEDGER_SWAP || held(r, &v[i]) || strv_has(&r->tried, v[i].key))
			continue;
		strv_add(&r->tried, v[i].key);
		free(r->unit);
		r->unit = xstrdup(v[i].unit);
		interrupted_start(r->ctx, v[i].key, v[i].unit, on_first_turn, r);
		return;
	}
	start_units(r);
}

/* What is open still is judged in the next pass, or after the next start. */
static void on_judged(void *arg, enum interrupted_end how)
{
	struct recover *r = arg;

	(void)how;
	r->judging = NULL;
	judge_next(r);
}

static void judge_next(struct recover *r)
{
	if (r->judged == r->placed.n || r->containers_only || r->ending || r->held) {
		remove_temporaries(r);
		next_run(r);
		return;
	}
	const char *key = r->placed.v[r->judged], *unit = r->placed.v[r->judged + 1];
	r->judged += 2;
	r->judging = interrupted_judge(r->ctx, key, unit, on_judged, r);
}

static void pass(void *arg)
{
	struct recover *r = arg;
	struct strv *lists[] = { &r->todo, &r->tried, &r->blocked, &r->turned, &r->placed };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		strv_done(lists[i]);
		*lists[i] = (struct strv){ 0 };
	}
	r->next = r->judged = 0;
	next_swap(r);
}

void recover_kick(struct recover *r)
{
	if (r->busy) {
		r->again = true;
		return;
	}
	r->busy = true;
	timer_clear(r->timer);
	loop_defer(r->ctx->loop, pass, r);
}

static void on_timer(void *arg)
{
	recover_kick(arg);
}

struct recover *recover_new(const struct context *ctx, recover_settled_fn *settled, void *arg)
{
	struct recover *r = xcalloc(1, sizeof(*r));

	r->ctx = ctx;
	r->settled = settled;
	r->arg = arg;
	r->pause_ms = PAUSE_MIN_MS;
	r->timer = timer_new(ctx->loop, on_timer, r);
	return r;
}

void recover_containers_only(struct recover *r, bool only)
{
	r->containers_only = only;
}

void recover_hold(struct recover *r, const char *unit)
{
	free(r->held);
	r->held = xstrdup(unit);
	if (!unit && count(r, false))
		recover_kick(r);
}

void recover_list(const struct recover *r, struct strv *ret)
{
	size_t n;
	const struct ledger_entry *v = ledger_entries(r->ctx->ledger, &n);

	for (size_t i = 0; i < n; i++)
		if (!held(r, &v[i]))
			strv_add(ret, v[i].name ? v[i].name : v[i].key);
}

void recover_end(struct recover *r)
{
	if (!r)
		return;
	r->ending = true;
	interrupted_hurry(r->judging);
}

bool recover_busy(const struct recover *r)
{
	return r->busy;
}

void recover_free(struct recover *r)
{
	if (!r)
		return;
	timer_free(r->timer);
	for (size_t i = 0; i < r->n_lingering; i++)
		free(r->lingering[i].key);
	free(r->lingering);
	strv_done(&r->todo);
	strv_done(&r->tried);
	strv_done(&r->blocked);
	strv_done(&r->turned);
	strv_done(&r->placed);
	free(r->held);
	free(r->run);
	free(r->unit);
	free(r);
}
