/* SPDX-License-Identifier: MIT */
/*
 * Where the new data is laid out and where the old will be kept: on the filesystem of what
 * is replaced, so that both change places by renames. Beside the item where that is the
 * same filesystem; inside it, under names that are never the item's, when it is a mount
 * point. Whether there is room is judged by the daemon, for all items of a filesystem.
 */
#include "helpers/place.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/varlink.h"

static void print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

/* The directory that decides about the filesystem; what is missing is made. */
static int make_dest(const struct stage *s, const char *dest, struct stat *st)
{
	char *parent CLEANUP(freep) = place_parent(dest);
	struct fault f = { 0 };

	if (lstat(dest, st) == 0) {
		if (S_ISDIR(st->st_mode) == !s->file && !S_ISLNK(st->st_mode))
			return 0;
		return place_refuse("%s is not what the backup has: a %s", dest, s->file ? "file" : "directory");
	}
	if (errno != ENOENT)
		return place_fail("cannot look at", dest);
	if (dir_make(s->file ? parent : dest, 0755, &f) < 0)
		return place_refuse("%s", f.text);
	return stat(s->file ? parent : dest, st) < 0 ? place_fail("cannot look at", dest) : 0;
}

/* Also where the same filesystem is mounted on it once more: it cannot be renamed. */
static bool is_mount_point(const char *path)
{
	struct statx x;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &x) == 0 &&
		(x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static char *choose_base(const struct stage *s, const char *dest, dev_t device, bool *contents)
{
	char *parent CLEANUP(freep) = place_parent(dest);
	struct stat st;

	*contents = !s->file && is_mount_point(dest);
	if (*contents)
		return xstrdup(dest);
	if (s->beside && stat(s->beside, &st) == 0 && st.st_dev == device)
		return xstrdup(s->beside);
	if (stat(parent, &st) == 0 && st.st_dev == device)
		return TAKE_PTR(parent);
	*contents = true;
	return xstrdup(dest);
}

/* Where others may write, they may have made it first. */
static int make_ours(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return place_fail("cannot make", path);
	if (lstat(path, &st) < 0)
		return place_fail("cannot look at", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return place_refuse("%s is there and is not ours: remove it", path);
	return 0;
}

/* The engine follows a link to a mount's source, and so does the restore. */
static char *resolved(const char *dest)
{
	struct stat st;
	char real[PATH_MAX];

	return lstat(dest, &st) == 0 && S_ISLNK(st.st_mode) && realpath(dest, real) ? xstrdup(real) : xstrdup(dest);
}

int place_stage(const struct stage *s)
{
	char *dest CLEANUP(freep) = resolved(s->dest);
	struct stat st;
	struct statvfs v;
	bool contents;
	struct fault f = { 0 };

	if (s->beside)
		IGNORE(dir_make(s->beside, 0700, &f)); /* not there: beside DEST instead */
	if (make_dest(s, dest, &st) != 0)
		return 1;
	char *base CLEANUP(freep) = choose_base(s, dest, st.st_dev, &contents);
	char *staging CLEANUP(freep) = xasprintf("%s/" PLACE_STAGING, base);
	char *keeping CLEANUP(freep) = xasprintf("%s/" PLACE_KEPT, base);
	if (make_ours(staging) != 0 || make_ours(keeping) != 0)
		return 1;
	char *staged CLEANUP(freep) = xasprintf("%s/XXXXXX", staging);
	if (!mkdtemp(staged))
		return place_fail("cannot make a directory below", staging);
	if (statvfs(base, &v) < 0)
		return place_fail("cannot ask for free space at", base);
	char *kept CLEANUP(freep) = xasprintf("%s/%s/%s", keeping, s->id, s->name);
	char *failed CLEANUP(freep) = xasprintf("%s/%s/%s.put-back", keeping, s->id, s->name);
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	json_put_text(o, "dest", dest);
	json_put_text(o, "staged", staged);
	json_put_text(o, "kept", kept);
	json_put_text(o, "failed", failed);
	json_put_text(o, "mode", s->paths ? "path" : contents ? "contents" : "rename");
	json_put_number(o, "device", (int64_t)st.st_dev);
	json_put_number(o, "free", (int64_t)v.f_bavail * (int64_t)v.f_frsize);
	print(o);
	return 0;
}

static bool lies_in(const char *path, const char *item)
{
	char *real CLEANUP(freep) = realpath(item, NULL);
	size_t len = real ? strlen(real) : 0;

	return real && strncmp(path, real, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static int refuse_inside(const char *path, const char *named, char *const *items, size_t n_items)
{
	char *real CLEANUP(freep) = realpath(path, NULL);

	if (!real)
		return place_fail("is its disk mounted? cannot look at", path);
	for (size_t i = 0; i < n_items; i++)
		if (lies_in(real, items[i]))
			return place_refuse("the safety directory %s lies in %s, which is emptied: name another", named, items[i]);
	return 0;
}

int place_room(const char *path, char *const *items, size_t n_items)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	char *above CLEANUP(freep) = place_parent(path);
	struct statvfs v;

	/* The last one only is made: what else is missing may be a disk. */
	if (refuse_inside(above, path, items, n_items) != 0)
		return 1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return place_fail("cannot make", path);
	if (refuse_inside(path, path, items, n_items) != 0)
		return 1;
	if (statvfs(path, &v) < 0)
		return place_fail("cannot ask for free space at", path);
	json_put_number(o, "free", (int64_t)v.f_bavail * (int64_t)v.f_frsize);
	print(o);
	return 0;
}

static int64_t sum; /* nftw() has no argument of ours to hand on */

static int add_up(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	if (type != FTW_NS)
		sum += (int64_t)st->st_blocks * 512;
	return 0;
}

int place_used(const char *path)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();

	if (nftw(path, add_up, 32, FTW_PHYS | FTW_MOUNT) < 0)
		return place_fail("cannot measure", path);
	json_put_number(o, "used", sum);
	print(o);
	return 0;
}

static int copy(int from, int to)
{
	char block[65536];

	for (;;) {
		ssize_t n = read(from, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return fsync(to) < 0 ? -errno : 0;
		int r = fd_write_all(to, block, (size_t)n);
		if (r < 0)
			return r;
	}
}

int place_save(const char *path)
{
	char *part CLEANUP(freep) = xasprintf("%s.part", path);
	int fd CLEANUP(closep) = -1;
	struct fault f = { 0 };

	if (place_make_parent(path, 0700) != 0)
		return 1;
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return place_fail("cannot make", part);
	int r = copy(STDIN_FILENO, fd);
	if (r < 0)
		fault_errno(&f, FAULT_FAILED, r, "cannot write %s", path);
	else
		r = file_move(part, path, false, &f); /* what it is the copy of is emptied next */
	if (r == 0)
		return 0;
	unlink(part);
	return place_refuse("%s", f.text);
}
