/* SPDX-License-Identifier: MIT */
/*
 * A directory that holds a mount can be renamed, and the mount goes along: into the old copy
 * that somebody will delete. So a directory that leads to one stays, and only its other
 * entries move; everything else is one rename. Whether something is mounted is seen by
 * filesystem and mount, not by the filesystem alone, which may be mounted in itself.
 */
#include "helpers/place_around.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/text.h"
#include "common/varlink.h"
#include "helpers/place.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct entry {
	mode_t type;
	bool mounted, bound; /* the second: a directory of the same filesystem */
	const char *flag; /* NULL, or why it can be neither renamed nor removed */
	struct timespec times[2];
};

static const char *flag_of(const struct statx *x)
{
	return x->stx_attributes & STATX_ATTR_IMMUTABLE ? "immutable (chattr +i)"
		: x->stx_attributes & STATX_ATTR_APPEND ? "append-only (chattr +a)" : NULL;
}

static int refuse_fixed(const char *path, const char *flag)
{
	return place_refuse("%s is %s and cannot be replaced: chattr -ia it, or restore elsewhere with --target; nothing was changed",
		path, flag);
}

int around_check_entry(int dir, const char *name, const char *shown)
{
	struct statx x;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &x) < 0)
		return errno == ENOENT ? 0 : place_fail("cannot look at", shown);
	return flag_of(&x) ? refuse_fixed(shown, flag_of(&x)) : 0;
}

static int look_at(const struct around *a, int dir, const char *name, struct entry *ret)
{
	struct statx x;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID, &x) < 0)
		return -errno;
	struct way_id id = {
		.device = makedev(x.stx_dev_major, x.stx_dev_minor), .inode = x.stx_ino,
		.mount = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0,
	};
	*ret = (struct entry){
		.type = x.stx_mode & S_IFMT,
		.mounted = !way_same_mount(&id, &a->is),
		.bound = !way_same_mount(&id, &a->is) && id.device == a->is.device,
		.flag = flag_of(&x),
		.times = { { x.stx_atime.tv_sec, x.stx_atime.tv_nsec }, { x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec } },
	};
	return 0;
}

static char *below(const char *path, const char *name)
{
	return xasprintf("%s%s%s", path, *path ? "/" : "", name);
}

static int fail_at(const struct around *a, const char *what, const char *path)
{
	char *whole CLEANUP(freep) = below(a->shown, path);

	return place_fail(what, whole);
}

/* Each entry of a directory that is the item's; ${dir} stays the caller's. */
typedef int each_fn(void *arg, int dir, const char *path, const char *name);

static int each(int dir, const char *path, each_fn *fn, void *arg)
{
	int fd = openat(dir, ".", DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		closep(&fd);
		return place_fail("cannot list", *path ? path : "the item");
	}
	while (r == 0 && (errno = 0, e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, "..") || (!*path && place_skips(e->d_name)))
			continue;
		char *whole CLEANUP(freep) = below(path, e->d_name);
		r = fn(arg, dir, whole, e->d_name);
	}
	if (!e && errno)
		r = place_fail("cannot list", path);
	closedir(d);
	return r;
}

/* --- what is in it ------------------------------------------------------------------------- */

struct looking {
	struct around *a;
	bool all;
};

/* ${path}'s directories, from the top, unless they are known. */
static void add_ways(struct around *a, const char *path)
{
	if (!a->ways.n)
		strv_add(&a->ways, "");
	for (const char *p = path, *slash; (slash = strchr(p, '/')); p = slash + 1) {
		char *way CLEANUP(freep) = xstrndup(path, (size_t)(slash - path));
		if (!strv_has(&a->ways, way))
			strv_add(&a->ways, way);
	}
}

static void fix(struct around *a, const char *path, const char *flag)
{
	if (a->fixed || !flag)
		return;
	a->fixed = xstrdup(path);
	a->flag = flag;
}

static int look_one(void *arg, int dir, const char *path, const char *name)
{
	struct looking *l = arg;
	struct entry e;
	int r = look_at(l->a, dir, name, &e);

	if (r < 0) {
		errno = -r;
		return r == -ENOENT ? 0 : fail_at(l->a, "cannot look at", path);
	}
	if (e.mounted) {
		strv_add(&l->a->mounted, path);
		add_ways(l->a, path);
		return 0;
	}
	if (l->all)
		fix(l->a, path, e.flag);
	if (!S_ISDIR(e.type))
		return 0;
	int fd CLEANUP(closep) = openat(dir, name, DIRECTORY);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : fail_at(l->a, "cannot open", path);
	return each(fd, path, look_one, l);
}

static int look_in_way(void *arg, int dir, const char *path, const char *name)
{
	struct around *a = arg;
	struct entry e;

	if (look_at(a, dir, name, &e) == 0 && !e.mounted)
		fix(a, path, e.flag);
	return 0;
}

/* The entries that move: those of the ways, and these themselves, whose entries change. */
static int look_at_ways(struct around *a, int item)
{
	struct fault f = { 0 };
	int r = 0;

	for (size_t i = 0; i < a->ways.n && r == 0; i++) {
		int fd CLEANUP(closep) = way_open_at(item, a->ways.v[i], a->shown, &f);
		r = fd < 0 ? place_refuse("%s", f.text) : each(fd, a->ways.v[i], look_in_way, a);
	}
	return r;
}

int around_look(int item, const char *shown, bool all, struct around *ret)
{
	struct looking l = { .a = ret, .all = all };
	struct statx x;

	*ret = (struct around){ .shown = shown };
	int r = way_identify(item, &ret->is);
	errno = -r;
	if (r < 0 || statx(item, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) < 0)
		return place_fail("cannot look at", shown);
	fix(ret, "", flag_of(&x));
	r = each(item, "", look_one, &l);
	if (!ret->ways.n)
		strv_add(&ret->ways, "");
	return r != 0 || all ? r : look_at_ways(ret, item);
}

int around_check(const struct around *a)
{
	if (!a->fixed)
		return 0;
	char *path CLEANUP(freep) = *a->fixed ? below(a->shown, a->fixed) : xstrdup(a->shown);
	return refuse_fixed(path, a->flag);
}

void around_put_stays(const struct around *a, struct json_object *o)
{
	struct strv quoted CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < a->mounted.n; i++)
		strv_take(&quoted, text_quote(a->mounted.v[i]));
	json_put_list(o, "stays", &quoted);
}

void around_done(struct around *a)
{
	strv_done(&a->mounted);
	strv_done(&a->ways);
	freep(&a->fixed);
}

/* --- emptying --------------------------------------------------------------------------------- */

struct emptying {
	const struct around *a;
	struct strv *left; /* NULL: it ends at the first */
};

static int could_not(struct emptying *x, const char *path)
{
	if (!x->left)
		return fail_at(x->a, "cannot remove", path);
	strv_add(x->left, path);
	return 0;
}

static int empty_one(void *arg, int dir, const char *path, const char *name)
{
	struct emptying *x = arg;
	struct entry e = { 0 };
	int r = look_at(x->a, dir, name, &e);

	if (r < 0 && r != -ENOENT) {
		errno = -r;
		return could_not(x, path);
	}
	if (r < 0 || e.mounted)
		return 0;
	if (!S_ISDIR(e.type))
		return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? could_not(x, path) : 0;
	int fd CLEANUP(closep) = openat(dir, name, DIRECTORY);
	if (fd < 0)
		return could_not(x, path);
	size_t before = x->left ? x->left->n : 0;
	if (each(fd, path, empty_one, x) != 0)
		return 1;
	if (strv_has(&x->a->ways, path) || (x->left && x->left->n > before) || unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	/* Busy, or with entries that nobody could remove: something was mounted since it was walked. */
	return could_not(x, path);
}

int around_empty(const struct around *a, int item, struct strv *left)
{
	struct emptying x = { .a = a, .left = left };

	return each(item, "", empty_one, &x);
}

/* --- moving ------------------------------------------------------------------------------------- */

struct moving {
	const struct around *a;
	const struct tops *tops;
	int to;        /* the directory that the entries go to */
	bool dry;
};

/* xfs writes the time of a directory that comes to another parent. */
static int rename_entry(struct moving *m, int dir, const char *path, const char *name, const struct entry *e)
{
	if (renameat2(dir, name, m->to, name, RENAME_NOREPLACE) < 0)
		return fail_at(m->a, "cannot move", path);
	int fd CLEANUP(closep) = S_ISDIR(e->type) ? openat(m->to, name, DIRECTORY) : -1;
	if (fd >= 0)
		IGNORE(futimens(fd, e->times)); /* its content is what was asked for */
	return 0;
}

static int away_one(void *arg, int dir, const char *path, const char *name)
{
	struct moving *m = arg;
	struct entry e;
	int r = look_at(m->a, dir, name, &e);

	errno = -r;
	if (r < 0)
		return fail_at(m->a, "cannot look at", path);
	if (e.mounted)
		return 0;
	if (!S_ISDIR(e.type) || !strv_has(&m->a->ways, path))
		return rename_entry(m, dir, path, name, &e);
	int from CLEANUP(closep) = openat(dir, name, DIRECTORY);
	if (from < 0 || (mkdirat(m->to, name, 0700) < 0 && errno != EEXIST))
		return fail_at(m->a, "cannot keep", path);
	int to CLEANUP(closep) = openat(m->to, name, DIRECTORY);
	struct moving deeper = { .a = m->a, .tops = m->tops, .to = to };
	if (to < 0)
		return fail_at(m->a, "cannot keep", path);
	if (each(from, path, away_one, &deeper) != 0)
		return 1;
	const struct top *was = m->tops ? tops_find(m->tops, path) : NULL;
	if (was)
		IGNORE(top_apply(was, to)); /* a copy with plain attributes is better than none */
	return 0;
}

int around_move_away(const struct around *a, int item, int to, const struct tops *tops)
{
	struct moving m = { .a = a, .tops = tops, .to = to };

	return each(item, "", away_one, &m);
}

static bool is_empty(int dir, const char *name)
{
	int fd = openat(dir, name, DIRECTORY);
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

static int in_one(void *arg, int dir, const char *path, const char *name);

/* ${name} is a way in the item: what is in ${from}'s goes into it. */
static int into_way(struct moving *m, int dir, const char *path, const char *name)
{
	int from CLEANUP(closep) = openat(dir, name, DIRECTORY), to CLEANUP(closep) = openat(m->to, name, DIRECTORY);

	if (from < 0 && (errno == ENOTDIR || errno == ELOOP))
		return place_refuse("%s/%s has something mounted in it, and what is restored has no directory there: unmount it, or "
			"restore elsewhere with --target", m->a->shown, path);
	if (from < 0 || to < 0)
		return fail_at(m->a, "cannot open", path);
	struct moving deeper = { .a = m->a, .to = to, .dry = m->dry };
	struct tops model CLEANUP(tops_done) = { 0 }; /* before its entries go: that is what its times tell */
	int r = tops_add(&model, from, path);
	if (r == 0 && each(from, path, in_one, &deeper) != 0)
		return 1;
	if (r == 0 && m->dry)
		return 0;
	r = r < 0 ? r : top_apply(&model.v[0], to);
	errno = -r;
	if (r < 0 || (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY))
		return fail_at(m->a, "cannot replace", path);
	return 0;
}

static int in_one(void *arg, int dir, const char *path, const char *name)
{
	struct moving *m = arg;
	struct entry there, e;
	struct around own = { .shown = m->a->shown };
	int r = look_at(m->a, m->to, name, &there);

	if (way_identify(dir, &own.is) < 0 || look_at(&own, dir, name, &e) < 0)
		return fail_at(m->a, "cannot look at what replaces", path);
	if (r == -ENOENT)
		return m->dry ? 0 : rename_entry(m, dir, path, name, &e);
	if (r < 0 || (!there.mounted && !(S_ISDIR(there.type) && strv_has(&m->a->ways, path)))) {
		errno = r < 0 ? -r : EEXIST;
		return m->dry && r == 0 ? 0 : fail_at(m->a, "cannot put back", path);
	}
	if (!there.mounted)
		return into_way(m, dir, path, name);
	/*
	 * The archive has an empty directory where another filesystem was mounted. A directory of the same one, bound there,
	 * was archived with the item, for tar does not see it; it is not part of it, and the copy stays behind.
	 */
	bool empty = S_ISDIR(e.type) && is_empty(dir, name);
	if (!empty && there.bound)
		return 0;
	if (!empty)
		return place_refuse("something is mounted at %s/%s, and what is restored has data there: unmount it, or restore elsewhere "
			"with --target", m->a->shown, path);
	return m->dry || unlinkat(dir, name, AT_REMOVEDIR) == 0 ? 0 : fail_at(m->a, "cannot remove what is left of", path);
}

/* Of the item's own entries those are left out that have our names, and nothing is left out without a word. */
static int check_names(const struct around *a, int from)
{
	static const char *const ours[] = { PLACE_STAGING, PLACE_KEPT };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (faccessat(from, ours[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return place_refuse("what is restored has an entry %s at its top, and %s, where entries are exchanged one by one, has one of "
				"ours: restore elsewhere with --target", ours[i], a->shown);
	return 0;
}

int around_fits(const struct around *a, int from, int item)
{
	struct moving m = { .a = a, .to = item, .dry = true };

	return check_names(a, from) != 0 ? 1 : each(from, "", in_one, &m);
}

int around_move_in(const struct around *a, int from, int item)
{
	struct moving m = { .a = a, .to = item };

	return each(from, "", in_one, &m);
}
