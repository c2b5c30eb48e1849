/* SPDX-License-Identifier: MIT */
/* Is there room, in place and for safety copies, and the copies that go into a directory. */
#include "helpers/place.h"
#include "helpers/place_around.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
	char *above CLEANUP(freep) = xstrndup(path, strrchr(path, '/') > path ? (size_t)(strrchr(path, '/') - path) : 1);
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

/* --- what emptying gives back ------------------------------------------------------------- */

struct count {
	dev_t device;
	int64_t bytes;
	ino_t *seen; /* owned: files of several names, which count once; open addressing, 0 is none */
	size_t n, room;
};

static bool first_time(struct count *c, ino_t inode)
{
	if (2 * c->n >= c->room) {
		struct count bigger = { .room = c->room ? 2 * c->room : 1024 };
		bigger.seen = xcalloc(bigger.room, sizeof(*bigger.seen));
		for (size_t i = 0; i < c->room; i++)
			if (c->seen[i])
				IGNORE(first_time(&bigger, c->seen[i])); /* all of them are */
		free(c->seen);
		c->seen = bigger.seen;
		c->room = bigger.room;
	}
	size_t at = (size_t)(inode * 0x9e3779b97f4a7c15u) % c->room;
	while (c->seen[at] && c->seen[at] != inode)
		at = (at + 1) % c->room;
	if (c->seen[at] == inode)
		return false;
	c->seen[at] = inode;
	c->n++;
	return true;
}

/* Takes ${fd}. What cannot be entered counts nothing: less room than there is, never more. */
static void add_up(struct count *c, int fd)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d)
		closep(&fd);
	while (d && (e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, "..") ||
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 || st.st_dev != c->device)
			continue;
		bool directory = S_ISDIR(st.st_mode);
		if (directory || st.st_nlink == 1 || first_time(c, st.st_ino))
			c->bytes += (int64_t)st.st_blocks * 512;
		if (directory)
			add_up(c, openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	}
	if (d)
		closedir(d);
}

/* What chattr keeps from being removed is told before anything is stopped. */
static int check_flags(const struct spot *s, const char *path)
{
	struct around a = { 0 };
	int fd CLEANUP(closep) = spot_open(s);

	if (fd < 0)
		return around_check_entry(s->dir, s->name, path);
	int r = around_look(fd, path, true, &a);
	if (r == 0)
		r = around_check(&a);
	around_done(&a);
	return r;
}

int place_used(const char *path)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct spot at CLEANUP(spot_done) = SPOT_INIT;
	struct count c = { 0 };
	struct stat st;

	if (spot_at(path, &at) != 0)
		return 1;
	if (fstatat(at.dir, at.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return place_fail("cannot measure", path);
	if (check_flags(&at, path) != 0)
		return 1;
	c.device = st.st_dev;
	c.bytes = (int64_t)st.st_blocks * 512;
	if (S_ISDIR(st.st_mode))
		add_up(&c, spot_open(&at));
	free(c.seen);
	json_put_number(o, "used", c.bytes);
	print(o);
	return 0;
}

/* --- a copy into a directory ------------------------------------------------------------------ */

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

	char *above CLEANUP(freep) = xstrndup(path, strrchr(path, '/') > path ? (size_t)(strrchr(path, '/') - path) : 1);
	if (dir_make(above, 0700, &f) < 0)
		return place_refuse("%s", f.text);
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
