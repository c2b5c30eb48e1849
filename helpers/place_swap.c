/* SPDX-License-Identifier: MIT */
/*
 * The exchange of old and new, and the way back from wherever an exchange stands: after
 * its end, and after a kill between any two of its renames.
 *
 * rename, path: MARKER is written with the new one's inode; new and dest change names in
 * one step, so that dest is never missing; the old goes to KEPT. The way back looks which
 * of the places has that inode. Without a marker nothing had begun.
 * contents (dest is a mount point): the old entries move to KEPT.part, which becomes KEPT
 * when it has all of them; then the new ones move in. The way back does the same with FAILED.
 */
#include "helpers/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

/* --- names --------------------------------------------------------------------------- */

struct spot { /* where dest is: a directory, and the name in it */
	int dir;
	const char *name;
};

/* One directory of a path in the item, which whoever owns it may have made a link: never followed. */
static int step_into(int dir, const char *name, const char *like, bool make)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	int model CLEANUP(closep) = open(like, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (mkdirat(dir, name, 0700) < 0)
		return -1;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && model >= 0)
		IGNORE(place_copy_attributes(model, fd, name)); /* a directory with plain attributes is better than none */
	return fd;
}

static int find_below(const struct exchange *x, bool make, struct spot *ret)
{
	char *rest CLEANUP(freep) = xstrdup(x->dest);
	int dir = open(x->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (char *p = rest, *slash; dir >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
		*slash = '\0';
		char *like CLEANUP(freep) = xasprintf("%s/%s", x->below, rest);
		int next = step_into(dir, p, like, make);
		int saved = errno;
		close(dir);
		errno = saved;
		dir = next;
		if (next < 0 && (errno == ENOTDIR || errno == ELOOP))
			return place_refuse("%s/%s is no directory now: nothing can be put below it", x->root, rest);
		*slash = '/';
	}
	if (dir < 0)
		return place_fail("cannot open the directory of", x->dest);
	*ret = (struct spot){ .dir = dir, .name = place_name(x->dest) };
	return 0;
}

static int find_spot(const struct exchange *x, bool make, struct spot *ret)
{
	if (streq(x->mode, "path"))
		return find_below(x, make, ret);
	char *parent CLEANUP(freep) = place_parent(x->dest);
	int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return place_fail("cannot open", parent);
	*ret = (struct spot){ .dir = dir, .name = place_name(x->dest) };
	return 0;
}

static char *identity(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	return xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

static bool is(const char *mark, int dir, const char *name)
{
	char *found CLEANUP(freep) = identity(dir, name);

	return streq(mark, found);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int move(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) < 0 ? place_fail("cannot move to", to) : 0;
}

/* ${a} and ${spot} change places and what then is at ${a} goes to ${rest}. */
static int turn(const char *a, const struct spot *spot, const char *rest)
{
	if (renameat2(AT_FDCWD, a, spot->dir, spot->name, RENAME_EXCHANGE) == 0)
		return move(AT_FDCWD, a, AT_FDCWD, rest);
	if (errno != EINVAL && errno != ENOSYS)
		return place_fail("cannot exchange", spot->name);
	/* A filesystem that cannot exchange: dest is missing for a moment, and undo knows that. */
	if (move(spot->dir, spot->name, AT_FDCWD, rest) != 0)
		return 1;
	return move(AT_FDCWD, a, spot->dir, spot->name);
}

/* --- rename and path ------------------------------------------------------------------- */

static int swap_names(const struct exchange *x, const struct spot *spot)
{
	char *mark CLEANUP(freep) = identity(AT_FDCWD, x->new);
	char *old CLEANUP(freep) = identity(spot->dir, spot->name);
	struct fault f = { 0 };
	const char *text = mark ? mark : "none";

	if (old && place_make_parent(x->kept, 0700) != 0)
		return 1;
	if (file_replace(x->marker, text, strlen(text), 0600, &f) < 0)
		return place_refuse("%s", f.text);
	if (mark && old)
		return turn(x->new, spot, x->kept);
	if (mark)
		return move(AT_FDCWD, x->new, spot->dir, spot->name);
	return old ? move(spot->dir, spot->name, AT_FDCWD, x->kept) : 0;
}

static int undo_names(const struct exchange *x, const struct spot *spot, const char *mark)
{
	char *at_dest CLEANUP(freep) = identity(spot->dir, spot->name);
	bool old_kept = is_there(x->kept) && !is(mark, AT_FDCWD, x->kept);

	if (place_make_parent(x->failed, 0700) != 0)
		return 1;
	if (streq(mark, at_dest)) {
		const char *old = old_kept ? x->kept : is_there(x->new) ? x->new : NULL;
		return old ? turn(old, spot, x->failed) : move(spot->dir, spot->name, AT_FDCWD, x->failed);
	}
	if (!at_dest && old_kept)
		return move(AT_FDCWD, x->kept, spot->dir, spot->name);
	/* A way back that was interrupted after its exchange. */
	if (is(mark, AT_FDCWD, x->kept))
		return move(AT_FDCWD, x->kept, AT_FDCWD, x->failed);
	return 0;
}

/* --- contents ------------------------------------------------------------------------------ */

static int copy_top(const char *from, const char *to)
{
	int a CLEANUP(closep) = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int b CLEANUP(closep) = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return a < 0 || b < 0 ? place_fail("cannot open", a < 0 ? from : to) : place_copy_attributes(a, b, to);
}

/* All of ${dest}'s entries to ${away}, which is there only when it has them all. */
static int empty_into(const char *dest, const char *away)
{
	char *part CLEANUP(freep) = xasprintf("%s.part", away);

	if (place_make_parent(away, 0700) != 0)
		return 1;
	if (mkdir(part, 0700) < 0 && errno != EEXIST)
		return place_fail("cannot make", part);
	if (copy_top(dest, part) != 0 || place_move_entries(dest, part) != 0)
		return 1;
	return move(AT_FDCWD, part, AT_FDCWD, away);
}

static int swap_contents(const struct exchange *x)
{
	if (empty_into(x->dest, x->kept) != 0 || !is_there(x->new))
		return is_there(x->kept) ? 0 : 1;
	if (place_move_entries(x->new, x->dest) != 0)
		return 1;
	return copy_top(x->new, x->dest);
}

static int undo_contents(const struct exchange *x)
{
	char *part CLEANUP(freep) = xasprintf("%s.part", x->kept);

	if (!is_there(x->kept)) { /* the old had not left wholly, and nothing new had come */
		if (is_there(part) && place_move_entries(part, x->dest) == 0)
			return rmdir(part) < 0 ? place_fail("cannot remove", part) : 0;
		return is_there(part) ? 1 : 0;
	}
	if (!is_there(x->failed) && empty_into(x->dest, x->failed) != 0)
		return 1;
	if (place_move_entries(x->kept, x->dest) != 0 || copy_top(x->kept, x->dest) != 0)
		return 1;
	return rmdir(x->kept) < 0 ? place_fail("cannot remove", x->kept) : 0;
}

/* --- both ------------------------------------------------------------------------------------ */

int place_swap(const struct exchange *x)
{
	struct spot spot;

	if (!x->nothing && !is_there(x->new))
		return place_refuse("%s is not there any more: what is at %s stays", x->new, x->dest);
	if (streq(x->mode, "contents")) {
		int ended = swap_contents(x);
		return ended == 0 ? place_tell_kept(x->kept) : ended;
	}
	if (find_spot(x, true, &spot) != 0)
		return 1;
	int r = swap_names(x, &spot);
	IGNORE(fsync(spot.dir)); /* a rename that is lost with the power leaves the old, and the ledger knows */
	close(spot.dir);
	return r == 0 ? place_tell_kept(x->kept) : r;
}

int place_undo(const struct exchange *x)
{
	struct buf mark CLEANUP(buf_done) = { 0 };
	struct spot spot;

	if (streq(x->mode, "contents"))
		return undo_contents(x);
	int r = file_read(x->marker, 256, &mark);
	if (r == -ENOENT)
		return 0;
	errno = -r;
	if (r < 0)
		return place_fail("cannot read", x->marker);
	if (find_spot(x, false, &spot) != 0)
		return 1;
	r = undo_names(x, &spot, mark.data ? mark.data : "");
	IGNORE(fsync(spot.dir)); /* as above */
	close(spot.dir);
	if (r == 0 && unlink(x->marker) < 0 && errno != ENOENT)
		return place_fail("cannot remove", x->marker);
	return r;
}
