/* SPDX-License-Identifier: MIT */
/* The engine's list has every running container's mounts in one answer: cheap enough for the window. */
#include "daemon/domain/writers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"

struct question {
	const struct unit *unit;
	writers_fn *done;
	void *arg;
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

int writers_parse(const char *text, size_t len, const struct unit *u, struct strv *ret_names, struct fault *f)
{
	struct json_object *list CLEANUP(json_putp) = json_parse(text, len);

	if (!json_object_is_type(list, json_type_array))
		return fault_set(f, FAULT_ENGINE, -EBADMSG, "the engine's list of containers cannot be read");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i); /* borrowed */
		if (!strv_has(&u->tolerated, json_text(c, "Id")) && writes(c, u))
			add_name(c, ret_names);
	}
	return 0;
}

static void on_list(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct question *q = arg;
	struct strv names CLEANUP(strv_done) = { 0 };
	struct fault own = { 0 };

	(void)status;
	if (!f && writers_parse(body, len, q->unit, &names, &own) < 0)
		f = &own;
	q->done(q->arg, f, &names);
	free(q);
}

void writers_find(struct docker *d, const struct unit *u, writers_fn *done, void *arg)
{
	struct question *q = xcalloc(1, sizeof(*q));

	*q = (struct question){ .unit = u, .done = done, .arg = arg };
	/* Without all=1: the running ones, paused included. */
	docker_request(d, "GET", "/containers/json", NULL, on_list, q);
}
