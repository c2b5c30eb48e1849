/* SPDX-License-Identifier: MIT */
/* What a restore did, as the reply of the method Restore. */
#include "common/text.h"
#include "common/varlink.h"
#include "daemon/domain/restore_internal.h"

#include <stdlib.h>

static const char *service_word(const struct restore *r)
{
	size_t n = 0;
	const struct service_member *m = r->service ? service_members(r->service, &n) : NULL;

	if (!r->engaged || n == 0)
		return "untouched";
	if (r->stuck)
		return "down";
	for (size_t i = 0; i < n; i++)
		if (m[i].state == MEMBER_FAILED || m[i].state == MEMBER_GONE)
			return "down";
	for (size_t i = 0; i < n; i++)
		if (m[i].still_unhealthy)
			return "degraded";
	return r->unhealthy ? "degraded" : "up";
}

static const struct restore_item *item_of(const struct restore *r, const struct swap *s)
{
	for (size_t i = 0; i < r->n_items; i++)
		if (streq(r->items[i].id, s->item))
			return &r->items[i];
	return NULL;
}

static void put_safety(struct json_object *o, const struct restore *r, const struct swap *s)
{
	char *text CLEANUP(freep) = NULL;

	if (s->safety.path)
		text = xstrdup(s->safety.path);
	else if (s->safety.object)
		text = xasprintf("repository: snapshot with the tag backup_id:safety-%s, object %s", r->restore_id, s->safety.object);
	json_put_text(o, "safety", text);
}

/* A path of bytes: in C escapes where it is no text, and "quoted" says so. */
static void put_path(struct json_object *o, const char *key, const char *path)
{
	bool plain = !path || text_is_plain(path);
	char *quoted CLEANUP(freep) = plain ? NULL : text_quote(path);

	json_put_text(o, key, plain ? path : quoted);
	if (!plain)
		json_put_flag(o, "quoted", true);
}

static struct json_object *swap_json(const struct restore *r, const struct swap *s)
{
	struct json_object *o = json_object_new_object();
	const struct restore_item *it = item_of(r, s);
	char *path CLEANUP(freep) = swap_place(s);

	json_put_text(o, "id", s->item);
	put_path(o, "path", path);
	if (it && it->size >= 0 && s->mode != SWAP_PATH)
		json_put_number(o, "bytes", it->size);
	put_path(o, "kept", s->done && s->has_kept ? s->kept : NULL);
	put_safety(o, r, s);
	put_path(o, "put_back", s->put_back);
	if ((it && it->lost.n) || s->lost.n)
		json_put_list(o, "lost", s->lost.n ? &s->lost : &it->lost);
	if (r->put_back) {
		char *error CLEANUP(freep) = xasprintf("not healthy with the restored data, so the old is back: %s", r->verdict.text);
		json_put_text(o, "error", error);
	} else if (!s->done) {
		json_put_text(o, "error", "not restored");
	}
	return o;
}

void restore_put_left(struct json_object *o, const struct restore *r)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < r->n_left; i++) {
		struct json_object *one = json_object_new_object();
		json_put_text(one, "id", r->left[i].id);
		json_put_text(one, "path", r->left[i].path);
		json_put_text(one, "reason", r->left[i].reason);
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "left", list);
}

static bool lacks_something(const struct restore *r)
{
	bool lacks = false;

	for (size_t i = 0; i < r->n_items; i++)
		lacks |= r->items[i].lost.n > 0;
	for (size_t i = 0; i < r->swaps.n; i++)
		lacks |= r->swaps.v[i].lost.n > 0;
	return lacks;
}

static const char *state_word(const struct restore *r)
{
	if (r->outcome.code == FAULT_CANCELLED || r->cancelled)
		return "cancelled";
	if (r->outcome.code != FAULT_NONE || r->put_back || r->stuck)
		return "failed";
	if (streq(service_word(r), "down"))
		return "failed";
	return lacks_something(r) || streq(service_word(r), "degraded") ? "warnings" : "ok";
}

struct json_object *restore_record(struct restore *r)
{
	struct json_object *o = json_object_new_object();
	char *started CLEANUP(freep) = format_time(r->started_ms), *finished CLEANUP(freep) = format_time(wall_ms());
	struct strv items CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < r->n_items; i++)
		strv_add(&items, r->items[i].id);
	json_put_text(o, "restore_id", r->restore_id);
	json_put_text(o, "unit", r->unit);
	json_put_text(o, "backup_id", r->backup_id);
	json_put_text(o, "host", r->host);
	json_put_text(o, "started", started);
	json_put_text(o, "finished", finished);
	json_put_text(o, "state", state_word(r));
	json_put_text(o, "service", service_word(r));
	json_put_list(o, "items", &items);
	json_put_text(o, "target", r->target);
	json_put_text(o, "back", r->back);
	json_put_flag(o, "put_back", r->put_back);
	json_put_text(o, "error", r->outcome.code != FAULT_NONE ? r->outcome.text : r->put_back ? r->verdict.text : NULL);
	return o;
}

static void tell_what_stays(struct restore *r, const struct swap *s)
{
	for (size_t i = 0; i < s->stays.n; i++) {
		char *quoted CLEANUP(freep) = text_is_plain(s->stays.v[i]) ? xstrdup(s->stays.v[i]) : text_quote(s->stays.v[i]);
		strv_addf(&r->next_steps, "%s/%s is a mount or a subvolume of its own: it stays as it was, and nothing was put into it", s->dest,
			quoted);
	}
}

struct json_object *restore_reply(struct restore *r)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_put_text(o, "unit", r->unit);
	json_put_text(o, "backup_id", r->backup_id);
	json_put_text(o, "restore_id", r->restore_id);
	if (r->number > 0)
		json_put_number(o, "number", r->number);
	for (size_t i = 0; i < r->swaps.n; i++)
		json_object_array_add(list, swap_json(r, &r->swaps.v[i]));
	for (size_t i = 0; i < r->swaps.n; i++)
		tell_what_stays(r, &r->swaps.v[i]);
	json_object_object_add(o, "restored", list);
	json_put_text(o, "recipe_directory", r->recipe_dir);
	json_put_text(o, "service", service_word(r));
	json_put_list(o, "next_steps", &r->next_steps);
	restore_put_left(o, r);
	json_put_list(o, "redacted", &r->redacted);
	if (r->compose.n)
		json_put_list(o, "compose", &r->compose);
	json_put_flag(o, "put_back", r->put_back);
	json_put_flag(o, "can_go_back", r->unhealthy && !r->put_back && !r->stuck);
	return o;
}
