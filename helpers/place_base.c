/* SPDX-License-Identifier: MIT */
/*
 * Where the new data is laid out and where the old will be kept: in the same mount as what
 * is replaced, so that both change places by renames (the same filesystem is not enough: it
 * may be mounted twice), and where nobody else can write. In this order: root's own
 * directory beside the engine's volumes, where docker volume rm does not take it along; our
 * state directory; the topmost directory of the mount that is root's and no container has;
 * the item's parent, whoever owns it, in a directory that only root can enter. An item that
 * is a mount point, or a subvolume, has its own mount alone: there it is inside the item.
 */
#include "helpers/place.h"
#include "helpers/place_around.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Whatever container writes to it, or whatever cannot be known, counts. */
static bool is_written(const struct stage *s, const char *path)
{
	struct within w = { 0 };
	struct fault f = { 0 };
	bool written = false;
	int fd CLEANUP(closep) = s->running.n ? way_open(path, &f) : -1;

	if (!s->running.n)
		return false;
	if (fd < 0 || within_find(fd, path, &w) < 0)
		return true;
	for (size_t i = 0; i < s->running.n && !written; i++)
		written = within_is_written(&w, s->running.v[i]);
	within_done(&w);
	return written;
}

static bool same_mount(const char *path, const struct way_id *as)
{
	struct fault f = { 0 };
	struct way_id id;
	int fd CLEANUP(closep) = way_open(path, &f);

	return fd >= 0 && way_identify(fd, &id) == 0 && way_same_mount(&id, as);
}

/*
 * A directory of root's that is given, or what it will be made in, without its links. Whoever can write there in a
 * container can do as it likes with the host: no container is asked for.
 */
static char *given(const char *path, const struct way_id *as)
{
	struct way_links links = { 0 };
	struct fault f = { 0 };
	char *real CLEANUP(freep) = path ? way_resolve(path, &links, &f) : NULL;
	bool foreign = links.foreign != NULL;

	free(links.foreign);
	if (!real || foreign || strstr(real, "/" PLACE_STAGING) || strstr(real, "/" PLACE_KEPT))
		return NULL;
	char *above CLEANUP(freep) = xstrndup(real, (size_t)(strrchr(real, '/') - real));
	if (access(real, F_OK) < 0 && !same_mount(*above ? above : "/", as))
		return NULL;
	int fd CLEANUP(closep) = way_make(real, 0700, &f);
	return fd >= 0 && same_mount(real, as) && way_is_roots(real) ? TAKE_PTR(real) : NULL;
}

/* The engine takes every directory in there for a volume. */
static bool is_of_volumes(const struct stage *s, const char *path)
{
	const char *slash = s->beside ? strrchr(s->beside, '/') : NULL;
	char *volumes CLEANUP(freep) = slash ? xasprintf("%.*s/volumes", (int)(slash - s->beside), s->beside) : NULL;

	return streq(path, volumes);
}

/* Of ${parent} and what is above it, from the top. */
static char *topmost(const struct stage *s, const char *parent, const struct way_id *as)
{
	for (const char *p = parent; *p; p += strcspn(p, "/")) {
		char *path CLEANUP(freep) = p == parent ? xstrdup("/") : xstrndup(parent, (size_t)(p - parent));
		bool fits = same_mount(path, as) && way_is_roots(path) && !is_of_volumes(s, path) && !is_written(s, path);
		if (fits)
			return TAKE_PTR(path);
		p += strspn(p, "/");
	}
	return NULL;
}

/* Also where the same filesystem is mounted on it once more: it cannot be renamed. */
static bool is_mount_point(const struct spot *s)
{
	struct statx x;

	return statx(s->dir, s->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &x) == 0 && (x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool must_stay(const struct stage *s, const struct spot *dest, const struct way_id *above)
{
	struct way_id own;

	return is_mount_point(dest) || (!s->file && way_identify_at(dest->dir, dest->name, &own) == 0 && own.device != above->device);
}

/* Is anything of another mount or subvolume in it? Walked only where mountinfo cannot say so. */
static int look_inside(const struct spot *dest, const char *shown, struct base *ret)
{
	struct around a = { 0 };
	struct statfs fs;
	int fd CLEANUP(closep) = spot_open(dest);

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return place_fail("cannot open", shown);
	if (!ret->inside && !mounts_below(shown) && fs.f_type != BTRFS_SUPER_MAGIC)
		return around_check_entry(dest->dir, dest->name, shown);
	int r = around_look(fd, shown, false, &a);
	ret->around = ret->inside || a.mounted.n > 0;
	if (r == 0)
		r = ret->around ? around_check(&a) : around_check_entry(dest->dir, dest->name, shown);
	around_done(&a);
	return r;
}

static int choose(const struct stage *s, const struct spot *dest, const char *shown, struct base *ret)
{
	char *parent CLEANUP(freep) = xstrndup(shown, strrchr(shown, '/') == shown ? 1 : (size_t)(strrchr(shown, '/') - shown));
	struct way_id above;

	if (way_identify(dest->dir, &above) < 0)
		return place_fail("cannot look at", parent);
	if (must_stay(s, dest, &above)) {
		if (s->file)
			return place_refuse("%s is a mount point by itself and cannot be replaced: unmount it, or restore with --target", shown);
		ret->path = xstrdup(shown);
		ret->inside = true;
	} else if ((ret->path = given(s->beside, &above)) || (ret->path = given(s->state, &above)) ||
		(ret->path = topmost(s, parent, &above))) {
		return 0;
	} else {
		/* Beside it would be inside the outer one, and go away with that. */
		ret->path = s->outer && same_mount(s->outer, &above) ? xstrdup(s->outer) : TAKE_PTR(parent);
	}
	ret->late = is_written(s, ret->path);
	if (!strstr(ret->path, "/" PLACE_STAGING) && !strstr(ret->path, "/" PLACE_KEPT))
		return 0;
	freep(&ret->path);
	return place_refuse("%s lies in a directory of a name that is ours: rename that, or restore with --target", shown);
}

int base_choose(const struct stage *s, const struct spot *dest, const char *shown, struct base *ret)
{
	*ret = (struct base){ 0 };
	int r = choose(s, dest, shown, ret);

	if (r != 0 || s->paths)
		return r;
	return s->file ? around_check_entry(dest->dir, dest->name, shown) : look_inside(dest, shown, ret);
}
