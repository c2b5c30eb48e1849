/* SPDX-License-Identifier: MIT */
/*
 * Who else must stop, so that nobody writes and nobody is left in a dead
 * namespace.
 *
 * A container outside the unit is a guest if it runs and can write to a place
 * that one of the unit's items saves (its mount may be the same, inside, or
 * around), or if it lives in the network, pid or ipc namespace of a container
 * that stops. The second goes on from guest to guest; the first does not, for a
 * guest's own data is not saved here. Readers keep running. Our own container
 * is no guest: it is us who read. Nor is one that mounts the whole host, or
 * all of the engine's volumes, writable: agents and monitors do, would stop
 * with every unit, and their mount says nothing about this unit's data.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"

static bool is_active(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED;
}

static void add_guest(const struct plan_index *x, struct unit *u, const struct container *c)
{
	size_t number = plan_index_number(x, c);

	if (x->position[number] != NO_POSITION)
		return;
	x->position[number] = u->n_members;
	GROW(u->members, u->n_members);
	u->members[u->n_members++] = (struct member){
		.c = c, .guest = true, .stop = true, .paused = c->state == CONTAINER_PAUSED
	};
}

static bool reaches_everything(const struct plan_index *x, const struct use *use)
{
	CLEANUP(freep) char *volumes = NULL;

	if (streq(use->path, "/"))
		return true;
	if (!x->root_dir)
		return false;
	volumes = xasprintf("%s/volumes", x->root_dir);
	return path_equal_or_inside(volumes, use->path);
}

static void tolerate(const struct plan_index *x, struct unit *u, const struct use *use)
{
	if (strv_has(&u->tolerated, use->c->id))
		return;
	strv_add(&u->tolerated, use->c->id);
	if (plan_index_is_self(x, use->c) || strv_has(&x->options->trusted_writers, use->c->name))
		return;
	strv_addf(&u->warnings,
		"%s can write to everything (it mounts %s writable) and is left running: mount it "
		"read-only, or name it in backup.trusted_writers",
		use->c->name, use->path);
}

static void meet(
	const struct plan_index *x, struct unit *u, struct item *item, const struct use *use)
{
	size_t number = plan_index_number(x, use->c);
	const char *other = x->unit_of[number];

	if (streq(other, u->name))
		return;
	if (plan_index_is_self(x, use->c)) {
		tolerate(x, u, use);
		return;
	}
	if (other && x->met[x->unit_number[number]] != item) {
		x->met[x->unit_number[number]] = item;
		strv_add(&item->shared_with, other);
	}
	if (!use->rw)
		return;
	if (reaches_everything(x, use)) {
		if (is_active(use->c) || use->c->state == CONTAINER_RESTARTING)
			tolerate(x, u, use);
		return;
	}
	if (is_active(use->c))
		add_guest(x, u, use->c);
	else if (use->c->state == CONTAINER_RESTARTING)
		unit_refuse(u, xasprintf("%s, which writes to %s, is restarting over and over",
				       use->c->name, item->id));
}

static void meet_all_at(
	const struct plan_index *x, struct unit *u, struct item *item, const char *path)
{
	size_t i = plan_index_first_use(x, path);

	for (; i < x->n_uses && streq(x->uses[i].path, path); i++)
		meet(x, u, item, &x->uses[i]);
}

static void plan_item(const struct plan_index *x, struct unit *u, struct item *item)
{
	CLEANUP(freep) char *outer = xstrdup(item->path);
	size_t i = plan_index_first_use(x, item->path);

	for (; i < x->n_uses && path_equal_or_inside(x->uses[i].path, item->path); i++)
		meet(x, u, item, &x->uses[i]);
	while (!streq(outer, "/")) {
		char *slash = strrchr(outer, '/');

		slash[slash == outer ? 1 : 0] = '\0';
		meet_all_at(x, u, item, outer);
	}
	strv_sort_unique(&item->shared_with);
}

static int guest_by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = strcmp(x->c->name, y->c->name);

	return r ? r : strcmp(x->c->id, y->c->id);
}

void guests_plan(const struct plan_index *x, struct unit *u)
{
	size_t i, k, own = u->n_members;

	for (i = 0; i < u->n_items; i++)
		plan_item(x, u, &u->items[i]);
	/* the list grows while it is walked: this is the closure */
	for (i = 0; i < u->n_members; i++) {
		const struct container *c = u->members[i].c;

		if (!u->members[i].stop)
			continue;
		for (k = plan_index_first_sharer(x, c);
			k < x->n_sharers && x->sharers[k].owner == c; k++)
			if (is_active(x->sharers[k].c))
				add_guest(x, u, x->sharers[k].c);
	}
	if (u->n_members - own > 1)
		qsort(u->members + own, u->n_members - own, sizeof(*u->members), guest_by_name);
	for (i = own; i < u->n_members; i++) {
		x->position[plan_index_number(x, u->members[i].c)] = i;
		unit_check_container(x, u, u->members[i].c);
	}
}
