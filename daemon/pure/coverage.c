/* SPDX-License-Identifier: MIT */
/*
 * From the mounts of a unit's members to its items, and to the list that says
 * of every mount what becomes of it: nothing is left out silently.
 *
 * One place is saved once: the same path under two names is one item, and what
 * lies inside another item goes with that one. Not so beyond a mount point: tar
 * does not cross it (--one-file-system), so an item behind one stays its own,
 * and a mount point that no item covers is a line of its own that says so.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host_path.h"
#include "daemon/pure/plan_internal.h"
#include "daemon/pure/sources.h"

/* While planning: the path of each coverage line, NULL where nothing is saved. */
struct draft {
	const struct plan_index *x;
	struct unit *u;
	char **paths; /* owned, as u->coverage */
	struct strv left_out; /* path of each line that the admin's words leave out, "" for others */
	size_t n_left_out, kept; /* mounts that have data to save */
};

static struct coverage *add_line(struct draft *d, const struct container *c,
	const struct mount *m, const char *kind, char *path)
{
	struct unit *u = d->u;
	struct coverage *line;

	GROW(u->coverage, u->n_coverage);
	GROW(d->paths, u->n_coverage);
	d->paths[u->n_coverage] = path;
	line = &u->coverage[u->n_coverage++];
	line->container = xstrdup(c->name);
	line->source = xstrdup(m->source ? m->source : m->name ? m->name : "");
	line->destination = xstrdup(m->destination ? m->destination : "");
	line->kind = xstrdup(kind);
	line->saved = path != NULL;
	return line;
}

static char *item_id(const struct container *c, const struct mount *m, const struct place *p)
{
	const char *service = c->service && c->project && !c->oneoff ? c->service : c->name;
	const char *destination = m->destination ? m->destination : "";

	switch (p->kind) {
	case ITEM_VOLUME:
		return xasprintf("volume:%s", m->name);
	case ITEM_ANON:
		if (c->number > 1 && !c->oneoff)
			return xasprintf("anon:%s-%d:%s", service, c->number, destination);
		return xasprintf("anon:%s:%s", service, destination);
	case ITEM_BIND:
		break;
	}
	return xasprintf("bind:%s", p->path);
}

static void add_item(
	struct unit *u, const struct container *c, const struct mount *m, const struct place *p)
{
	struct item *i;

	GROW(u->items, u->n_items);
	i = &u->items[u->n_items++];
	i->kind = p->kind;
	i->id = item_id(c, m, p);
	i->path = xstrdup(p->path);
	i->volume = p->kind == ITEM_BIND ? NULL : xstrdup(m->name);
	i->on_demand = p->on_demand;
	i->read_only = p->kind == ITEM_BIND && !m->rw;
	i->lost = xstrdup(p->lost);
	i->excluded_entries = i->excluded_bytes = i->size_bytes = i->entries = i->tar_bytes = i->forecast_ms = i->device = i->inode = -1;
}

/* What nobody would save is not the admin's doing, whatever the patterns match. */
static bool leave_out(struct draft *d, const struct container *c, const struct mount *m, struct place *p)
{
	bool data = !p->skip || p->warn || p->refuse;
	const char *pattern = data ? place_left_out(d->x, d->u->name, m, p) : NULL;

	d->kept += data && !pattern;
	d->n_left_out += pattern != NULL;
	strv_add(&d->left_out, pattern && p->path ? p->path : "");
	if (pattern)
		add_line(d, c, m, p->word, NULL)->reason = xasprintf("left out by exclude_mounts: %s", pattern);
	return pattern != NULL;
}

/* Behind the device, which is of no use to a reader; what was removed ends in //deleted. */
static const char *shown_place(const char *place)
{
	const char *slash = strchr(place, '/');

	return slash ? slash : "/";
}

/*
 * What the container writes would not be what is saved. Of single files editors make new ones: the new one is what the
 * next start will mount, so it is saved, and said.
 */
static void check_replaced(
	struct draft *d, const struct container *c, const struct mount *m, const char *path)
{
	const struct known_place *now = inventory_place(d->x->inv, path);

	if (m->part) /* it has another directory than the item's, and may */
		return;
	if (m->place ? !sources_replaced(d->x->inv, m, path) : !now || !now->foreign)
		return;
	if (!m->place)
		unit_refuse(d->u, xasprintf("%s: %s leads over the link %s, which others than root can set, and no running "
					    "container has it mounted: start %s, or bind what the link leads to",
					  c->name, path, now->foreign, c->name));
	else if (m->directory)
		unit_refuse(d->u, xasprintf("%s: %s is not the directory that %s has mounted there since it was started (%s): "
					    "it was replaced meanwhile; restart %s, or put the old one back",
					  c->name, path, c->name, shown_place(m->place), c->name));
	else
		strv_addf(&d->u->warnings, "%s: %s was replaced while %s ran, which still has the old file mounted; the new one is saved",
			c->name, path, c->name);
}

/* A container of "compose run --rm" that runs: what it alone has cannot be read cold, for stopping it would remove it. */
static bool is_fleeting(const struct plan_index *x, const struct container *c)
{
	bool active = c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED;

	return c->project && c->oneoff && c->auto_remove && active && !x->options->allow_autoremove;
}

static void plan_mount(struct draft *d, const struct container *c, const struct mount *m)
{
	struct place p;
	struct coverage *line;

	place_find(d->x, m, &p);
	if (leave_out(d, c, m, &p)) {
		place_done(&p);
		return;
	}
	if (streq(p.path, "/") && strv_has(&d->x->options->trusted_writers, c->name))
		p.warn = p.refuse = false; /* an agent that the admin has named: it has no data of its own there */
	if (is_fleeting(d->x, c))
		p.refuse = false;
	else if (!p.skip)
		add_item(d->u, c, m, &p);
	line = add_line(d, c, m, p.word, p.skip || p.lost ? NULL : xstrdup(p.path));
	if (p.warn)
		strv_addf(&d->u->warnings, "%s: %s (%s) is not saved: %s", c->name,
			line->destination, line->source, p.skip);
	if (p.refuse)
		unit_refuse(d->u, xasprintf("%s: %s (%s): %s", c->name, line->destination,
					  line->source, p.skip));
	if (!p.skip && !is_fleeting(d->x, c))
		check_replaced(d, c, m, p.path);
	line->reason = p.skip ? TAKE_PTR(p.skip) : TAKE_PTR(p.lost);
	place_done(&p);
}

static bool has_mount_at(const struct container *c, const char *destination)
{
	size_t i;

	for (i = 0; i < c->n_mounts; i++)
		if (streq(c->mounts[i].destination, destination))
			return true;
	return false;
}

/* --tmpfs shows up in HostConfig.Tmpfs alone. */
static void plan_tmpfs(struct draft *d, const struct container *c)
{
	size_t i;

	for (i = 0; i < c->tmpfs.n; i++) {
		struct mount m = { .destination = c->tmpfs.v[i] };

		if (has_mount_at(c, m.destination))
			continue;
		strv_add(&d->left_out, "");
		add_line(d, c, &m, "tmpfs", NULL)->reason = xstrdup("kept in memory: gone when the container stops");
	}
}

static int item_by_path(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	static const int rank[] = { [ITEM_VOLUME] = 0, [ITEM_ANON] = 1, [ITEM_BIND] = 2 };
	int r = path_compare(x->path, y->path);

	if (r == 0)
		r = rank[x->kind] - rank[y->kind];
	return r ? r : strcmp(x->id, y->id);
}

static int item_by_id(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = strcmp(x->id, y->id);

	return r ? r : path_compare(x->path, y->path);
}

/* Is there a mount point below ${outer}, at or above ${path}? Then tar does not get there. */
static bool is_cut_off(const struct plan_index *x, const char *outer, const char *path)
{
	const struct strv *points = &x->mount_points;
	CLEANUP(freep) char *at = xstrdup(path);

	while (path_inside(at, outer)) {
		size_t i = plan_index_first_mount_point(x, at);

		if (i < points->n && streq(points->v[i], at))
			return true;
		*strrchr(at, '/') = '\0';
		if (*at == '\0')
			break;
	}
	return false;
}

/* The innermost of the sorted items[0..n) at or above ${path}; NULL if there is none. */
static const struct item *nearest(const struct item *items, size_t n, const char *path)
{
	CLEANUP(freep) char *at = xstrdup(path);

	for (;;) {
		size_t low = 0, high = n;
		char *slash;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (path_compare(items[middle].path, at) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < n && streq(items[low].path, at))
			return &items[low];
		if (streq(at, "/"))
			return NULL;
		slash = strrchr(at, '/');
		slash[slash == at ? 1 : 0] = '\0';
	}
}

/* The item whose tar contains ${path}. */
static const struct item *holder_of(
	const struct plan_index *x, const struct item *items, size_t n, const char *path)
{
	const struct item *item = nearest(items, n, path);

	return item && !is_cut_off(x, item->path, path) ? item : NULL;
}

bool unit_owns_path(const struct unit *u, const char *path)
{
	CLEANUP(freep) char *own = path_normal(u->working_dir);
	size_t i;

	if (own && !streq(own, "/") && path_equal_or_inside(path, own))
		return true;
	for (i = 0; i < u->compose_files.n; i++) {
		CLEANUP(freep) char *file = path_normal(u->compose_files.v[i]);
		char *slash = file ? strrchr(file, '/') : NULL;

		if (!slash || slash == file)
			continue;
		*slash = '\0';
		if (path_inside(path, file))
			return true;
	}
	return false;
}

/* Why a restore of the unit leaves it alone; NULL: it is the unit's own. Caller's. */
static char *hold_reason(const struct unit *u, const struct item *i)
{
	char *reason = host_path_reason(i->path);

	if (!reason && i->read_only && !unit_owns_path(u, i->path))
		reason = xstrdup(PLAN_HOLD_READ_ONLY);
	return reason;
}

/* All at one path go together before what lies in it is looked at: sorted[0..] of ${n}. Returns how many. */
static size_t same_path(struct item *sorted, size_t n)
{
	size_t i, same = 1;
	bool rw = !sorted[0].read_only;

	while (same < n && streq(sorted[same].path, sorted[0].path))
		rw |= !sorted[same++].read_only;
	for (i = 0; i < same; i++)
		sorted[i].read_only = !rw;
	return same;
}

/* Does its data go with the tar of another? What is held stays where it is in a restore, with all that is in it. */
static bool goes_with(const struct plan_index *x, const struct item *items, size_t n, const struct item *one)
{
	const struct item *holder = holder_of(x, items, n, one->path);

	return holder && (!holder->hold || one->hold || streq(holder->path, one->path));
}

/* Sort by path and keep one item of each place. */
static void merge_items(const struct plan_index *x, struct unit *u)
{
	size_t i, n = 0, same = 0;

	if (u->n_items > 1)
		qsort(u->items, u->n_items, sizeof(*u->items), item_by_path);
	for (i = 0; i < u->n_items; i++) {
		struct item *one = &u->items[i];

		if (same == 0)
			same = same_path(one, u->n_items - i);
		same--;
		one->hold = hold_reason(u, one);
		if (goes_with(x, u->items, n, one))
			unit_item_done(one);
		else
			u->items[n++] = *one;
	}
	u->n_items = n;
}

/* The mount points inside ${item}: each a line, unless another item begins there. */
static void plan_nested(struct draft *d, const struct item *item, size_t line)
{
	const struct strv *points = &d->x->mount_points;
	struct unit *u = d->u;
	size_t i = plan_index_first_mount_point(d->x, item->path);
	size_t skip = streq(item->path, "/") ? 0 : strlen(item->path);

	for (; i < points->n && path_equal_or_inside(points->v[i], item->path); i++) {
		const char *point = points->v[i];
		struct coverage *l;

		if (streq(point, item->path) || nearest(u->items, u->n_items, point) != item)
			continue;
		GROW(u->coverage, u->n_coverage);
		l = &u->coverage[u->n_coverage++];
		l->container = xstrdup(u->coverage[line].container);
		l->source = xstrdup(point);
		l->destination = xasprintf("%s%s", u->coverage[line].destination, point + skip);
		l->kind = xstrdup("mount");
		l->reason = xstrdup("mount point inside the item; not followed");
		strv_addf(&u->warnings, "%s: the mount point %s inside it is not saved",
			item->id, point);
	}
}

/* Other hosts can write there, whatever stops on this one: the line says so, and later the restore point. */
static void find_shared(struct draft *d)
{
	struct unit *u = d->u;

	for (size_t i = 0; i < u->n_items; i++) {
		const struct mounted *m = mounts_holding(&d->x->mounts, u->items[i].path);
		if (m && mounts_type_is_shared(m->type))
			u->items[i].shared_fs = xstrdup(m->type);
	}
}

/* What is left out by name and lies in what is saved is saved with it: the line does not say otherwise. */
static void finish_left_out(struct draft *d)
{
	struct unit *u = d->u;

	for (size_t i = 0; i < d->left_out.n; i++) {
		const char *path = d->left_out.v[i];
		const struct item *holder = *path ? holder_of(d->x, u->items, u->n_items, path) : NULL;
		if (!holder)
			continue;
		u->coverage[i].saved = true;
		free(u->coverage[i].reason);
		u->coverage[i].reason = xasprintf("with %s, whatever exclude_mounts says: exclude_patterns are for what lies in an item", holder->id);
	}
	if (!u->n_items && d->kept == 0 && d->n_left_out)
		strv_addf(&u->warnings, "exclude_mounts leaves nothing of %s to save", u->name);
}

/* What is to be known of a saved item, whichever line it has; NULL: nothing. Caller's. */
static char *told_of(const struct item *it)
{
	char *shared CLEANUP(freep) = it->shared_fs ? xasprintf("cold on this host: other hosts can write to %s", it->shared_fs) : NULL;

	if (!it->hold)
		return TAKE_PTR(shared);
	return xasprintf("put back only when named: %s%s%s", it->hold, shared ? "; " : "", shared ? shared : "");
}

/* No item has it: it is of a container that is gone once it is stopped. */
static void leave_fleeting(struct unit *u, struct coverage *line)
{
	line->saved = false;
	free(line->reason);
	line->reason = xstrdup("only a container of compose run --rm has it, which is gone once it is stopped");
	if (!streq(line->kind, "anonymous"))
		strv_addf(&u->warnings, "%s: %s (%s) is not saved: %s", line->container, line->destination, line->source, line->reason);
}

/* Say with which item each line goes, and look inside each item once. */
static void finish_lines(struct draft *d)
{
	struct unit *u = d->u;
	size_t i, n = u->n_coverage;
	bool *seen = xcalloc(u->n_items + 1, sizeof(*seen));

	for (i = 0; i < n; i++) {
		const struct item *holder;

		if (!d->paths[i])
			continue;
		holder = holder_of(d->x, u->items, u->n_items, d->paths[i]);
		if (!holder) {
			leave_fleeting(u, &u->coverage[i]);
			continue;
		}
		if (!streq(holder->path, d->paths[i]))
			u->coverage[i].reason = xasprintf("with %s", holder->id);
		else
			u->coverage[i].reason = told_of(holder);
		if (streq(holder->path, d->paths[i]) && !seen[holder - u->items]) {
			seen[holder - u->items] = true;
			plan_nested(d, holder, i);
		}
	}
	free(seen);
}

/* Labels can be forged: two anonymous volumes may ask for one id. */
static void make_ids_unique(struct unit *u)
{
	size_t i, again = 1;

	if (u->n_items > 1)
		qsort(u->items, u->n_items, sizeof(*u->items), item_by_id);
	for (i = 1; i < u->n_items; i++) {
		size_t first = i - again;
		char *id;

		if (!streq(u->items[first].id, u->items[i].id)) {
			again = 1;
			continue;
		}
		again++;
		id = xasprintf("%s~%zu", u->items[i].id, again);
		free(u->items[i].id);
		u->items[i].id = id;
	}
}

void coverage_plan(const struct plan_index *x, struct unit *u)
{
	struct draft d = { .x = x, .u = u };
	size_t i, k, n;

	for (i = 0; i < u->n_members; i++) {
		const struct container *c = u->members[i].c;

		for (k = 0; k < c->n_mounts; k++)
			plan_mount(&d, c, &c->mounts[k]);
		plan_tmpfs(&d, c);
	}
	n = u->n_coverage;
	merge_items(x, u);
	find_shared(&d);
	finish_lines(&d);
	finish_left_out(&d);
	make_ids_unique(u);
	for (i = 0; i < n; i++)
		free(d.paths[i]);
	free(d.paths);
	strv_done(&d.left_out);
}

void coverage_skip(struct unit *u, const char *reason)
{
	struct draft d = { .u = u };
	size_t i, k;

	for (i = 0; i < u->n_members; i++) {
		const struct container *c = u->members[i].c;

		for (k = 0; k < c->n_mounts; k++) {
			const struct mount *m = &c->mounts[k];

			add_line(&d, c, m, m->type ? m->type : "unknown", NULL)->reason =
				xstrdup(reason);
		}
	}
	free(d.paths);
}
