/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-pack: walks items for the daemon, killable, because a dead mount blocks
 * whoever touches it.
 *
 *   kopi-docka-pack measure [--] [--ours=DIRECTORY …] [[--unit=NAME] [--exclude=PATTERN …] PATH] …
 *   kopi-docka-pack look [--] PATH …
 *
 * prints one JSON line a path: what it is, how much tar will read and write, and what
 * tar will not follow or bring back; with look the root alone, without a walk. The walk goes from descriptor to descriptor with
 * O_NOFOLLOW and never leaves the device; only the root itself is resolved, as the
 * engine does for binds, and once: what was opened is what is walked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/varlink.h"
#include "helpers/exclude.h"

#define BTRFS_MAGIC      0x9123683E
#define BTRFS_ROOT_INODE 256
#define TAR_BLOCK        512
#define TAR_SLACK        1536 /* pax header and its data: times, long names, xattrs */
#define TAR_RECORD       10240
#define TAR_PATH_MAX     4095
#define DEPTH_MAX        2000

struct walk {
	dev_t device;
	bool btrfs;
	int64_t entries, bytes, tar_bytes, sockets, too_long, unreadable;
	const struct strv *excludes, *ours; /* borrowed: patterns of tar; directories of restores */
	bool left_out;                      /* below what a pattern leaves out: counted apart */
	int64_t left_entries, left_bytes;
	struct json_object *nested, *own; /* borrowed from the answer; own: paths of ours in it */
	const char *real;                 /* of the root, where it was opened */
	char *path;                 /* of the directory being walked, below the root */
	char *first_too_long;       /* shortened; owned */
	const char *root;
};

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFREG:
		return "file";
	case S_IFSOCK:
		return "socket";
	case S_IFIFO:
		return "fifo";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	case S_IFLNK:
		return "symlink";
	default:
		return "other";
	}
}

/* No blocks: a file that is one hole, or a file system that does not count them (inline data,
 * FUSE). */
static bool has_data(int dir, const char *name, int flags)
{
	int fd CLEANUP(closep) = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);

	return fd < 0 || lseek(fd, 0, SEEK_DATA) >= 0 || errno != ENXIO;
}

/* No link is followed but those that ${flags} allow. What tar will read: a sparse file is read and stored without
 * its holes. */
static int64_t data_of(int dir, const char *name, const struct stat *st, int flags)
{
	int64_t allocated = (int64_t)st->st_blocks * 512;

	if (!S_ISREG(st->st_mode))
		return 0;
	if (allocated == 0 && st->st_size > 0 && !has_data(dir, name, flags))
		return 0;
	return allocated < st->st_size && allocated > 0 ? allocated : st->st_size;
}

static int64_t data_of_file(int fd, const struct stat *st)
{
	char *self CLEANUP(freep) = xasprintf("/proc/self/fd/%d", fd);

	return data_of(AT_FDCWD, self, st, 0);
}

static void count(struct walk *w, const struct stat *st, int64_t data, size_t path_len)
{
	w->entries++;
	if (S_ISSOCK(st->st_mode)) {
		w->sockets++;
		return;
	}
	w->bytes += data;
	/* A long path and a link's target go into the pax header. */
	w->tar_bytes += TAR_BLOCK + TAR_SLACK + (int64_t)path_len +
			(S_ISLNK(st->st_mode) ? st->st_size : 0) +
			(data + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

static void add_nested(struct walk *w, const char *name, const char *kind)
{
	struct json_object *o = json_object_new_object();
	char *path CLEANUP(freep) = xasprintf("%s%s/%s", w->root, w->path, name);

	json_put_text(o, "path", path);
	json_put_text(o, "kind", kind);
	json_object_array_add(w->nested, o);
}

static void walk_directory(struct walk *w, int fd, int depth);

/* A directory where a restore keeps what was there: known by the record of the restore, and only root can enter it. Nobody
 * else's of that name. */
static bool is_ours(struct walk *w, const char *name, const struct stat *st)
{
	if (w->ours->n == 0 || !S_ISDIR(st->st_mode) || st->st_uid != 0 || (st->st_mode & 07777) != 0700)
		return false;
	char *path CLEANUP(freep) = xasprintf("%s%s/%s", w->root, w->path, name), *real CLEANUP(freep) = xasprintf("%s%s/%s", w->real, w->path, name);
	char *inside CLEANUP(freep) = xasprintf(".%s/%s", w->path, name);

	if (!strv_has(w->ours, path) && !strv_has(w->ours, real))
		return false;
	json_object_array_add(w->own, json_object_new_string(inside));
	return true;
}

/* What the admin's patterns leave out. */
static bool is_left_out(const struct walk *w, const char *name)
{
	if (w->left_out || w->excludes->n == 0)
		return w->left_out;
	char *member CLEANUP(freep) = xasprintf(".%s/%s", w->path, name);
	return exclude_matches(w->excludes, member);
}

static void count_left_out(struct walk *w, int dir, const char *name, const struct stat *st)
{
	w->left_entries++;
	w->left_bytes += data_of(dir, name, st, O_NOFOLLOW);
}

static void walk_below(struct walk *w, int dir, const char *name, int depth);

static void walk_entry(struct walk *w, int dir, const char *name, int depth)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		w->unreadable += errno != ENOENT;
		return;
	}
	size_t path_len =
		strlen(w->path) + strlen(name) + 2; /* as tar writes it: ./path/name */
	if (is_ours(w, name, &st))
		return;
	bool outer = w->left_out;
	if (is_left_out(w, name)) {
		count_left_out(w, dir, name, &st);
		w->left_out = true;
		if (S_ISDIR(st.st_mode) && st.st_dev == w->device)
			walk_below(w, dir, name, depth);
		w->left_out = outer;
		return;
	}
	if (path_len > TAR_PATH_MAX && w->too_long++ == 0)
		w->first_too_long = xasprintf("%.60s/…/%.60s", w->path, name);
	if (st.st_dev != w->device) {
		add_nested(w, name,
			w->btrfs && st.st_ino == BTRFS_ROOT_INODE ? "subvolume" : "mount");
		w->entries++;
		return;
	}
	count(w, &st, data_of(dir, name, &st, O_NOFOLLOW), path_len);
	if (S_ISDIR(st.st_mode))
		walk_below(w, dir, name, depth);
}

static void walk_below(struct walk *w, int dir, const char *name, int depth)
{
	errno = 0;
	int fd = depth < DEPTH_MAX
			 ? openat(dir, name,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME)
			 : -1;
	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		w->unreadable++;
		return;
	}
	char *outer = w->path;
	w->path = xasprintf("%s/%s", outer, name);
	walk_directory(w, fd, depth + 1);
	free(w->path);
	w->path = outer;
}

/* Takes ${fd}. */
static void walk_directory(struct walk *w, int fd, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d) {
		close(fd);
		w->unreadable++;
		return;
	}
	while (errno = 0, (e = readdir(d)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			walk_entry(w, dirfd(d), e->d_name, depth);
	w->unreadable += errno != 0;
	closedir(d);
}

static void measure_directory(struct walk *w, int fd)
{
	struct statfs fs;

	w->btrfs = fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == BTRFS_MAGIC;
	walk_directory(w, TAKE_FD(fd), 0);
}

static void put_figures(struct json_object *o, const struct walk *w)
{
	json_put_number(o, "entries", w->entries);
	json_put_number(o, "size_bytes", w->bytes);
	json_put_number(o, "tar_bytes", w->tar_bytes + TAR_BLOCK + TAR_SLACK + 2 * TAR_RECORD);
	json_put_flag(o, "empty", w->entries == 0);
	json_put_number(o, "sockets", w->sockets);
	json_put_number(o, "too_long", w->too_long);
	json_put_text(o, "first_too_long", w->first_too_long);
	json_put_number(o, "files_unreadable", w->unreadable);
	json_put_number(o, "excluded_entries", w->left_entries);
	json_put_number(o, "excluded_bytes", w->left_bytes);
}

static bool is_empty(int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	bool empty = d != NULL;

	while (d && empty && (e = readdir(d)))
		empty = streq(e->d_name, ".") || streq(e->d_name, "..");
	if (d)
		closedir(d);
	else
		close(fd);
	return empty;
}

/* Where there are none, tar would warn of each file. */
static bool knows_xattrs(int root)
{
	char *name CLEANUP(freep) = xasprintf("/proc/self/fd/%d", root);

	return listxattr(name, NULL, 0) >= 0 || errno != ENOTSUP;
}

static void put_walk(struct json_object *o, int root, const struct stat *st, struct walk *w, bool look)
{
	int dir = S_ISDIR(st->st_mode) ? openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (S_ISDIR(st->st_mode) && dir < 0)
		json_put_text(o, "error", strerror(errno));
	if (look) {
		json_put_flag(o, "empty", dir >= 0 && is_empty(dir));
		return;
	}
	w->device = st->st_dev;
	w->left_out = exclude_matches(w->excludes, "."); /* all of it */
	if (dir >= 0)
		measure_directory(w, dir);
	else
		count(w, st, data_of_file(root, st), strlen(w->root));
	put_figures(o, w);
	if (!knows_xattrs(root))
		json_put_flag(o, "no_xattrs", true);
}

/* Where the path leads, of what was opened. Caller's. */
static char *real_of(int fd, const char *path)
{
	char real[PATH_MAX];
	char *name CLEANUP(freep) = xasprintf("/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, real, sizeof(real) - 1);

	if (n <= 0)
		return xstrdup(path);
	real[n] = '\0';
	return xstrdup(real);
}

/* What stands before a path on the command line. */
struct wish {
	struct strv excludes, ours;
	const char *unit; /* echoed */
};

static void measure(const char *path, const struct wish *wish, bool look)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct json_object *nested = json_object_new_array();
	struct json_object *own = json_object_new_array();
	struct walk w = { .nested = nested, .own = own, .path = xstrdup(""), .root = path, .excludes = &wish->excludes, .ours = &wish->ours };
	struct stat st;

	json_put_text(o, "path", path);
	json_put_text(o, "unit", wish->unit);
	json_object_object_add(o, "nested", nested);
	json_object_object_add(o, "ours", own);
	int fd CLEANUP(closep) = open(path, O_PATH | O_CLOEXEC);
	char *real CLEANUP(freep) = fd < 0 ? NULL : real_of(fd, path);
	if (fd < 0 || fstat(fd, &st) < 0) {
		json_put_text(
			o, "kind", errno == ENOENT || errno == ENOTDIR ? "missing" : "other");
		if (errno != ENOENT && errno != ENOTDIR)
			json_put_text(o, "error", strerror(errno));
	} else {
		json_put_text(o, "kind", kind_of(st.st_mode));
		if (!streq(real, path))
			json_put_text(o, "real", real);
		w.real = real;
		json_put_number(o, "device", (int64_t)st.st_dev);
		json_put_number(o, "inode", (int64_t)st.st_ino);
		put_walk(o, fd, &st, &w, look);
	}
	free(w.path);
	free(w.first_too_long);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

/* Every level of the walk holds a descriptor. */
static void allow_depth(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		IGNORE(setrlimit(
			RLIMIT_NOFILE, &limit)); /* what is deeper is counted as unreadable */
	}
}

/* An option? Paths are absolute. */
static bool take_word(struct wish *w, const char *word)
{
	if (starts_with(word, "--exclude="))
		strv_add(&w->excludes, word + strlen("--exclude="));
	else if (starts_with(word, "--ours="))
		strv_add(&w->ours, word + strlen("--ours="));
	else if (starts_with(word, "--unit="))
		w->unit = word + strlen("--unit=");
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct wish wish = { 0 };
	int i = 2;

	if (argc < 3 || !(streq(argv[1], "measure") || streq(argv[1], "look"))) {
		fputs("usage: kopi-docka-pack measure|look [--] PATH …: called by kopi-dockad\n",
			stderr);
		return 2;
	}
	if (streq(argv[i], "--"))
		i++;
	allow_depth();
	for (; i < argc; i++) {
		if (take_word(&wish, argv[i]))
			continue;
		measure(argv[i], &wish, streq(argv[1], "look"));
		strv_done(&wish.excludes);
		wish.unit = NULL;
	}
	strv_done(&wish.ours);
	return fflush(stdout) == 0 ? 0 : 1;
}
