/* SPDX-License-Identifier: MIT */
/*
 * The order is that of the units the containers belong to; a container that lives in
 * another's namespace stands above it, whatever unit it is of.
 */
#include "daemon/pure/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"
#include "daemon/pure/sources.h"

/*
 * A mount at or in a path shows the old data until its container is started again. One of a directory above shows what
 * is there now: who can only read there need not stop.
 */
static bool overlaps(const char *mount, bool writable, const struct strv *paths)
{
	char *m CLEANUP(freep) = path_normal(mount);

	for (size_t i = 0; m && i < paths->n; i++) {
		char *p CLEANUP(freep) = path_normal(paths->v[i]);
		if (p && (path_equal_or_inside(m, p) || (writable && path_inside(p, m))))
			return true;
	}
	return false;
}

/* By what is really mounted: a link's target, the other side of a second mount. */
static bool reaches(const struct users_options *o, const struct container *c)
{
	for (size_t i = 0; i < o->paths->n; i++) {
		char *path CLEANUP(freep) = path_normal(o->paths->v[i]);
		const struct known_place *now = inventory_place(o->inv, path);
		if (now && now->place && sources_reach(c, now->place, false))
			return true;
	}
	return false;
}

/* Not running, it has nothing mounted: where would its mounts lead? */
static bool leads_there(const struct users_options *o, const char *source, bool writable)
{
	char *s CLEANUP(freep) = path_normal(source);
	const struct known_place *its = inventory_place(o->inv, s);

	for (size_t i = 0; its && i < o->paths->n; i++) {
		char *path CLEANUP(freep) = path_normal(o->paths->v[i]);
		const struct known_place *now = inventory_place(o->inv, path);
		if (now && places_touch(its->place, writable, now->place))
			return true;
	}
	return false;
}

static bool uses(const struct users_options *o, const struct container *c)
{
	if (reaches(o, c) || (o->measured && strv_has(o->measured, c->id)))
		return true;
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount *m = &c->mounts[i];
		const struct volume *v = m->name ? inventory_volume(o->inv, m->name) : NULL;
		if ((m->source && (overlaps(m->source, m->rw, o->paths) || leads_there(o, m->source, m->rw))) ||
			(v && v->device && (overlaps(v->device, m->rw, o->paths) || leads_there(o, v->device, m->rw))))
			return true;
	}
	return false;
}

static bool active(const struct users_options *o, const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
		(o->also && strv_has(o->also, c->id) && c->state != CONTAINER_REMOVING && c->state != CONTAINER_DEAD);
}

static size_t index_of(const struct unit *u, const struct container *c)
{
	size_t i = 0;

	while (i < u->n_members && u->members[i].c != c)
		i++;
	return i;
}

static const struct container *owner(const struct inventory *inv, const struct container *c, size_t which)
{
	const char *const of[] = { c->network_of, c->pid_of, c->ipc_of };

	return of[which] ? inventory_container(inv, of[which]) : NULL;
}

static size_t level_of(const struct units *units, const struct container *c)
{
	size_t level = 0;

	for (size_t i = 0; i < units->n; i++)
		for (size_t j = 0; j < units->v[i].n_members; j++) {
			const struct member *m = &units->v[i].members[j];
			if (m->c == c && m->stop && !m->guest)
				level = m->level;
		}
	return level;
}

static int check(const struct users_options *o, const struct container *c, struct fault *f)
{
	const char *why = NULL;

	if (o->inv->self_id && streq(o->inv->self_id, c->id))
		why = "kopi-docka itself runs in it";
	else if (c->swarm || c->kubernetes)
		why = "an orchestrator would start it again";
	else if (c->auto_remove && !o->allow_autoremove)
		why = "it was started with --rm and would be gone once it is stopped";
	if (!why)
		return 0;
	fault_set(f, FAULT_FAILED, -EPERM, "%s uses the data and cannot be stopped: %s; nothing was stopped", c->name, why);
	fault_advise(f, "stop %s yourself, or restore elsewhere with --target", c->name);
	return -EPERM;
}

static int add(const struct users_options *o, struct unit *u, const struct container *c, struct fault *f)
{
	if (index_of(u, c) < u->n_members)
		return 0;
	GROW(u->members, u->n_members);
	u->members[u->n_members++] = (struct member){
		.c = c, .stop = true, .paused = c->state == CONTAINER_PAUSED, .level = level_of(o->units, c),
	};
	return check(o, c, f);
}

static int add_users(const struct users_options *o, struct unit *u, struct fault *f)
{
	for (size_t i = 0; i < o->inv->n_containers; i++) {
		const struct container *c = &o->inv->containers[i];
		if (c->state == CONTAINER_RESTARTING && !active(o, c) && uses(o, c)) {
			fault_set(f, FAULT_FAILED, -EBUSY, "%s, which uses the data, is restarting over and over; nothing was stopped",
				c->name);
			fault_advise(f, "docker stop %s first: it will not be started afterwards", c->name);
			return -EBUSY;
		}
		if (active(o, c) && uses(o, c) && add(o, u, c, f) < 0)
			return -EPERM;
	}
	return 0;
}

/* Until nobody more is found: whoever lives in a namespace of one that stops. */
static int add_sharers(const struct users_options *o, struct unit *u, struct fault *f)
{
	for (size_t before = SIZE_MAX; before != u->n_members;) {
		before = u->n_members;
		for (size_t i = 0; i < o->inv->n_containers; i++) {
			const struct container *c = &o->inv->containers[i];
			for (size_t which = 0; active(o, c) && which < 3; which++) {
				const struct container *of = owner(o->inv, c, which);
				if (of && index_of(u, of) < u->n_members && add(o, u, c, f) < 0)
					return -EPERM;
			}
		}
	}
	return 0;
}

/* Above whoever's namespace it lives in; a ring, which the engine does not allow, ends the climb. */
static void lift_sharers(const struct users_options *o, struct unit *u)
{
	bool again = true;

	for (size_t round = 0; again && round < u->n_members; round++) {
		again = false;
		for (size_t i = 0; i < u->n_members; i++)
			for (size_t which = 0; which < 3; which++) {
				const struct container *of = owner(o->inv, u->members[i].c, which);
				size_t at = of ? index_of(u, of) : u->n_members;
				if (at < u->n_members && u->members[i].level <= u->members[at].level) {
					u->members[i].level = u->members[at].level + 1;
					again = true;
				}
			}
	}
}

static void add_edges(const struct users_options *o, struct unit *u)
{
	for (size_t i = 0; i < o->units->n; i++) {
		const struct unit *from = &o->units->v[i];
		for (size_t j = 0; j < from->n_edges; j++) {
			size_t a = index_of(u, from->members[from->edges[j].from].c);
			size_t b = index_of(u, from->members[from->edges[j].to].c);
			if (a == u->n_members || b == u->n_members)
				continue;
			GROW(u->edges, u->n_edges);
			u->edges[u->n_edges++] = (struct edge){ .from = a, .to = b, .healthy = from->edges[j].healthy };
		}
	}
}

int users_find(const struct users_options *o, struct unit *ret, struct fault *f)
{
	struct unit u = { 0 };
	int r = add_users(o, &u, f);

	if (r == 0)
		r = add_sharers(o, &u, f);
	if (r < 0) {
		unit_done(&u);
		return r;
	}
	lift_sharers(o, &u);
	add_edges(o, &u);
	for (size_t i = 0; i < u.n_members; i++)
		if (u.members[i].level >= u.n_levels)
			u.n_levels = u.members[i].level + 1;
	*ret = u;
	return 0;
}
