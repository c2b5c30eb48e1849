/* SPDX-License-Identifier: MIT */
/*
 * The exchange of old and new, and the way back from wherever an exchange stands: after
 * its end, and after a kill between any two of its renames.
 *
 * rename, path: MARKER is written with the new one's inode; new and dest change names in
 * one step, so that dest is never missing; the old goes to KEPT. The way back looks which
 * of the places has that inode. Without a marker nothing had begun.
 * contents: see place_contents.c.
 */
#include "helpers/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

/* --- places ------------------------------------------------------------------------------ */

struct places {
	struct spot new, dest, kept, failed; /* kept and failed: not there before something goes to them */
};

static void places_done(struct places *p)
{
	spot_done(&p->new);
	spot_done(&p->dest);
	spot_done(&p->kept);
	spot_done(&p->failed);
}

/* The staging directory, if it is the one that was made (${again}: before a reboot, maybe); not there is fine. */
static int find_staged(const struct exchange *x, bool again, struct spot *ret)
{
	if (!x->staged)
		return 0;
	if (spot_ours(x->staged, false, ret) != 0)
		return 1;
	char *found CLEANUP(freep) = spot_identity(ret);
	if (!found || !x->staged_is || streq(found, x->staged_is) || (again && place_same_inode(found, x->staged_is)))
		return 0;
	return place_refuse("%s is another directory than the one that was made: nothing is taken from it", x->staged);
}

/* What is brought: the staged tree, something in it, or an old copy. */
static int find_new(const struct exchange *x, const struct spot *staged, struct spot *ret)
{
	size_t len = x->staged ? strlen(x->staged) : 0;

	if (!len || strncmp(x->new, x->staged, len) != 0 || x->new[len] != '/')
		return spot_ours(x->new, false, ret);
	const char *rest = x->new + len + 1, *slash = strrchr(rest, '/');
	char *above CLEANUP(freep) = xstrndup(rest, slash ? (size_t)(slash - rest) : 0);
	int top CLEANUP(closep) = spot_open(staged);
	struct fault f = { 0 };
	int dir = top < 0 ? -1 : way_open_at(top, above, x->staged, &f);
	if (dir < 0 && f.code != FAULT_NONE && f.sys != -ENOENT)
		return place_refuse("%s", f.text);
	*ret = (struct spot){ dir, xstrdup(place_name(rest)) };
	return 0;
}

static int find_places(const struct exchange *x, bool make, struct places *p)
{
	struct spot staged CLEANUP(spot_done) = SPOT_INIT;
	struct below b = { .root = x->root, .is = x->dest_is, .path = x->dest, .models = &staged };

	if (find_staged(x, !make, &staged) != 0 || find_new(x, &staged, &p->new) != 0)
		return 1;
	if (spot_ours(x->kept, false, &p->kept) != 0 || spot_ours(x->failed, false, &p->failed) != 0)
		return 1;
	if (staged.dir < 0)
		b.models = NULL;
	return streq(x->mode, "path") ? spot_below(&b, make, &p->dest) : spot_at(x->dest, &p->dest);
}

static bool is(const char *mark, const struct spot *s)
{
	char *found CLEANUP(freep) = spot_identity(s);

	return place_same_inode(mark, found);
}

/* Where the old goes, which is made only now: nothing of ours stands around for nothing. */
static int make_ready(const char *path, struct spot *s)
{
	spot_done(s);
	return spot_ours(path, true, s);
}

/* --- rename and path ------------------------------------------------------------------- */

/*
 * ${a} and ${dest} change places and what then is at ${a} goes to ${rest}. Who owns dest's directory can put anything
 * at its name until the very moment: what came is looked at, and given back where it is not the ${old}.
 */
static int turn(const struct spot *a, const struct spot *dest, const char *old, const struct spot *rest)
{
	if (renameat2(a->dir, a->name, dest->dir, dest->name, RENAME_EXCHANGE) == 0) {
		if (is(old, a))
			return spot_move(a, rest);
		IGNORE(renameat2(a->dir, a->name, dest->dir, dest->name, RENAME_EXCHANGE)); /* said below either way */
		return place_refuse("%s was exchanged by somebody at this moment: it stays as it is", dest->name);
	}
	if (errno == EXDEV)
		return place_refuse("%s cannot change places with what is on another mount or in another quota: restore with --in-place",
			dest->name);
	if (errno != EINVAL && errno != ENOSYS)
		return place_fail("cannot exchange", dest->name);
	/* A filesystem that cannot exchange: dest is missing for a moment, and undo knows that. */
	if (spot_move(dest, rest) != 0)
		return 1;
	if (is(old, rest))
		return spot_move(a, dest);
	IGNORE(spot_move(rest, dest)); /* as above */
	return place_refuse("%s was exchanged by somebody at this moment: it stays as it is", dest->name);
}

static int swap_names(const struct exchange *x, struct places *p)
{
	char *mark CLEANUP(freep) = spot_identity(&p->new), *old CLEANUP(freep) = spot_identity(&p->dest);
	const char *text = mark ? mark : "none";
	bool checked = streq(x->mode, "rename") && x->dest_is;
	struct fault f = { 0 };

	if (!mark && !x->nothing)
		return place_refuse("%s is not there any more: what is at %s stays", x->new, x->dest);
	if (checked && !streq(old ? old : "none", x->dest_is))
		return place_refuse("%s is not what it was when this began: somebody put another in its place, and it stays", x->dest);
	if (old && make_ready(x->kept, &p->kept) != 0)
		return 1;
	if (file_replace(x->marker, text, strlen(text), 0600, &f) < 0)
		return place_refuse("%s", f.text);
	if (mark && old)
		return turn(&p->new, &p->dest, old, &p->kept);
	if (mark)
		return spot_move(&p->new, &p->dest);
	return old ? spot_move(&p->dest, &p->kept) : 0;
}

static int undo_names(const struct exchange *x, struct places *p, const char *mark)
{
	char *at_dest CLEANUP(freep) = spot_identity(&p->dest), *at_kept CLEANUP(freep) = spot_identity(&p->kept);
	char *at_new CLEANUP(freep) = spot_identity(&p->new);
	bool old_kept = at_kept && !place_same_inode(at_kept, mark);

	if (place_same_inode(mark, at_dest)) {
		if (make_ready(x->failed, &p->failed) != 0)
			return 1;
		if (old_kept || at_new)
			return turn(old_kept ? &p->kept : &p->new, &p->dest, mark, &p->failed);
		return spot_move(&p->dest, &p->failed);
	}
	if (!at_dest && old_kept)
		return spot_move(&p->kept, &p->dest);
	/* A way back that was interrupted after its exchange. */
	if (place_same_inode(at_kept, mark))
		return make_ready(x->failed, &p->failed) != 0 ? 1 : spot_move(&p->kept, &p->failed);
	return 0;
}

/* --- both ------------------------------------------------------------------------------------ */

/* A rename that is lost with the power leaves the old, and the ledger knows; one that was lost in part would not. */
static void sync_all(const struct places *p)
{
	const struct spot *all[] = { &p->new, &p->dest, &p->kept, &p->failed };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->dir >= 0)
			IGNORE(fsync(all[i]->dir));
}

/* ${mark} NULL: there. */
static int exchange(const struct exchange *x, const char *mark)
{
	struct places p CLEANUP(places_done) = { SPOT_INIT, SPOT_INIT, SPOT_INIT, SPOT_INIT };

	if (find_places(x, !mark, &p) != 0)
		return 1;
	struct times times[] = { times_of(&p.new), times_of(&p.dest), times_of(&p.kept) };
	int r = mark ? undo_names(x, &p, mark) : swap_names(x, &p);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		times_give_back(&times[i]);
	sync_all(&p);
	return r != 0 || mark ? r : place_tell_kept(&p.kept);
}

int place_swap(const struct exchange *x)
{
	return streq(x->mode, "contents") ? place_swap_contents(x) : exchange(x, NULL);
}

int place_undo(const struct exchange *x)
{
	struct buf mark CLEANUP(buf_done) = { 0 };
	struct fault f = { 0 };

	if (streq(x->mode, "contents"))
		return place_undo_contents(x);
	int r = file_read(x->marker, 256, &mark);
	if (r == -ENOENT)
		return 0;
	errno = -r;
	if (r < 0)
		return place_fail("cannot read", x->marker);
	r = exchange(x, mark.data ? mark.data : "");
	return r == 0 && file_remove(x->marker, &f) < 0 ? place_refuse("%s", f.text) : r;
}
