/* SPDX-License-Identifier: MIT */
/*
 * Whoever owns a directory on the way can put anything in the place of what is below, at any moment. So a way is a
 * chain of descriptors: each component is opened from the one before with O_NOFOLLOW, and what was opened is looked at,
 * not its name. A walk of our own and not openat2(RESOLVE_NO_SYMLINKS): it says which component is the link and who
 * owns what is above it, and needs no kernel of a certain age.
 */
#include "common/way.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif
#define LINKS_MAX 40 /* as the kernel */
#define WALK   (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define ARRIVE (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* --- what something is ------------------------------------------------------------------ */

static int identify(int dir, const char *name, int flags, struct way_id *ret)
{
	struct statx x;

	if (statx(dir, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID, &x) < 0)
		return -errno;
	*ret = (struct way_id){
		.device = makedev(x.stx_dev_major, x.stx_dev_minor),
		.inode = x.stx_ino,
		.mount = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0,
	};
	return 0;
}

int way_identify(int fd, struct way_id *ret)
{
	return identify(fd, "", AT_EMPTY_PATH, ret);
}

int way_identify_at(int dir, const char *name, struct way_id *ret)
{
	return identify(dir, name, 0, ret);
}

bool way_same(const struct way_id *a, const struct way_id *b)
{
	return a->device == b->device && a->inode == b->inode;
}

bool way_same_mount(const struct way_id *a, const struct way_id *b)
{
	return a->device == b->device && a->mount == b->mount;
}

char *way_id_format(const struct way_id *id)
{
	return xasprintf("%" PRIu64 ":%" PRIu64, id->device, id->inode);
}

int way_id_parse(const char *text, struct way_id *ret)
{
	struct way_id id = { 0 };
	int end = 0;

	if (!text || sscanf(text, "%" SCNu64 ":%" SCNu64 "%n", &id.device, &id.inode, &end) != 2 || text[end])
		return -EINVAL;
	*ret = id;
	return 0;
}

/* --- one component at a time ------------------------------------------------------------- */

static int explain(int dir, const char *name, const char *path, int error, struct fault *f)
{
	struct stat st;
	bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;

	if (there && S_ISLNK(st.st_mode))
		return fault_set(f, FAULT_FAILED, -ELOOP, "%s is a link: nothing is read or written through it", path);
	if (there && !S_ISDIR(st.st_mode))
		return fault_set(f, FAULT_FAILED, -ENOTDIR, "%s is no directory", path);
	return fault_errno(f, FAULT_FAILED, -error, "cannot open %s", path);
}

static int step(int dir, const char *name, int flags, const mode_t *make)
{
	int fd = openat(dir, name, flags);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(dir, name, *make) < 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, flags);
}

/* Takes ${dir}. Ends at the last component, or above it. */
static int walk(int dir, const char *path, const char *shown, const mode_t *make, struct fault *f)
{
	path += strspn(path, "/");
	for (const char *p = path, *next; *p && dir >= 0; p = next) {
		size_t len = strcspn(p, "/");
		char *name CLEANUP(freep) = xstrndup(p, len);
		next = p + len + strspn(p + len, "/");
		if (streq(name, "."))
			continue;
		int fd = streq(name, "..") ? -1 : step(dir, name, *next ? WALK : ARRIVE, make);
		if (fd < 0) {
			int error = streq(name, "..") ? EINVAL : errno;
			char *so_far CLEANUP(freep) = xasprintf("%s/%.*s", shown, (int)(p + len - path), path);
			fd = explain(dir, name, so_far, error, f);
		}
		close(dir);
		dir = fd;
	}
	return dir;
}

static int begin(int dir, const char *path, const char *shown, const mode_t *make, struct fault *f)
{
	int from = openat(dir, ".", ARRIVE);

	return from < 0 ? fault_errno(f, FAULT_FAILED, -errno, "cannot open %s", *shown ? shown : "/") : walk(from, path, shown, make, f);
}

static int from_root(const char *path, const mode_t *make, struct fault *f)
{
	if (*path != '/')
		return fault_set(f, FAULT_FAILED, -EINVAL, "%s is not an absolute path", path);
	int root CLEANUP(closep) = open("/", ARRIVE);
	return root < 0 ? fault_errno(f, FAULT_FAILED, -errno, "cannot open /") : begin(root, path, "", make, f);
}

int way_open(const char *path, struct fault *f)
{
	return from_root(path, NULL, f);
}

int way_open_at(int dir, const char *path, const char *shown, struct fault *f)
{
	return begin(dir, path, shown, NULL, f);
}

int way_make(const char *path, mode_t mode, struct fault *f)
{
	return from_root(path, &mode, f);
}

int way_open_above(const char *path, const char **ret_name, struct fault *f)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (!slash || !*name || streq(name, ".") || streq(name, ".."))
		return fault_set(f, FAULT_FAILED, -EINVAL, "%s names no entry of a directory", path);
	char *above CLEANUP(freep) = xasprintf("%.*s/", (int)(slash - path), path);
	int fd = way_open(above, f);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}

/* --- whose it is ------------------------------------------------------------------------- */

static bool others_write(const struct stat *dir)
{
	return dir->st_uid != 0 || (dir->st_mode & (S_IWGRP | S_IWOTH));
}

/* Only root can put something else in the place of this entry: also in /tmp, where it is root's. */
static bool entry_is_roots(const struct stat *dir, const struct stat *entry)
{
	return dir->st_uid == 0 && (!others_write(dir) || ((dir->st_mode & S_ISVTX) && entry->st_uid == 0));
}

bool way_is_roots(const char *path)
{
	char *rest CLEANUP(freep) = xstrdup(path), *save = NULL;
	int dir CLEANUP(closep) = open("/", WALK);
	struct stat above, st;
	bool roots = *path == '/' && dir >= 0 && fstat(dir, &st) == 0;

	for (char *name = strtok_r(rest, "/", &save); name && roots; name = strtok_r(NULL, "/", &save)) {
		int fd = streq(name, "..") ? -1 : openat(dir, name, WALK);
		above = st;
		roots = fd >= 0 && fstat(fd, &st) == 0 && entry_is_roots(&above, &st);
		closep(&dir);
		dir = fd;
	}
	return roots && !others_write(&st);
}

/* --- without its links ------------------------------------------------------------------- */

struct resolving {
	char *done; /* real, "" is / */
	char *rest; /* to do */
	int dir;    /* of done */
	bool roots; /* only root can have put there what led to it */
	unsigned int links;
};

static int restart(struct resolving *r, char *done /* taken */, struct fault *f)
{
	free(r->done);
	r->done = done;
	closep(&r->dir);
	r->dir = way_open(*done ? done : "/", f);
	return r->dir < 0 ? r->dir : 0;
}

static int follow(struct resolving *r, const char *name, bool roots, struct way_links *ret, struct fault *f)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(r->dir, name, target, sizeof(target) - 1);

	if (n < 0 || ++r->links > LINKS_MAX)
		return fault_errno(f, FAULT_FAILED, n < 0 ? -errno : -ELOOP, "cannot follow %s/%s", r->done, name);
	target[n] = '\0';
	if (!roots && !ret->foreign)
		ret->foreign = xasprintf("%s/%s", r->done, name);
	ret->last |= *r->rest == '\0';
	char *rest = xasprintf("%s/%s", target, r->rest);
	free(r->rest);
	r->rest = rest;
	return *target == '/' ? restart(r, xstrdup(""), f) : 0;
}

/* Takes ${name}'s place in done; a file can only be the last. */
static int enter(struct resolving *r, const char *name, const struct stat *st, struct fault *f)
{
	char *done CLEANUP(freep) = xasprintf("%s/%s", r->done, name);

	if (S_ISDIR(st->st_mode)) {
		int fd = openat(r->dir, name, WALK);
		if (fd < 0)
			return fault_errno(f, FAULT_FAILED, -errno, "cannot open %s", done);
		closep(&r->dir);
		r->dir = fd;
	} else if (*r->rest) {
		return fault_set(f, FAULT_FAILED, -ENOTDIR, "%s is no directory", done);
	}
	free(r->done);
	r->done = TAKE_PTR(done);
	return 0;
}

static char *next_name(struct resolving *r)
{
	const char *p = r->rest + strspn(r->rest, "/");
	size_t len = strcspn(p, "/");
	char *name = len ? xstrndup(p, len) : NULL;
	char *rest = xstrdup(p + len + strspn(p + len, "/"));

	free(r->rest);
	r->rest = rest;
	return name;
}

/* Returns 1 where nothing is there any more. */
static int advance(struct resolving *r, const char *name, struct way_links *ret, struct fault *f)
{
	struct stat dir, st;

	if (streq(name, ".."))
		return restart(r, xstrndup(r->done, strrchr(r->done, '/') ? (size_t)(strrchr(r->done, '/') - r->done) : 0), f);
	if (fstat(r->dir, &dir) < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot look at %s", r->done);
	if (fstatat(r->dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return errno == ENOENT ? 1 : fault_errno(f, FAULT_FAILED, -errno, "cannot look at %s/%s", r->done, name);
	bool roots = r->roots && entry_is_roots(&dir, &st);
	if (S_ISLNK(st.st_mode))
		return follow(r, name, roots, ret, f);
	r->roots = roots;
	return enter(r, name, &st, f);
}

char *way_resolve(const char *path, struct way_links *ret, struct fault *f)
{
	struct resolving r = { .done = xstrdup(""), .rest = xstrdup(path), .dir = open("/", WALK), .roots = true };
	char *name = NULL;
	int state = *path == '/' ? 0 : fault_set(f, FAULT_FAILED, -EINVAL, "%s is not an absolute path", path);

	*ret = (struct way_links){ 0 };
	while (state == 0 && (name = next_name(&r))) {
		state = streq(name, ".") ? 0 : advance(&r, name, ret, f);
		if (state == 1) {
			char *whole = xasprintf("%s/%s%s%s", r.done, name, *r.rest ? "/" : "", r.rest);
			free(r.done);
			r.done = whole;
		}
		freep(&name);
	}
	closep(&r.dir);
	free(r.rest);
	if (state >= 0)
		return *r.done ? r.done : (free(r.done), xstrdup("/"));
	free(r.done);
	freep(&ret->foreign);
	return NULL;
}

/* --- ours -------------------------------------------------------------------------------- */

int way_drop_acls(int fd)
{
	static const char *const names[] = { "system.posix_acl_default", "system.posix_acl_access" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fremovexattr(fd, names[i]) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
			return -errno;
	return 0;
}

int way_private(int dir, const char *name, bool make, const char *shown, struct fault *f)
{
	struct stat st;
	int r;

	if (make && mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot make %s/%s", shown, name);
	int fd CLEANUP(closep) = way_open_at(dir, name, shown, f);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot look at %s/%s", shown, name);
	if (st.st_uid != 0 || (st.st_mode & 0077))
		return fault_set(f, FAULT_FAILED, -EPERM, "%s/%s is there and is not ours (root's, mode 0700): remove it", shown, name);
	if ((r = way_drop_acls(fd)) < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot take the ACLs off %s/%s", shown, name);
	/* A setgid bit that the directory above hands on would be handed on again. */
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot set the mode of %s/%s", shown, name);
	return TAKE_FD(fd);
}
