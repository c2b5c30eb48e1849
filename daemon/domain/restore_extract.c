/* SPDX-License-Identifier: MIT */
/*
 * Every item's new data, extracted beside the old while everything still runs; where a running container could write
 * to that, when it is stopped.
 *
 * Of single paths tar extracts these alone. A hard link whose other name is not among them
 * has no data of its own in the archive: what it leads to is extracted along and stays
 * behind in the staging directory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "daemon/domain/restore_internal.h"

#define FRESH_DEADLINE_MS 60000
#define ROUNDS_MAX 4 /* a link to a link to … is always to the first name: two would do */

static void extract_next(struct restore *r);
static void extract(struct restore *r, struct restore_item *it);

/* Where tar's quotation ends: at a ' that is not escaped. NULL. */
static const char *end_of_quote(const char *p)
{
	for (; *p && *p != '\'' && *p != '\n'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p == '\'' ? p : NULL;
}

/* "tar: ./a/h: Cannot hard link to './a/new\\nline': No such file or directory": in C escapes. */
static bool take_links(struct restore_item *it, const char *err)
{
	static const char before[] = "Cannot hard link to './";
	size_t known = it->also.n;

	for (const char *at = err; (at = strstr(at, before)); at++) {
		const char *name = at + sizeof(before) - 1, *end = end_of_quote(name);
		if (!end)
			continue;
		char *quoted CLEANUP(freep) = xstrndup(name, (size_t)(end - name)), *path CLEANUP(freep) = text_unquote(quoted);
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

static void on_extracted(void *arg, const struct fault *f, const char *err, const struct strv *lost)
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
	strv_done(&it->lost);
	strv_copy(&it->lost, lost);
	r->running--;
	extract_next(r);
}

static void extract(struct restore *r, struct restore_item *it)
{
	struct strv paths CLEANUP(strv_done) = { 0 };
	struct child_place into = extract_place(it->staged, it->staged_is);

	strv_copy(&paths, &r->paths);
	strv_copy(&paths, &it->also);
	struct tar_extract what = { .paths = &paths };
	it->extract = extract_start(r->ctx, &it->from, &into, &what, on_extracted, it);
}

/* --- what a container could write to: when it is stopped ------------------------------------- */

static void on_fresh(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;
	struct fault f = { 0 };

	if (child_ok(c)) {
		extract(r, it);
		return;
	}
	child_explain(c, "the staging directory", &f);
	fault_wrap(&f, "%s", it->id);
	steps_fail(r->steps, &f);
	r->running--;
	extract_next(r);
}

static void extract_late(struct restore *r, struct restore_item *it)
{
	struct strv words CLEANUP(strv_done) = { 0 };

	strv_add(&words, "fresh");
	strv_add(&words, "--staged-is");
	strv_add(&words, it->staged_is);
	strv_add(&words, it->staged);
	restore_run_place(r, &words, FRESH_DEADLINE_MS, on_fresh, it);
}

static bool due(const struct restore *r, const struct restore_item *it)
{
	return !it->reuse && !it->in_place && it->late == r->late;
}

static void extract_next(struct restore *r)
{
	size_t workers = (size_t)capacity_workers(r->ctx->conf);

	while (r->next < r->n_items && r->running < workers && !steps_failed(r->steps)) {
		struct restore_item *it = &r->items[r->next++];
		if (!due(r, it))
			continue;
		r->running++;
		restore_report(r, it->id, 0, it->size);
		if (r->late)
			extract_late(r, it);
		else
			extract(r, it);
	}
	if (r->running == 0 && (r->next == r->n_items || steps_failed(r->steps)))
		steps_next(r->steps);
}

static void extract_those(struct restore *r, bool late)
{
	r->late = late;
	r->next = r->running = 0;
	extract_next(r);
}

void restore_extract_enter(void *owner)
{
	extract_those(owner, false);
}

void restore_extract_late_enter(void *owner)
{
	extract_those(owner, true);
}

void restore_extract_cancel(void *owner)
{
	struct restore *r = owner;

	for (size_t i = 0; i < r->n_items; i++)
		extract_abort(r->items[i].extract);
}
