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

int place_move_entries(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *e;
	int r = 0;

	if (!d)
		return place_fail("cannot list", from);
	while (r == 0 && (e = readdir(d))) {
		if (place_skips(e->d_name))
			continue;
		char *a CLEANUP(freep) = xasprintf("%s/%s", from, e->d_name);
		char *b CLEANUP(freep) = xasprintf("%s/%s", to, e->d_name);
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE) < 0)
			r = place_fail("cannot move", a);
	}
	closedir(d);
	return r;
}

/* --- attributes -------------------------------------------------------------------------- */

static void copy_xattr(int from, int to, const char *key)
{
	ssize_t len = fgetxattr(from, key, NULL, 0);
	char *value CLEANUP(freep) = len >= 0 ? xcalloc(1, (size_t)len + 1) : NULL;

	if (value && (len = fgetxattr(from, key, value, (size_t)len)) >= 0)
		IGNORE(fsetxattr(to, key, value, (size_t)len, 0)); /* a filesystem that has none of this kind */
}

static void copy_xattrs(int from, int to)
{
	ssize_t len = flistxattr(from, NULL, 0);
	char *keys CLEANUP(freep) = len > 0 ? xcalloc(1, (size_t)len + 1) : NULL;

	if (!keys || (len = flistxattr(from, keys, (size_t)len)) <= 0)
		return;
	for (const char *k = keys; k < keys + len; k += strlen(k) + 1)
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

/* Returns 0, 1: something of another device stays below, or -errno. */
static int empty(int fd, dev_t device, bool top);

static int remove_entry(int dir, const char *name, dev_t device)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return unlinkat(dir, name, 0) < 0 ? -errno : 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_dev != device) {
		close(fd);
		return 1;
	}
	int r = empty(fd, device, false); /* closes */
	if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = errno == EBUSY ? 1 : -errno;
	return r;
}

static int empty(int fd, dev_t device, bool top)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while (r >= 0 && (e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, "..") || (top && place_skips(e->d_name)))
			continue;
		int one = remove_entry(dirfd(d), e->d_name, device);
		r = one < 0 || one > r ? one : r;
	}
	closedir(d);
	return r;
}

int place_clear(const char *dir, const char *marker)
{
	struct stat st;
	struct fault f = { 0 };

	if (marker && file_replace(marker, "begun", 5, 0600, &f) < 0)
		return place_refuse("%s", f.text);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ENOENT))
		return 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return place_fail("cannot open", dir);
	int r = empty(fd, st.st_dev, true);
	if (r >= 0)
		return 0;
	errno = -r;
	return place_fail("cannot empty", dir);
}

static bool has_something(const char *path)
{
	struct stat st;
	DIR *d;
	struct dirent *e;
	bool found = false;

	if (lstat(path, &st) < 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		return true;
	if (!(d = opendir(path)))
		return true;
	while (!found && (e = readdir(d)))
		found = !streq(e->d_name, ".") && !streq(e->d_name, "..");
	closedir(d);
	return found;
}

static void remove_markers(const char *staged)
{
	char *parent CLEANUP(freep) = place_parent(staged);
	char *prefix CLEANUP(freep) = xasprintf("%s.swap", place_name(staged));
	DIR *d = opendir(parent);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (starts_with(e->d_name, prefix))
			IGNORE(unlinkat(dirfd(d), e->d_name, 0)); /* says nothing any more */
	if (d)
		closedir(d);
}

int place_tell_kept(const char *kept)
{
	if (has_something(kept))
		puts("kept");
	return 0;
}

int place_sweep(const char *staged)
{
	if (!strstr(staged, "/" PLACE_STAGING "/"))
		return place_refuse("%s is no staging directory", staged);
	int r = dir_remove(staged);
	if (r < 0 && r != -ENOENT) {
		errno = -r;
		return place_fail("cannot remove", staged);
	}
	remove_markers(staged);
	char *parent CLEANUP(freep) = place_parent(staged);
	char *kept CLEANUP(freep) = place_parent(parent);
	char *all CLEANUP(freep) = xasprintf("%s/" PLACE_KEPT, kept);
	IGNORE(rmdir(parent)); /* another restore may still use it */
	IGNORE(rmdir(all));    /* goes only where nothing is kept */
	return 0;
}

/* Opens ${base}/KEPT/ID without following a link; both must be ours. */
static int open_kept(const char *base, const char *id)
{
	int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *const names[] = { PLACE_KEPT, id };
	struct stat st;

	for (size_t i = 0; dir >= 0 && i < ARRAY_SIZE(names); i++) {
		int next = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int saved = errno;
		close(dir);
		errno = saved;
		dir = next;
		if (dir >= 0 && (fstat(dir, &st) < 0 || st.st_uid != geteuid())) {
			close(dir);
			errno = EPERM;
			return -1;
		}
	}
	return dir;
}

/* One kept copy, BASE/.kopi-docka-kept/ID/NAME; anything else is not ours to remove. */
static int forget(const char *id, const char *path)
{
	char *middle CLEANUP(freep) = xasprintf("/" PLACE_KEPT "/%s/", id);
	const char *at = strstr(path, middle);
	const char *rest = at ? at + strlen(middle) : "";
	char *name CLEANUP(freep) = xstrndup(rest, strcspn(rest, "/")); /* single paths have their item's */
	struct stat st;

	if (!*name || streq(name, ".") || streq(name, ".."))
		return place_refuse("%s is no old copy of restore %s", path, id);
	char *base CLEANUP(freep) = xstrndup(path, (size_t)(at - path));
	int dir CLEANUP(closep) = open_kept(*base ? base : "/", id);
	if (dir < 0)
		return errno == ENOENT ? 0 : place_fail("cannot open the old copies at", base);
	if (fstat(dir, &st) < 0)
		return place_fail("cannot look at", path);
	int r = remove_entry(dir, name, st.st_dev);
	errno = r < 0 ? -r : EBUSY;
	if (r != 0 && r != -ENOENT)
		return place_fail("cannot remove", path);
	char *own CLEANUP(freep) = xasprintf("%s/" PLACE_KEPT "/%s", base, id);
	char *all CLEANUP(freep) = xasprintf("%s/" PLACE_KEPT, base);
	if (rmdir(own) == 0)
		IGNORE(rmdir(all)); /* others keep theirs there */
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
