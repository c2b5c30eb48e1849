/* SPDX-License-Identifier: MIT */
/*
 * Where the data behind one mount lies on the host, and whether it can be saved.
 *
 * Three outcomes: saved; skipped, because there is nothing of the unit's own to
 * save (sockets, /proc, memory); refused, because saving it would be wrong or
 * empty. What is refused never passes in silence: it warns, or refuses the unit
 * where the unit would be incomplete without it. Kinds of volumes: one with
 * a type or device, or of another driver, is mounted by the engine only while in use:
 * its mountpoint is an empty directory once the containers are stopped, and
 * whoever reads it then has to hold the mount from before.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/host_path.h"
#include "daemon/pure/plan_internal.h"

/* The engine's directory, but not a volume's data below it. */
static bool is_engines_own(const struct plan_index *x, const char *path)
{
	CLEANUP(freep) char *volumes = NULL;

	if (!x->root_dir || !path_equal_or_inside(path, x->root_dir))
		return false;
	volumes = xasprintf("%s/volumes", x->root_dir);
	return !path_inside(path, volumes);
}

/* What belongs to the host and is of no use in an archive; the rest of the host's is saved, and put back when named. */
static char *host_reason(const struct plan_index *x, const char *path)
{
	const struct host_path *row = host_path_find(path, false);

	if (row && !row->saved)
		return xasprintf("belongs to the host: %s", row->what);
	if (is_engines_own(x, path))
		return xstrdup("the engine's own directory");
	return NULL;
}

static void refuse(struct place *p, bool unit, char *reason)
{
	p->skip = reason;
	p->warn = !unit;
	p->refuse = unit;
}

/* Saving our own state or the repository into the repository never ends well. */
static void check_forbidden(const struct plan_index *x, struct place *p, bool rw)
{
	size_t i;

	for (i = 0; i < x->forbidden.n && !p->skip; i++) {
		const char *ours = x->forbidden.v[i];

		if (path_equal_or_inside(p->path, ours))
			refuse(p, false,
				xasprintf("refused: lies in %s, which the backup itself uses",
					ours));
		else if (path_inside(ours, p->path))
			refuse(p, rw,
				xasprintf("refused: contains %s, which the backup itself uses",
					ours));
	}
}

static void check_host_path(const struct plan_index *x, struct place *p, bool rw)
{
	p->skip = host_reason(x, p->path);
	if (!p->skip && strv_has(&x->options->nothing, p->path))
		p->skip = xstrdup("a socket, a pipe or a device: nothing to archive");
	if (!p->skip)
		check_forbidden(x, p, rw);
	if (!p->skip && streq(p->path, "/"))
		refuse(p, false, xstrdup("refused: the whole host"));
	if (!p->skip && x->root_dir && path_inside(x->root_dir, p->path))
		refuse(p, rw,
			xasprintf("refused: contains the engine's directory %s", x->root_dir));
	if (streq(p->path, "/") && !rw)
		p->warn = false; /* who only looks at the host has no data there */
}

static void place_bind(const struct plan_index *x, const struct mount *m, struct place *p)
{
	p->kind = ITEM_BIND;
	p->word = "bind";
	p->path = path_normal(m->source);
	if (!p->path)
		refuse(p, true, xstrdup("refused: the source is no absolute path"));
	else
		check_host_path(x, p, m->rw);
}

/* One of the comma-separated options ${o}. */
static bool has_option(const char *o, const char *word)
{
	size_t len = strlen(word);

	for (; o; o = strchr(o, ',') ? strchr(o, ',') + 1 : NULL)
		if (strncmp(o, word, len) == 0 && (o[len] == ',' || o[len] == '\0'))
			return true;
	return false;
}

static void keep_in_memory(struct place *p)
{
	p->word = "tmpfs";
	p->skip = xstrdup("kept in memory: gone when the container stops");
}

/*
 * What the engine, or a driver of its, mounts at p->path while a container uses it. The engine's own driver
 * mounts just there; others may name a directory below their mount.
 */
static void place_on_demand(const struct plan_index *x, struct place *p, char *what /* taken */, bool own_driver)
{
	const struct mounted *m = p->path ? mounts_at(&x->mounts, p->path) : NULL;

	p->on_demand = true;
	if (!p->path)
		refuse(p, false, xasprintf("not saved: a volume of %s that has no directory on this host", what));
	else if (m && mounts_type_is_memory(m->type))
		keep_in_memory(p);
	else if (!m && own_driver && x->mounts.n)
		p->lost = xasprintf("a volume of %s is mounted only while a container uses it, and is not mounted now: start one "
			"that does, or name it in exclude_mounts", what);
	free(what);
}

/* A volume with type or device: memory, a directory under another name, or a real mount. */
static void place_option_volume(
	const struct plan_index *x, const struct mount *m, struct place *p)
{
	const struct volume *v = p->volume;
	bool bind = has_option(v->o, "bind") || has_option(v->o, "rbind");

	if (streq(v->type, "tmpfs")) {
		keep_in_memory(p);
		return;
	}
	if (bind && v->device && *v->device == '/') {
		p->path = path_normal(v->device);
		check_host_path(x, p, m->rw);
		return;
	}
	p->path = path_normal(v->mountpoint);
	place_on_demand(x, p, xasprintf("type %s", v->type ? v->type : "none"), true);
}

bool volume_on_demand(const struct volume *v)
{
	bool bind = has_option(v->o, "bind") || has_option(v->o, "rbind");

	if (v->driver && !streq(v->driver, "local"))
		return true;
	return v->has_options && !(bind && v->device && *v->device == '/');
}

int volume_check_in_place(const struct volume *v, struct fault *f)
{
	if (!v || !volume_on_demand(v))
		return 0;
	fault_set(f, FAULT_FAILED, -EBUSY, "volume:%s is mounted only while a container uses it, and leaves when that stops: it cannot be put "
		"back in its place; nothing was stopped", v->name);
	fault_advise(f, "restore it with --item volume:%s --target DIR and copy it in while its container runs; the others with --item", v->name);
	return -EBUSY;
}

static void place_volume(const struct plan_index *x, const struct mount *m, struct place *p)
{
	const struct volume *v = m->name ? plan_index_volume(x, m->name) : NULL;
	const char *driver = v && v->driver ? v->driver : m->driver;

	p->volume = v;
	p->kind = v && v->anonymous ? ITEM_ANON : ITEM_VOLUME;
	p->word = p->kind == ITEM_ANON ? "anonymous" : "volume";
	if (driver && !streq(driver, "local")) {
		p->path = path_normal(v && v->mountpoint ? v->mountpoint : m->source);
		place_on_demand(x, p, xasprintf("the driver %s", driver), false);
		return;
	}
	if (!v) {
		/* its options are unknown: it may be empty as soon as it is not used */
		p->path = path_normal(m->source);
		place_on_demand(x, p, xstrdup("a kind that the engine does not list"), true);
		return;
	}
	if (v->has_options) {
		place_option_volume(x, m, p);
		return;
	}
	p->path = path_normal(v->mountpoint);
	if (!p->path)
		refuse(p, false, xstrdup("not saved: the engine names no directory of this volume"));
	else
		check_forbidden(x, p, m->rw);
}

void place_find(const struct plan_index *x, const struct mount *m, struct place *ret)
{
	static const char *const skipped[][2] = {
		{ "tmpfs", "kept in memory: gone when the container stops" },
		{ "npipe", "a pipe holds no data" },
		{ "image", "comes from its image" },
	};
	size_t i;

	*ret = (struct place){ .word = "unknown" };
	if (streq(m->type, "bind")) {
		place_bind(x, m, ret);
		return;
	}
	if (streq(m->type, "volume")) {
		place_volume(x, m, ret);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(skipped); i++) {
		if (!streq(m->type, skipped[i][0]))
			continue;
		ret->word = skipped[i][0];
		ret->skip = xstrdup(skipped[i][1]);
		return;
	}
	ret->word = streq(m->type, "cluster") ? "cluster" : "unknown";
	/* data may lie there: not an error of ours, but nobody should believe it saved */
	refuse(ret, false,
		xasprintf("skipped: mounts of type %s are not known",
			m->type ? m->type : "unknown"));
}

static const char *matching(const struct strv *patterns, const char *const *words, size_t n)
{
	for (size_t i = 0; patterns && i < patterns->n; i++)
		for (size_t k = 0; k < n; k++)
			if (words[k] && fnmatch(patterns->v[i], words[k], 0) == 0)
				return patterns->v[i];
	return NULL;
}

const char *place_left_out(const struct plan_index *x, const char *unit, const struct mount *m, const struct place *p)
{
	const struct conf *c = x->options->conf;
	const struct conf_unit *own = c ? conf_unit(c, unit) : NULL;
	char *id CLEANUP(freep) = m->name ? xasprintf("volume:%s", m->name) : p->path ? xasprintf("bind:%s", p->path) : NULL;
	const char *const words[] = { m->name, m->name ? NULL : m->source, p->path, id };
	const char *found = c ? matching(&c->backup.exclude_mounts, words, ARRAY_SIZE(words)) : NULL;

	return found || !own ? found : matching(&own->exclude_mounts, words, ARRAY_SIZE(words));
}

void place_done(struct place *p)
{
	free(p->lost);
	free(p->path);
	free(p->skip);
	*p = (struct place){ 0 };
}
