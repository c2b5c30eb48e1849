/* SPDX-License-Identifier: MIT */
/*
 * A file a unit and not one file for all: adding and forgetting are each one rename or unlink,
 * whoever does them at the same time. Their names are the units', percent-encoded, with an end
 * that no encoding gives and no half-written file has.
 */
#include "daemon/domain/known.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/pure/result.h"

#define END     "=unit"
#define LEARNED "=learned" /* the repository was asked */

/* What the pool does: files made, or one removed. */
struct work {
	char *directory;
	struct strv names, texts; /* to make */
	char *remove;             /* path; NULL: none */
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
	int r = 0;

	if (w->remove)
		return file_remove(w->remove, &w->fault);
	r = dir_make(w->directory, 0700, &w->fault);
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
	free(w->remove);
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

static void put(struct work *w, const char *unit, const char *backup_id)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();

	json_put_text(o, "unit", unit);
	json_put_text(o, "backup_id", backup_id);
	char *name CLEANUP(freep) = name_encode(unit);
	strv_addf(&w->names, "%s" END, name);
	strv_take(&w->texts, json_write(o, JSON_C_TO_STRING_PLAIN, NULL));
}

void known_add(struct loop *l, const struct conf *c, const char *unit, const char *backup_id, known_done_fn *done, void *arg)
{
	struct work *w = work_new(c, done, arg);

	put(w, unit, backup_id);
	loop_work(l, work, on_worked, w);
}

void known_forget(struct loop *l, const struct conf *c, const char *unit, known_done_fn *done, void *arg)
{
	struct work *w = work_new(c, done, arg);

	w->remove = file_of(c, unit);
	loop_work(l, work, on_worked, w);
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

void known_missing(const struct conf *c, const struct units *units, struct strv *ret)
{
	char *directory CLEANUP(freep) = path_units(c);
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *name CLEANUP(freep) = ends_with(e->d_name, END) ? xstrndup(e->d_name, strlen(e->d_name) - strlen(END)) : NULL;
		char *unit CLEANUP(freep) = name ? name_decode(name) : NULL;
		if (unit && !units_find(units, unit))
			strv_take(ret, TAKE_PTR(unit));
	}
	if (d)
		closedir(d);
	strv_sort_unique(ret);
}

char *known_sentence(const char *unit)
{
	return xasprintf("unit %s has restore points, and none of its containers is there any more; "
		"kopi-docka forget %s says that this is meant, and keeps the restore points", unit, unit);
}

/* --- learning -------------------------------------------------------------------------------- */

struct learning {
	const struct context *ctx;
	known_done_fn *done;
	void *arg;
};

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
		if (!strv_has(&w->names, file))
			put(w, points[i].unit, points[i].backup_id);
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
