/* SPDX-License-Identifier: MIT */
/*
 * The engine's list has every running container's mounts in one answer: cheap enough for the window. Names can lie, so
 * the others' mount tables are read as well: of processes that are known from planning; who was started since is
 * inspected.
 *
 * Happy path: list → (inspect who is new) → look → names.
 * Failure modes: no answer, or we may not look: a fault, for then nobody knows who writes. A process that ended between
 * the two is asked for once more; who has none then does not run.
 */
#include "daemon/domain/writers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/domain/sources.h"
#include "daemon/pure/path.h"
#include "daemon/pure/sources.h"

struct question {
	struct writers_options o;
	struct inventory *seen; /* owned: those that are looked at */
	struct strv names;
	size_t inspecting;
	bool again;
	struct fault fault;
	writers_fn *done;
};

static bool overlaps(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	size_t shorter = n < m ? n : m;

	if (strncmp(a, b, shorter) != 0)
		return false;
	return n == m || (n < m ? b : a)[shorter] == '/' || (shorter == 1 && *a == '/');
}

static bool writes_to(struct json_object *mount, const struct item *it)
{
	const char *name = json_text(mount, "Name"), *source = json_text(mount, "Source");

	if (!json_flag(mount, "RW", true))
		return false;
	if (it->volume && name && streq(it->volume, name))
		return true;
	return source && *source && it->path && overlaps(source, it->path);
}

static bool writes(struct json_object *container, const struct unit *u)
{
	struct json_object *mounts = json_member(container, "Mounts"); /* borrowed */

	if (!json_object_is_type(mounts, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(mounts); i++)
		for (size_t j = 0; j < u->n_items; j++)
			if (writes_to(json_object_array_get_idx(mounts, i), &u->items[j]))
				return true;
	return false;
}

static void add_name(struct json_object *container, struct strv *names)
{
	struct json_object *list = json_member(container, "Names"); /* borrowed */
	const char *name = json_text(container, "Id");

	if (json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0)
		name = json_object_get_string(json_object_array_get_idx(list, 0));
	strv_add(names, name && *name == '/' ? name + 1 : name ? name : "?");
}

int writers_parse(const char *text, size_t len, const struct unit *u, struct strv *ret_names, struct strv *ret_others,
	struct fault *f)
{
	struct json_object *list CLEANUP(json_putp) = json_parse(text, len);

	if (!json_object_is_type(list, json_type_array))
		return fault_set(f, FAULT_ENGINE, -EBADMSG, "the engine's list of containers cannot be read");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i), *mounts = json_member(c, "Mounts"); /* borrowed */
		const char *id = json_text(c, "Id");
		if (strv_has(&u->tolerated, id))
			continue;
		if (writes(c, u))
			add_name(c, ret_names);
		else if (id && json_object_is_type(mounts, json_type_array) && json_object_array_length(mounts) > 0)
			strv_add(ret_others, id);
	}
	return 0;
}

/* --- by place ---------------------------------------------------------------------------------- */

/* What is mounted below a whole host that is mounted read-only stays writable with older engines; agents have that. */
static bool is_agent(const struct container *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (streq(c->mounts[i].source, "/") && !c->mounts[i].rw)
			return true;
	return false;
}

static bool reaches_item(const struct container *c, const struct item *it, const struct unit *u, const struct inventory *inv)
{
	const struct known_place *now = inventory_place(inv, it->path);

	if (now && now->place && sources_reach(c, now->place, true))
		return true;
	for (size_t i = 0; i < u->n_members; i++)
		for (size_t j = 0; j < u->members[i].c->n_mounts; j++) {
			const struct mount *m = &u->members[i].c->mounts[j];
			char *source CLEANUP(freep) = path_normal(m->source);
			if (m->place && streq(source, it->path) && sources_reach(c, m->place, true))
				return true;
		}
	return false;
}

bool writers_reach(const struct container *c, const struct unit *u, const struct inventory *inv)
{
	for (size_t i = 0; i < u->n_items && !is_agent(c); i++)
		if (reaches_item(c, &u->items[i], u, inv))
			return true;
	return false;
}

/* --- asking ------------------------------------------------------------------------------------ */

static void over(struct question *q, const struct fault *f)
{
	q->done(q->o.arg, f, &q->names);
	inventory_free(q->seen);
	strv_done(&q->names);
	free(q);
}

/* What the child is asked about a container that is known. */
static void add_known(struct inventory *seen, const struct container *c)
{
	struct container new = { .id = xstrdup(c->id), .name = xstrdup(c->name), .pid = c->pid, .state = c->state };

	for (size_t i = 0; i < c->n_mounts; i++) {
		GROW(new.mounts, new.n_mounts);
		new.mounts[new.n_mounts++] = (struct mount){
			.destination = xstrdup(c->mounts[i].destination), .source = xstrdup(c->mounts[i].source), .rw = c->mounts[i].rw,
		};
	}
	GROW(seen->containers, seen->n_containers);
	seen->containers[seen->n_containers++] = new;
}

static void on_seen(void *arg, const struct fault *f);

static void look(struct question *q)
{
	struct sources_options o = { .loop = q->o.loop, .inv = q->seen, .arg = q };

	if (q->fault.code != FAULT_NONE)
		over(q, &q->fault);
	else
		sources_look(&o, on_seen); /* it has its deadline */
}

static void on_inspected(void *arg, const struct fault *f, struct container *c)
{
	struct question *q = arg;

	if (f)
		fault_first(&q->fault, f);
	if (c) {
		GROW(q->seen->containers, q->seen->n_containers);
		q->seen->containers[q->seen->n_containers++] = *c; /* takes what it owns */
		free(c);
	}
	if (--q->inspecting == 0)
		look(q);
}

static void ask(struct question *q, const struct strv *ids)
{
	q->inspecting = 1; /* so that none of them is the last before all were asked */
	for (size_t i = 0; i < ids->n; i++) {
		const struct container *c = q->again ? NULL : inventory_container(q->o.inv, ids->v[i]);
		if (c && c->pid > 0) {
			add_known(q->seen, c);
			continue;
		}
		q->inspecting++;
		docker_inspect(q->o.docker, ids->v[i], false, on_inspected, q);
	}
	if (--q->inspecting == 0)
		look(q);
}

static void on_seen(void *arg, const struct fault *f)
{
	struct question *q = arg;
	struct strv gone CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; !f && i < q->seen->n_containers; i++) {
		const struct container *c = &q->seen->containers[i];
		if (writers_reach(c, q->o.unit, q->o.inv))
			strv_add(&q->names, c->name);
		else if (c->sight == SIGHT_GONE)
			strv_add(&gone, c->id);
	}
	if (f || q->names.n || gone.n == 0 || q->again) {
		over(q, f);
		return;
	}
	q->again = true;
	inventory_free(q->seen);
	q->seen = xcalloc(1, sizeof(*q->seen));
	ask(q, &gone);
}

static void on_list(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct question *q = arg;
	struct strv others CLEANUP(strv_done) = { 0 };
	struct fault own = { 0 };

	(void)status;
	if (!f && writers_parse(body, len, q->o.unit, &q->names, &others, &own) < 0)
		f = &own;
	if (f || q->names.n || others.n == 0)
		over(q, f);
	else
		ask(q, &others);
}

void writers_find(const struct writers_options *o, writers_fn *done)
{
	struct question *q = xcalloc(1, sizeof(*q));

	*q = (struct question){ .o = *o, .done = done, .seen = xcalloc(1, sizeof(*q->seen)) };
	/* Without all=1: the running ones, paused included. */
	docker_request(o->docker, "GET", "/containers/json", NULL, on_list, q);
}
