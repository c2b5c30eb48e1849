/* SPDX-License-Identifier: MIT */
/*
 * From the inventory to units: which containers belong together, whether they
 * may be stopped, and, by the files beside this one, what is saved (coverage),
 * who else must stop (guests) and in which order (order).
 *
 * A unit is planned whole even if it is refused, so that whoever looks sees what
 * is there and why nothing will be done. Everything is sorted, so that the same
 * host gives the same plan, whatever order the engine answers in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"

void unit_refuse(struct unit *u, char *reason)
{
	if (u->refused)
		free(reason);
	else
		u->refused = reason;
}

static bool is_needed(const struct plan_index *x, const struct container *c)
{
	const struct strv *needed = &x->options->needed_containers;

	return strv_has(needed, c->id) || strv_has(needed, c->name);
}

void unit_check_container(const struct plan_index *x, struct unit *u, const struct container *c)
{
	bool active = c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED;

	if (plan_index_is_self(x, c))
		unit_refuse(u, xasprintf("%s is the container that the backup itself runs in",
				       c->name));
	else if (is_needed(x, c))
		unit_refuse(u, xasprintf("the repository needs %s", c->name));
	else if (c->state == CONTAINER_RESTARTING || c->state == CONTAINER_REMOVING ||
		 c->state == CONTAINER_DEAD)
		unit_refuse(u, xasprintf("%s is %s", c->name, container_state_name(c->state)));
	else if (active && c->auto_remove && !x->options->allow_autoremove)
		unit_refuse(
			u, xasprintf("%s was started with --rm: stopping it removes it and its "
				     "anonymous volumes",
				   c->name));
	else if (active && (c->swarm || c->kubernetes))
		unit_refuse(u, xasprintf("%s belongs to %s, which would replace it", c->name,
				       c->swarm ? "a swarm service" : "a kubernetes pod"));
}

/* Members of a project stand together, in the order their plan will show them. */
static int by_unit(const void *a, const void *b)
{
	const struct container *x = *(const struct container *const *)a;
	const struct container *y = *(const struct container *const *)b;
	int r;

	if (!x->project != !y->project)
		return x->project ? -1 : 1;
	r = x->project ? strcmp(x->project, y->project) : 0;
	if (r == 0)
		r = (int)x->oneoff - (int)y->oneoff;
	if (r == 0)
		r = strcmp(x->service ? x->service : "", y->service ? y->service : "");
	if (r == 0)
		r = x->number < y->number ? -1 : x->number > y->number;
	if (r == 0)
		r = strcmp(x->name, y->name);
	return r ? r : strcmp(x->id, y->id);
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_taken(const struct strv *sorted, const char *name)
{
	return sorted->n > 0 &&
	       bsearch(&name, sorted->v, sorted->n, sizeof(*sorted->v), name_compare) != NULL;
}

/* "container.NAME" where a project is called NAME; further on if that is somebody's name too.
 */
static char *standalone_name(
	const char *name, const struct strv *projects, const struct strv *names)
{
	char *unit = xstrdup(name);

	if (!is_taken(projects, unit))
		return unit;
	do {
		char *longer = xasprintf("container.%s", unit);

		free(unit);
		unit = longer;
	} while (is_taken(projects, unit) || is_taken(names, unit));
	return unit;
}

/* Of "compose run": a member whose data is saved, but nobody whom the project consists of. */
static bool is_one_off(const struct container *c)
{
	return c->project && c->oneoff;
}

static void add_member(
	const struct plan_index *x, struct units *units, const struct container *c)
{
	size_t number = units->n - 1;
	struct unit *u = &units->v[number];
	bool active = c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED;
	size_t i;

	GROW(u->members, u->n_members);
	u->members[u->n_members++] = (struct member){
		.c = c, .stop = active && !is_one_off(c), .paused = c->state == CONTAINER_PAUSED
	};
	x->unit_of[plan_index_number(x, c)] = u->name;
	x->unit_number[plan_index_number(x, c)] = number;
	if (c->working_dir && !u->working_dir)
		u->working_dir = xstrdup(c->working_dir);
	else if (c->working_dir && !streq(c->working_dir, u->working_dir))
		strv_addf(&u->warnings,
			"the project %s has containers from two directories, %s and %s",
			u->name, u->working_dir, c->working_dir);
	for (i = 0; i < c->config_files.n; i++)
		if (!strv_has(&u->compose_files, c->config_files.v[i]))
			strv_add(&u->compose_files, c->config_files.v[i]);
	for (i = 0; i < c->env_files.n; i++)
		if (!strv_has(&u->env_files, c->env_files.v[i]))
			strv_add(&u->env_files, c->env_files.v[i]);
}

struct naming {
	struct strv projects, standalone; /* sorted */
};

static void collect_names(const struct inventory *inv, struct naming *n)
{
	size_t i;

	for (i = 0; i < inv->n_containers; i++) {
		const struct container *c = &inv->containers[i];

		if (!c->project)
			strv_add(&n->standalone, c->name);
		else
			strv_add(&n->projects, c->project);
	}
	strv_sort_unique(&n->projects);
	strv_sort_unique(&n->standalone);
}

static void group(const struct plan_index *x, struct units *ret)
{
	size_t i, n = x->inv->n_containers;
	const struct container **sorted = xcalloc(n + 1, sizeof(*sorted));
	struct naming names = { 0 };
	const char *project = NULL;

	memcpy(sorted, x->by_id, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_unit);
	collect_names(x->inv, &names);
	for (i = 0; i < n; i++) {
		const struct container *c = sorted[i];

		if (!c->project || !streq(c->project, project)) {
			struct unit *u;

			GROW(ret->v, ret->n);
			u = &ret->v[ret->n++];
			u->compose = c->project != NULL;
			u->name = c->project ? xstrdup(c->project)
					     : standalone_name(c->name, &names.projects,
						       &names.standalone);
			project = c->project;
		}
		add_member(x, ret, c);
	}
	strv_done(&names.projects);
	strv_done(&names.standalone);
	free(sorted);
}

/* Why nobody should touch this unit at all; NULL: go on. */
static const char *skip_reason(const struct plan_index *x, const struct unit *u)
{
	size_t i;

	for (i = 0; i < u->n_members; i++) {
		const struct container *c = u->members[i].c;

		if (c->swarm)
			return "a swarm service: the orchestrator replaces what is stopped";
		if (c->kubernetes)
			return "a kubernetes pod: the orchestrator replaces what is stopped";
		if (!u->compose && plan_index_is_self(x, c))
			return "the container that the backup itself runs in";
	}
	return NULL;
}

static void plan_unit(const struct plan_index *x, struct unit *u)
{
	const char *reason = skip_reason(x, u);
	size_t i;

	strv_sort_unique(&u->warnings);
	if (reason) {
		u->skipped = xstrdup(reason);
		coverage_skip(u, reason);
		return;
	}
	for (i = 0; i < u->n_members; i++) {
		x->position[plan_index_number(x, u->members[i].c)] = i;
		if (!is_one_off(u->members[i].c))
			unit_check_container(x, u, u->members[i].c);
	}
	coverage_plan(x, u);
	guests_plan(x, u);
	for (i = 0; i < u->n_members; i++) /* it stops because it writes to what is saved, or not at all */
		if (is_one_off(u->members[i].c) && u->members[i].stop && !u->members[i].guest)
			unit_check_container(x, u, u->members[i].c);
	order_plan(x, u);
	for (i = 0; i < u->n_members; i++)
		x->position[plan_index_number(x, u->members[i].c)] = NO_POSITION;
}

static void find_unattached(const struct plan_index *x, struct units *ret)
{
	struct strv used = { 0 };
	size_t i, k;

	for (i = 0; i < x->inv->n_containers; i++) {
		const struct container *c = &x->inv->containers[i];

		for (k = 0; x->unit_of[i] && k < c->n_mounts; k++)
			if (c->mounts[k].name)
				strv_add(&used, c->mounts[k].name);
	}
	strv_sort_unique(&used);
	for (i = 0; i < x->inv->n_volumes; i++)
		if (!is_taken(&used, x->volumes[i]->name))
			strv_add(&ret->unattached_volumes, x->volumes[i]->name);
	strv_done(&used);
}

static int unit_by_name(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int plan_units(const struct inventory *inv, const struct plan_options *o, struct units *ret,
	struct fault *f)
{
	static const struct plan_options none;
	struct plan_index x;
	struct units units = { 0 };
	size_t i;

	for (i = 0; i < inv->n_containers; i++)
		if (!inv->containers[i].id || !inv->containers[i].name)
			return fault_set(f, FAULT_ENGINE, -EINVAL,
				"the inventory holds a container without id or name");
	plan_index_init(&x, inv, o ? o : &none);
	group(&x, &units);
	for (i = 0; i < units.n; i++)
		plan_unit(&x, &units.v[i]);
	if (units.n > 1)
		qsort(units.v, units.n, sizeof(*units.v), unit_by_name);
	find_unattached(&x, &units);
	plan_index_done(&x);
	*ret = units;
	return 0;
}

const struct unit *units_find(const struct units *u, const char *name)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(u->v[middle].name, name);

		if (r == 0)
			return &u->v[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
