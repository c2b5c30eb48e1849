/* SPDX-License-Identifier: MIT */
/* Whole trees: their entries moved, their attributes copied, removed; links never followed. */
#include "helpers/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"

/* --- attributes -------------------------------------------------------------------------- */

static void copy_xattr(int from, int to, const char *key)
{
	ssize_t len = fgetxattr(from, key, NULL, 0);
	char *value CLEANUP(freep) = len >= 0 ? xcalloc(1, (size_t)len + 1) : NULL;

	if (value && (len = fgetxattr(from, key, value, (size_t)len)) >= 0)
		IGNORE(fsetxattr(to, key, value, (size_t)len, 0)); /* a filesystem that has none of this kind */
}

/* Names of its xattrs, one after another, "" behind the last. Caller's. */
static char *list_xattrs(int fd)
{
	ssize_t len = flistxattr(fd, NULL, 0);
	char *keys = xcalloc(1, len > 0 ? (size_t)len + 1 : 1);

	if (len > 0 && (len = flistxattr(fd, keys, (size_t)len)) < 0)
		*keys = '\0';
	return keys;
}

/* What a directory was given by the one above it, or had before, is not the model's: an ACL, too. */
static void copy_xattrs(int from, int to)
{
	char *old CLEANUP(freep) = list_xattrs(to), *keys CLEANUP(freep) = list_xattrs(from);

	for (const char *k = old; *k; k += strlen(k) + 1)
		if (fgetxattr(from, k, NULL, 0) < 0 && errno == ENODATA)
			IGNORE(fremovexattr(to, k)); /* security.selinux cannot go, and need not */
	for (const char *k = keys; *k; k += strlen(k) + 1)
		copy_xattr(from, to, k);
}

int place_copy_attributes(int from, int to, const char *name)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return place_fail("cannot look at the model of", name);
	copy_xattrs(from, to);
	struct timespec times[2] = { st.st_atim, st.st_mtim };
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0 || futimens(to, times) < 0)
		return place_fail("cannot set owner, mode and time of", name);
	return 0;
}

/* --- removing ---------------------------------------------------------------------------- */

/* Returns 0, 1: something that is mounted stays below, or -errno. */
static int empty(int fd, const struct way_id *as);

static int remove_entry(int dir, const char *name, const struct way_id *as)
{
	struct way_id id;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return unlinkat(dir, name, 0) < 0 ? -errno : 0;
	if (fd < 0)
		return -errno;
	if (way_identify(fd, &id) < 0 || !way_same_mount(&id, as)) {
		close(fd);
		return 1;
	}
	int r = empty(fd, as); /* closes */
	if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = errno == EBUSY ? 1 : -errno;
	return r;
}

static int empty(int fd, const struct way_id *as)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while (r >= 0 && (e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		int one = remove_entry(dirfd(d), e->d_name, as);
		r = one < 0 || one > r ? one : r;
	}
	closedir(d);
	return r;
}

bool place_is_something(const struct spot *kept)
{
	struct stat st;
	bool any = kept->dir >= 0 && fstatat(kept->dir, kept->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	int fd = any && S_ISDIR(st.st_mode) ? spot_open(kept) : -1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d)
		any = false;
	while (d && !any && (e = readdir(d)))
		any = !streq(e->d_name, ".") && !streq(e->d_name, "..");
	if (d)
		closedir(d);
	else
		closep(&fd);
	return any;
}

int place_tell_kept(const struct spot *kept)
{
	if (place_is_something(kept))
		puts("kept");
	return 0;
}

/* --- what was ours alone -------------------------------------------------------------------- */

/* Our two directories go where nothing is in them; inside an item it is the item's time that this would change. */
static void tidy(const char *path)
{
	char *base CLEANUP(freep) = xstrndup(path, (size_t)(strstr(path, "/.kopi-docka-") - path));
	struct fault f = { 0 };
	struct stat st;
	int dir CLEANUP(closep) = way_open(*base ? base : "/", &f);

	if (dir < 0 || fstat(dir, &st) < 0)
		return;
	bool gone = unlinkat(dir, PLACE_STAGING, AT_REMOVEDIR) == 0; /* another restore may still use it */
	gone |= unlinkat(dir, PLACE_KEPT, AT_REMOVEDIR) == 0;        /* others may keep theirs there */
	struct timespec at[2] = { st.st_atim, st.st_mtim };
	if (gone)
		IGNORE(futimens(dir, at));
}

int place_sweep(const char *staged, const char *is)
{
	struct spot s CLEANUP(spot_done) = SPOT_INIT;

	if (!strstr(staged, "/" PLACE_STAGING "/"))
		return place_refuse("%s is no staging directory", staged);
	if (spot_ours(staged, false, &s) != 0)
		return 1;
	char *found CLEANUP(freep) = spot_identity(&s);
	if (found && is && !place_same_inode(found, is))
		return place_refuse("%s is another directory than the one that was made: it stays", staged);
	int r = found ? dir_remove_at(s.dir, s.name) : 0;
	if (r < 0 && r != -ENOENT) {
		errno = -r;
		return place_fail("cannot remove", staged);
	}
	tidy(staged);
	return 0;
}

/* One kept copy, BASE/.kopi-docka-kept/ID/NAME; anything else is not ours to remove. */
static int forget(const char *id, const char *path)
{
	char *middle CLEANUP(freep) = xasprintf("/" PLACE_KEPT "/%s/", id);
	const char *at = strstr(path, middle);
	size_t before = at ? (size_t)(at - path) + strlen(middle) : 0;
	size_t len = at ? strcspn(path + before, "/") : 0; /* single paths have their item's */
	char *whole CLEANUP(freep) = xstrndup(path, before + len);
	struct spot s CLEANUP(spot_done) = SPOT_INIT;
	struct stat st;

	if (!len || streq(whole + before, ".") || streq(whole + before, ".."))
		return place_refuse("%s is no old copy of restore %s", path, id);
	if (spot_ours(whole, false, &s) != 0)
		return 1;
	if (s.dir < 0)
		return 0;
	if (fstat(s.dir, &st) < 0 || st.st_uid != 0 || (st.st_mode & 0077))
		return place_refuse("the directory of %s is not ours: it stays", whole);
	struct way_id as;
	int r = way_identify(s.dir, &as);
	if (r == 0)
		r = remove_entry(s.dir, s.name, &as);
	errno = r < 0 ? -r : EBUSY;
	if (r != 0 && r != -ENOENT)
		return place_fail("cannot remove", path);
	char *own CLEANUP(freep) = xstrndup(whole, before - 1);
	struct spot above CLEANUP(spot_done) = SPOT_INIT;
	if (spot_ours(own, false, &above) == 0 && above.dir >= 0 && unlinkat(above.dir, above.name, AT_REMOVEDIR) == 0)
		tidy(path);
	return 0;
}

int place_forget(const char *id, char **paths, int n)
{
	int r = 0;

	if (!*id || strchr(id, '/') || *id == '.')
		return place_refuse("'%s' is no restore", id);
	for (int i = 0; i < n; i++)
		r |= forget(id, paths[i]);
	return r;
}
