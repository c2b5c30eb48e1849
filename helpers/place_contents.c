/* SPDX-License-Identifier: MIT */
/*
 * The exchange entry by entry: of an item that is a mount point, or in which something is
 * mounted. What its directories were is written to MARKER first; then they are taken over
 * (place_top.h), the old entries move to KEPT.part, which becomes KEPT when it has all of
 * them, and the new ones move in. The way back does the same with FAILED, and gives the
 * directories back as MARKER says. Without one nothing had begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "helpers/place.h"
#include "helpers/place_around.h"

struct contents {
	int item;         /* owned */
	struct around a;
	struct tops tops; /* its directories as they were before */
};

static void contents_done(struct contents *c)
{
	closep(&c->item);
	around_done(&c->a);
	tops_done(&c->tops);
}

static int contents_begin(const struct exchange *x, bool undo, struct contents *c)
{
	c->item = place_open_again(x->dest, x->dest_is, undo);
	return c->item < 0 ? 1 : around_look(c->item, x->dest, false, &c->a);
}

static int read_tops(const struct contents *c, struct tops *ret)
{
	struct fault f = { 0 };

	for (size_t i = 0; i < c->a.ways.n; i++) {
		int fd CLEANUP(closep) = way_open_at(c->item, c->a.ways.v[i], c->a.shown, &f);
		int r = fd < 0 ? fd : tops_add(ret, fd, c->a.ways.v[i]);
		errno = -r;
		if (r < 0)
			return fd < 0 ? place_refuse("%s", f.text) : place_fail("cannot look at", c->a.ways.v[i]);
	}
	return 0;
}

/* The directory itself at ${s}, made where it is missing: above it only root gets. */
static int open_made(const struct spot *s)
{
	if (mkdirat(s->dir, s->name, 0700) < 0 && errno != EEXIST)
		return -1;
	return spot_open(s);
}

/* All entries to ${away}, which is there only when it has them all; ${as} is what the directories of the copy are like. */
static int bring_away(const struct contents *c, const char *away, const struct tops *as)
{
	char *path CLEANUP(freep) = xasprintf("%s.part", away);
	struct spot part CLEANUP(spot_done) = SPOT_INIT, whole CLEANUP(spot_done) = SPOT_INIT;

	if (spot_ours(path, true, &part) != 0 || spot_ours(away, true, &whole) != 0)
		return 1;
	int to CLEANUP(closep) = open_made(&part);
	if (to < 0)
		return place_fail("cannot make", path);
	if (around_move_away(&c->a, c->item, to, as) != 0)
		return 1;
	const struct top *top = tops_find(as, "");
	if (top)
		IGNORE(top_apply(top, to)); /* a copy with plain attributes is better than none */
	IGNORE(fsync(to));      /* what is lost with the power is found in the other place */
	IGNORE(fsync(c->item)); /* as above */
	return spot_move(&part, &whole);
}

/* All entries of ${from} to the item, which is then what ${from} was. */
static int bring_in(const struct contents *c, int from)
{
	struct tops model CLEANUP(tops_done) = { 0 };
	int r = tops_add(&model, from, "");

	if (r == 0 && around_move_in(&c->a, from, c->item) != 0)
		return 1;
	if (r == 0)
		r = top_apply(&model.v[0], c->item);
	errno = -r;
	IGNORE(fsync(c->item)); /* as above */
	return r < 0 ? place_fail("cannot set owner, mode and time of", c->a.shown) : 0;
}

static int swap_them(const struct exchange *x, struct contents *c, int new)
{
	struct spot kept CLEANUP(spot_done) = SPOT_INIT;

	if (read_tops(c, &c->tops) != 0 || tops_save(&c->tops, x->marker) != 0 || tops_take(&c->tops, c->item, x->dest) != 0)
		return 1;
	if (bring_away(c, x->kept, &c->tops) != 0 || (new >= 0 && bring_in(c, new) != 0))
		return 1;
	/* Directories that lead to a mount and are not in what was restored, or all if that is nothing. */
	if (tops_give_back(&c->tops, c->item, x->dest, new >= 0) != 0 || spot_ours(x->kept, false, &kept) != 0)
		return 1;
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	json_put_flag(o, "kept", place_is_something(&kept));
	around_put_stays(&c->a, o);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	return 0;
}

int place_swap_contents(const struct exchange *x)
{
	struct contents c CLEANUP(contents_done) = { .item = -1 };
	struct spot from CLEANUP(spot_done) = SPOT_INIT;

	if (contents_begin(x, false, &c) != 0 || around_check(&c.a) != 0 || spot_ours(x->new, false, &from) != 0)
		return 1;
	int new CLEANUP(closep) = spot_open(&from);
	if (new < 0 && !x->nothing)
		return place_refuse("%s is not there any more: what is at %s stays", x->new, x->dest);
	if (new >= 0 && around_fits(&c.a, new, c.item) != 0)
		return 1;
	return swap_them(x, &c, new);
}

/* --- the way back ----------------------------------------------------------------------------- */

/* Everything in the copy at ${s} comes back, and then it is gone. */
static int bring_back(const struct contents *c, const struct spot *s, const char *path)
{
	int from CLEANUP(closep) = spot_open(s);

	if (from < 0)
		return place_fail("cannot open", path);
	if (bring_in(c, from) != 0)
		return 1;
	return unlinkat(s->dir, s->name, AT_REMOVEDIR) < 0 ? place_fail("cannot remove", path) : 0;
}

static int bring_old_back(const struct exchange *x, const struct contents *c, const struct tops *now)
{
	char *path CLEANUP(freep) = xasprintf("%s.part", x->kept);
	struct spot kept CLEANUP(spot_done) = SPOT_INIT, part CLEANUP(spot_done) = SPOT_INIT, failed CLEANUP(spot_done) = SPOT_INIT;

	if (spot_ours(x->kept, false, &kept) != 0 || spot_ours(path, false, &part) != 0 || spot_ours(x->failed, false, &failed) != 0)
		return 1;
	char *is_kept CLEANUP(freep) = spot_identity(&kept), *is_part CLEANUP(freep) = spot_identity(&part);
	char *is_failed CLEANUP(freep) = spot_identity(&failed);
	if (!is_kept) /* the old had not left wholly, and nothing new had come */
		return is_part ? bring_back(c, &part, path) : 0;
	if (!is_failed && bring_away(c, x->failed, now) != 0)
		return 1;
	return bring_back(c, &kept, x->kept);
}

int place_undo_contents(const struct exchange *x)
{
	struct contents c CLEANUP(contents_done) = { .item = -1 };
	struct tops now CLEANUP(tops_done) = { 0 };
	struct fault f = { 0 };
	int r = tops_load(x->marker, &c.tops);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return place_refuse("%s does not say what the directories of %s were", x->marker, x->dest);
	if (contents_begin(x, true, &c) != 0 || read_tops(&c, &now) != 0 || tops_take(&c.tops, c.item, x->dest) != 0)
		return 1;
	if (bring_old_back(x, &c, &now) != 0 || tops_give_back(&c.tops, c.item, x->dest, false) != 0)
		return 1;
	return file_remove(x->marker, &f) < 0 ? place_refuse("%s", f.text) : 0;
}
