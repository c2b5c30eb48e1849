/* SPDX-License-Identifier: MIT */
/*
 * Who stands in the way of an item that is replaced: members with a mount that is its place,
 * lies in it or around it, and then whatever needs one of those to run, on and on. A reader
 * counts as well: what it reads is about to be another file.
 */
#include "daemon/pure/path.h"
#include "daemon/pure/plan.h"

static bool meets(const struct mount *m, const struct item *it)
{
	char *source CLEANUP(freep) = m->source ? path_normal(m->source) : NULL;

	if (m->name && streq(m->name, it->volume))
		return true;
	return source && (path_equal_or_inside(source, it->path) || path_equal_or_inside(it->path, source));
}

static bool uses(const struct member *member, const struct unit *u, const struct strv *items)
{
	for (size_t i = 0; i < u->n_items; i++)
		for (size_t j = 0; strv_has(items, u->items[i].id) && j < member->c->n_mounts; j++)
			if (meets(&member->c->mounts[j], &u->items[i]))
				return true;
	return false;
}

void unit_affected(const struct unit *u, const struct strv *items, bool *ret)
{
	bool more = true;

	for (size_t i = 0; i < u->n_members; i++)
		ret[i] = !items || items->n == 0 || uses(&u->members[i], u, items);
	while (more) {
		more = false;
		for (size_t i = 0; i < u->n_edges; i++)
			if (ret[u->edges[i].to] && !ret[u->edges[i].from])
				more = ret[u->edges[i].from] = true;
	}
}
