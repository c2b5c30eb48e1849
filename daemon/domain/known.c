/* SPDX-License-Identifier: MIT */
/*
 * A file a unit and not one file for all: each change is one rename, whoever does others at the
 * same time. What is accepted stays in it, so that it can be listed. Their names are the units', percent-encoded, with an end
 * that no encoding gives and no half-written file has.
 */
#include "daemon/domain/known.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/pure/result.h"

#define END     "=unit"
#define LEARNED "=learned" /* the repository was asked */

#define FILE_MAX ((size_t)16 << 20)

/* What the pool does: files made. */
struct work {
	char *directory;
	struct strv names, texts;
	struct fault fault;
	known_done_fn *done;
	void *arg;
};

static char *file_of(const struct conf *c, const char *unit)
{
	char *directory CLEANUP(freep) = path_units(c), *name CLEANUP(freep) = name_encode(unit);

	return xasprintf("%s/%s" END, directory, name);
}

static int work(void *arg)
{
	struct work *w = arg;
	int r = dir_make(w->directory, 0700, &w->fault);

	for (size_t i = 0; r == 0 && i < w->names.n; i++) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", w->directory, w->names.v[i]);
		r = file_replace(path, w->texts.v[i], strlen(w->texts.v[i]), 0600, &w->fault);
	}
	return r;
}

static void on_worked(void *arg, int result)
{
	struct work *w = arg;

	w->done(w->arg, result < 0 ? &w->fault : NULL);
	free(w->directory);
	strv_done(&w->names);
	strv_done(&w->texts);
	free(w);
}

static struct work *work_new(const struct conf *c, known_done_fn *done, void *arg)
{
	struct work *w = xcalloc(1, sizeof(*w));

	w->directory = path_units(c);
	w->done = done;
	w->arg = arg;
	return w;
}

static void put(struct work *w, const struct known_unit *k)
{
	struct json_object *o CLEANUP(json_putp) = known_unit_json(k);
	char *name CLEANUP(freep) = name_encode(k->unit);

	strv_addf(&w->names, "%s" END, name);
	strv_take(&w->texts, json_write(o, JSON_C_TO_STRING_PLAIN, NULL));
}

void known_save(struct loop *l, const struct conf *c, const struct known_unit *k, known_done_fn *done, void *arg)
{
	struct work *w = work_new(c, done, arg);

	put(w, k);
	loop_work(l, work, on_worked, w);
}

int known_load(const struct conf *c, const char *unit, struct known_unit *ret)
{
	char *path CLEANUP(freep) = file_of(c, unit);
	struct buf text CLEANUP(buf_done) = { 0 };
	int r = file_read(path, FILE_MAX, &text);

	if (r < 0)
		return r;
	struct json_object *o CLEANUP(json_putp) = json_parse(text.data, text.len);
	r = known_unit_parse(o, ret);
	if (r < 0)
		log_warning("%s cannot be read: what its items had is not known", path);
	return r;
}

char *known_holds(const struct conf *c, const char *unit)
{
	struct known_unit k = { 0 };
	char *reason = known_load(c, unit, &k) == 0 ? contents_hold(&k, wall_ms()) : NULL;

	known_unit_done(&k);
	return reason;
}

bool known_has(const struct conf *c, const char *unit)
{
	char *path CLEANUP(freep) = file_of(c, unit);

	return access(path, F_OK) == 0;
}

bool known_learned(const struct conf *c)
{
	char *directory CLEANUP(freep) = path_units(c), *path CLEANUP(freep) = xasprintf("%s/" LEARNED, directory);

	return access(path, F_OK) == 0;
}

/* The names of all units that have a file. */
static void all_units(const struct conf *c, struct strv *ret)
{
	char *directory CLEANUP(freep) = path_units(c);
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *name CLEANUP(freep) = ends_with(e->d_name, END) ? xstrndup(e->d_name, strlen(e->d_name) - strlen(END)) : NULL;
		char *unit CLEANUP(freep) = name ? name_decode(name) : NULL;
		if (unit)
			strv_take(ret, TAKE_PTR(unit));
	}
	if (d)
		closedir(d);
	strv_sort_unique(ret);
}

void known_missing(const struct conf *c, const struct units *units, struct strv *ret)
{
	struct strv all CLEANUP(strv_done) = { 0 };

	all_units(c, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct known_unit k = { 0 };
		if (units_find(units, all.v[i]))
			continue;
		bool accepted = known_load(c, all.v[i], &k) == 0 && k.gone.what;
		known_unit_done(&k);
		if (!accepted)
			strv_add(ret, all.v[i]);
	}
}

struct json_object *known_accepted(const struct conf *c)
{
	struct json_object *list = json_object_new_array();
	struct strv all CLEANUP(strv_done) = { 0 };

	all_units(c, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct known_unit k = { 0 };
		if (known_load(c, all.v[i], &k) == 0)
			known_unit_accepted(&k, list);
		known_unit_done(&k);
	}
	return list;
}

char *known_sentence(const char *unit)
{
	return xasprintf("unit %s has restore points, and none of its containers is there any more; "
		"kopi-docka accept %s says that this is meant, and keeps the restore points", unit, unit);
}

/* --- learning -------------------------------------------------------------------------------- */

struct learning {
	const struct context *ctx;
	known_done_fn *done;
	void *arg;
};

/* What its newest complete point had; ${v}: the points from the unit's newest on. */
static void take_contents(struct known_unit *k, const struct point *v, size_t n)
{
	const struct point *p = point_find(v, n, k->unit, NULL);

	k->complete = p ? xstrdup(p->backup_id) : NULL;
	for (size_t i = 0; p && i < p->n_items; i++) {
		struct known_item *it = known_unit_add(k, p->items[i].id);
		it->had = (struct content){ p->items[i].is_file, p->items[i].entries, p->items[i].data_bytes };
		it->backup_id = xstrdup(p->backup_id);
	}
}

static void on_list(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct learning *l = arg;
	struct point *points = NULL;
	size_t n_points = 0;

	if (f) {
		l->done(l->arg, f);
		free(l);
		return;
	}
	struct work *w = work_new(l->ctx->conf, l->done, l->arg);
	points_from_snapshots(v, n, NULL, repository_identity(l->ctx->repository), &points, &n_points);
	for (size_t i = 0; i < n_points; i++) { /* newest first */
		char *name CLEANUP(freep) = name_encode(points[i].unit), *file CLEANUP(freep) = xasprintf("%s" END, name);
		if (strv_has(&w->names, file))
			continue;
		struct known_unit k = { .unit = xstrdup(points[i].unit), .backup_id = xstrdup(points[i].backup_id) };
		take_contents(&k, &points[i], n_points - i);
		put(w, &k);
		known_unit_done(&k);
	}
	points_free(points, n_points);
	strv_add(&w->names, LEARNED);
	strv_add(&w->texts, "");
	loop_work(l->ctx->loop, work, on_worked, w);
	free(l);
}

static void on_known(void *arg)
{
	struct learning *l = arg;

	l->done(l->arg, NULL);
	free(l);
}

void known_learn(const struct context *ctx, known_done_fn *done, void *arg)
{
	struct learning *l = xcalloc(1, sizeof(*l));

	*l = (struct learning){ ctx, done, arg };
	if (known_learned(ctx->conf))
		loop_defer(ctx->loop, on_known, l);
	else
		repository_list(ctx->repository, NULL, on_list, l);
}
