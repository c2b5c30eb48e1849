/* SPDX-License-Identifier: MIT */
/*
 * Into another project, volume or directory: under which id each item goes there. What is named (map) goes first; with another
 * unit (as) its names are formed as compose forms them: PROJECT_volume, the same place below the project's directory, the
 * same service's anonymous volume.
 * Failure modes: an item that has no such place is refused by name, never put over the original.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/domain/restore_internal.h"
#include "daemon/pure/path.h"

/* "/path" and "name" as people type them are binds and volumes. */
static char *whole_id(const char *typed, size_t len)
{
	static const char *const kinds[] = { "volume:", "bind:", "anon:" };
	char *text = xstrndup(typed, len);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (starts_with(text, kinds[i]))
			return text;
	char *id = xasprintf("%s%s", *text == '/' ? "bind:" : "volume:", text);
	free(text);
	return id;
}

static char *mapped(const struct restore *r, const char *id, struct strv *unused)
{
	for (size_t i = 0; i < r->map.n; i++) {
		const char *equals = strchr(r->map.v[i], '=');
		char *from CLEANUP(freep) = equals ? whole_id(r->map.v[i], (size_t)(equals - r->map.v[i])) : NULL;
		if (!streq(from, id))
			continue;
		free(unused->v[i]);
		unused->v[i] = NULL;
		return whole_id(equals + 1, strlen(equals + 1));
	}
	return NULL;
}

/* The same place in the other unit; NULL: there is none. */
static char *renamed(const struct restore *r, const char *id)
{
	const char *from = json_text(r->recipe_unit, "working_directory"), *to = r->now ? r->now->working_dir : NULL;
	char *volume CLEANUP(freep) = xasprintf("volume:%s_", r->of);
	char *anon CLEANUP(freep) = xasprintf("anon:%s:", r->of);
	const char *path = starts_with(id, "bind:") ? id + strlen("bind:") : NULL;

	if (starts_with(id, volume))
		return xasprintf("volume:%s_%s", r->unit, id + strlen(volume));
	if (starts_with(id, anon)) /* of a container that stands alone: its own name */
		return xasprintf("anon:%s:%s", r->unit, id + strlen(anon));
	if (starts_with(id, "anon:"))
		return xstrdup(id);
	if (path && from && to && path_equal_or_inside(path, from) && !path_equal_or_inside(to, from) && !path_equal_or_inside(from, to))
		return xasprintf("bind:%s%s", to, path + strlen(from));
	return NULL;
}

static int map_item(struct restore *r, struct restore_item *it, struct strv *unused, struct fault *f)
{
	char *to = mapped(r, it->id, unused);

	it->mapped = to != NULL;
	if (!to && streq(r->unit, r->of))
		return 0;
	if (!to)
		to = renamed(r, it->id);
	if (!to) {
		fault_set(f, FAULT_FAILED, -EINVAL, "%s of %s has no place in %s by its name", it->id, r->of, r->unit);
		fault_advise(f, "say where it goes with --map %s=…, or leave it out with --item", it->id);
		return -EINVAL;
	}
	it->source_id = it->id;
	it->id = to;
	return 0;
}

static int check_syntax(const struct restore *r, struct fault *f)
{
	for (size_t i = 0; i < r->map.n; i++) {
		const char *equals = strchr(r->map.v[i], '=');
		if (equals && equals > r->map.v[i] && equals[1])
			continue;
		fault_set(f, FAULT_FAILED, -EINVAL, "%s does not say what goes where", r->map.v[i]);
		fault_advise(f, "OLD=NEW, both ids of items as kopi-docka list --units shows them");
		return -EINVAL;
	}
	return 0;
}

int restore_map_items(struct restore *r, struct fault *f)
{
	struct strv unused = { 0 };
	int ret = check_syntax(r, f);

	strv_copy(&unused, &r->map);
	for (size_t i = 0; i < r->n_items && ret == 0; i++)
		ret = map_item(r, &r->items[i], &unused, f);
	for (size_t i = 0; i < unused.n && ret == 0; i++)
		if (unused.v[i]) {
			ret = fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "nothing that is restored is what %s names", unused.v[i]);
			fault_advise(f, "kopi-docka ls %s shows the items", r->of);
		}
	for (size_t i = 0; i < r->n_items && ret == 0; i++)
		for (size_t j = 0; j < i && ret == 0; j++)
			if ((r->items[i].source_id || r->items[j].source_id) && streq(r->items[i].id, r->items[j].id))
				ret = fault_set(f, FAULT_FAILED, -EINVAL, "two items would go to %s", r->items[i].id);
	for (size_t i = 0; i < unused.n; i++)
		free(unused.v[i]);
	free(unused.v);
	return ret;
}
