/* SPDX-License-Identifier: MIT */
/*
 * One directory has many names: a link, a second mount, the inside of a container. So what is compared, wherever it
 * matters who uses what, is not the text of a mount's source but the place that the kernel says is mounted. Where a
 * container cannot be looked at (it has ended, its engine has other process numbers), names are all there is.
 */
#include "daemon/pure/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/plan_internal.h"

/* --- the question ---------------------------------------------------------------------------- */

static bool has_process(const struct container *c)
{
	return c->pid > 0 && (c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED);
}

static void ask_about(const struct container *c, struct json_object *list)
{
	struct json_object *o = json_object_new_object(), *destinations = json_object_new_array();

	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].destination)
			json_object_array_add(destinations, json_object_new_string(c->mounts[i].destination));
	json_put_text(o, "id", c->id);
	json_put_number(o, "pid", c->pid);
	json_object_object_add(o, "destinations", destinations);
	json_object_array_add(list, o);
}

static void add_path(struct strv *paths, const char *path)
{
	char *normal = path_normal(path);

	if (normal)
		strv_take(paths, normal);
}

static void collect_paths(const struct inventory *inv, struct strv *paths)
{
	for (size_t i = 0; i < inv->n_containers; i++)
		for (size_t j = 0; j < inv->containers[i].n_mounts; j++)
			add_path(paths, inv->containers[i].mounts[j].source);
	for (size_t i = 0; i < inv->n_volumes; i++) {
		add_path(paths, inv->volumes[i].mountpoint);
		add_path(paths, inv->volumes[i].device);
	}
	if (inv->engine.root_dir) {
		char *volumes CLEANUP(freep) = xasprintf("%s/volumes", inv->engine.root_dir);
		add_path(paths, volumes);
	}
}

char *sources_request(const struct inventory *inv, bool paths, const struct strv *also)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct json_object *containers = json_object_new_array();
	struct strv names CLEANUP(strv_done) = { 0 };

	json_object_object_add(o, "containers", containers);
	for (size_t i = 0; i < inv->n_containers; i++)
		if (has_process(&inv->containers[i]) && inv->containers[i].n_mounts > 0)
			ask_about(&inv->containers[i], containers);
	if (paths)
		collect_paths(inv, &names);
	for (size_t i = 0; also && i < also->n; i++)
		add_path(&names, also->v[i]);
	strv_sort_unique(&names);
	json_put_list(o, "paths", &names);
	if (json_object_array_length(containers) == 0 && names.n == 0)
		return NULL;
	return xstrdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

/* --- the answer ------------------------------------------------------------------------------ */

static void take_mount(struct mount *m, struct json_object *o)
{
	struct json_object *nested = json_member(o, "nested");

	mount_forget_place(m);
	m->place = xstrdup(json_text(o, "place"));
	m->directory = json_flag(o, "directory", true);
	m->device = json_number(o, "device", 0);
	m->inode = json_number(o, "inode", 0);
	for (size_t i = 0; json_object_is_type(nested, json_type_array) && i < json_object_array_length(nested); i++) {
		struct json_object *one = json_object_array_get_idx(nested, i);
		const char *place = json_text(one, "place");
		if (!place)
			continue;
		GROW(m->nested, m->n_nested);
		m->nested[m->n_nested++] = (struct reach){ .place = xstrdup(place), .rw = json_flag(one, "rw", true) };
	}
}

static int take_container(struct inventory *inv, struct json_object *o, struct fault *f)
{
	const char *id = json_text(o, "id"), *state = json_text(o, "state"), *reason = json_text(o, "reason");
	struct json_object *mounts = json_member(o, "mounts");
	size_t i = 0;

	while (i < inv->n_containers && !streq(inv->containers[i].id, id))
		i++;
	if (i == inv->n_containers)
		return 0;
	struct container *c = &inv->containers[i];
	if (streq(state, "denied")) {
		fault_set(f, FAULT_FAILED, -EPERM, "kopi-dockad may not look at what %s has mounted (%s)", c->name, reason ? reason : "denied");
		fault_advise(f, "it must run as root with CAP_SYS_PTRACE: take the shipped unit, or add that to yours");
		return -EPERM;
	}
	c->sight = streq(state, "seen") ? SIGHT_SEEN : streq(state, "gone") ? SIGHT_GONE : SIGHT_OTHER;
	for (size_t j = 0; json_object_is_type(mounts, json_type_array) && j < json_object_array_length(mounts); j++) {
		struct json_object *one = json_object_array_get_idx(mounts, j);
		for (size_t k = 0; k < c->n_mounts; k++)
			if (streq(c->mounts[k].destination, json_text(one, "destination")))
				take_mount(&c->mounts[k], one);
	}
	return 0;
}

static void take_path(struct inventory *inv, struct json_object *o)
{
	GROW(inv->places, inv->n_places);
	inv->places[inv->n_places++] = (struct known_place){
		.path = xstrdup(json_text(o, "path")),
		.place = xstrdup(json_text(o, "place")),
		.foreign = xstrdup(json_text(o, "foreign")),
	};
}

static int by_path(const void *a, const void *b)
{
	const struct known_place *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int sources_take(struct inventory *inv, const char *lines, struct fault *f)
{
	int ret = 0;

	for (const char *line = lines; *line;) {
		size_t len = strcspn(line, "\n");
		struct json_object *o CLEANUP(json_putp) = json_parse(line, len);
		if (json_text(o, "path"))
			take_path(inv, o);
		else if (json_text(o, "id") && ret == 0)
			ret = take_container(inv, o, f);
		line += len + (line[len] == '\n');
	}
	if (inv->n_places > 1)
		qsort(inv->places, inv->n_places, sizeof(*inv->places), by_path);
	return ret;
}

/* --- comparing ------------------------------------------------------------------------------- */

bool places_touch(const char *mounted, bool writable, const char *place)
{
	return mounted && place && (path_equal_or_inside(mounted, place) || (writable && path_inside(place, mounted)));
}

static bool reaches(const char *mounted, bool rw, const char *place, bool writing)
{
	return (rw || !writing) && places_touch(mounted, rw, place);
}

bool sources_reach(const struct container *c, const char *place, bool writing)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount *m = &c->mounts[i];
		if (reaches(m->place, m->rw, place, writing))
			return true;
		for (size_t j = 0; j < m->n_nested; j++)
			if (reaches(m->nested[j].place, m->nested[j].rw && (m->rw || writing), place, writing))
				return true;
	}
	return false;
}

bool sources_replaced(const struct inventory *inv, const struct mount *m, const char *path)
{
	const struct known_place *now = inventory_place(inv, path);

	return m->place && now && now->place && !streq(m->place, now->place);
}
