/* SPDX-License-Identifier: MIT */
/*
 * The engine's lists and its description of itself, as structs; and looking
 * things up in them. One container's inspect is read in inventory_container.c.
 *
 * Answers of the engine are parsed fully here and the tree is dropped. Lists
 * may be null, fields may be missing: podman, old and new engines differ.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/plan_internal.h"

#define ID_DIGITS 64

static size_t hex_run(const char *s)
{
	return strspn(s, "0123456789abcdef");
}

static void parse_volume(struct json_object *o, struct inventory *inv)
{
	struct json_object *options = json_member(o, "Options");
	char *name = engine_text(o, "Name");
	struct volume *v;

	if (!name)
		return; /* nothing can refer to it */
	GROW(inv->volumes, inv->n_volumes);
	v = &inv->volumes[inv->n_volumes++];
	v->name = name;
	v->driver = engine_text(o, "Driver");
	v->mountpoint = engine_text(o, "Mountpoint");
	v->type = engine_text(options, "type");
	v->o = engine_text(options, "o");
	v->device = engine_text(options, "device");
	v->has_options = v->type || v->device;
	v->anonymous = (strlen(name) == ID_DIGITS && hex_run(name) == ID_DIGITS) ||
		       json_object_object_get_ex(
			       json_member(o, "Labels"), "com.docker.volume.anonymous", NULL);
	v->raw = json_write(o, JSON_C_TO_STRING_PLAIN, NULL);
}

int inventory_parse_volumes(
	const char *text, size_t len, struct inventory *inv, struct fault *f)
{
	CLEANUP(json_putp) struct json_object *o = json_parse(text, len);
	struct json_object *list = json_member(o, "Volumes");
	size_t i, n;

	if (!json_object_is_type(o, json_type_object) ||
		(list && !json_object_is_type(list, json_type_array)))
		return fault_set(
			f, FAULT_ENGINE, -EBADMSG, "the engine's list of volumes is not one");
	n = list ? json_object_array_length(list) : 0;
	for (i = 0; i < n; i++)
		parse_volume(json_object_array_get_idx(list, i), inv);
	return 0;
}

static bool has_security(struct json_object *list, const char *prefix)
{
	size_t i, n = json_object_is_type(list, json_type_array)
			      ? json_object_array_length(list)
			      : 0;

	for (i = 0; i < n; i++) {
		CLEANUP(freep)
		char *one = engine_value_text(json_object_array_get_idx(list, i));

		if (starts_with(one, prefix))
			return true;
	}
	return false;
}

int inventory_parse_info(const char *text, size_t len, struct engine *ret, struct fault *f)
{
	CLEANUP(json_putp) struct json_object *o = json_parse(text, len);
	struct json_object *security = json_member(o, "SecurityOptions");
	struct engine e = { 0 };

	if (!json_object_is_type(o, json_type_object))
		return fault_set(f, FAULT_ENGINE, -EBADMSG,
			"the engine's answer about itself is not one");
	e.id = engine_text(o, "ID");
	e.name = engine_text(o, "Name");
	e.root_dir = engine_text(o, "DockerRootDir");
	e.version = engine_text(o, "ServerVersion");
	e.podman = json_object_object_get_ex(o, "BuildahVersion", NULL);
	e.rootless = has_security(security, "name=rootless") || json_flag(o, "Rootless", false);
	e.userns = has_security(security, "name=userns");
	e.live_restore = json_flag(o, "LiveRestoreEnabled", false);
	*ret = e;
	return 0;
}

/* A remapped engine keeps its data in a directory of the mapping's name: /var/lib/docker/100000.100000. */
char *engine_owners(const struct engine *e)
{
	const char *slash = e->root_dir ? strrchr(e->root_dir, '/') : NULL;
	unsigned int uid, gid;
	int end = 0;

	if (e->rootless)
		return xstrdup("rootless");
	if (!e->userns)
		return xstrdup("host");
	if (slash && sscanf(slash, "/%u.%u%n", &uid, &gid, &end) == 2 && slash[end] == '\0')
		return xasprintf("userns-remap %u.%u", uid, gid);
	return xstrdup("userns-remap");
}

int inventory_parse_ids(const char *text, size_t len, struct strv *ret, struct fault *f)
{
	CLEANUP(json_putp) struct json_object *list = json_parse(text, len);
	size_t i, n;

	if (!json_object_is_type(list, json_type_array))
		return fault_set(f, FAULT_ENGINE, -EBADMSG,
			"the engine's list of containers is not one");
	n = json_object_array_length(list);
	for (i = 0; i < n; i++) {
		char *id = engine_text(json_object_array_get_idx(list, i), "Id");

		if (id)
			strv_take(ret, id);
	}
	return 0;
}

/* Field ${n} (from 0) of one line, its length in ${ret_len}; NULL beyond the end. */
static const char *line_field(const char *line, size_t len, size_t n, size_t *ret_len)
{
	const char *at = line, *end = line + len, *space;

	for (;; n--, at = space + 1) {
		space = memchr(at, ' ', (size_t)(end - at));
		if (n == 0) {
			*ret_len = (size_t)((space ? space : end) - at);
			return at;
		}
		if (!space)
			return NULL;
	}
}

/*
 * An engine binds …/containers/ID/hostname over /etc/hostname of every container.
 * The mount point is looked at too: on the host, other mounts show containers' paths.
 */
static char *self_id_of_line(const char *line, size_t len)
{
	size_t root_len = 0, point_len = 0, i;
	const char *root = line_field(line, len, 3, &root_len);
	const char *point = line_field(line, len, 4, &point_len);
	static const char dir[] = "containers/";

	if (!root || !point || point_len != strlen("/etc/hostname") ||
		memcmp(point, "/etc/hostname", point_len) != 0)
		return NULL;
	for (i = 0; i + strlen(dir) + ID_DIGITS < root_len; i++) {
		const char *id = root + i + strlen(dir);

		if (memcmp(root + i, dir, strlen(dir)) == 0 && hex_run(id) == ID_DIGITS &&
			id[ID_DIGITS] == '/')
			return xstrndup(id, ID_DIGITS);
	}
	return NULL;
}

char *inventory_self_id(const char *mountinfo)
{
	const char *line = mountinfo, *end;
	char *id;

	for (; line && *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		id = self_id_of_line(line, (size_t)(end - line));
		if (id)
			return id;
	}
	return NULL;
}

const struct container *inventory_container(const struct inventory *inv, const char *id_or_name)
{
	size_t i;

	for (i = 0; i < inv->n_containers; i++)
		if (streq(inv->containers[i].id, id_or_name) ||
			streq(inv->containers[i].name, id_or_name))
			return &inv->containers[i];
	return NULL;
}

const struct volume *inventory_volume(const struct inventory *inv, const char *name)
{
	size_t i;

	for (i = 0; i < inv->n_volumes; i++)
		if (streq(inv->volumes[i].name, name))
			return &inv->volumes[i];
	return NULL;
}

static int compare_place(const void *key, const void *element)
{
	return strcmp(key, ((const struct known_place *)element)->path);
}

const struct known_place *inventory_place(const struct inventory *inv, const char *path)
{
	if (!path || inv->n_places == 0)
		return NULL;
	return bsearch(path, inv->places, inv->n_places, sizeof(*inv->places), compare_place);
}

static void places_done(struct inventory *inv)
{
	for (size_t i = 0; i < inv->n_places; i++) {
		free(inv->places[i].path);
		free(inv->places[i].place);
		free(inv->places[i].foreign);
	}
	free(inv->places);
}

static void volume_done(struct volume *v)
{
	free(v->name);
	free(v->driver);
	free(v->mountpoint);
	free(v->type);
	free(v->o);
	free(v->device);
	free(v->raw);
}

void inventory_drop_volume(struct inventory *inv, const char *name)
{
	for (size_t i = 0; i < inv->n_volumes; i++)
		if (streq(inv->volumes[i].name, name)) {
			volume_done(&inv->volumes[i]);
			inv->volumes[i] = inv->volumes[--inv->n_volumes];
			return;
		}
}

void engine_done(struct engine *e)
{
	free(e->id);
	free(e->name);
	free(e->root_dir);
	free(e->version);
	free(e->api_version);
	*e = (struct engine){ 0 };
}

void inventory_free(struct inventory *inv)
{
	size_t i;

	if (!inv)
		return;
	for (i = 0; i < inv->n_containers; i++)
		container_done(&inv->containers[i]);
	free(inv->containers);
	for (i = 0; i < inv->n_volumes; i++)
		volume_done(&inv->volumes[i]);
	free(inv->volumes);
	engine_done(&inv->engine);
	free(inv->self_id);
	places_done(inv);
	free(inv);
}

void inventory_freep(struct inventory **inv)
{
	inventory_free(*inv);
	*inv = NULL;
}
