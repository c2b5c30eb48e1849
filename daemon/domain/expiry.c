/* SPDX-License-Identifier: MIT */
/*
 * Happy path: list once → for each unit, which points stay → delete what goes by manifest
 * ids, many points with one kopia, never part of one: kopia deletes all or none → done.
 * Failure modes: a deletion that fails (an id changed when somebody pinned by hand, or
 * is gone already) → list and judge once more; a second failure is the caller's. A unit of
 * which too much would go at once waits, and is a failure when all others are done.
 *
 * The place of what points share (bases of deltas) is after the points: they go when no
 * point that stays needs them.
 */
#include "daemon/domain/expiry.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/expiry_past.h"
#include "daemon/domain/known.h"
#include "daemon/pure/plan.h"
#include "daemon/pure/result.h"

#define BATCH_IDS 200

/* Points that go together: their keys, and the manifest ids of their snapshots. */
struct batch {
	struct strv points, ids;
};

struct expiry {
	struct expiry_options o;
	char *unit;
	bool again;
	struct strv going;     /* the points' keys */
	struct strv unclaimed; /* keys of those that are ours as it seems, and never go */
	struct strv waiting; /* sentences about units */
	struct json_object *past; /* what earlier passes saw */
	struct batch *batches;
	size_t n_batches, next;
	struct json_object *reply;
	expiry_done_fn *done;
};

static void look(struct expiry *e);

static void forget(struct expiry *e)
{
	strv_done(&e->going);
	strv_done(&e->unclaimed);
	strv_done(&e->waiting);
	json_object_put(e->past);
	e->past = NULL;
	for (size_t i = 0; i < e->n_batches; i++) {
		strv_done(&e->batches[i].points);
		strv_done(&e->batches[i].ids);
	}
	free(e->batches);
	e->batches = NULL;
	e->n_batches = e->next = 0;
}

static void over(struct expiry *e, const struct fault *f)
{
	struct json_object *reply = e->reply;

	if (f) {
		json_object_put(reply);
		reply = NULL;
	}
	e->done(e->o.arg, f, reply);
	forget(e);
	free(e->unit);
	free(e);
}

/* --- which ones ---------------------------------------------------------------------- */

static struct json_object *policy_json(const struct conf_retention *keep)
{
	struct json_object *o = json_object_new_object();

	json_put_number(o, "latest", keep->latest);
	json_put_number(o, "daily", keep->daily);
	json_put_number(o, "weekly", keep->weekly);
	json_put_number(o, "monthly", keep->monthly);
	json_put_number(o, "yearly", keep->yearly);
	return o;
}

static struct json_object *judged_json(const struct point *p, const struct retention_point *r)
{
	struct json_object *o = json_object_new_object();
	char *time CLEANUP(freep) = format_time(p->time_ms);

	json_put_text(o, "backup_id", p->backup_id);
	json_put_text(o, "time", time);
	json_put_flag(o, "complete", p->complete);
	json_put_flag(o, "stays", r->reasons.n > 0);
	json_put_list(o, "reasons", &r->reasons);
	if (p->size_bytes >= 0)
		json_put_number(o, "size_bytes", p->size_bytes);
	return o;
}

/* Of a point; the name is percent-encoded, as in the tags that it is compared with. */
static char *key(const char *encoded_unit, const char *backup_id)
{
	return xasprintf("%s %s", encoded_unit, backup_id);
}

/* One unit's points, newest first, and what is said of each. */
struct judged {
	const struct point **points;
	struct retention_point *v;
	size_t n;
	int64_t held; /* that would go, but for an item that lost its content */
};

static void judged_done(struct judged *j)
{
	for (size_t i = 0; i < j->n; i++)
		strv_done(&j->v[i].reasons);
	free(j->points);
	free(j->v);
}

static void keep_unclaimed(const struct expiry *e, const char *unit, struct judged *j)
{
	char *encoded CLEANUP(freep) = name_encode(unit);

	for (size_t i = 0; e->unclaimed.n && i < j->n; i++) {
		char *k CLEANUP(freep) = key(encoded, j->points[i]->backup_id);
		if (j->v[i].reasons.n == 0 && strv_has(&e->unclaimed, k))
			strv_add(&j->v[i].reasons, "unclaimed");
	}
}

/* Why nothing of ${unit} may go now, whatever the rule says: the first of the reasons. NULL: it may. Caller's. */
static char *why_not(const struct expiry *e, const char *unit, struct judged *j, struct retention_past *past)
{
	struct conf_retention keep = conf_retention(e->o.ctx->conf, unit);

	if (!e->o.yes)
		return retention_guard(&keep, j->v, j->n, past);
	past->owed = 0;
	return NULL;
}

/* What goes is put down to go, or the unit to wait; and what this pass has seen of it, in the memory. */
static char *decide(struct expiry *e, const char *unit, struct judged *j, struct retention_past *past)
{
	char *encoded CLEANUP(freep) = name_encode(unit), *waits = why_not(e, unit, j, past);
	size_t stay = 0, go = 0;

	if (j->held) /* they are due when the hold ends, and that is no accident */
		past->owed = j->held;
	for (size_t i = 0; i < j->n; i++) {
		*(j->v[i].reasons.n ? &stay : &go) += j->v[i].complete;
		if (!waits && j->v[i].reasons.n == 0)
			strv_take(&e->going, key(encoded, j->points[i]->backup_id));
	}
	if (waits)
		strv_addf(&e->waiting, "unit %s: %s", unit, waits);
	past->alone |= e->o.yes && go > 0 && stay == 1;
	expiry_past_note(e->past, unit, j->points[0]->backup_id, past, waits);
	return waits;
}

/* While an item of the unit lacks what it had, the points that may have it stay, whatever the rule says. Why; caller's. */
static char *hold(const struct expiry *e, const char *unit, struct judged *j)
{
	char *reason = known_holds(e->o.ctx->conf, unit);

	for (size_t i = 0; reason && i < j->n; i++)
		if (j->v[i].complete && j->v[i].reasons.n == 0) {
			strv_add(&j->v[i].reasons, "held");
			j->held++;
		}
	return reason;
}

/* ${v}: all points, newest first; those of ${unit} are judged. */
static struct json_object *judge_unit(struct expiry *e, const struct point *v, size_t n, const char *unit)
{
	struct conf_retention keep = conf_retention(e->o.ctx->conf, unit);
	struct judged j = { .points = xcalloc(n, sizeof(*j.points)), .v = xcalloc(n, sizeof(*j.v)) };
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct retention_past past = expiry_past_of(e->past, unit, v, n);

	for (size_t i = 0; i < n; i++) {
		if (!streq(v[i].unit, unit))
			continue;
		j.points[j.n] = &v[i];
		j.v[j.n++] = (struct retention_point){ .time_ms = v[i].time_ms, .complete = v[i].complete };
	}
	retention_apply(&keep, j.v, j.n);
	keep_unclaimed(e, unit, &j);
	char *held CLEANUP(freep) = hold(e, unit, &j);
	char *waits CLEANUP(freep) = decide(e, unit, &j, &past);
	for (size_t i = 0; i < j.n; i++)
		json_object_array_add(list, judged_json(j.points[i], &j.v[i]));
	judged_done(&j);
	json_put_text(o, "unit", unit);
	json_object_object_add(o, "policy", policy_json(&keep));
	json_object_object_add(o, "points", list);
	json_put_text(o, "waits", waits);
	json_put_text(o, "held", held);
	return o;
}

static void judge(struct expiry *e, const struct point *v, size_t n)
{
	struct strv units CLEANUP(strv_done) = { 0 };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		if (!strv_has(&units, v[i].unit))
			strv_add(&units, v[i].unit);
	strv_sort_unique(&units);
	e->past = expiry_past_load(e->o.ctx->conf);
	for (size_t i = 0; i < units.n; i++)
		json_object_array_add(list, judge_unit(e, v, n, units.v[i]));
	if (!e->unit)
		expiry_past_only(e->past, &units);
	json_object_put(e->reply);
	e->reply = json_object_new_object();
	json_object_object_add(e->reply, "units", list);
}

static void note_unclaimed(struct expiry *e, const struct kopia_snapshot *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *unit = kopia_tag(&v[i], "unit"), *backup_id = kopia_tag(&v[i], "backup_id");
		if (unit && backup_id && repository_owner(e->o.ctx->repository, &v[i]) == OWNER_UNCLAIMED)
			strv_take(&e->unclaimed, key(unit, backup_id));
	}
	strv_sort_unique(&e->unclaimed);
}

/* The point of ours that each snapshot belongs to, NULL: none. */
static char **keys_of(const struct expiry *e, const struct kopia_snapshot *v, size_t n)
{
	const char *identity = repository_identity(e->o.ctx->repository);
	char **keys = xcalloc(n + 1, sizeof(*keys));

	for (size_t i = 0; i < n; i++) {
		const char *unit = kopia_tag(&v[i], "unit"), *backup_id = kopia_tag(&v[i], "backup_id");
		char *owner CLEANUP(freep) = xasprintf("%s@%s", v[i].user ? v[i].user : "", v[i].host ? v[i].host : "");
		if (unit && backup_id && streq(owner, identity))
			keys[i] = key(unit, backup_id);
	}
	return keys;
}

/* All of a point goes, also a snapshot in it that is no item (one that kopia left incomplete). */
static void make_batches(struct expiry *e, const struct kopia_snapshot *v, size_t n)
{
	char **keys = keys_of(e, v, n);

	for (size_t g = 0; g < e->going.n; g++) {
		if (e->n_batches == 0 || e->batches[e->n_batches - 1].ids.n >= BATCH_IDS) {
			GROW(e->batches, e->n_batches);
			e->batches[e->n_batches++] = (struct batch){ 0 };
		}
		struct batch *b = &e->batches[e->n_batches - 1];
		strv_add(&b->points, e->going.v[g]);
		for (size_t i = 0; i < n; i++)
			if (keys[i] && streq(keys[i], e->going.v[g]))
				strv_add(&b->ids, v[i].id);
	}
	for (size_t i = 0; i < n; i++)
		free(keys[i]);
	free(keys);
}

/* --- and they go --------------------------------------------------------------------- */

static void delete_next(struct expiry *e);

static void on_deleted(void *arg, const struct fault *f)
{
	struct expiry *e = arg;

	if (!f) {
		const struct batch *b = &e->batches[e->next++];
		for (size_t i = 0; i < b->points.n; i++)
			log_info("retention: restore point %s is deleted", b->points.v[i]);
		delete_next(e);
	} else if (!e->again) {
		e->again = true;
		log_warning("retention: %s; looking again", f->text);
		look(e);
	} else {
		over(e, f);
	}
}

static void on_noted(void *arg, const struct fault *f)
{
	struct expiry *e = arg;
	struct fault own = { 0 };

	if (!f && e->waiting.n) {
		fault_set(&own, FAULT_FAILED, -EAGAIN, "%s", e->waiting.v[0]);
		if (e->waiting.n > 1)
			fault_set(&own, FAULT_FAILED, -EAGAIN, "%s; and so for %zu more", e->waiting.v[0], e->waiting.n - 1);
		fault_advise(&own, EXPIRY_ADVICE);
		f = &own;
	}
	over(e, f);
}

static void delete_next(struct expiry *e)
{
	if (e->o.dry_run)
		over(e, NULL);
	else if (e->next == e->n_batches)
		expiry_past_save(e->o.ctx->loop, e->o.ctx->conf, e->past, on_noted, e);
	else
		repository_delete(e->o.ctx->repository, &e->batches[e->next].ids, on_deleted, e);
}

static void on_list(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct expiry *e = arg;
	struct point *points = NULL;
	size_t n_points = 0;
	struct fault own = { 0 };

	if (f) {
		over(e, f);
		return;
	}
	if (repository_owned(e->o.ctx->repository, v, n, &own) < 0) { /* nobody else's points go by our retention */
		over(e, &own);
		return;
	}
	points_from_snapshots(v, n, e->unit, repository_identity(e->o.ctx->repository), &points, &n_points);
	forget(e);
	note_unclaimed(e, v, n);
	judge(e, points, n_points);
	make_batches(e, v, n);
	points_free(points, n_points);
	if (e->unit && n_points == 0) {
		fault_set(&own, FAULT_NO_SUCH_UNIT, -ENOENT, "%s has no restore points here", e->unit);
		fault_about(&own, e->unit, 0, 0);
		fault_advise(&own, "kopi-docka list --restore-points shows what there is");
		over(e, &own);
	} else {
		delete_next(e);
	}
}

static void look(struct expiry *e)
{
	repository_list(e->o.ctx->repository, NULL, on_list, e);
}

void expiry_start(const struct expiry_options *o, expiry_done_fn *done)
{
	struct expiry *e = xcalloc(1, sizeof(*e));

	e->o = *o;
	e->unit = xstrdup(o->unit);
	e->done = done;
	look(e);
}
