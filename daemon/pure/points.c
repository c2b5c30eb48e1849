/* SPDX-License-Identifier: MIT */
/*
 * Restore points from the repository's own list, so that they are known also on a
 * machine that never saw the unit: everything with the same host, unit and backup_id.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/kopia.h"
#include "daemon/pure/plan.h"
#include "daemon/pure/result.h"

struct key { /* of a snapshot, decoded */
	char *unit, *host;
	const char *backup_id;
};

static bool read_key(const struct kopia_snapshot *s, struct key *k)
{
	const char *unit = kopia_tag(s, "unit"), *id = kopia_tag(s, "backup_id"), *type = kopia_tag(s, "type");

	/* Other people's snapshots have none of these; an incomplete one is none, nor is a restore's safety copy. */
	if (!unit || !id || !type || streq(type, "safety") || !s->object || s->incomplete || s->failed)
		return false;
	k->unit = name_decode(unit);
	k->host = xasprintf("%s@%s", s->user ? s->user : "", s->host ? s->host : "");
	k->backup_id = id;
	return k->unit != NULL;
}

/* ${wanted}: user@host, or host alone. */
static bool is_host(const char *have, const char *wanted)
{
	const char *at = strchr(have, '@');

	return streq(have, strchr(wanted, '@') || !at ? wanted : NULL) || (!strchr(wanted, '@') && at && streq(at + 1, wanted));
}

static struct point *point_for(struct point **v, size_t *n, const struct key *k)
{
	for (size_t i = 0; i < *n; i++)
		if (streq((*v)[i].unit, k->unit) && streq((*v)[i].backup_id, k->backup_id) && streq((*v)[i].host, k->host))
			return &(*v)[i];
	GROW(*v, *n);
	struct point *p = &(*v)[(*n)++];
	*p = (struct point){
		.unit = xstrdup(k->unit),
		.backup_id = xstrdup(k->backup_id),
		.host = xstrdup(k->host),
		.expected = -1,
		.size_bytes = -1,
		.window_ms = -1,
	};
	return p;
}

/* The last part of the source's path is the name the archive has. */
static char *file_of(const struct kopia_snapshot *s, const char *suffix)
{
	const char *slash = s->path ? strrchr(s->path, '/') : NULL;

	return xasprintf("%s%s", slash ? slash + 1 : "", suffix);
}

static int64_t number_tag(const struct kopia_snapshot *s, const char *key)
{
	const char *text = kopia_tag(s, key);

	return text ? strtoll(text, NULL, 10) : -1;
}

static void add_item(struct point *p, const struct kopia_snapshot *s)
{
	const char *encoded = kopia_tag(s, "item");
	char *id = encoded ? name_decode(encoded) : NULL;

	if (!id)
		return;
	GROW(p->items, p->n_items);
	p->items[p->n_items++] = (struct point_item){
		.id = id, .object = xstrdup(s->object), .file = file_of(s, ".tar"), .size = s->size,
		.kind = xstrdup(kopia_tag(s, "restore")), .data_bytes = number_tag(s, "size_bytes"),
		.entries = number_tag(s, "entries"), .is_file = streq(kopia_tag(s, "what"), "file"), .too_long = number_tag(s, "too_long"),
	};
	if (s->size >= 0)
		p->size_bytes = (p->size_bytes < 0 ? 0 : p->size_bytes) + s->size;
}

static void add_recipe(struct point *p, const struct kopia_snapshot *s)
{
	const char *items = kopia_tag(s, "items"), *window = kopia_tag(s, "window_ms"), *ids = kopia_tag(s, "ids");

	free(p->recipe_object);
	free(p->recipe_file);
	p->recipe_object = xstrdup(s->object);
	p->recipe_file = file_of(s, ".recipe.tar");
	p->expected = items ? atoi(items) : -1;
	p->window_ms = window ? strtoll(window, NULL, 10) : -1;
	strv_done(&p->missing);
	/* All that it names, for now: what is there is taken out at the end. */
	while (ids && *ids) {
		size_t len = strcspn(ids, ",");
		char *encoded CLEANUP(freep) = xstrndup(ids, len);
		char *id = name_decode(encoded);
		if (id)
			strv_take(&p->missing, id);
		ids += len + (ids[len] == ',');
	}
}

static bool has_item(const struct point *p, const char *id)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (streq(p->items[i].id, id))
			return true;
	return false;
}

static void judge(struct point *p)
{
	struct strv missing = { 0 };

	for (size_t i = 0; i < p->missing.n; i++)
		if (!has_item(p, p->missing.v[i]))
			strv_add(&missing, p->missing.v[i]);
	strv_done(&p->missing);
	p->missing = missing;
	p->complete = p->recipe_object && p->expected >= 0 && missing.n == 0 && p->n_items >= (size_t)p->expected;
}

static int newest_first(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int r = strcmp(y->backup_id, x->backup_id);

	if (r == 0)
		r = strcmp(x->unit, y->unit);
	return r ? r : strcmp(x->host, y->host);
}

void points_from_snapshots(const struct kopia_snapshot *v, size_t n, const char *unit, const char *host,
	struct point **ret, size_t *ret_n)
{
	struct point *points = NULL;
	size_t n_points = 0;

	for (size_t i = 0; i < n; i++) {
		struct key k = { 0 };
		if (read_key(&v[i], &k) && (!unit || streq(unit, k.unit)) && (!host || is_host(k.host, host))) {
			struct point *p = point_for(&points, &n_points, &k);
			p->time_ms = v[i].start_ms;
			if (streq(kopia_tag(&v[i], "type"), "recipe"))
				add_recipe(p, &v[i]);
			else
				add_item(p, &v[i]);
		}
		free(k.unit);
		free(k.host);
	}
	for (size_t i = 0; i < n_points; i++)
		judge(&points[i]);
	if (n_points)
		qsort(points, n_points, sizeof(*points), newest_first);
	*ret = points;
	*ret_n = n_points;
}

/* Whoever asks for all of it shall know what stays as it is. */
static void put_only_named(struct json_object *o, const struct point *p)
{
	struct strv ids CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].kind && !streq(p->items[i].kind, POINT_OWN))
			strv_add(&ids, p->items[i].id);
	if (ids.n)
		json_put_list(o, "only_named", &ids);
}

/* Left out where there is nothing of the kind. */
static void put_unrestorable(struct json_object *o, const struct point *p)
{
	struct strv list CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].too_long > 0)
			strv_addf(&list, "%s: %" PRId64 " paths beyond 4095 bytes", p->items[i].id, p->items[i].too_long);
	if (list.n)
		json_put_list(o, "unrestorable", &list);
}

struct json_object *point_json(const struct point *p)
{
	struct json_object *o = json_object_new_object();
	struct strv items CLEANUP(strv_done) = { 0 };
	char *time CLEANUP(freep) = format_time(p->time_ms);

	for (size_t i = 0; i < p->n_items; i++)
		strv_add(&items, p->items[i].id);
	json_put_text(o, "unit", p->unit);
	json_put_text(o, "backup_id", p->backup_id);
	json_put_text(o, "host", p->host);
	json_put_text(o, "time", time);
	json_put_flag(o, "complete", p->complete);
	json_put_list(o, "items", &items);
	json_put_list(o, "missing", &p->missing);
	put_unrestorable(o, p);
	put_only_named(o, p);
	if (p->size_bytes >= 0)
		json_put_number(o, "size_bytes", p->size_bytes);
	if (p->window_ms >= 0)
		json_put_number(o, "window_ms", p->window_ms);
	return o;
}

const struct point *point_find(const struct point *v, size_t n, const char *unit, const char *backup_id)
{
	for (size_t i = 0; i < n; i++)
		if (streq(v[i].unit, unit) && (backup_id ? streq(v[i].backup_id, backup_id) : v[i].complete))
			return &v[i];
	return NULL;
}

void points_free(struct point *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *owned[] = { v[i].unit, v[i].backup_id, v[i].host, v[i].recipe_object, v[i].recipe_file };
		for (size_t j = 0; j < ARRAY_SIZE(owned); j++)
			free(owned[j]);
		for (size_t j = 0; j < v[i].n_items; j++) {
			free(v[i].items[j].id);
			free(v[i].items[j].object);
			free(v[i].items[j].file);
			free(v[i].items[j].kind);
		}
		free(v[i].items);
		strv_done(&v[i].missing);
	}
	free(v);
}
