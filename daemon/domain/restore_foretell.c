/* SPDX-License-Identifier: MIT */
/*
 * What a restore would do, before anybody is asked to say yes to it: which point, which items, who stops. The first steps of
 * the restore's own table, and then an answer instead of a deed: nothing is made, extracted or stopped.
 */
#include <stdlib.h>

#include "common/fd.h"
#include "common/text.h"
#include "common/varlink.h"
#include "daemon/domain/restore_internal.h"

static bool has_item(const struct restore *r, const struct container *c)
{
	const struct unit *u = r->now;

	for (size_t i = 0; u && i < u->n_members; i++)
		if (u->members[i].c == c && !u->members[i].guest)
			return true;
	return false;
}

static void add_stops(struct restore *r, const struct unit *users)
{
	r->foretold_stops = json_object_new_array();
	for (size_t i = 0; i < users->n_members; i++) {
		struct json_object *o = json_object_new_object();
		const struct container *c = users->members[i].c;
		json_put_text(o, "name", c->name);
		json_put_text(o, "id", c->id);
		json_put_flag(o, "of_unit", has_item(r, c));
		json_object_array_add(r->foretold_stops, o);
	}
}

/* The recipe is laid out only to be read: whose the mounts are, where the containers see them. */
void restore_foretell_recipe_leave(void *owner)
{
	struct restore *r = owner;

	if (r->recipe_dir)
		IGNORE(dir_remove(r->recipe_dir)); /* ours, and small; what stays is below restored/, as after a restore */
	steps_next(r->steps);
}

void restore_foretell_enter(void *owner)
{
	struct restore *r = owner;
	struct unit users = { 0 };
	struct fault f = { 0 };

	if (r->target) {
		restore_next(r, NULL);
		return;
	}
	if (restore_users(r, &users, &f) < 0) {
		restore_next(r, &f);
		return;
	}
	add_stops(r, &users);
	unit_done(&users);
	restore_next(r, NULL);
}

static struct json_object *item_json(const struct restore_item *it)
{
	struct json_object *o = json_object_new_object();
	bool plain = !it->dest || text_is_plain(it->dest);
	char *quoted CLEANUP(freep) = plain ? NULL : text_quote(it->dest);

	json_put_text(o, "id", it->id);
	json_put_text(o, "path", plain ? it->dest : quoted);
	if (!plain)
		json_put_flag(o, "quoted", true);
	if (it->size >= 0)
		json_put_number(o, "bytes", it->size);
	return o;
}

struct json_object *restore_foretell_reply(struct restore *r)
{
	struct json_object *o = json_object_new_object(), *items = json_object_new_array();

	json_put_text(o, "unit", r->unit);
	json_put_text(o, "backup_id", r->backup_id);
	if (r->point) {
		char *time CLEANUP(freep) = format_time(r->point->time_ms);
		json_put_text(o, "time", time);
	}
	for (size_t i = 0; i < r->n_items; i++)
		json_object_array_add(items, item_json(&r->items[i]));
	json_object_object_add(o, "items", items);
	json_put_list(o, "paths", &r->paths);
	json_object_object_add(o, "stops", r->foretold_stops ? r->foretold_stops : json_object_new_array());
	r->foretold_stops = NULL;
	restore_put_left(o, r);
	return o;
}
