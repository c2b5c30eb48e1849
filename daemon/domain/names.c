/* SPDX-License-Identifier: MIT */
/*
 * Happy path: a wrong name → whoever had it waits → the engine's units, or the repository's list → all who wait are
 * answered. Whoever comes while the question is under way waits for its answer too: many calls with a wrong name are one
 * child. Failure modes: the list cannot be had → the error is told without names.
 */
#include "daemon/domain/names.h"

#include <stdlib.h>

#include "common/varlink.h"
#include "daemon/domain/known.h"
#include "daemon/domain/planner.h"
#include "daemon/pure/result.h"

struct waiting {
	struct waiting *next;
	struct request *request;
	struct fault fault;
	struct json_object *details; /* owned */
};

struct names {
	struct daemon *daemon;
	struct waiting *units, *items; /* owned; not NULL: it is being asked */
};

struct names *names_new(struct daemon *d)
{
	struct names *n = xcalloc(1, sizeof(*n));

	n->daemon = d;
	return n;
}

void names_free(struct names *n)
{
	free(n);
}

static void answer(struct waiting *w, struct strv *known)
{
	strv_sort_unique(known);
	json_put_list(w->details, "known", known);
	request_fail(w->request, &w->fault, TAKE_PTR(w->details));
	free(w);
}

static void on_units(void *arg, const struct fault *f, struct planned *p)
{
	struct names *n = arg;
	struct strv known CLEANUP(strv_done) = { 0 };
	static const struct units none;

	for (size_t i = 0; !f && i < p->units.n; i++)
		strv_add(&known, p->units.v[i].name);
	known_missing(n->daemon->conf, f ? &none : &p->units, &known);
	planned_free(p);
	for (struct waiting *w = TAKE_PTR(n->units), *next; w; w = next) {
		next = w->next;
		answer(w, &known);
	}
}

/* What the call was about: the one restore point, or the newest complete one. */
static const struct point *point_of(const struct names *n, struct json_object *p, const struct kopia_snapshot *v, size_t n_v,
	struct point **ret, size_t *ret_n)
{
	const char *host = json_text(p, "host"), *unit = json_text(p, "unit");

	points_from_snapshots(v, n_v, unit, host ? host : repository_identity(n->daemon->ctx.repository), ret, ret_n);
	return unit ? point_find(*ret, *ret_n, unit, json_text(p, "backup_id")) : NULL;
}

static void on_snapshots(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n_v)
{
	struct names *n = arg;

	for (struct waiting *w = TAKE_PTR(n->items), *next; w; w = next) {
		struct strv known CLEANUP(strv_done) = { 0 };
		struct point *points = NULL;
		size_t n_points = 0;
		next = w->next;
		const struct point *p = f ? NULL : point_of(n, request_parameters(w->request), v, n_v, &points, &n_points);
		for (size_t i = 0; p && i < p->n_items; i++)
			strv_add(&known, p->items[i].id);
		points_free(points, n_points);
		answer(w, &known);
	}
}

void names_fail(struct daemon *d, struct request *r, const struct fault *f, struct json_object *o)
{
	struct names *n = d->names;
	struct waiting *w = xcalloc(1, sizeof(*w)), **list = f->code == FAULT_NO_SUCH_ITEM ? &n->items : &n->units;
	bool asked = *list != NULL;

	request_give_up(r, NULL, NULL); /* the question is over, and what it would have ended is gone */
	*w = (struct waiting){ .next = *list, .request = r, .fault = *f, .details = o };
	*list = w;
	if (asked)
		return;
	if (list == &n->items) {
		repository_list(d->ctx.repository, NULL, on_snapshots, n);
	} else {
		struct planner_options po = { .ctx = &d->ctx };
		planner_start(&po, on_units, n);
	}
}
