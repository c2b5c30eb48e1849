/* SPDX-License-Identifier: MIT */
/*
 * The single paths that were asked for, as paths in the one item: what a container sees is looked up in the unit's coverage
 * (of the point's recipe, else of today), and patterns are compared with what the archive has.
 *
 * Failure modes: a path that leads out of the item, that nothing saved has, or that is in two items; a pattern that
 * nothing matches; an archive that cannot be listed. Nothing was made or stopped by then.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "daemon/domain/restore_internal.h"
#include "daemon/pure/container_path.h"
#include "daemon/pure/listing.h"
#include "daemon/pure/tar.h"

#define MATCHES_MAX 1000 /* each is staged and exchanged by itself */

struct patterns {
	struct restore *restore;
	struct pipeline *pipeline;
	struct strv matches;
	size_t *hits; /* of each of the restore's paths; MATCHES_MAX + 1: it is there as it stands */
	bool too_many;
};

/* --- as a container sees it -------------------------------------------------------------------- */

static void only_item(struct restore *r, const char *id)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_items; i++)
		if (streq(r->items[i].source_id ? r->items[i].source_id : r->items[i].id, id))
			r->items[kept++] = r->items[i];
		else
			restore_item_done(&r->items[i]);
	r->n_items = kept;
}

/* ${ret_item}: the item it was found in, NULL for a path that is one in the named item already. */
static int in_item(struct restore *r, struct json_object *unit, const char *asked, char **ret_item, char **ret, struct fault *f)
{
	const char *named = r->wanted.n == 1 ? r->wanted.v[0] : NULL;
	struct fault own = { 0 };

	if (unit && container_path_is(asked) && container_path_find(unit, asked, named, ret_item, ret, named ? &own : f) == 0)
		return 0;
	if (!named && f->code == FAULT_NONE)
		fault_set(f, FAULT_FAILED, -EINVAL, "which item %s is in is not known: name the item", asked);
	if (!named)
		return -EINVAL;
	*ret = tar_path(asked, f);
	return *ret ? 0 : -EINVAL;
}

static int resolve(struct restore *r, struct json_object *unit, struct fault *f)
{
	char *item CLEANUP(freep) = NULL;
	bool whole = false;

	for (size_t i = 0; i < r->paths.n; i++) {
		char *exact CLEANUP(freep) = r->o.quoted ? text_unquote(r->paths.v[i]) : xstrdup(r->paths.v[i]);
		char *at CLEANUP(freep) = NULL, *path = NULL;
		if (in_item(r, unit, exact, &at, &path, f) < 0)
			return -EINVAL;
		free(r->paths.v[i]);
		r->paths.v[i] = path;
		if (!*path && !at) /* a variable that was not set must not become the whole item */
			return fault_set(f, FAULT_FAILED, -EINVAL, "an empty path is the whole item: leave out --path if that is meant");
		whole |= !*path;
		if (at && item && !streq(at, item)) {
			fault_set(f, FAULT_FAILED, -EINVAL, "%s is in %s, and another path in %s", exact, at, item);
			fault_advise(f, "restore the paths of one item at a time");
			return -EINVAL;
		}
		if (at && !item)
			item = TAKE_PTR(at);
	}
	if (item)
		only_item(r, item);
	if (r->n_items == 0)
		return fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has no item %s", r->backup_id, r->unit, item);
	if (whole)
		strv_done(&r->paths);
	strv_sort_unique(&r->paths);
	return 0;
}

/* One inside another comes along with it. */
static void drop_nested(struct restore *r)
{
	struct strv kept = { 0 };

	for (size_t i = 0; i < r->paths.n; i++) {
		bool nested = false;
		for (size_t j = 0; j < r->paths.n; j++) {
			size_t len = strlen(r->paths.v[j]);
			nested |= i != j && strncmp(r->paths.v[i], r->paths.v[j], len) == 0 && r->paths.v[i][len] == '/';
		}
		if (!nested)
			strv_add(&kept, r->paths.v[i]);
	}
	strv_done(&r->paths);
	r->paths = kept;
}

/* --- patterns ------------------------------------------------------------------------------------ */

static bool has_pattern(const struct restore *r)
{
	for (size_t i = 0; i < r->paths.n; i++)
		if (strpbrk(r->paths.v[i], "*?["))
			return true;
	return false;
}

static void on_line(void *arg, const char *line)
{
	struct patterns *p = arg;
	struct listing_entry entry;

	if (p->too_many || listing_parse(line, &entry) < 0)
		return;
	for (size_t i = 0; i < p->restore->paths.n && *entry.path; i++) {
		const char *asked = p->restore->paths.v[i];
		bool itself = streq(asked, entry.path); /* a name may have a star in it */
		if (!itself && (!strpbrk(asked, "*?[") || fnmatch(asked, entry.path, FNM_PATHNAME) != 0))
			continue;
		p->hits[i]++;
		strv_add(&p->matches, entry.path);
	}
	listing_done(&entry);
	if (p->matches.n > MATCHES_MAX) {
		p->too_many = true;
		pipeline_abort(p->pipeline);
	}
}

static void judge(const struct patterns *p, const struct pipeline_result *result, struct fault *f)
{
	const struct restore *r = p->restore;

	if (p->too_many) {
		fault_set(f, FAULT_FAILED, -E2BIG, "the patterns match more than %d paths", MATCHES_MAX);
		fault_advise(f, "name the directory they are in");
		return;
	}
	archive_list_judge(r->ctx, result, f);
	for (size_t i = 0; i < r->paths.n && f->code == FAULT_NONE; i++)
		if (!p->hits[i]) {
			fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has nothing in %s that %s is or matches",
				r->backup_id, r->unit, r->items[0].id, r->paths.v[i]);
			fault_advise(f, "kopi-docka ls %s %s --item %s shows what it has", r->unit, r->backup_id, r->items[0].id);
		}
}

static void on_listed(void *arg, const struct pipeline_result *result)
{
	struct patterns *p = arg;
	struct restore *r = p->restore;
	struct fault f = { 0 };

	r->listing = NULL;
	judge(p, result, &f);
	strv_done(&r->paths);
	r->paths = p->matches;
	strv_sort_unique(&r->paths);
	drop_nested(r);
	free(p->hits);
	free(p);
	restore_next(r, f.code == FAULT_NONE ? NULL : &f);
}

static void expand(struct restore *r)
{
	struct patterns *p = xcalloc(1, sizeof(*p));

	p->restore = r;
	p->hits = xcalloc(r->paths.n, sizeof(*p->hits));
	p->pipeline = r->listing = archive_list_start(r->ctx, &r->items[0].from, on_line, on_listed, p);
}

void restore_paths_cancel(void *owner)
{
	struct restore *r = owner;

	if (r->listing)
		pipeline_abort(r->listing);
}

void restore_paths_enter(void *owner)
{
	struct restore *r = owner;
	struct json_object *today CLEANUP(json_putp) = r->now && !r->recipe_unit ? unit_json(r->now) : NULL;
	struct fault f = { 0 };

	if (r->paths.n && resolve(r, r->recipe_unit ? r->recipe_unit : today, &f) < 0) {
		restore_next(r, &f);
		return;
	}
	if (r->paths.n && has_pattern(r)) {
		expand(r);
		return;
	}
	drop_nested(r);
	restore_next(r, NULL);
}
