/* SPDX-License-Identifier: MIT */
/* What a run did, as structs and as the socket's JSON; history keeps the same JSON. */
#include "daemon/pure/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"

static const char *const state_names[] = {
	[RUN_OK] = "ok",
	[RUN_WARNINGS] = "warnings",
	[RUN_FAILED] = "failed",
	[RUN_CANCELLED] = "cancelled",
	[RUN_INTERRUPTED] = "interrupted",
};
_Static_assert(ARRAY_SIZE(state_names) == RUN_STATES, "every state has a name");
static const char *const data_names[] = {
	[DATA_NONE] = "none", [DATA_PARTIAL] = "partial", [DATA_COMPLETE] = "complete",
};
static const char *const service_names[] = {
	[SERVICE_UNTOUCHED] = "untouched", [SERVICE_UP] = "up", [SERVICE_DEGRADED] = "degraded", [SERVICE_DOWN] = "down",
};
static const char *const phase_names[] = {
	[PHASE_PREPARE] = "prepare_ms", [PHASE_STOP] = "stop_ms", [PHASE_READ] = "read_ms", [PHASE_START] = "start_ms",
	[PHASE_HEALTHY] = "healthy_ms", [PHASE_UPLOAD] = "upload_ms", [PHASE_FINISH] = "finish_ms",
};
_Static_assert(ARRAY_SIZE(phase_names) == PHASES, "every phase has a name");

const char *run_state_name(enum run_state s)
{
	return s < RUN_STATES ? state_names[s] : "failed";
}

static size_t index_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], name))
			return i;
	return n;
}

void unit_result_init(struct unit_result *u, const char *unit)
{
	*u = (struct unit_result){ .unit = xstrdup(unit), .window_ms = -1, .forecast_window_ms = -1 };
	for (size_t i = 0; i < PHASES; i++)
		u->phase_ms[i] = -1;
}

void unit_result_done(struct unit_result *u)
{
	for (size_t i = 0; i < u->n_items; i++) {
		char *owned[] = { u->items[i].id, u->items[i].method, u->items[i].object, u->items[i].error, u->items[i].note };
		for (size_t j = 0; j < ARRAY_SIZE(owned); j++)
			free(owned[j]);
	}
	free(u->items);
	free(u->unit);
	strv_done(&u->restarted);
	strv_done(&u->not_restarted);
	strv_done(&u->warnings);
	strv_done(&u->errors);
	*u = (struct unit_result){ 0 };
}

void run_result_done(struct run_result *r)
{
	for (size_t i = 0; i < r->n_units; i++)
		unit_result_done(&r->units[i]);
	free(r->units);
	free(r->backup_id);
	strv_done(&r->skipped);
	strv_done(&r->warnings);
	strv_done(&r->errors);
	*r = (struct run_result){ 0 };
}

/* There is no success with errors inside (law 7). */
static enum run_state judge_unit(const struct unit_result *u)
{
	if (u->errors.n || u->not_restarted.n || u->data != DATA_COMPLETE || u->service == SERVICE_DOWN)
		return RUN_FAILED;
	return u->warnings.n || u->service == SERVICE_DEGRADED ? RUN_WARNINGS : RUN_OK;
}

enum run_state run_result_judge(const struct run_result *r)
{
	enum run_state worst = r->warnings.n || r->errors.n ? RUN_WARNINGS : RUN_OK;

	if (r->state == RUN_CANCELLED || r->state == RUN_INTERRUPTED)
		return r->state;
	if (r->n_units == 0 && r->errors.n)
		return RUN_FAILED; /* it could not begin */
	for (size_t i = 0; i < r->n_units; i++) {
		enum run_state s = judge_unit(&r->units[i]);
		worst = s > worst ? s : worst;
	}
	return worst;
}

/* --- to JSON -------------------------------------------------------------------------------- */

static void put_known(struct json_object *o, const char *key, int64_t value)
{
	if (value >= 0)
		json_put_number(o, key, value);
}

static struct json_object *item_json(const struct item_result *i)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "id", i->id);
	json_put_text(o, "method", i->method);
	if (i->cold >= 0)
		json_put_flag(o, "cold", i->cold > 0);
	json_put_text(o, "object", i->object);
	put_known(o, "bytes", i->bytes);
	put_known(o, "uploaded_bytes", i->uploaded_bytes);
	if (i->excluded_entries > 0) {
		json_put_number(o, "excluded_entries", i->excluded_entries);
		json_put_number(o, "excluded_bytes", i->excluded_bytes);
	}
	json_put_text(o, "error", i->error);
	json_put_text(o, "note", i->note);
	return o;
}

struct json_object *unit_result_json(const struct unit_result *u)
{
	struct json_object *o = json_object_new_object(), *phases = json_object_new_object();
	struct json_object *items = json_object_new_array();

	json_put_text(o, "unit", u->unit);
	json_put_text(o, "data", data_names[u->data]);
	json_put_text(o, "service", service_names[u->service]);
	put_known(o, "window_ms", u->window_ms);
	put_known(o, "forecast_window_ms", u->forecast_window_ms);
	for (size_t i = 0; i < PHASES; i++)
		put_known(phases, phase_names[i], u->phase_ms[i]);
	json_object_object_add(o, "phases", phases);
	for (size_t i = 0; i < u->n_items; i++)
		json_object_array_add(items, item_json(&u->items[i]));
	json_object_object_add(o, "items", items);
	json_put_list(o, "restarted", &u->restarted);
	json_put_list(o, "not_restarted", &u->not_restarted);
	json_put_list(o, "warnings", &u->warnings);
	json_put_list(o, "errors", &u->errors);
	return o;
}

struct json_object *run_result_json(const struct run_result *r)
{
	struct json_object *o = json_object_new_object(), *units = json_object_new_array();
	char *started CLEANUP(freep) = format_time(r->started_ms);

	json_put_text(o, "backup_id", r->backup_id);
	json_put_text(o, "started", started);
	if (r->finished_ms) {
		char *finished CLEANUP(freep) = format_time(r->finished_ms);
		json_put_text(o, "finished", finished);
	}
	json_put_text(o, "state", run_state_name(r->state));
	for (size_t i = 0; i < r->n_units; i++)
		json_object_array_add(units, unit_result_json(&r->units[i]));
	json_object_object_add(o, "units", units);
	if (r->skipped.n)
		json_put_list(o, "skipped", &r->skipped);
	if (r->warnings.n)
		json_put_list(o, "warnings", &r->warnings);
	if (r->errors.n)
		json_put_list(o, "errors", &r->errors);
	return o;
}

char *run_result_text(const struct run_result *r)
{
	struct json_object *o CLEANUP(json_putp) = run_result_json(r);

	char *text CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PRETTY, NULL);

	return xasprintf("%s\n", text);
}

/* --- and back -------------------------------------------------------------------------------- */

static void read_item(struct unit_result *u, struct json_object *o)
{
	GROW(u->items, u->n_items);
	u->items[u->n_items++] = (struct item_result){
		.id = xstrdup(json_text(o, "id")),
		.method = xstrdup(json_text(o, "method")),
		.object = xstrdup(json_text(o, "object")),
		.error = xstrdup(json_text(o, "error")),
		.note = xstrdup(json_text(o, "note")),
		.cold = json_member(o, "cold") ? json_flag(o, "cold", false) : -1,
		.bytes = json_number(o, "bytes", -1),
		.uploaded_bytes = json_number(o, "uploaded_bytes", -1),
		.excluded_entries = json_number(o, "excluded_entries", 0),
		.excluded_bytes = json_number(o, "excluded_bytes", 0),
	};
}

static int read_unit(struct run_result *r, struct json_object *o)
{
	size_t data = index_of(data_names, ARRAY_SIZE(data_names), json_text(o, "data"));
	size_t service = index_of(service_names, ARRAY_SIZE(service_names), json_text(o, "service"));
	struct json_object *items = json_member(o, "items"), *phases = json_member(o, "phases");

	if (!json_text(o, "unit") || data == ARRAY_SIZE(data_names) || service == ARRAY_SIZE(service_names))
		return -EBADMSG;
	GROW(r->units, r->n_units);
	struct unit_result *u = &r->units[r->n_units++];
	unit_result_init(u, json_text(o, "unit"));
	u->data = (enum unit_data)data;
	u->service = (enum unit_service)service;
	u->window_ms = json_number(o, "window_ms", -1);
	u->forecast_window_ms = json_number(o, "forecast_window_ms", -1);
	for (size_t i = 0; i < PHASES; i++)
		u->phase_ms[i] = json_number(phases, phase_names[i], -1);
	for (size_t i = 0; json_object_is_type(items, json_type_array) && i < json_object_array_length(items); i++)
		read_item(u, json_object_array_get_idx(items, i));
	json_read_list(o, "restarted", &u->restarted);
	json_read_list(o, "not_restarted", &u->not_restarted);
	json_read_list(o, "warnings", &u->warnings);
	json_read_list(o, "errors", &u->errors);
	return 0;
}

int run_result_parse(struct json_object *o, struct run_result *ret)
{
	struct json_object *units = json_member(o, "units");
	size_t state = index_of(state_names, RUN_STATES, json_text(o, "state"));
	struct run_result r = { .state = (enum run_state)state };

	if (!json_text(o, "backup_id") || state == RUN_STATES || parse_time(json_text(o, "started"), &r.started_ms) < 0 ||
		!json_object_is_type(units, json_type_array))
		return -EBADMSG;
	r.backup_id = xstrdup(json_text(o, "backup_id"));
	if (json_text(o, "finished") && parse_time(json_text(o, "finished"), &r.finished_ms) < 0)
		r.finished_ms = 0;
	for (size_t i = 0; i < json_object_array_length(units); i++)
		if (read_unit(&r, json_object_array_get_idx(units, i)) < 0) {
			run_result_done(&r);
			return -EBADMSG;
		}
	json_read_list(o, "skipped", &r.skipped);
	json_read_list(o, "warnings", &r.warnings);
	json_read_list(o, "errors", &r.errors);
	*ret = r;
	return 0;
}
