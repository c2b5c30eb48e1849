/* SPDX-License-Identifier: MIT */
/*
 * Every item's new data, extracted beside the old while everything still runs.
 *
 * Of single paths tar extracts these alone. A hard link whose other name is not among them
 * has no data of its own in the archive: what it leads to is extracted along and stays
 * behind in the staging directory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/domain/restore_internal.h"

#define ROUNDS_MAX 4 /* a link to a link to … is always to the first name: two would do */

static void extract_next(struct restore *r);
static void extract(struct restore *r, struct restore_item *it);

/* "tar: ./a/h: Cannot hard link to './a/g': No such file or directory" */
static bool take_links(struct restore_item *it, const char *err)
{
	static const char before[] = "Cannot hard link to './";
	size_t known = it->also.n;

	for (const char *at = err; (at = strstr(at, before)); at++) {
		const char *name = at + sizeof(before) - 1, *end = strstr(name, "': ");
		if (!end)
			continue;
		char *path CLEANUP(freep) = xstrndup(name, (size_t)(end - name));
		if (!strv_has(&it->also, path))
			strv_add(&it->also, path);
	}
	return it->also.n > known && it->rounds++ < ROUNDS_MAX;
}

static void explain(const struct restore *r, const struct restore_item *it, const char *err, struct fault *f)
{
	static const char missing[] = ": Not found in archive";
	const char *at = strstr(err, missing);

	if (at && r->paths.n) {
		const char *line = at;
		while (line > err && line[-1] != '\n')
			line--;
		const char *name = strncmp(line, "/bin/tar: ./", 12) == 0 ? line + 12 : strncmp(line, "tar: ./", 7) == 0 ? line + 7 : line;
		fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s has no path %.*s in %s; nothing was changed",
			r->backup_id, (int)(at - name), name, it->id);
		fault_advise(f, "kopi-docka ls %s %s --item %s shows what it has", r->unit, r->backup_id, it->id);
		return;
	}
	if (strstr(err, "No space left on device")) {
		f->code = FAULT_NO_SPACE;
		fault_advise(f, "make room, or let --in-place replace it after a safety copy");
	}
	fault_wrap(f, "%s", it->id);
}

static void on_extracted(void *arg, const struct fault *f, const char *err)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;

	it->extract = NULL;
	if (f && r->paths.n && take_links(it, err)) {
		extract(r, it);
		return;
	}
	if (f) {
		struct fault own = *f;
		explain(r, it, err, &own);
		steps_fail(r->steps, &own);
	}
	it->extracted = f == NULL;
	r->running--;
	extract_next(r);
}

static void extract(struct restore *r, struct restore_item *it)
{
	struct strv paths CLEANUP(strv_done) = { 0 };

	strv_copy(&paths, &r->paths);
	strv_copy(&paths, &it->also);
	it->extract = extract_start(r->ctx, &it->from, it->staged, paths.n ? &paths : NULL, on_extracted, it);
}

static void extract_next(struct restore *r)
{
	size_t workers = (size_t)capacity_workers(r->ctx->conf);

	while (r->next < r->n_items && r->running < workers && !steps_failed(r->steps)) {
		struct restore_item *it = &r->items[r->next++];
		if (it->reuse || it->in_place)
			continue;
		r->running++;
		restore_report(r, it->id, 0, it->size);
		extract(r, it);
	}
	if (r->running == 0 && (r->next == r->n_items || steps_failed(r->steps)))
		steps_next(r->steps);
}

void restore_extract_enter(void *owner)
{
	struct restore *r = owner;

	r->next = r->running = 0;
	extract_next(r);
}

void restore_extract_cancel(void *owner)
{
	struct restore *r = owner;

	for (size_t i = 0; i < r->n_items; i++)
		extract_abort(r->items[i].extract);
}
