/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-place: what a restore does to an item's path. A child of the daemon and
 * killable, because a dead mount blocks whoever touches it.
 *
 *   stage [--file] [--beside DIR] [--id ID] DEST BYTES
 *       makes a fresh directory for the new data on DEST's filesystem and prints one
 *       JSON line: staged, kept, mode. DEST is made (an empty directory) if missing.
 *   swap MODE DEST STAGED KEPT
 *       MODE rename: STAGED becomes DEST, what was DEST becomes KEPT, by renames.
 *       Prints "kept" when there was anything to keep.
 *       MODE contents: DEST is a mount point: its entries move, it stays.
 *   sweep STAGED
 *       removes a staging directory that stage had made.
 *
 * Law 6: nothing of the old is removed here, ever; it is moved to KEPT.
 */
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

#define STAGING ".kopi-docka-staging"
#define KEPT    ".kopi-docka-kept"

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	return 1;
}

/* --- stage --------------------------------------------------------------------------- */

struct stage {
	bool file;
	const char *beside, *id, *dest;
	int64_t bytes;
};

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash != path ? xstrndup(path, (size_t)(slash - path)) : xstrdup("/");
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int make_dest(const struct stage *s, const char *parent, struct stat *st)
{
	struct fault f = { 0 };

	if (lstat(s->dest, st) == 0)
		return 0;
	if (errno != ENOENT)
		return fail("cannot look at", s->dest);
	if (dir_make(s->file ? parent : s->dest, 0755, &f) < 0) {
		fprintf(stderr, "%s\n", f.text);
		return 1;
	}
	if (stat(s->file ? parent : s->dest, st) < 0)
		return fail("cannot look at", s->dest);
	return 0;
}

/* Where staging and kept stand: beside DEST on its filesystem, inside it when it is a mount point. */
static char *choose_base(const struct stage *s, const char *parent, const struct stat *dest, bool *contents)
{
	struct stat st;

	*contents = false;
	if (s->beside && stat(s->beside, &st) == 0 && st.st_dev == dest->st_dev)
		return xstrdup(s->beside);
	if (stat(parent, &st) == 0 && st.st_dev == dest->st_dev)
		return xstrdup(parent);
	*contents = true;
	return xstrdup(s->dest);
}

static int check_room(const struct stage *s, const char *base)
{
	struct statvfs v;

	if (statvfs(base, &v) < 0)
		return fail("cannot ask for free space at", base);
	int64_t room = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	if (room >= s->bytes)
		return 0;
	fprintf(stderr, "no room for the new data beside the old at %s: %" PRId64 " bytes needed, %" PRId64
		" free; restore elsewhere with --target, or make room\n", base, s->bytes, room);
	return 1;
}

static int stage(const struct stage *s)
{
	char *parent CLEANUP(freep) = parent_of(s->dest);
	struct stat st;
	bool contents;
	struct fault f = { 0 };

	if (s->beside)
		IGNORE(dir_make(s->beside, 0700, &f)); /* not there: beside DEST instead */
	if (make_dest(s, parent, &st) != 0)
		return 1;
	if (S_ISLNK(st.st_mode) || (s->file ? S_ISDIR(st.st_mode) && lstat(s->dest, &st) == 0 : !S_ISDIR(st.st_mode))) {
		fprintf(stderr, "%s is not what the backup has: a %s\n", s->dest, s->file ? "file" : "directory");
		return 1;
	}
	char *base CLEANUP(freep) = choose_base(s, parent, &st, &contents);
	if (check_room(s, base) != 0)
		return 1;
	char *staging CLEANUP(freep) = xasprintf("%s/" STAGING, base);
	if (mkdir(staging, 0700) < 0 && errno != EEXIST)
		return fail("cannot make", staging);
	char *staged CLEANUP(freep) = xasprintf("%s/XXXXXX", staging);
	if (!mkdtemp(staged))
		return fail("cannot make a directory below", staging);
	/* Volumes of one engine all end in _data: the volume's name tells them apart. */
	char *kept CLEANUP(freep) = xasprintf("%s/" KEPT "/%s/%s", base, s->id,
		streq(name_of(s->dest), "_data") ? name_of(parent) : name_of(s->dest));
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	json_put_text(o, "staged", staged);
	json_put_text(o, "kept", kept);
	json_put_text(o, "mode", contents ? "contents" : s->file ? "file" : "rename");
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	return 0;
}

/* --- swap ---------------------------------------------------------------------------- */

static int make_parent(const char *path)
{
	char *parent CLEANUP(freep) = parent_of(path);
	struct fault f = { 0 };

	if (dir_make(parent, 0700, &f) == 0)
		return 0;
	fprintf(stderr, "%s\n", f.text);
	return 1;
}

static int sync_parent(const char *path)
{
	char *parent CLEANUP(freep) = parent_of(path);
	int fd CLEANUP(closep) = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

/* An empty directory (DEST was made by stage) is not worth keeping: rmdir takes nothing else. */
static void drop_if_empty(const char *kept)
{
	char *path CLEANUP(freep) = xstrdup(kept);

	for (int i = 0; i < 3 && rmdir(path) == 0; i++)
		*strrchr(path, '/') = '\0';
}

/* The names change places in one step, so DEST is never missing; then the old goes to KEPT. */
static int swap_rename(const char *dest, const char *staged, const char *kept)
{
	if (make_parent(kept) != 0)
		return 1;
	if (renameat2(AT_FDCWD, staged, AT_FDCWD, dest, RENAME_EXCHANGE) < 0)
		return fail("cannot exchange", dest);
	if (rename(staged, kept) < 0) {
		int saved = errno;
		IGNORE(renameat2(AT_FDCWD, staged, AT_FDCWD, dest, RENAME_EXCHANGE)); /* the way back */
		errno = saved;
		return fail("cannot keep the old data as", kept);
	}
	IGNORE(sync_parent(dest)); /* a rename that is lost with the power leaves the old: no harm */
	drop_if_empty(kept);
	return 0;
}

static int swap_file(const char *dest, const char *staged, const char *kept)
{
	char *file CLEANUP(freep) = xasprintf("%s/%s", staged, name_of(dest));

	if (make_parent(kept) != 0)
		return 1;
	if (link(dest, kept) < 0 && errno != ENOENT)
		return fail("cannot keep the old file as", kept);
	if (rename(file, dest) < 0)
		return fail("cannot put the new file at", dest);
	IGNORE(rmdir(staged)); /* empty now; a leftover does no harm */
	IGNORE(sync_parent(dest));
	return 0;
}

static bool ours(const char *name)
{
	return streq(name, ".") || streq(name, "..") || streq(name, STAGING) || streq(name, KEPT) ||
		streq(name, "lost+found");
}

static int move_entries(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *e;
	int r = 0;

	if (!d)
		return fail("cannot list", from);
	while (r == 0 && (e = readdir(d))) {
		if (ours(e->d_name))
			continue;
		char *a CLEANUP(freep) = xasprintf("%s/%s", from, e->d_name);
		char *b CLEANUP(freep) = xasprintf("%s/%s", to, e->d_name);
		if (rename(a, b) < 0)
			r = fail("cannot move", a);
	}
	closedir(d);
	return r;
}

static int swap_contents(const char *dest, const char *staged, const char *kept)
{
	struct fault f = { 0 };
	struct stat st;

	if (dir_make(kept, 0700, &f) < 0) {
		fprintf(stderr, "%s\n", f.text);
		return 1;
	}
	if (move_entries(dest, kept) != 0)
		return 1;
	if (move_entries(staged, dest) != 0)
		return 1;
	if (stat(staged, &st) == 0)
		IGNORE(chown(dest, st.st_uid, st.st_gid) < 0 || chmod(dest, st.st_mode & 07777) < 0);
	return 0;
}

static int swap(const char *mode, const char *dest, const char *staged, const char *kept)
{
	if (streq(mode, "rename"))
		return swap_rename(dest, staged, kept);
	if (streq(mode, "file"))
		return swap_file(dest, staged, kept);
	if (streq(mode, "contents"))
		return swap_contents(dest, staged, kept);
	fprintf(stderr, "unknown mode '%s'\n", mode);
	return 2;
}

static int sweep(const char *staged)
{
	if (!strstr(staged, "/" STAGING "/")) {
		fprintf(stderr, "%s is no staging directory\n", staged);
		return 2;
	}
	if (dir_remove(staged) < 0 && errno != ENOENT)
		return fail("cannot remove", staged);
	char *parent CLEANUP(freep) = parent_of(staged);
	IGNORE(rmdir(parent)); /* another restore may still use it */
	return 0;
}

static int run_stage(int argc, char **argv)
{
	struct stage s = { .id = "old" };
	int i = 0;

	for (; i < argc && starts_with(argv[i], "--"); i++) {
		if (streq(argv[i], "--file"))
			s.file = true;
		else if (streq(argv[i], "--beside") && i + 1 < argc)
			s.beside = argv[++i];
		else if (streq(argv[i], "--id") && i + 1 < argc)
			s.id = argv[++i];
	}
	if (argc - i != 2)
		return 2;
	s.dest = argv[i];
	s.bytes = strtoll(argv[i + 1], NULL, 10);
	return stage(&s);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && streq(argv[1], "stage"))
		return run_stage(argc - 2, argv + 2);
	if (argc == 6 && streq(argv[1], "swap")) {
		int r = swap(argv[2], argv[3], argv[4], argv[5]);
		if (r == 0 && access(argv[5], F_OK) == 0)
			puts("kept");
		return r;
	}
	if (argc == 3 && streq(argv[1], "sweep"))
		return sweep(argv[2]);
	fputs("usage: kopi-docka-place stage|swap|sweep …: called by kopi-dockad\n", stderr);
	return 2;
}
