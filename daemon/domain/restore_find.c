/* SPDX-License-Identifier: MIT */
/*
 * What is restored, and where to: the items of a restore point, or the old copies that an
 * earlier restore has kept (back); and where they lie on this host today.
 */
#include "daemon/domain/restore_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "common/varlink.h"
#include "daemon/domain/restore_past.h"
#include "daemon/pure/container_path.h"
#include "daemon/pure/path.h"

/* --- an earlier restore, backwards ------------------------------------------------------ */

static char *last_of(const struct restore *r)
{
	struct strv ids CLEANUP(strv_done) = { 0 }, reverted CLEANUP(strv_done) = { 0 };

	swaps_list(r->ctx->conf, &ids);
	restore_past_reverted(r->ctx->conf, &reverted); /* what undid itself is not what anybody wants back from */
	for (size_t i = ids.n; i-- > 0;) {
		char *path CLEANUP(freep) = swaps_path(r->ctx->conf, ids.v[i]);
		struct swaps s;
		if (swaps_load(path, &s, NULL) < 0)
			continue;
		bool fits = streq(s.unit, r->unit) && s.n > 0 && !s.elsewhere && !strv_has(&reverted, ids.v[i]);
		swaps_done(&s);
		if (fits)
			return xstrdup(ids.v[i]);
	}
	return NULL;
}

/* ${r->back}: a restore's number or id, or "last". Caller's; NULL: there is none. */
static char *back_id(const struct restore *r)
{
	size_t digits = strspn(r->back, "0123456789");

	if (streq(r->back, "last"))
		return last_of(r);
	if (!digits || r->back[digits] || digits > 8)
		return xstrdup(r->back);
	struct json_object *past CLEANUP(json_putp) = restore_past_get(r->ctx->conf, strtoll(r->back, NULL, 10));
	return xstrdup(json_text(past, "restore_id"));
}

static void take_back(struct restore *r, const struct swap *s)
{
	struct restore_item *it;

	if (r->wanted.n && !strv_has(&r->wanted, s->item))
		return;
	it = restore_add_item(r, s->item);
	it->is_file = s->is_file;
	if (s->mode == SWAP_IN_PLACE) {
		it->in_place = true;
		archive_copy(&it->from, &s->safety);
	} else {
		it->reuse = xstrdup(s->kept);
		it->nothing = s->nothing;
		it->path = s->mode == SWAP_PATH ? xstrdup(s->dest) : NULL;
	}
}

static int find_back(struct restore *r, struct fault *f)
{
	char *id CLEANUP(freep) = back_id(r);
	char *path CLEANUP(freep) = id && !strchr(id, '/') ? swaps_path(r->ctx->conf, id) : NULL;
	struct swaps s = { 0 };

	if (!path || swaps_load(path, &s, f) < 0 || !streq(s.unit, r->unit) || s.elsewhere) {
		swaps_done(&s);
		fault_set(f, FAULT_NO_SUCH_POINT, -ENOENT, "there is no restore %s%sof unit %s to go back from",
			streq(r->back, "last") ? "" : r->back, streq(r->back, "last") ? "" : " ", r->unit);
		fault_advise(f, "kopi-docka history shows them by number; old copies are removed after restore.kept_days days");
		return -ENOENT;
	}
	free(r->backup_id);
	r->backup_id = xstrdup(s.backup_id);
	strv_copy(&r->also, &s.containers);
	/* Backwards: what came last goes first. */
	for (size_t i = s.n; i-- > 0;)
		take_back(r, &s.v[i]);
	swaps_done(&s);
	if (r->n_items)
		return 0;
	return fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore %s of unit %s had none of these items", id, r->unit);
}

/* --- a restore point ---------------------------------------------------------------------- */

static const struct point_item *point_item(const struct point *p, const char *id)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (streq(p->items[i].id, id))
			return &p->items[i];
	return NULL;
}

static void add_item(struct restore *r, const struct point_item *from)
{
	struct restore_item *it = restore_add_item(r, from->id);

	it->from = (struct archive){ .object = xstrdup(from->object), .file = xstrdup(from->file) };
	it->size = from->size;
	it->kind = xstrdup(from->kind);
	it->in_place = r->o.in_place;
}

static int choose_items(struct restore *r, struct fault *f)
{
	if (r->o.recipe_only)
		return 0;
	for (size_t i = 0; i < r->wanted.n; i++) {
		const struct point_item *from = point_item(r->point, r->wanted.v[i]);
		if (!from) {
			fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has no item %s", r->point->backup_id,
				r->of, r->wanted.v[i]);
			fault_about(f, r->wanted.v[i], 0, 0);
			fault_advise(f, "kopi-docka list --restore-points --unit %s shows its items", r->of);
			return -ENOENT;
		}
		add_item(r, from);
	}
	for (size_t i = 0; !r->wanted.n && i < r->point->n_items; i++)
		add_item(r, &r->point->items[i]);
	if (!r->wanted.n && !r->point->complete) {
		fault_set(f, FAULT_NO_SUCH_POINT, -EUCLEAN, "restore point %s of %s is partial", r->point->backup_id, r->of);
		fault_advise(f, "name what is wanted of it with --item, or take a complete one");
		return -EUCLEAN;
	}
	return 0;
}

static int find_point(struct restore *r, const struct kopia_snapshot *v, size_t n, struct fault *f)
{
	points_from_snapshots(v, n, r->of, r->host ? r->host : repository_identity(r->ctx->repository), &r->points,
		&r->n_points);
	struct point_question q = { r->of, r->backup_id, r->host, repository_identity(r->ctx->repository), "restore" };
	r->point = point_choose(v, n, r->points, r->n_points, &q, f);
	if (!r->point)
		return -ENOENT;
	int ret = choose_items(r, f);
	if (ret < 0)
		return ret;
	free(r->backup_id);
	r->backup_id = xstrdup(r->point->backup_id);
	return 0;
}

static void restore_own_items(struct restore *r)
{
	for (size_t i = 0; i < r->n_items; i++)
		r->items[i].restore = r;
}

static void on_list(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct restore *r = arg;
	struct fault own = { 0 };

	if (!f && find_point(r, v, n, &own) < 0)
		f = &own;
	restore_own_items(r);
	restore_next(r, f);
}

static void on_checked(void *arg, const struct fault *f, const struct kopia_status *status)
{
	struct restore *r = arg;

	(void)status;
	if (f)
		restore_next(r, f);
	else
		repository_list(r->ctx->repository, NULL, on_list, r);
}

/* --- what was asked for ------------------------------------------------------------------- */

/* Without the item, the paths must say by themselves where they are: as a container sees them. */
static bool paths_have_item(const struct restore *r)
{
	bool all = r->wanted.n == 0 || r->wanted.n == 1;

	for (size_t i = 0; i < r->paths.n && r->wanted.n == 0; i++)
		all &= container_path_is(r->paths.v[i]);
	return all;
}

static bool lies_in_ours(const struct conf *c, const char *target)
{
	const char *const ours[] = { c->kopia.repository_path, c->paths.state, c->paths.cache, c->paths.runtime };
	char *path CLEANUP(freep) = path_normal(target);

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i] && path_equal_or_inside(path, ours[i]))
			return true;
	return false;
}

static int check_wish(struct restore *r, struct fault *f)
{
	if (r->paths.n && !paths_have_item(r)) {
		fault_set(f, FAULT_FAILED, -EINVAL, "single paths are of one item: name it");
		fault_advise(f, "add --item ID (kopi-docka ls %s shows them), or give the path that the container sees, /…", r->unit);
		return -EINVAL;
	}
	if (r->paths.n && r->o.in_place)
		return fault_set(f, FAULT_FAILED, -EINVAL, "single paths are never restored without a copy beside: leave out in_place");
	const char *const places[] = { r->target, r->safety_dir, r->recipe_dir };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i] && *places[i] != '/')
			return fault_set(f, FAULT_FAILED, -EINVAL, "%s is not an absolute path", places[i]);
	if (r->target && lies_in_ours(r->ctx->conf, r->target))
		return fault_set(f, FAULT_FAILED, -EINVAL, "%s is the repository's, or our own: restore to another directory", r->target);
	if ((r->map.n || !streq(r->of, r->unit)) && (r->back || r->target))
		return fault_set(f, FAULT_FAILED, -EINVAL, "another unit or another place (as, map) is for a restore into volumes and binds: "
								 "leave out the target, or the way back");
	if (r->back && (r->target || r->paths.n || r->backup_id))
		return fault_set(f, FAULT_FAILED, -EINVAL, "the way back of a restore takes a unit and items only");
	return 0;
}

/* The earlier one would be undone over this one, by the next look of the recovery. */
static int is_open(const struct restore *r, struct fault *f)
{
	if (r->target || r->o.recipe_only || !ledger_has(r->ctx->ledger, LEDGER_SWAP, r->unit))
		return 0;
	fault_set(f, FAULT_FAILED, -EBUSY, "an interrupted restore of %s is not settled yet", r->unit);
	fault_advise(f, "the daemon goes on with it: kopi-docka status shows when that is over, and its log what it waits for");
	return -EBUSY;
}

void restore_find_enter(void *owner)
{
	struct restore *r = owner;
	struct fault f = { 0 };

	if (check_wish(r, &f) < 0 || is_open(r, &f) < 0 || (r->back && find_back(r, &f) < 0)) {
		restore_next(r, &f);
		return;
	}
	if (r->back) { /* only safety copies need the repository, and it says itself if it is away */
		restore_own_items(r);
		restore_next(r, NULL);
		return;
	}
	/* Whoever names the host has said whose points are meant. */
	(r->host ? repository_reach : repository_check)(r->ctx->repository, on_checked, r);
}

/* --- look: what runs today, and where the items lie ----------------------------------- */

static const char *place_of(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon ? colon + 1 : id;
}

static const struct item *item_now(const struct restore *r, const char *id)
{
	for (size_t i = 0; r->now && i < r->now->n_items; i++)
		if (streq(r->now->items[i].id, id))
			return &r->now->items[i];
	return NULL;
}

static char *volume_path(const struct restore *r, const char *name)
{
	const struct volume *v = inventory_volume(r->planned->inv, name);

	return v ? xstrdup(v->device && streq(v->type, "none") ? v->device : v->mountpoint) : NULL;
}

/* A volume that leaves with its containers: what is put into its directory then would lie below the mount, unseen. */
static int check_volume(struct restore *r, const char *name, struct fault *f)
{
	struct fault own = { 0 };
	const struct volume *v = inventory_volume(r->planned->inv, name);
	struct buf text CLEANUP(buf_done) = { 0 };

	if (v || !r->recipe_volumes)
		return volume_check_in_place(v, f);
	buf_printf(&text, "{\"Volumes\":%s}", json_object_to_json_string_ext(r->recipe_volumes, JSON_C_TO_STRING_PLAIN));
	struct inventory *made = xcalloc(1, sizeof(*made));
	IGNORE(inventory_parse_volumes(text.data, text.len, made, &own)); /* then nothing is known of it */
	int ret = volume_check_in_place(inventory_volume(made, name), f);
	inventory_free(made);
	return ret;
}

int restore_locate(struct restore *r, struct restore_item *it, struct fault *f)
{
	const struct item *now = item_now(r, it->id);

	if (now) {
		it->dest = xstrdup(now->path);
		it->volume = xstrdup(now->volume);
		it->today = true;
		it->today_held = now->read_only && now->hold;
	} else if (starts_with(it->id, "bind:")) {
		it->dest = xstrdup(place_of(it->id));
	} else if (starts_with(it->id, "volume:")) {
		it->volume = xstrdup(place_of(it->id));
		it->dest = volume_path(r, it->volume); /* missing: create makes it, and the engine then says where it is */
	} else {
		fault_set(f, FAULT_FAILED, -ENOENT, "the container of anonymous volume %s is not there", it->id);
		fault_advise(f, "make it from the recipe first (docker compose up -d), then restore again with --item %s", it->id);
		return -ENOENT;
	}
	return it->volume ? check_volume(r, it->volume, f) : 0;
}

void restore_take_plan(struct restore *r, struct planned *p)
{
	planned_free(r->planned);
	r->planned = p;
	r->now = units_find(&p->units, r->unit);
}

/* Owners travel by number, and a number is another user's under another mapping. Older recipes say nothing of it. */
static int check_owners(const struct restore *r, struct fault *f)
{
	const char *then = json_text(r->recipe_unit, "owners");
	char *now CLEANUP(freep) = engine_owners(&r->planned->inv->engine);

	if (!then || r->o.keep_owners || streq(then, now))
		return 0;
	fault_set(f, FAULT_FAILED, -EINVAL, "restore point %s was made where owners of files are those of \"%s\", and this engine's are "
		"\"%s\": its containers could not read what is theirs; nothing was stopped", r->backup_id, then, now);
	fault_advise(f, "restore where the engine has that mapping or into a directory (--target); --keep-owners puts the owners back "
		"by number all the same");
	return -EINVAL;
}

/* What lies in another item comes after it, or it would go along with the old; else as they were named. */
static void outer_first(struct restore *r)
{
	for (size_t i = 1; i < r->n_items; i++)
		for (size_t j = 0; j < i; j++) {
			const char *outer = r->items[i].dest, *inner = r->items[j].dest;
			if (!outer || !inner || !path_inside(inner, outer))
				continue;
			struct restore_item moved = r->items[i];
			memmove(&r->items[j + 1], &r->items[j], (i - j) * sizeof(moved));
			r->items[j] = moved;
			break;
		}
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct restore *r = arg;
	struct fault own = { 0 };

	if (f) {
		restore_next(r, f);
		return;
	}
	restore_take_plan(r, p);
	if (check_owners(r, &own) == 0)
		IGNORE(restore_map_items(r, &own)); /* the fault tells, as below */
	for (size_t i = 0; i < r->n_items && own.code == FAULT_NONE; i++)
		IGNORE(restore_locate(r, &r->items[i], &own)); /* the fault tells */
	if (!r->back) /* that goes backwards: what lies in another went last, and comes back first */
		outer_first(r);
	if (own.code != FAULT_NONE)
		restore_next(r, &own);
	else
		restore_hold(r);
}

void restore_look_enter(void *owner)
{
	struct restore *r = owner;
	struct strv paths CLEANUP(strv_done) = { 0 };
	struct planner_options o = { .ctx = r->ctx, .keep_raw = true, .paths = &paths };

	for (size_t i = 0; i < r->n_items; i++)
		if (starts_with(r->items[i].id, "bind:"))
			strv_add(&paths, place_of(r->items[i].id));
	if (!r->target) {
		planner_start(&o, on_planned, r);
		return;
	}
	for (size_t i = 0; i < r->n_items; i++) {
		char *name CLEANUP(freep) = name_encode(r->items[i].id);
		r->items[i].dest = xasprintf("%s/%s", r->target, name);
		r->items[i].is_file = false; /* a directory with the file in it */
	}
	steps_next(r->steps);
}
