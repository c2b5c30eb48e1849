/* SPDX-License-Identifier: MIT */
/*
 * Units and plans as the control socket shows them: the types Unit and UnitPlan
 * of io.kopidocka. What is not known is left out, never a made-up 0. A refused
 * or skipped unit says so among its warnings too, for a listing has no other
 * place for it; its plan has no steps, for nothing will be done.
 */
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/plan_internal.h"

static void put_known(struct json_object *o, const char *key, int64_t value)
{
	if (value >= 0)
		json_put_number(o, key, value);
}

static struct json_object *member_json(const struct member *m)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "id", m->c->id);
	json_put_text(o, "name", m->c->name);
	json_put_text(o, "service", m->c->service);
	json_put_text(o, "image", m->c->image ? m->c->image : "");
	json_put_text(o, "state", container_state_name(m->c->state));
	json_put_text(o, "database", m->c->database);
	json_put_flag(o, "guest", m->guest);
	if (m->c->oneoff)
		json_put_flag(o, "oneoff", true);
	return o;
}

static struct json_object *item_json(const struct item *i)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "id", i->id);
	json_put_text(o, "path", i->path);
	put_known(o, "size_bytes", i->size_bytes);
	if (i->excluded_entries > 0) {
		json_put_number(o, "excluded_entries", i->excluded_entries);
		put_known(o, "excluded_bytes", i->excluded_bytes);
	}
	if (i->is_file)
		json_put_flag(o, "is_file", true);
	if (i->read_only)
		json_put_flag(o, "read_only", true);
	json_put_text(o, "only_named", i->hold);
	json_put_text(o, "method", i->method);
	json_put_text(o, "method_reason", i->method_reason);
	json_put_list(o, "shared_with", &i->shared_with);
	return o;
}

struct json_object *coverage_json(const struct unit *u)
{
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < u->n_coverage; i++) {
		const struct coverage *c = &u->coverage[i];
		struct json_object *o = json_object_new_object();

		json_put_text(o, "container", c->container);
		json_put_text(o, "source", c->source);
		json_put_text(o, "destination", c->destination);
		json_put_text(o, "kind", c->kind);
		json_put_flag(o, "saved", c->saved);
		json_put_text(o, "reason", c->reason);
		json_object_array_add(list, o); /* takes o */
	}
	return list;
}

struct json_object *unit_json(const struct unit *u)
{
	struct json_object *o = json_object_new_object();
	struct json_object *members = json_object_new_array(), *items = json_object_new_array();
	struct strv warnings = { 0 };
	size_t i;

	for (i = 0; i < u->n_members; i++)
		json_object_array_add(members, member_json(&u->members[i]));
	for (i = 0; i < u->n_items; i++)
		json_object_array_add(items, item_json(&u->items[i]));
	if (u->refused)
		strv_addf(&warnings, "refused: %s", u->refused);
	if (u->skipped)
		strv_addf(&warnings, "skipped: %s", u->skipped);
	for (i = 0; i < u->n_items; i++)
		if (u->items[i].lost)
			strv_addf(&warnings, "error: %s: %s", u->items[i].id, u->items[i].lost);
	strv_copy(&warnings, &u->warnings);
	json_put_text(o, "name", u->name);
	json_put_text(o, "kind", u->compose ? "compose" : "container");
	json_put_text(o, "working_directory", u->working_dir);
	json_put_list(o, "compose_files", &u->compose_files);
	json_put_list(o, "env_files", &u->env_files);
	json_object_object_add(o, "members", members);
	json_object_object_add(o, "items", items);
	json_object_object_add(o, "coverage", coverage_json(u));
	json_put_list(o, "warnings", &warnings);
	strv_done(&warnings);
	return o;
}

static void names_of_level(const struct unit *u, size_t level, struct strv *ret)
{
	size_t i;

	for (i = 0; i < u->n_members; i++)
		if (u->members[i].stop && u->members[i].level == level)
			strv_add(ret, u->members[i].c->name);
}

static void add_step(
	struct json_object *steps, const char *name, const char *target, const char *detail)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "name", name);
	json_put_text(o, "target", target);
	json_put_text(o, "detail", detail);
	json_object_array_add(steps, o);
}

static char *join(const struct strv *names)
{
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < names->n; i++) {
		buf_puts(&b, i > 0 ? ", " : "");
		buf_puts(&b, names->v[i]);
	}
	return buf_steal(&b);
}

/* Whose health is waited for before ${level} starts; NULL: nobody's. Caller's. */
static char *waits_for(const struct unit *u, size_t level)
{
	struct strv names = { 0 };
	CLEANUP(freep) char *list = NULL;
	char *text = NULL;
	size_t i;

	for (i = 0; i < u->n_edges; i++)
		if (u->edges[i].healthy && u->members[u->edges[i].from].level == level)
			strv_add(&names, u->members[u->edges[i].to].c->name);
	strv_sort_unique(&names);
	list = join(&names);
	if (names.n > 0)
		text = xasprintf("once healthy: %s", list);
	strv_done(&names);
	return text;
}

static void add_level(const struct unit *u, size_t level, struct json_object *order,
	struct json_object *steps)
{
	struct strv names = { 0 };
	CLEANUP(freep) char *list = NULL;

	names_of_level(u, level, &names);
	list = join(&names);
	if (names.n > 0 && order) {
		struct json_object *o = json_object_new_object();

		json_put_list(o, "members", &names);
		json_object_array_add(order, o);
		add_step(steps, "stop", list, NULL);
	} else if (names.n > 0) {
		CLEANUP(freep) char *wait = waits_for(u, level);

		add_step(steps, "start", list, wait);
	}
	strv_done(&names);
}

static void add_read(const struct item *i, struct json_object *steps)
{
	CLEANUP(freep) char *detail = NULL;

	if (i->method)
		detail = xasprintf("%s%s%s", i->method, i->method_reason ? ": " : "",
			i->method_reason ? i->method_reason : "");
	add_step(steps, "read", i->id, detail);
}

struct json_object *unit_plan_json(const struct unit *u, int64_t forecast_window_ms)
{
	struct json_object *o = json_object_new_object();
	struct json_object *order = json_object_new_array(), *steps = json_object_new_array();
	size_t i;

	json_object_object_add(o, "unit", unit_json(u));
	if (!u->refused && !u->skipped) {
		for (i = u->n_levels; i > 0; i--)
			add_level(u, i - 1, order, steps);
		for (i = 0; i < u->n_items; i++)
			add_read(&u->items[i], steps);
		for (i = 0; i < u->n_levels; i++)
			add_level(u, i, NULL, steps);
		add_step(steps, "finish", u->name, NULL);
		put_known(o, "forecast_window_ms", forecast_window_ms);
	}
	json_object_object_add(o, "stop_order", order);
	json_object_object_add(o, "steps", steps);
	if (u->skipped && !u->refused) {
		CLEANUP(freep) char *reason = xasprintf("skipped: %s", u->skipped);

		json_put_text(o, "refused", reason);
	}
	json_put_text(o, "refused", u->refused);
	return o;
}
