/* SPDX-License-Identifier: MIT */
/* The same as JSON: a unit's file in the state directory, and the socket's list of what is accepted. */
#include <errno.h>
#include <stdlib.h>

#include "common/varlink.h"
#include "daemon/pure/contents.h"

static void put_content(struct json_object *o, const struct content *c)
{
	json_put_flag(o, "file", c->is_file);
	if (c->entries >= 0)
		json_put_number(o, "entries", c->entries);
	if (c->bytes >= 0)
		json_put_number(o, "bytes", c->bytes);
}

static struct content get_content(struct json_object *o)
{
	return (struct content){ .is_file = json_flag(o, "file", false), .entries = json_number(o, "entries", -1), .bytes = json_number(o, "bytes", -1) };
}

static struct json_object *acceptance_json(const struct acceptance *a)
{
	struct json_object *o = json_object_new_object();
	char *time CLEANUP(freep) = format_time(a->time_ms);

	json_put_text(o, "what", a->what);
	json_put_text(o, "time", time);
	json_put_number(o, "uid", a->uid);
	json_put_text(o, "reason", a->reason);
	return o;
}

static void get_acceptance(struct json_object *o, struct acceptance *ret)
{
	const char *what = json_text(o, "what"), *time = json_text(o, "time");

	if (!what)
		return;
	*ret = (struct acceptance){ .what = xstrdup(what), .reason = xstrdup(json_text(o, "reason")), .uid = json_number(o, "uid", -1) };
	if (!time || parse_time(time, &ret->time_ms) < 0)
		ret->time_ms = 0;
}

static struct json_object *item_json(const struct known_item *i)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "id", i->id);
	json_put_text(o, "backup_id", i->backup_id);
	put_content(o, &i->had);
	if (i->since_ms)
		json_put_number(o, "since_ms", i->since_ms);
	if (i->lost)
		json_put_flag(o, "lost", true);
	if (i->accepted.what) {
		struct json_object *a = acceptance_json(&i->accepted);
		put_content(a, &i->before);
		json_object_object_add(o, "accepted", a);
	}
	return o;
}

struct json_object *known_unit_json(const struct known_unit *k)
{
	struct json_object *o = json_object_new_object(), *items = json_object_new_array();

	json_put_text(o, "unit", k->unit);
	json_put_text(o, "backup_id", k->backup_id);
	json_put_text(o, "complete", k->complete);
	for (size_t i = 0; i < k->n_items; i++)
		json_object_array_add(items, item_json(&k->items[i]));
	json_object_object_add(o, "items", items);
	if (k->gone.what)
		json_object_object_add(o, "gone", acceptance_json(&k->gone));
	return o;
}

static void read_item(struct known_unit *k, struct json_object *o)
{
	struct json_object *a = json_member(o, "accepted");

	if (!json_text(o, "id"))
		return;
	struct known_item *i = known_unit_add(k, json_text(o, "id"));
	i->backup_id = xstrdup(json_text(o, "backup_id"));
	i->had = get_content(o);
	i->since_ms = json_number(o, "since_ms", 0);
	i->lost = json_flag(o, "lost", false);
	get_acceptance(a, &i->accepted);
	i->before = get_content(a);
}

int known_unit_parse(struct json_object *o, struct known_unit *ret)
{
	struct json_object *items = json_member(o, "items");

	if (!json_text(o, "unit"))
		return -EBADMSG;
	*ret = (struct known_unit){ .unit = xstrdup(json_text(o, "unit")), .backup_id = xstrdup(json_text(o, "backup_id")),
		.complete = xstrdup(json_text(o, "complete")) };
	for (size_t i = 0; json_object_is_type(items, json_type_array) && i < json_object_array_length(items); i++)
		read_item(ret, json_object_array_get_idx(items, i));
	get_acceptance(json_member(o, "gone"), &ret->gone);
	return 0;
}

static void add_accepted(struct json_object *to, const char *unit, const char *item, const struct acceptance *a)
{
	struct json_object *o = acceptance_json(a);

	json_put_text(o, "unit", unit);
	json_put_text(o, "item", item);
	json_object_array_add(to, o);
}

void known_unit_accepted(const struct known_unit *k, struct json_object *to)
{
	if (k->gone.what)
		add_accepted(to, k->unit, NULL, &k->gone);
	for (size_t i = 0; i < k->n_items; i++)
		if (k->items[i].accepted.what)
			add_accepted(to, k->unit, k->items[i].id, &k->items[i].accepted);
}
