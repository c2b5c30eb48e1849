/* SPDX-License-Identifier: MIT */
/*
 * Who else must stop, so that nobody writes and nobody is left in a dead
 * namespace.
 *
 * A container outside the unit is a guest if it runs and can write to a place
 * that one of the unit's items saves (its mount may be the same, inside, or
 * around, by whatever name: what is really mounted counts, sources.h), or if it lives in the network, pid or ipc namespace of a container
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

	if (x->position[number] != NO_POSITION) { /* one of "compose run" is stopped only where it has to be */
		u->members[x->position[number]].stop |= c->project && c->oneoff;
		return;
	}
	x->position[number] = u->n_members;
	GROW(u->members, u->n_members);
	u->members[u->n_members++] = (struct member){
		.c = c, .guest = true, .stop = true, .paused = c->state == CONTAINER_PAUSED
	};
}

/* What is mounted below such a mount comes along with it. */
static bool reaches_everything(const struct plan_index *x, const struct use *use)
{
	CLEANUP(freep) char *source = path_normal(use->m->source);

	if (streq(source, "/"))
		return true;
	return (x->volumes_path && source && path_equal_or_inside(x->volumes_path, source)) ||
	       (x->volumes_place && use->m->place &&
		       path_equal_or_inside(x->volumes_place, use->m->place));
}

static void tolerate(const struct plan_index *x, struct unit *u, const struct use *use)
{
	if (strv_has(&u->tolerated, use->c->id))
		return;
	strv_add(&u->tolerated, use->c->id);
	if (plan_index_is_self(x, use->c) || strv_has(&x->options->trusted_writers, use->c->name))
		return;
	if (!use->m->rw) /* it is read-only, but for what is mounted below: the engine's doing */
		return;
	strv_addf(&u->warnings,
		"%s can write to everything (it mounts %s writable) and is left running: mount it "
		"read-only, or name it in backup.trusted_writers",
		use->c->name, use->m->source);
}

static void meet(
	const struct plan_index *x, struct unit *u, struct item *item, const struct use *use)
{
	size_t number = plan_index_number(x, use->c);
	const char *other = x->unit_of[number];

	bool own = streq(other, u->name);

	if (own && !use->c->oneoff)
		return;
	if (plan_index_is_self(x, use->c)) {
		tolerate(x, u, use);
		return;
	}
	if (other && !own && x->met[x->unit_number[number]] != item) {
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

/* ${at} is a path or a place. */
static void meet_all_around(
	const struct plan_index *x, struct unit *u, struct item *item, const char *at)
{
	CLEANUP(freep) char *outer = xstrdup(at);
	size_t i = plan_index_first_use(x, at);

	for (; i < x->n_uses && path_equal_or_inside(x->uses[i].path, at); i++)
		meet(x, u, item, &x->uses[i]);
	for (;;) {
		char *slash = strrchr(outer, '/');

		if (!slash || streq(outer, "/"))
			return;
		slash[slash == outer ? 1 : 0] = '\0';
		meet_all_at(x, u, item, outer);
	}
}

static void plan_item(const struct plan_index *x, struct unit *u, struct item *item)
{
	const struct known_place *now = inventory_place(x->inv, item->path);
	size_t i = plan_index_first_use(x, item->path);

	meet_all_around(x, u, item, item->path);
	if (now && now->place)
		meet_all_around(x, u, item, now->place);
	/* Whoever has it mounted by this name: is it that place? */
	for (; i < x->n_uses && streq(x->uses[i].path, item->path); i++) {
		const char *place = x->uses[i].m->place;

		if (place && !(now && streq(place, now->place)))
			meet_all_around(x, u, item, place);
	}
	strv_sort_unique(&item->shared_with);
}

static int guest_by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = strcmp(x->c->name, y->c->name);

	return r ? r : strcmp(x->c->id, y->c->id);
}

static void add_sharers(const struct plan_index *x, struct unit *u, const struct container *c)
{
	size_t i;

	for (i = plan_index_first_sharer(x, c); i < x->n_sharers && x->sharers[i].owner == c; i++)
		if (is_active(x->sharers[i].c))
			add_guest(x, u, x->sharers[i].c);
}

void guests_plan(const struct plan_index *x, struct unit *u)
{
	size_t i, k, own = u->n_members;

	for (i = 0; i < u->n_items; i++)
		plan_item(x, u, &u->items[i]);
	/* the list grows while it is walked: this is the closure; twice, for those of "compose run" that came to stop in it */
	for (k = 0; k < 2; k++)
		for (i = 0; i < u->n_members; i++)
			if (u->members[i].stop)
				add_sharers(x, u, u->members[i].c);
	if (u->n_members - own > 1)
		qsort(u->members + own, u->n_members - own, sizeof(*u->members), guest_by_name);
	for (i = own; i < u->n_members; i++) {
		x->position[plan_index_number(x, u->members[i].c)] = i;
		unit_check_container(x, u, u->members[i].c);
	}
}
