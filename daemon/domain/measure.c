/* SPDX-License-Identifier: MIT */
/*
 * What kopi-docka-pack found below the items: sizes for the forecast, what an item
 * really is (law 5: a socket holds nothing, by its type and not by its name; a nested mount
 * or subvolume is its own line of coverage), and what tar will not bring back.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/domain/planner.h"
#include "daemon/domain/swap.h"
#include "daemon/pure/path.h"

static bool wanted(const struct unit *u, const struct strv *units)
{
	if (u->refused || u->skipped)
		return false;
	return !units || units->n == 0 || strv_has(units, u->name);
}

/* A path of several units is walked once for all of them, but for those with patterns of their own. */
static void add_path(const struct unit *u, const struct item *it, const struct conf *c, struct strv *paths, struct strv *argv)
{
	const struct conf_unit *own = conf_unit(c, u->name);
	bool apart = own && own->exclude_patterns.n > 0;

	if (!apart && strv_has(paths, it->path))
		return;
	if (apart)
		strv_addf(argv, "--unit=%s", u->name);
	else
		strv_add(paths, it->path);
	for (size_t i = 0; i < c->backup.exclude_patterns.n; i++)
		strv_addf(argv, "--exclude=%s", c->backup.exclude_patterns.v[i]);
	for (size_t i = 0; apart && i < own->exclude_patterns.n; i++)
		strv_addf(argv, "--exclude=%s", own->exclude_patterns.v[i]);
	strv_add(argv, it->path);
}

/* Measured by a child of its own. */
static bool is_apart(const struct item *it)
{
	return it->on_demand || it->shared_fs;
}

void measure_paths(const struct planned *p, const struct strv *units, const struct conf *c, struct strv *near, struct strv *apart)
{
	struct strv paths CLEANUP(strv_done) = { 0 }, far CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < p->units.n; i++) {
		const struct unit *u = &p->units.v[i];
		if (!wanted(u, units))
			continue;
		for (size_t j = 0; j < u->n_items; j++) {
			const struct item *it = &u->items[j];
			if (it->lost)
				continue;
			add_path(u, it, c, is_apart(it) ? &far : &paths, is_apart(it) ? apart : near);
		}
	}
}

void measure_ours(const struct conf *c, struct strv *words)
{
	struct strv ours CLEANUP(strv_done) = { 0 };

	swaps_places(c, &ours);
	for (size_t i = 0; i < ours.n; i++)
		strv_addf(words, "--ours=%s", ours.v[i]);
}

static void add_coverage(struct unit *u, const char *source, const char *kind, const char *reason)
{
	GROW(u->coverage, u->n_coverage);
	u->coverage[u->n_coverage++] = (struct coverage){
		.container = xstrdup(""),
		.source = xstrdup(source),
		.destination = xstrdup(""),
		.kind = xstrdup(kind),
		.reason = xstrdup(reason),
	};
}

static bool known(const struct unit *u, const char *source)
{
	for (size_t i = 0; i < u->n_items; i++)
		if (streq(u->items[i].path, source))
			return true; /* an item of its own */
	for (size_t i = 0; i < u->n_coverage; i++)
		if (streq(u->coverage[i].source, source) && !u->coverage[i].saved)
			return true;
	return false;
}

static void take_nested(struct unit *u, struct json_object *nested)
{
	if (!json_object_is_type(nested, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(nested); i++) {
		struct json_object *n = json_object_array_get_idx(nested, i); /* borrowed */
		const char *path = json_text(n, "path"), *kind = json_text(n, "kind");
		if (!path || known(u, path))
			continue;
		add_coverage(u, path, kind ? kind : "mount", "inside an item, on another device: not followed");
		strv_addf(&u->warnings, "%s is a %s inside an item and is not saved", path, kind ? kind : "mount");
	}
}

/* It cannot be read, and fails alone: its line says so. */
static void lose(struct unit *u, struct item *it, const char *why)
{
	free(it->lost);
	it->lost = xstrdup(why);
	for (size_t i = 0; i < u->n_coverage; i++) {
		struct coverage *c = &u->coverage[i];
		char *source CLEANUP(freep) = path_normal(c->source);
		if (!c->saved || !streq(source, it->path))
			continue;
		c->saved = false;
		free(c->reason);
		c->reason = xstrdup(why);
	}
}

static bool is_of(const struct mount *m, const struct item *it)
{
	char *source CLEANUP(freep) = path_normal(m->source);

	return (it->volume && streq(m->name, it->volume)) || streq(source, it->path);
}

/* What was measured is what every running member has mounted, and not what somebody led the path to meanwhile. */
static void check_mounted(struct unit *u, const struct item *it)
{
	for (size_t i = 0; i < u->n_members; i++) {
		const struct container *c = u->members[i].c;
		for (size_t j = 0; j < c->n_mounts && !u->members[i].guest; j++) {
			const struct mount *m = &c->mounts[j];
			bool other = !m->part && m->inode > 0 && (m->inode != it->inode || m->device != it->device);
			char *why CLEANUP(freep) = NULL;
			if (!other || !m->directory || !is_of(m, it))
				continue;
			why = xasprintf("%s is not the directory that %s has mounted there since it was started: it was replaced meanwhile; "
				"restart %s, or put the old one back", it->path, c->name, c->name);
			if (!u->refused)
				u->refused = xasprintf("%s: %s", it->id, why);
		}
	}
}

/* The admin's own words, with what they leave out. */
static void take_excluded(struct unit *u, struct item *it, struct json_object *o)
{
	it->excluded_entries = json_number(o, "excluded_entries", -1);
	it->excluded_bytes = json_number(o, "excluded_bytes", -1);
	for (size_t i = 0; it->excluded_entries > 0 && i < u->n_coverage; i++) {
		struct coverage *c = &u->coverage[i];
		char *source CLEANUP(freep) = path_normal(c->source);
		bool here = streq(source, it->path) || (it->volume && streq(c->kind, "volume") && source && path_equal_or_inside(source, it->path));
		if (!c->saved || !here || !strstr(c->reason ? c->reason : "", "without what matches"))
			continue;
		char *text = xasprintf("%s (%" PRId64 " entries, %" PRId64 " bytes)", c->reason, it->excluded_entries, it->excluded_bytes);
		free(c->reason);
		c->reason = text;
	}
}

/* What restores keep inside the item is left out, by the records of those restores, and by nothing else. */
static void take_ours(struct unit *u, struct item *it, struct json_object *o)
{
	json_read_list(o, "ours", &it->ours);
	for (size_t i = 0; i < it->ours.n; i++) {
		char *path CLEANUP(freep) = xasprintf("%s%s", it->path, it->ours.v[i] + 1);
		if (!known(u, path))
			add_coverage(u, path, "kept", "what restores keep until restore.kept_days have passed: not the item's");
	}
}

static void take_figures(struct unit *u, struct item *it, struct json_object *o)
{
	int64_t n;

	it->size_bytes = json_number(o, "size_bytes", -1);
	it->entries = json_number(o, "entries", -1);
	it->tar_bytes = json_number(o, "tar_bytes", -1);
	take_excluded(u, it, o);
	take_ours(u, it, o);
	it->device = json_number(o, "device", -1);
	it->inode = json_number(o, "inode", -1);
	check_mounted(u, it);
	if ((n = json_number(o, "sockets", 0)) > 0)
		strv_addf(&u->warnings, "%s: %" PRId64 " sockets are not archived (programs make them anew)", it->id, n);
	if ((n = it->too_long = json_number(o, "too_long", 0)) > 0) {
		const char *first = json_text(o, "first_too_long");
		strv_addf(&u->warnings, "%s: %" PRId64 " paths beyond 4095 bytes cannot be restored, such as %s: shorten them", it->id, n,
			first ? first : "?");
	}
	take_nested(u, json_member(o, "nested"));
}

static void take(struct unit *u, struct item *it, struct json_object *o)
{
	const char *kind = json_text(o, "kind"), *error = json_text(o, "error");

	if (json_flag(o, "dead", false)) {
		lose(u, it, error);
		if (!u->refused)
			u->refused = xasprintf("%s does not answer: is the server behind it dead? Containers that use it could not start again",
				it->id);
	} else if (error) {
		lose(u, it, error);
	} else if (streq(kind, "directory") || streq(kind, "file")) {
		it->is_file = streq(kind, "file");
		it->no_xattrs = json_flag(o, "no_xattrs", false);
		take_figures(u, it, o);
	} else {
		lose(u, it, "its path is not there on this host");
	}
}

/* A line with a unit's name is of that unit's patterns; one without of those that have none of their own. */
static bool is_about(const struct conf *c, const struct unit *u, const struct item *it, const char *named)
{
	const struct conf_unit *own = conf_unit(c, u->name);

	if (is_apart(it))
		return true;
	return named ? streq(u->name, named) : !own || own->exclude_patterns.n == 0;
}

static void apply_line(struct planned *p, const struct strv *units, const struct conf *c, struct json_object *o)
{
	const char *path = json_text(o, "path"), *named = json_text(o, "unit");

	for (size_t i = 0; i < p->units.n; i++) {
		struct unit *u = &p->units.v[i];
		for (size_t j = 0; wanted(u, units) && j < u->n_items; j++)
			if (streq(u->items[j].path, path) && is_about(c, u, &u->items[j], named))
				take(u, &u->items[j], o);
	}
}

void measure_apply(struct planned *p, const struct strv *units, const struct conf *c, const char *lines)
{
	for (const char *line = lines; *line;) {
		size_t len = strcspn(line, "\n");
		struct json_object *o CLEANUP(json_putp) = json_parse(line, len);
		if (o)
			apply_line(p, units, c, o);
		line += len + (line[len] == '\n');
	}
}

/* --- what parts an item ------------------------------------------------------------------ */

/* A mount of the unit that was planned into an item, and lies at or below ${nested}. */
static bool parts(const struct unit *u, const char *nested)
{
	for (size_t i = 0; i < u->n_coverage; i++) {
		const struct coverage *c = &u->coverage[i];
		char *source CLEANUP(freep) = path_normal(c->source);
		if (c->saved && starts_with(c->reason, "with ") && source && path_equal_or_inside(source, nested))
			return true;
	}
	return false;
}

static void look_at_line(struct planned *p, const struct strv *units, struct json_object *o)
{
	struct json_object *nested = json_member(o, "nested");

	for (size_t i = 0; json_object_is_type(nested, json_type_array) && i < json_object_array_length(nested); i++) {
		const char *path = json_text(json_object_array_get_idx(nested, i), "path");
		for (size_t j = 0; path && j < p->units.n; j++)
			if (wanted(&p->units.v[j], units) && parts(&p->units.v[j], path) && !strv_has(&p->nested, path))
				strv_add(&p->nested, path);
	}
}

bool measure_parts(struct planned *p, const struct strv *units, const char *lines)
{
	size_t before = p->nested.n;

	for (const char *line = lines; *line;) {
		size_t len = strcspn(line, "\n");
		struct json_object *o CLEANUP(json_putp) = json_parse(line, len);
		look_at_line(p, units, o);
		line += len + (line[len] == '\n');
	}
	return p->nested.n > before;
}

bool measure_nothing(struct planned *p, const char *lines)
{
	static const char *const data[] = { "directory", "file", "missing" };
	size_t before = p->nothing.n;

	for (const char *line = lines; *line;) {
		size_t len = strcspn(line, "\n");
		struct json_object *o CLEANUP(json_putp) = json_parse(line, len);
		const char *path = json_text(o, "path"), *kind = json_text(o, "kind");
		bool any = !path || !kind || json_text(o, "error");
		for (size_t i = 0; i < ARRAY_SIZE(data); i++)
			any |= streq(kind, data[i]);
		if (!any && !strv_has(&p->nothing, path))
			strv_add(&p->nothing, path);
		line += len + (line[len] == '\n');
	}
	return p->nothing.n > before;
}
