/* SPDX-License-Identifier: MIT */
/*
 * Happy path: find the point and its item, list, answer. Our archives are sorted by name,
 * a directory before what is in it: once the path was met and left, the rest is not read.
 * Failure modes: no such point, item, path; the archive cannot be read.
 */
#include "daemon/domain/entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/varlink.h"
#include "daemon/domain/extract.h"
#include "daemon/pure/listing.h"
#include "daemon/pure/result.h"
#include "daemon/pure/tar.h"

#define ENTRIES_MAX 20000
#define BYTES_MAX   ((size_t)8 << 20) /* of a reply, well below what one message may have */
#define WATCH_MS    1000

struct entries {
	struct daemon *daemon;
	struct request *request;
	char *unit, *backup_id, *host, *item, *path;
	bool recursive, met, left, full, gone;
	struct pipeline *pipeline;
	struct timer *watch;
	struct json_object *list;
	size_t bytes;
};

static void over(struct entries *e, const struct fault *f)
{
	char *owned[] = { e->unit, e->backup_id, e->host, e->item, e->path };

	if (f) {
		daemon_fail(e->request, f);
	} else {
		struct json_object *o = json_object_new_object();
		json_put_text(o, "backup_id", e->backup_id);
		json_object_object_add(o, "entries", json_object_get(e->list));
		if (e->full)
			json_put_flag(o, "truncated", true);
		request_reply(e->request, o);
	}
	json_object_put(e->list);
	timer_free(e->watch);
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	free(e);
}

/* --- reading ---------------------------------------------------------------------------- */

static void take(struct entries *e, const struct listing_entry *entry)
{
	if (json_object_array_length(e->list) >= ENTRIES_MAX || e->bytes > BYTES_MAX) {
		e->full = true;
		pipeline_abort(e->pipeline);
		return;
	}
	e->bytes += strlen(entry->quoted) + (entry->link ? strlen(entry->link) : 0) + 150;
	json_object_array_add(e->list, listing_json(entry));
}

static void on_line(void *arg, const char *line)
{
	struct entries *e = arg;
	struct listing_entry entry;

	if (e->left || e->full || listing_parse(line, &entry) < 0)
		return;
	switch (listing_place(&entry, e->path)) {
	case LISTING_ITSELF:
		e->met = true;
		if (!streq(entry.kind, "directory"))
			take(e, &entry);
		break;
	case LISTING_BELOW:
		e->met = true;
		take(e, &entry);
		break;
	case LISTING_DEEPER:
		e->met = true;
		if (e->recursive)
			take(e, &entry);
		break;
	case LISTING_ELSEWHERE:
		e->left = e->met;
		if (e->left)
			pipeline_abort(e->pipeline);
		break;
	}
	listing_done(&entry);
}

static void judge(const struct entries *e, const struct pipeline_result *p, struct fault *f)
{
	if (e->gone) {
		fault_set(f, FAULT_CANCELLED, -ECANCELED, "ended before all was read");
		return;
	}
	if (e->left || e->full)
		return;
	archive_list_judge(&e->daemon->ctx, p, f);
	if (f->code == FAULT_NONE && !e->met) {
		fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has no path %s in %s", e->backup_id, e->unit,
			e->path, e->item);
		fault_advise(f, "kopi-docka ls %s %s --item %s shows what it has", e->unit, e->backup_id, e->item);
	}
}

static void on_read(void *arg, const struct pipeline_result *p)
{
	struct entries *e = arg;
	struct fault f = { 0 };

	judge(e, p, &f);
	over(e, f.code == FAULT_NONE ? NULL : &f);
}

/* An hour of reading is for nobody when who asked has gone. */
static void on_watch(void *arg)
{
	struct entries *e = arg;

	e->gone = request_gone(e->request) || e->daemon->stopping;
	if (e->gone)
		pipeline_abort(e->pipeline);
	else
		timer_set(e->watch, WATCH_MS);
}

static void start_reading(struct entries *e, const struct point_item *item)
{
	struct archive from = { .object = item->object, .file = item->file };

	e->pipeline = archive_list_start(&e->daemon->ctx, &from, on_line, on_read, e);
	timer_set(e->watch, WATCH_MS);
}

/* --- finding ------------------------------------------------------------------------------ */

static const struct point_item *find(struct entries *e, const struct point *p, struct fault *f)
{
	if (!p)
		return NULL;
	free(e->backup_id);
	e->backup_id = xstrdup(p->backup_id);
	for (size_t i = 0; i < p->n_items; i++)
		if (streq(p->items[i].id, e->item))
			return &p->items[i];
	fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has no item %s", p->backup_id, e->unit, e->item);
	fault_advise(f, "kopi-docka ls %s %s shows its items", e->unit, p->backup_id);
	return NULL;
}

static void on_list(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct entries *e = arg;
	struct point *points = NULL;
	size_t n_points = 0;
	struct fault own = { 0 };

	if (f) {
		over(e, f);
		return;
	}
	const char *host = e->host ? e->host : repository_identity(e->daemon->ctx.repository);
	points_from_snapshots(v, n, e->unit, host, &points, &n_points);
	struct point_question q = { e->unit, e->backup_id, e->host, repository_identity(e->daemon->ctx.repository), "ls" };
	const struct point_item *item = find(e, point_choose(v, n, points, n_points, &q, &own), &own);
	if (item)
		start_reading(e, item);
	points_free(points, n_points);
	if (!item)
		over(e, &own);
}

void entries_call(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct fault f = { 0 };
	const char *unit = json_text(parameters, "unit"), *item = json_text(parameters, "item"), *path = json_text(parameters, "path");
	char *exact CLEANUP(freep) = json_flag(parameters, "quoted", false) && path ? text_unquote(path) : xstrdup(path ? path : "");
	char *clean = tar_path(exact, &f);

	if (!clean || !unit || !item) {
		if (clean)
			fault_set(&f, FAULT_FAILED, -EINVAL, "ListEntries needs unit and item");
		free(clean);
		daemon_fail(r, &f);
		return;
	}
	struct entries *e = xcalloc(1, sizeof(*e));
	*e = (struct entries){
		.daemon = d, .request = r, .unit = xstrdup(unit), .item = xstrdup(item), .path = clean,
		.backup_id = xstrdup(json_text(parameters, "backup_id")), .host = xstrdup(json_text(parameters, "host")),
		.recursive = json_flag(parameters, "recursive", false), .list = json_object_new_array(),
	};
	e->watch = timer_new(d->ctx.loop, on_watch, e);
	repository_list(d->ctx.repository, NULL, on_list, e);
}
