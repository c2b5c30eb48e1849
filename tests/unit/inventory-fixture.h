/* SPDX-License-Identifier: MIT */
#ifndef KD_TEST_INVENTORY_FIXTURE_H
#define KD_TEST_INVENTORY_FIXTURE_H

/* cmocka.h needs these before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/plan.h"

/* One container as the engine would describe it; JSON texts may be NULL. */
struct spec {
	const char *name, *project, *service, *state;
	const char *mounts; /* array */
	const char *host;   /* HostConfig, object */
	const char *labels; /* more labels, object */
	const char *depends;
	int number;
	bool health;
};

/* Whole file of tests/unit/data. Caller's. */
static inline char *data_read(const char *name)
{
	CLEANUP(freep) char *here = xstrdup(__FILE__);
	CLEANUP(freep) char *path = NULL;
	CLEANUP(fclosep) FILE *file = NULL;
	char *text = xcalloc(1, 1 << 17);

	*strrchr(here, '/') = '\0';
	path = xasprintf("%s/data/%s", here, name);
	file = fopen(path, "re");
	if (!file) {
		free(path);
		path = xasprintf("tests/unit/data/%s", name);
		file = fopen(path, "re");
	}
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 17) - 1, file) > 0);
	return text;
}

/* 64 hexadecimal digits that only ${name} has. */
static inline char *id_of(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return xasprintf("%016llx%016llx%016llx%016llx", (unsigned long long)hash,
		(unsigned long long)hash * 3, (unsigned long long)hash * 5,
		(unsigned long long)hash * 7);
}

static inline struct json_object *parse_or(const char *text, const char *fallback)
{
	struct json_object *o =
		json_parse(text ? text : fallback, strlen(text ? text : fallback));

	assert_non_null(o);
	return o;
}

/* The inspect of ${s} as text. Caller's. */
static inline char *spec_text(const struct spec *s)
{
	CLEANUP(json_putp) struct json_object *o = json_object_new_object();
	CLEANUP(freep) char *id = id_of(s->name);
	CLEANUP(freep) char *name = xasprintf("/%s", s->name);
	struct json_object *state = json_object_new_object(),
			   *config = json_object_new_object();
	struct json_object *labels = parse_or(s->labels, "{}");

	json_put_text(o, "Id", id);
	json_put_text(o, "Name", name);
	json_put_text(state, "Status", s->state ? s->state : "running");
	json_put_text(state, "StartedAt", "2026-01-31T02:00:00.000000001Z");
	json_object_object_add(o, "State", state);
	json_put_text(labels, "com.docker.compose.project", s->project);
	json_put_text(labels, "com.docker.compose.service", s->service);
	json_put_text(labels, "com.docker.compose.depends_on", s->depends);
	if (s->number) {
		CLEANUP(freep) char *number = xasprintf("%d", s->number);

		json_put_text(labels, "com.docker.compose.container-number", number);
	}
	json_object_object_add(config, "Labels", labels);
	if (s->health)
		json_object_object_add(
			config, "Healthcheck", parse_or("{\"Test\":[\"CMD\",\"true\"]}", NULL));
	json_object_object_add(o, "Config", config);
	json_object_object_add(o, "HostConfig", parse_or(s->host, "{}"));
	json_object_object_add(o, "Mounts", parse_or(s->mounts, "[]"));
	return xstrdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

static inline void host_add_text(struct inventory *inv, const char *text)
{
	struct fault f = { 0 };

	GROW(inv->containers, inv->n_containers);
	assert_int_equal(inventory_parse_container(text, strlen(text), false,
				 &inv->containers[inv->n_containers], &f),
		0);
	inv->n_containers++;
}

static inline void host_add(struct inventory *inv, const struct spec *s)
{
	CLEANUP(freep) char *text = spec_text(s);

	host_add_text(inv, text);
}

#define ADD(inv, ...) host_add((inv), &(const struct spec){ __VA_ARGS__ })

static inline struct inventory *host_new(const char *volumes)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	struct fault f = { 0 };

	inv->engine.root_dir = xstrdup("/var/lib/docker");
	if (volumes)
		assert_int_equal(inventory_parse_volumes(volumes, strlen(volumes), inv, &f), 0);
	return inv;
}

static inline void host_add_volume(struct inventory *inv, const char *name)
{
	CLEANUP(freep)
	char *text = xasprintf(
		"{\"Volumes\":[{\"Name\":\"%s\",\"Driver\":\"local\",\"Mountpoint\":"
		"\"/var/lib/docker/volumes/%s/_data\",\"Options\":null,\"Labels\":null}]}",
		name, name);
	struct fault f = { 0 };

	assert_int_equal(inventory_parse_volumes(text, strlen(text), inv, &f), 0);
}

static inline struct units plan(const struct inventory *inv, const struct plan_options *o)
{
	struct units u;
	struct fault f = { 0 };

	assert_int_equal(plan_units(inv, o, &u, &f), 0);
	return u;
}

static inline const struct unit *unit_named(const struct units *u, const char *name)
{
	const struct unit *found = units_find(u, name);

	if (found)
		return found;
	fail_msg("no unit %s", name);
	abort(); /* the compiler does not know that fail_msg() never returns */
}

static inline const struct member *member_find(const struct unit *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->n_members; i++)
		if (streq(u->members[i].c->name, name))
			return &u->members[i];
	return NULL;
}

static inline const struct member *member_named(const struct unit *u, const char *name)
{
	const struct member *found = member_find(u, name);

	if (found)
		return found;
	fail_msg("no member %s", name);
	abort();
}

static inline const struct item *item_named(const struct unit *u, const char *id)
{
	size_t i;

	for (i = 0; i < u->n_items; i++)
		if (streq(u->items[i].id, id))
			return &u->items[i];
	fail_msg("no item %s", id);
	abort();
}

/* The first coverage line of ${destination}. */
static inline const struct coverage *line_at(const struct unit *u, const char *destination)
{
	size_t i;

	for (i = 0; i < u->n_coverage; i++)
		if (streq(u->coverage[i].destination, destination))
			return &u->coverage[i];
	fail_msg("no line for %s", destination);
	abort();
}

#define assert_contains(text, part)                                          \
	do {                                                                 \
		assert_non_null(text);                                       \
		if (!strstr((text), (part)))                                 \
			fail_msg("\"%s\" is not in \"%s\"", (part), (text)); \
	} while (0)

#define BIND(source, destination, rw)                                                 \
	"{\"Type\":\"bind\",\"Source\":\"" source "\",\"Destination\":\"" destination \
	"\",\"RW\":" rw "}"
#define VOLUME(name, destination, rw)                   \
	"{\"Type\":\"volume\",\"Name\":\"" name         \
	"\",\"Source\":\"/var/lib/docker/volumes/" name \
	"/_data\",\"Destination\":\"" destination "\",\"Driver\":\"local\",\"RW\":" rw "}"

#endif
