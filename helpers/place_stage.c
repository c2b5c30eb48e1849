/* SPDX-License-Identifier: MIT */
/*
 * What is replaced, as it is now, and a fresh directory for the new data (place_base.c says
 * where). All that is wrong with the item's place is refused here, before anything is
 * stopped. Whether there is room is judged by the daemon, for all items of a filesystem.
 */
#include "helpers/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/varlink.h"

/* --- the place itself ---------------------------------------------------------------------- */

/*
 * The engine follows links to a mount's source when it starts a container. Whoever owns a directory on the way can put
 * one there: then only what a container really has is known to be meant.
 */
static int judge_links(const struct stage *s, const struct way_links *links, const char *real)
{
	struct fault f = { 0 };
	struct within w = { 0 };
	bool mounted = false;
	const char *name;

	if (!links->foreign && !links->last)
		return 0;
	int above CLEANUP(closep) = way_open_above(real, &name, &f);
	int fd CLEANUP(closep) = above < 0 ? -1 : openat(above, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && within_find(fd, real, &w) == 0)
		for (size_t i = 0; i < s->mounted.n && !mounted; i++)
			mounted = within_is_mounted(&w, s->mounted.v[i]);
	within_done(&w);
	if (mounted || (!links->foreign && !s->mounted.n))
		return 0;
	if (s->mounted.n)
		return place_refuse("%s leads by a link to %s, which is not what its container has mounted: put the directory back in its place, or restart the container if it is meant",
			links->foreign ? links->foreign : s->dest, real);
	return place_refuse("%s is a link that others than root can put there, and no running container shows that %s is meant: replace it by the directory, or restore with --target",
		links->foreign, real);
}

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? "a directory" : S_ISREG(mode) ? "a file" : S_ISLNK(mode) ? "a link" : "no file";
}

static bool is_empty(const struct spot *s)
{
	int fd = spot_open(s);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool empty = d != NULL;

	while (empty && (e = readdir(d)))
		empty = streq(e->d_name, ".") || streq(e->d_name, "..");
	if (d)
		closedir(d);
	else
		closep(&fd);
	return empty;
}

/* What is there must be what the backup has; a directory that is missing is made. */
static int take_dest(const struct stage *s, const struct spot *dest, const char *shown)
{
	struct stat st;

	if (fstatat(dest->dir, dest->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return place_fail("cannot look at", shown);
		if (s->file || mkdirat(dest->dir, dest->name, s->secret ? 0700 : 0755) == 0)
			return 0;
		return place_fail("cannot make", shown);
	}
	if (S_ISLNK(st.st_mode) || (!s->file && !S_ISDIR(st.st_mode)) || (s->file && S_ISDIR(st.st_mode) && !is_empty(dest)))
		return place_refuse("%s is %s, and the backup has a %s: move it away, then restore again", shown, kind_of(st.st_mode),
			s->file ? "file" : "directory");
	/* The engine makes an empty directory where the file of a bind is missing: it changes places like a file. */
	return 0;
}

/* A path in the item whose directories are somebody else's: known before anything is stopped. */
static int look_at_paths(const struct stage *s, const char *real, const struct way_id *as)
{
	for (size_t i = 0; i < s->n_wanted; i++) {
		struct spot spot CLEANUP(spot_done) = SPOT_INIT;
		struct below b = { .root = real, .path = s->wanted[i] };
		struct way_id id;
		if (spot_below(&b, false, &spot) != 0)
			return 1;
		if (spot.dir >= 0 && (way_identify(spot.dir, &id) < 0 || !way_same_mount(&id, as)))
			return place_refuse("%s/%s lies on another mount than %s: nothing can be exchanged there; restore with --target", real,
				s->wanted[i], real);
	}
	return 0;
}

/* --- a fresh directory --------------------------------------------------------------------- */

static int make_fresh(int staging, const char *shown, char **ret_name, struct way_id *ret_id, struct fault *f)
{
	for (;;) {
		uint32_t number;
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return fault_errno(f, FAULT_FAILED, -errno, "no random number");
		char *name CLEANUP(freep) = xasprintf("%08" PRIx32, number);
		if (mkdirat(staging, name, 0700) < 0 && errno == EEXIST)
			continue;
		int fd CLEANUP(closep) = way_private(staging, name, true, shown, f);
		if (fd < 0)
			return fd;
		int r = way_identify(fd, ret_id);
		if (r == 0)
			*ret_name = TAKE_PTR(name);
		return r;
	}
}

struct laid { /* what is told */
	struct base base;
	char *name; /* of the fresh directory */
	struct way_id id;
	struct statvfs v;
	dev_t device;
};

static int lay_out(struct laid *l)
{
	struct fault f = { 0 };
	struct stat st;
	int base CLEANUP(closep) = way_open(l->base.path, &f);

	if (base < 0)
		return place_refuse("%s", f.text);
	if (fstat(base, &st) < 0 || fstatvfs(base, &l->v) < 0)
		return place_fail("cannot ask for free space at", l->base.path);
	char *shown CLEANUP(freep) = xasprintf("%s/" PLACE_STAGING, streq(l->base.path, "/") ? "" : l->base.path);
	int staging CLEANUP(closep) = way_private(base, PLACE_STAGING, true, l->base.path, &f);
	int keeping CLEANUP(closep) = staging < 0 ? -1 : way_private(base, PLACE_KEPT, true, l->base.path, &f);
	if (keeping < 0 || make_fresh(staging, shown, &l->name, &l->id, &f) < 0)
		return place_refuse("%s", f.text);
	l->device = st.st_dev;
	struct timespec at[2] = { st.st_atim, st.st_mtim };
	IGNORE(futimens(base, at)); /* inside an item it is the item's own time */
	return 0;
}

static void tell(const struct stage *s, const struct laid *l, const char *dest, const struct spot *spot, const char *link)
{
	const char *base = streq(l->base.path, "/") ? "" : l->base.path;
	char *staged CLEANUP(freep) = xasprintf("%s/" PLACE_STAGING "/%s", base, l->name);
	char *kept CLEANUP(freep) = xasprintf("%s/" PLACE_KEPT "/%s/%s", base, s->id, s->name);
	char *failed CLEANUP(freep) = xasprintf("%s.put-back", kept);
	char *dest_is CLEANUP(freep) = spot_identity(spot), *staged_is CLEANUP(freep) = way_id_format(&l->id);
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct way_id above = { 0 };
	int r = way_identify(spot->dir, &above);
	char *above_is CLEANUP(freep) = r == 0 ? way_id_format(&above) : NULL;

	json_put_text(o, "dest", dest);
	json_put_text(o, "link", link);
	json_put_text(o, "dest_is", dest_is ? dest_is : "none");
	json_put_text(o, "above_is", above_is);
	json_put_text(o, "staged", staged);
	json_put_text(o, "staged_is", staged_is);
	json_put_text(o, "kept", kept);
	json_put_text(o, "failed", failed);
	json_put_text(o, "mode", s->paths ? "path" : l->base.around ? "contents" : "rename");
	json_put_flag(o, "late", l->base.late);
	/* A container that was made with a directory has one to mount it on, and no file will do. */
	int was_directory CLEANUP(closep) = s->file && s->mounted.n ? spot_open(spot) : -1;
	json_put_flag(o, "made_with_directory", was_directory >= 0);
	json_put_number(o, "device", (int64_t)l->device);
	json_put_number(o, "free", (int64_t)l->v.f_bavail * (int64_t)l->v.f_frsize);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

static bool has_entries(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool found = d == NULL;

	while (!found && (e = readdir(d)))
		found = !streq(e->d_name, ".") && !streq(e->d_name, "..");
	if (d)
		closedir(d);
	else
		closep(&fd);
	return found;
}

/*
 * What is restored elsewhere is root's until the admin says otherwise: nobody comes in, whatever the modes of what
 * lies there. An empty directory is made so; one with something in it is somebody's, and is not closed behind their back.
 */
static int take_target(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return place_fail("cannot look at", path);
	if (!way_is_roots(path))
		return place_refuse("others than root can change %s: restore into a directory of root's", path);
	if (!(st.st_mode & 077))
		return 0;
	if (has_entries(fd))
		return place_refuse("others can enter %s, and something is in it: name a new directory, or chmod 700 that one first", path);
	return way_drop_acls(fd) < 0 || fchmod(fd, 0700) < 0 ? place_fail("cannot close to others", path) : 0;
}

static int find_dest(const struct stage *s, const char *real, struct spot *ret)
{
	char *parent CLEANUP(freep) = xasprintf("%.*s/", (int)(strrchr(real, '/') - real), real);
	struct fault f = { 0 };
	int fd CLEANUP(closep) = way_make(parent, s->secret ? 0700 : 0755, &f);

	if (fd < 0)
		return place_refuse("%s", f.text);
	if (s->secret && take_target(fd, parent) != 0)
		return 1;
	return spot_at(real, ret);
}

int place_stage(const struct stage *s)
{
	struct way_links links = { 0 };
	struct fault f = { 0 };
	struct laid l = { 0 };
	struct spot dest CLEANUP(spot_done) = SPOT_INIT;
	struct way_id own;
	char *real CLEANUP(freep) = way_resolve(s->dest, &links, &f);
	char *foreign CLEANUP(freep) = links.foreign;

	if (!real)
		return place_refuse("%s", f.text);
	if (judge_links(s, &links, real) != 0 || find_dest(s, real, &dest) != 0 || take_dest(s, &dest, real) != 0)
		return 1;
	if (s->n_wanted && (way_identify_at(dest.dir, dest.name, &own) < 0 || look_at_paths(s, real, &own) != 0))
		return 1;
	int r = base_choose(s, &dest, real, &l.base);
	if (r == 0)
		r = lay_out(&l);
	if (r == 0)
		tell(s, &l, real, &dest, foreign ? foreign : links.last ? s->dest : NULL);
	free(l.base.path);
	free(l.name);
	return r;
}

/* A container that ran until now may have been in it. */
int place_fresh(const char *staged, const char *is)
{
	struct spot s CLEANUP(spot_done) = SPOT_INIT;
	struct fault f = { 0 };

	if (spot_ours(staged, false, &s) != 0)
		return 1;
	char *found CLEANUP(freep) = spot_identity(&s);
	int fd CLEANUP(closep) = found && streq(found, is) ? way_private(s.dir, s.name, false, "the staging directory", &f) : -1;
	if (fd >= 0 && is_empty(&s))
		return 0;
	return place_refuse("%s is not as it was made: somebody was in it; nothing was replaced", staged);
}
