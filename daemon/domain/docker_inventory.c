/* SPDX-License-Identifier: MIT */
/*
 * The host as one inventory: info, the list of ids, every container inspected with a
 * bounded number of requests at a time, the volumes. A container that vanishes between
 * the list and its inspect was never there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/varlink.h"
#include "daemon/domain/docker.h"

#define AT_A_TIME     16
#define MOUNTINFO_MAX ((size_t)16 << 20)

struct gather {
	struct docker *docker;
	bool keep_raw;
	struct inventory *inv;
	struct strv ids;
	struct strv unlisted; /* names of volumes that the list says nothing of */
	size_t next, running;
	struct fault fault;
	docker_inventory_fn *done;
	void *arg;
};

static void inspect_more(struct gather *g);

static void finish(struct gather *g)
{
	bool bad = g->fault.code != FAULT_NONE;

	if (bad) {
		inventory_free(g->inv);
		g->inv = NULL;
	}
	g->done(g->arg, bad ? &g->fault : NULL, g->inv);
	strv_done(&g->ids);
	strv_done(&g->unlisted);
	free(g);
}

/* --- volumes ------------------------------------------------------------------------------------ */

static bool has_place(const struct inventory *inv, const char *name)
{
	const struct volume *v = inventory_volume(inv, name);

	return v && v->mountpoint;
}

/* Drivers need not list their volumes, nor say in the list where they are: who is asked for one knows. */
static void find_unlisted(struct gather *g)
{
	for (size_t i = 0; i < g->inv->n_containers; i++) {
		const struct container *c = &g->inv->containers[i];
		for (size_t k = 0; k < c->n_mounts; k++) {
			const struct mount *m = &c->mounts[k];
			if (m->name && m->driver && !streq(m->driver, "local") && !has_place(g->inv, m->name) && !strv_has(&g->unlisted, m->name))
				strv_add(&g->unlisted, m->name);
		}
	}
}

static void ask_unlisted(struct gather *g);

/* One that is not known there either stays without a place. */
static void on_volume(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct gather *g = arg;
	struct buf list CLEANUP(buf_done) = { 0 };
	struct fault own = { 0 };

	(void)status;
	buf_puts(&list, "{\"Volumes\":[");
	if (!f && buf_add(&list, body, len) == 0) {
		buf_puts(&list, "]}");
		inventory_drop_volume(g->inv, g->unlisted.v[g->next - 1]);
		IGNORE(inventory_parse_volumes(list.data, list.len, g->inv, &own)); /* as if it were not listed */
	}
	ask_unlisted(g);
}

static void ask_unlisted(struct gather *g)
{
	if (g->next == g->unlisted.n) {
		finish(g);
		return;
	}
	char *name CLEANUP(freep) = docker_escape(g->unlisted.v[g->next++]);
	char *path CLEANUP(freep) = xasprintf("/volumes/%s", name);
	docker_request(g->docker, "GET", path, NULL, on_volume, g);
}

static void on_volumes(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct gather *g = arg;

	(void)status;
	if (f)
		g->fault = *f;
	else
		IGNORE(inventory_parse_volumes(body, len, g->inv, &g->fault)); /* the fault tells */
	if (g->fault.code == FAULT_NONE)
		find_unlisted(g);
	g->next = 0;
	ask_unlisted(g);
}

static void on_container(void *arg, const struct fault *f, struct container *c)
{
	struct gather *g = arg;

	if (f)
		fault_first(&g->fault, f);
	if (c) {
		GROW(g->inv->containers, g->inv->n_containers);
		g->inv->containers[g->inv->n_containers++] = *c; /* takes what it owns */
		free(c);
	}
	g->running--;
	inspect_more(g);
}

static void inspect_more(struct gather *g)
{
	while (g->next < g->ids.n && g->running < AT_A_TIME && g->fault.code == FAULT_NONE) {
		g->running++;
		docker_inspect(g->docker, g->ids.v[g->next++], g->keep_raw, on_container, g);
	}
	if (g->running)
		return;
	if (g->fault.code != FAULT_NONE)
		finish(g);
	else
		docker_request(g->docker, "GET", "/volumes", NULL, on_volumes, g);
}

static void on_ids(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct gather *g = arg;

	(void)status;
	if (f)
		g->fault = *f;
	else
		IGNORE(inventory_parse_ids(body, len, &g->ids, &g->fault)); /* the fault tells */
	inspect_more(g);
}

static void on_info(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct gather *g = arg;

	(void)status;
	if (f)
		g->fault = *f;
	else
		IGNORE(inventory_parse_info(body, len, &g->inv->engine, &g->fault)); /* the fault tells */
	if (g->fault.code != FAULT_NONE)
		finish(g);
	else
		docker_request(g->docker, "GET", "/containers/json?all=1", NULL, on_ids, g);
}

void docker_inventory(struct docker *d, bool keep_raw, docker_inventory_fn *done, void *arg)
{
	struct gather *g = xcalloc(1, sizeof(*g));
	struct buf mountinfo CLEANUP(buf_done) = { 0 };

	*g = (struct gather){ .docker = d, .keep_raw = keep_raw, .done = done, .arg = arg };
	g->inv = xcalloc(1, sizeof(*g->inv));
	if (file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo) == 0 && mountinfo.data)
		g->inv->self_id = inventory_self_id(mountinfo.data);
	docker_request(d, "GET", "/info", NULL, on_info, g);
}

/* --- one container ------------------------------------------------------------------------------ */

struct inspect {
	bool keep_raw;
	docker_container_fn *done;
	void *arg;
};

static void on_inspect(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct inspect *i = arg;
	struct container *c = NULL;
	struct fault own = { 0 };

	if (!f) {
		c = xcalloc(1, sizeof(*c));
		if (inventory_parse_container(body, len, i->keep_raw, c, &own) < 0) {
			free(c);
			c = NULL;
			f = &own;
		}
	}
	i->done(i->arg, status == 404 ? NULL : f, c);
	free(i);
}

void docker_inspect(struct docker *d, const char *id, bool keep_raw, docker_container_fn *done, void *arg)
{
	char *escaped CLEANUP(freep) = docker_escape(id);
	char *path CLEANUP(freep) = xasprintf("/containers/%s/json", escaped);
	struct inspect *i = xcalloc(1, sizeof(*i));

	*i = (struct inspect){ .keep_raw = keep_raw, .done = done, .arg = arg };
	docker_request(d, "GET", path, NULL, on_inspect, i);
}
