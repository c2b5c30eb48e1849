/* SPDX-License-Identifier: MIT */
/*
 * In which order the containers of a unit start; they stop the other way round.
 *
 * What a container depends on: its depends_on label, the owner of a namespace it
 * lives in, its links and volumes_from. Edges are kept between containers that
 * will really be started; where one that stays down stands in between (an init
 * container that has done its work), the edge goes on to what that one needs.
 * Levels are longest paths: level 0 depends on nothing, members of a level start
 * together. Cycles, which only forged labels can make, are cut at the edge that
 * closes them in a depth-first walk from the first member, so the result does
 * not depend on the engine's order. No recursion: chains may be long.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"

struct graph {
	const struct plan_index *x;
	struct unit *u;
	size_t *services; /* members with a service, by project and service */
	size_t n_services;
	struct edge *edges; /* raw, then by from and to */
	size_t n_edges;
	size_t *first; /* first edge of each member; one more at the end */
};

static int compare_service(const struct container *a, const char *project, const char *service)
{
	int r = strcmp(a->project, project);

	return r ? r : strcmp(a->service, service);
}

struct service_key { /* qsort has no argument of its own */
	const struct container *c;
	size_t member;
};

static int service_key_compare(const void *a, const void *b)
{
	const struct service_key *x = a, *y = b;
	int r = compare_service(x->c, y->c->project, y->c->service);

	if (r)
		return r;
	return x->member < y->member ? -1 : x->member > y->member;
}

static void sort_services(struct graph *g)
{
	struct service_key *keys = xcalloc(g->u->n_members + 1, sizeof(*keys));
	size_t i;

	for (i = 0; i < g->u->n_members; i++) {
		const struct container *c = g->u->members[i].c;

		if (c->project && c->service && !c->oneoff)
			keys[g->n_services++] = (struct service_key){ c, i };
	}
	qsort(keys, g->n_services, sizeof(*keys), service_key_compare);
	g->services = xcalloc(g->n_services + 1, sizeof(*g->services));
	for (i = 0; i < g->n_services; i++)
		g->services[i] = keys[i].member;
	free(keys);
}

static const struct container *service_at(const struct graph *g, size_t i)
{
	return g->u->members[g->services[i]].c;
}

static size_t first_of_service(const struct graph *g, const char *project, const char *service)
{
	size_t low = 0, high = g->n_services;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_service(service_at(g, middle), project, service) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_edge(struct graph *g, size_t from, size_t to, bool healthy)
{
	GROW(g->edges, g->n_edges);
	g->edges[g->n_edges++] = (struct edge){ from, to, healthy };
}

static void add_dependency(struct graph *g, size_t from, const struct dependency *d)
{
	const char *project = g->u->members[from].c->project;
	size_t i = first_of_service(g, project, d->service);

	for (; i < g->n_services; i++) {
		const struct container *c = service_at(g, i);

		if (compare_service(c, project, d->service) != 0)
			break;
		/* without a healthcheck nobody ever gets healthy: do not wait for it */
		add_edge(g, from, g->services[i],
			d->condition == DEP_HEALTHY && c->has_healthcheck);
	}
}

static void add_named(struct graph *g, size_t from, const char *id_or_name)
{
	const struct container *c = id_or_name ? plan_index_container(g->x, id_or_name) : NULL;
	size_t to = c ? g->x->position[plan_index_number(g->x, c)] : NO_POSITION;

	if (to != NO_POSITION)
		add_edge(g, from, to, false);
}

static void add_edges_of(struct graph *g, size_t from)
{
	const struct container *c = g->u->members[from].c;
	size_t i;

	for (i = 0; c->project && i < c->n_depends; i++)
		add_dependency(g, from, &c->depends[i]);
	add_named(g, from, c->network_of);
	add_named(g, from, c->pid_of);
	add_named(g, from, c->ipc_of);
	for (i = 0; i < c->links.n; i++)
		add_named(g, from, c->links.v[i]);
}

static int edge_compare(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

/* Sort, one edge for each pair, and find where each member's begin. */
static void arrange(struct graph *g)
{
	size_t i, n = 0, member = 0;

	if (g->n_edges > 1)
		qsort(g->edges, g->n_edges, sizeof(*g->edges), edge_compare);
	for (i = 0; i < g->n_edges; i++) {
		if (n > 0 && edge_compare(&g->edges[n - 1], &g->edges[i]) == 0)
			g->edges[n - 1].healthy |= g->edges[i].healthy;
		else
			g->edges[n++] = g->edges[i];
	}
	g->n_edges = n;
	for (i = 0; i <= n; i++) {
		size_t upto = i < n ? g->edges[i].from : g->u->n_members;

		while (member <= upto)
			g->first[member++] = i;
	}
}

/* From ${from} through members that stay down to those that start. */
static void bridge(
	const struct graph *raw, struct graph *ret, size_t from, size_t *visited, size_t *stack)
{
	size_t depth = 0, i;

	stack[depth++] = from;
	visited[from] = from + 1;
	while (depth > 0) {
		size_t at = stack[--depth];

		for (i = raw->first[at]; i < raw->first[at + 1]; i++) {
			const struct edge *e = &raw->edges[i];

			if (raw->u->members[e->to].stop) {
				if (e->to != from || at == from)
					add_edge(ret, from, e->to, e->healthy);
			} else if (visited[e->to] != from + 1) {
				visited[e->to] = from + 1;
				stack[depth++] = e->to;
			}
		}
	}
}

static void contract(const struct graph *raw, struct graph *ret)
{
	size_t n = raw->u->n_members, i;
	size_t *visited = xcalloc(n + 1, sizeof(*visited));
	size_t *stack = xcalloc(n + 1, sizeof(*stack));

	for (i = 0; i < n; i++)
		if (raw->u->members[i].stop)
			bridge(raw, ret, i, visited, stack);
	free(visited);
	free(stack);
	arrange(ret);
}

enum {
	WHITE,
	GREY,
	BLACK
};

struct walk {
	unsigned char *color;
	size_t *next; /* the next edge to look at, of each member */
	size_t *stack;
	bool *cut; /* edges that close a cycle */
};

static void cut_cycle(struct graph *g, struct walk *w, size_t edge)
{
	const struct edge *e = &g->edges[edge];

	w->cut[edge] = true;
	strv_addf(&g->u->warnings,
		"%s and %s depend on each other in a circle: not waiting for %s",
		g->u->members[e->from].c->name, g->u->members[e->to].c->name,
		g->u->members[e->to].c->name);
}

static void walk_from(struct graph *g, struct walk *w, size_t start)
{
	size_t depth = 0, i;

	w->stack[depth++] = start;
	w->color[start] = GREY;
	while (depth > 0) {
		size_t at = w->stack[depth - 1];
		size_t edge = w->next[at]++;

		if (edge < g->first[at + 1]) {
			size_t to = g->edges[edge].to;

			if (w->color[to] == GREY) {
				cut_cycle(g, w, edge);
			} else if (w->color[to] == WHITE) {
				w->color[to] = GREY;
				w->stack[depth++] = to;
			}
			continue;
		}
		for (i = g->first[at]; i < g->first[at + 1]; i++) {
			size_t above = g->u->members[g->edges[i].to].level + 1;

			if (!w->cut[i] && g->u->members[at].level < above)
				g->u->members[at].level = above;
		}
		w->color[at] = BLACK;
		depth--;
	}
}

static void level(struct graph *g)
{
	size_t n = g->u->n_members, i, kept = 0;
	struct walk w = { .color = xcalloc(n + 1, 1),
		.next = xcalloc(n + 1, sizeof(*w.next)),
		.stack = xcalloc(n + 1, sizeof(*w.stack)),
		.cut = xcalloc(g->n_edges + 1, sizeof(*w.cut)) };

	memcpy(w.next, g->first, n * sizeof(*w.next));
	for (i = 0; i < n; i++)
		if (w.color[i] == WHITE)
			walk_from(g, &w, i);
	for (i = 0; i < g->n_edges; i++)
		if (!w.cut[i])
			g->edges[kept++] = g->edges[i];
	g->n_edges = kept;
	free(w.color);
	free(w.next);
	free(w.stack);
	free(w.cut);
}

void order_plan(const struct plan_index *x, struct unit *u)
{
	struct graph raw = { .x = x, .u = u }, g = { .x = x, .u = u };
	size_t i;

	raw.first = xcalloc(u->n_members + 2, sizeof(*raw.first));
	g.first = xcalloc(u->n_members + 2, sizeof(*g.first));
	sort_services(&raw);
	for (i = 0; i < u->n_members; i++)
		add_edges_of(&raw, i);
	arrange(&raw);
	contract(&raw, &g);
	level(&g);
	u->edges = g.edges;
	u->n_edges = g.n_edges;
	u->n_levels = 0;
	for (i = 0; i < u->n_members; i++)
		if (u->members[i].level >= u->n_levels)
			u->n_levels = u->members[i].level + 1;
	free(raw.services);
	free(raw.edges);
	free(raw.first);
	free(g.first);
}
