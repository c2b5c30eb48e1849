/* SPDX-License-Identifier: MIT */
/*
 * Every place that a restore writes to, renames or removes is a name in a directory that is
 * open (law 11). Our own places have a part that anybody's directories may be on, up to
 * .kopi-docka-staging or .kopi-docka-kept: these are root's and 0700, which the descriptor
 * says, and below them nobody else gets. In an item everything is somebody else's: no link
 * is followed, and what is made there was finished elsewhere and is moved in.
 */
#include "helpers/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void spot_done(struct spot *s)
{
	closep(&s->dir);
	freep(&s->name);
}

char *spot_identity(const struct spot *s)
{
	struct way_id id;

	return s->dir >= 0 && way_identify_at(s->dir, s->name, &id) == 0 ? way_id_format(&id) : NULL;
}

bool place_same_inode(const char *a, const char *b)
{
	const char *x = a ? strchr(a, ':') : NULL, *y = b ? strchr(b, ':') : NULL;

	return x && streq(x, y);
}

int spot_open(const struct spot *s)
{
	if (s->dir >= 0)
		return openat(s->dir, s->name, DIRECTORY);
	errno = ENOENT;
	return -1;
}

int spot_move(const struct spot *from, const struct spot *to)
{
	if (from->dir < 0 || to->dir < 0)
		return place_refuse("a directory above %s is not there any more", from->dir < 0 ? "what is moved" : "where it is moved to");
	return renameat2(from->dir, from->name, to->dir, to->name, RENAME_NOREPLACE) < 0 ? place_fail("cannot move to", to->name) : 0;
}

int place_open(const char *path, const char *is)
{
	struct fault f = { 0 };
	struct way_id id;
	int fd CLEANUP(closep) = way_open(path, &f);

	if (fd < 0 || way_identify(fd, &id) < 0) {
		IGNORE(place_refuse("%s", fd < 0 ? f.text : path));
		return -1;
	}
	char *found CLEANUP(freep) = way_id_format(&id);
	if (is && !streq(is, found)) {
		IGNORE(place_refuse("%s is another directory now than when this began: nothing is put there", path));
		return -1;
	}
	return TAKE_FD(fd);
}

int place_open_again(const char *path, const char *is, bool undo)
{
	struct way_id then, now;
	int fd CLEANUP(closep) = place_open(path, undo ? NULL : is);

	if (fd < 0 || !undo || !is)
		return TAKE_FD(fd);
	if (way_identify(fd, &now) == 0 && way_id_parse(is, &then) == 0 && now.inode == then.inode)
		return TAKE_FD(fd);
	IGNORE(place_refuse("%s is another directory now than when this began: nothing is put back there", path));
	return -1;
}

int spot_at(const char *path, struct spot *ret)
{
	struct fault f = { 0 };
	const char *name;
	int fd = way_open_above(path, &name, &f);

	if (fd < 0)
		return place_refuse("%s", f.text);
	*ret = (struct spot){ fd, xstrdup(name) };
	return 0;
}

/* --- ours -------------------------------------------------------------------------------- */

/* Where the part begins that is ours: at the slash before .kopi-docka-…; NULL. */
static const char *own_part(const char *path)
{
	static const char *const names[] = { "/" PLACE_STAGING "/", "/" PLACE_KEPT "/" };
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *at = strstr(path, names[i]);
		if (at && (!first || at < first))
			first = at;
	}
	return first;
}

/* Takes ${dir}; 0 with what follows ${p} in ${ret}, or -errno. */
static int descend(int dir, const char *p, const char *shown, bool make, struct spot *ret, struct fault *f)
{
	for (const char *slash; dir >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
		char *name CLEANUP(freep) = xstrndup(p, (size_t)(slash - p));
		/* Copies that are kept have their directories' own modes: only root comes so far. */
		int next = make ? way_private(dir, name, true, shown, f) : way_open_at(dir, name, shown, f);
		if (next == -EPERM && make)
			next = way_open_at(dir, name, shown, f);
		close(dir);
		dir = next;
	}
	if (dir < 0)
		return dir;
	if (!*p || streq(p, ".") || streq(p, "..")) {
		close(dir);
		return fault_set(f, FAULT_FAILED, -EINVAL, "%s has no name at its end", shown);
	}
	*ret = (struct spot){ dir, xstrdup(p) };
	return 0;
}

int spot_ours(const char *path, bool make, struct spot *ret)
{
	const char *at = own_part(path);
	struct fault f = { 0 };

	*ret = (struct spot)SPOT_INIT;
	if (!at)
		return place_refuse("%s is no place of ours", path);
	char *base CLEANUP(freep) = at == path ? xstrdup("/") : xstrndup(path, (size_t)(at - path));
	const char *rest = strchr(at + 1, '/') + 1;
	char *name CLEANUP(freep) = xstrndup(at + 1, (size_t)(rest - at - 2));
	int dir CLEANUP(closep) = way_open(base, &f);
	int own = dir < 0 ? dir : way_private(dir, name, make, base, &f);
	int r = own < 0 ? own : descend(own, rest, path, make, ret, &f);
	return r == 0 || (r == -ENOENT && !make) ? 0 : place_refuse("%s", f.text);
}

/* --- in an item -------------------------------------------------------------------------- */

/*
 * Made in the staging directory, where nobody changes it, with the attributes of its model, and moved in whole.
 * -EEXIST: somebody else was first.
 */
static int move_in(int dir, const char *name, const struct spot *models, const char *like)
{
	char *own CLEANUP(freep) = xasprintf("%s.made", models->name);
	struct fault f = { 0 };
	int fd CLEANUP(closep) = way_private(models->dir, own, true, "the staging directory", &f);
	int top CLEANUP(closep) = spot_open(models);
	int model CLEANUP(closep) = top < 0 ? -1 : way_open_at(top, like, "", &f);

	if (fd < 0)
		return fd;
	if (model >= 0)
		IGNORE(place_copy_attributes(model, fd, name)); /* a directory with plain attributes is better than none */
	if (renameat2(models->dir, own, dir, name, RENAME_NOREPLACE) == 0)
		return TAKE_FD(fd);
	int r = -errno;
	IGNORE(unlinkat(models->dir, own, AT_REMOVEDIR)); /* goes with what is staged */
	return r;
}

static int step_into(int dir, const char *name, const struct below *b, const char *like, bool make)
{
	int fd = openat(dir, name, DIRECTORY);

	if (fd >= 0 || errno != ENOENT || !make || !b->models)
		return fd < 0 ? -errno : fd;
	fd = move_in(dir, name, b->models, like);
	if (fd != -EEXIST)
		return fd;
	fd = openat(dir, name, DIRECTORY);
	return fd < 0 ? -errno : fd;
}

int spot_below(const struct below *b, bool make, struct spot *ret)
{
	char *rest CLEANUP(freep) = xstrdup(b->path), *p = rest;
	int dir CLEANUP(closep) = place_open(b->root, make ? b->is : NULL);
	struct way_id id;

	*ret = (struct spot)SPOT_INIT;
	if (dir < 0 || way_identify(dir, &id) < 0)
		return 1;
	char *found CLEANUP(freep) = way_id_format(&id);
	if (!make && b->is && !place_same_inode(found, b->is)) /* the way back, maybe after a reboot */
		return place_refuse("%s is another directory now than when this began: nothing is put back there", b->root);
	for (char *slash; (slash = strchr(p, '/')); p = slash + 1) {
		*slash = '\0';
		int next = step_into(dir, p, b, rest, make);
		if (next == -ENOENT && !make)
			return 0;
		if (next == -ENOTDIR || next == -ELOOP)
			return place_refuse("%s/%s is no directory now: nothing can be put below it", b->root, rest);
		errno = next < 0 ? -next : 0;
		if (next < 0)
			return place_fail("cannot open the directory of", b->path);
		closep(&dir);
		dir = next;
		*slash = '/';
	}
	*ret = (struct spot){ TAKE_FD(dir), xstrdup(p) };
	return 0;
}

/* --- times ------------------------------------------------------------------------------- */

/* xfs writes the time of a directory that comes to another parent. */
struct times times_of(const struct spot *s)
{
	struct times t = { .fd = spot_open(s) };
	struct stat st;

	if (t.fd >= 0 && fstat(t.fd, &st) == 0) {
		t.at[0] = st.st_atim;
		t.at[1] = st.st_mtim;
	} else {
		closep(&t.fd);
	}
	return t;
}

void times_give_back(struct times *t)
{
	if (t->fd >= 0)
		IGNORE(futimens(t->fd, t->at)); /* its content is what was asked for */
	closep(&t->fd);
}
