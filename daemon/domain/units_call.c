/* SPDX-License-Identifier: MIT */
/* The methods that ask the planner which units there are, and answer by themselves. */
#include "daemon/domain/units_call.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/history.h"
#include "daemon/domain/known.h"
#include "daemon/domain/method.h"
#include "daemon/domain/planner.h"
#include "daemon/pure/result.h"

/* --- ListUnits, Plan ----------------------------------------------------------------- */

struct unit_question {
	struct request *request;
	struct planner *planner; /* until it is done */
	struct strv units;
};

static void question_free(struct unit_question *q)
{
	strv_done(&q->units);
	free(q);
}

static bool asked(const struct unit_question *q, const struct unit *u)
{
	return q->units.n == 0 || strv_has(&q->units, u->name);
}

/* ${o}: of the type Unit. */
static void add_last_complete(const struct conf *c, struct json_object *o)
{
	struct known_unit k = { 0 };
	int64_t ms;

	if (known_load(c, json_text(o, "name"), &k) == 0 && k.complete && history_parse_id(k.complete, &ms) == 0) {
		char *time CLEANUP(freep) = format_time(ms);
		json_put_text(o, "last_complete", time);
	}
	known_unit_done(&k);
}

static void on_list(void *arg, const struct fault *f, struct planned *p)
{
	struct unit_question *q = arg;
	const struct daemon *d = request_owner(q->request);
	struct strv missing CLEANUP(strv_done) = { 0 };
	struct json_object *o, *list;

	if (f) {
		daemon_fail(q->request, f);
		question_free(q);
		return;
	}
	o = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 0; i < p->units.n; i++)
		if (asked(q, &p->units.v[i]))
			json_object_array_add(list, unit_json(&p->units.v[i]));
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add_last_complete(d->conf, json_object_array_get_idx(list, i));
	json_object_object_add(o, "units", list);
	json_put_list(o, "unattached_volumes", &p->units.unattached_volumes);
	known_missing(d->conf, &p->units, &missing);
	json_put_list(o, "missing_units", &missing);
	planned_free(p);
	request_reply(q->request, o);
	question_free(q);
}

/* What a run of all units would say beside its units. */
static void plan_warnings(const struct unit_question *q, const struct conf *c, const struct planned *p, struct json_object *o)
{
	struct strv missing CLEANUP(strv_done) = { 0 }, warnings CLEANUP(strv_done) = { 0 };

	if (q->units.n == 0)
		known_missing(c, &p->units, &missing);
	for (size_t i = 0; i < missing.n; i++)
		strv_take(&warnings, known_sentence(missing.v[i]));
	json_put_list(o, "warnings", &warnings);
}

static void on_plan(void *arg, const struct fault *f, struct planned *p)
{
	struct unit_question *q = arg;
	struct daemon *d = request_owner(q->request);
	struct json_object *o, *list;

	if (f) {
		daemon_fail(q->request, f);
		question_free(q);
		return;
	}
	o = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 0; i < p->units.n; i++) {
		const struct unit *u = &p->units.v[i];
		if (asked(q, u))
			json_object_array_add(list, unit_plan_json(u,
				u->refused || u->skipped ? -1 : method_forecast_window(u, d->conf, &d->rates)));
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add_last_complete(d->conf, json_member(json_object_array_get_idx(list, i), "unit"));
	char *workers CLEANUP(freep) = capacity_workers_text(d->conf);
	json_put_text(o, "parallel_workers", workers);
	json_object_object_add(o, "plans", list);
	plan_warnings(q, d->conf, p, o);
	planned_free(p);
	request_reply(q->request, o);
	question_free(q);
}

static void give_up(void *arg)
{
	const struct unit_question *q = arg;

	planner_cancel(q->planner);
}

static void ask_planner(struct request *r, struct json_object *parameters, bool measure, planner_done_fn *done)
{
	struct daemon *d = request_owner(r);
	struct unit_question *q = xcalloc(1, sizeof(*q));

	q->request = r;
	json_read_list(parameters, "units", &q->units);
	struct planner_options o = { .ctx = &d->ctx, .units = &q->units, .measure = measure };
	q->planner = planner_start(&o, done, q);
	request_give_up(r, give_up, q);
}

void units_call_list(struct request *r, struct json_object *parameters)
{
	ask_planner(r, parameters, false, on_list);
}

void units_call_plan(struct request *r, struct json_object *parameters)
{
	ask_planner(r, parameters, true, on_plan);
}
