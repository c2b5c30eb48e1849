/* SPDX-License-Identifier: MIT */
/*
 * The recipe, laid out in a directory of its own (0700), and what is made from it:
 * networks and volumes that are missing, with driver, options and labels. Containers
 * that no longer exist are not invented; the exact commands for them are shown.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/shell.h"
#include "common/varlink.h"
#include "daemon/domain/restore_internal.h"
#include "daemon/pure/tar.h"

#define RECIPE_FILE_MAX ((size_t)16 << 20)

static void create_next(struct restore *r);

/* --- laying it out -------------------------------------------------------------------- */

static struct json_object *read_json(const struct restore *r, const char *name)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", r->recipe_dir, name);
	struct buf text CLEANUP(buf_done) = { 0 };

	if (file_read(path, RECIPE_FILE_MAX, &text) < 0)
		return NULL;
	return json_parse(text.data, text.len);
}

/* Single files are known from the recipe's list of items: staging them is different. */
static void mark_files(struct restore *r)
{
	struct json_object *items = json_member(r->recipe_unit, "items"); /* borrowed */

	if (!json_object_is_type(items, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);
		for (size_t j = 0; j < r->n_items; j++)
			if (streq(json_text(o, "id"), r->items[j].source_id ? r->items[j].source_id : r->items[j].id) && !r->target)
				r->items[j].is_file = json_flag(o, "is_file", false);
	}
}

/*
 * Named where not all of them ran: a bare "up" would also start what a profile or a person had kept
 * down. ${ret} stays empty where all did.
 */
static void running_services(struct json_object *unit, struct strv *ret)
{
	struct json_object *members = json_member(unit, "members");
	bool all = true;

	for (size_t i = 0; json_object_is_type(members, json_type_array) && i < json_object_array_length(members); i++) {
		struct json_object *m = json_object_array_get_idx(members, i); /* borrowed */
		const char *service = json_text(m, "service"), *state = json_text(m, "state");
		if (!service || json_flag(m, "guest", false) || json_flag(m, "oneoff", false))
			continue;
		if (streq(state, "running") || streq(state, "paused"))
			strv_add(ret, service);
		else
			all = false;
	}
	if (all)
		strv_done(ret);
	strv_sort_unique(ret);
}

/* What a person types to have the project again: its own name, files and directory. */
static void compose_words(struct restore *r)
{
	const char *dir = json_text(r->recipe_unit, "working_directory");
	struct strv files CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct strv services CLEANUP(strv_done) = { 0 };

	if (!streq(json_text(r->recipe_unit, "kind"), "compose"))
		return;
	json_read_list(r->recipe_unit, "compose_files", &files);
	json_read_list(r->recipe_unit, "env_files", &env);
	strv_add(&r->compose, "docker");
	strv_add(&r->compose, "compose");
	strv_add(&r->compose, "-p");
	strv_add(&r->compose, r->unit);
	if (dir && files.n) {
		strv_add(&r->compose, "--project-directory");
		strv_add(&r->compose, dir);
	}
	for (size_t i = 0; i < env.n; i++) {
		strv_add(&r->compose, "--env-file");
		strv_add(&r->compose, env.v[i]);
	}
	for (size_t i = 0; i < files.n; i++) {
		strv_add(&r->compose, "-f");
		strv_add(&r->compose, files.v[i]);
	}
	strv_add(&r->compose, "up");
	strv_add(&r->compose, "-d");
	running_services(r->recipe_unit, &services);
	strv_copy(&r->compose, &services);
}

static void read_redacted(struct restore *r)
{
	struct json_object *o CLEANUP(json_putp) = read_json(r, "redacted.json");

	json_read_list(o, "redacted", &r->redacted);
}

static void on_recipe(void *arg, const struct fault *f, const char *err, const struct strv *lost)
{
	struct restore *r = arg;
	struct fault own = f ? *f : (struct fault){ 0 };

	(void)err;
	(void)lost; /* what compose files name may have such paths; they are in it and not needed */
	r->recipe = NULL;
	if (f) {
		fault_wrap(&own, "the recipe");
		restore_next(r, &own);
		return;
	}
	r->recipe_volumes = read_json(r, "volumes.json");
	r->recipe_networks = read_json(r, "networks.json");
	r->recipe_unit = read_json(r, "unit.json");
	mark_files(r);
	compose_words(r);
	read_redacted(r);
	restore_next(r, NULL);
}

static int make_directory(struct restore *r, struct fault *f)
{
	char *unit CLEANUP(freep) = name_encode(r->unit); /* in another host's points it may be any text */

	if (!r->recipe_dir) {
		char *above CLEANUP(freep) = path_restored(r->ctx->conf), *now CLEANUP(freep) = path_laying_out(r->ctx->conf);
		/* A question has no id that is its own: another in the same second may be about the same unit. */
		r->recipe_dir = r->o.foretell ? xasprintf("%s/plan-%p", now, (void *)r) : xasprintf("%s/%s-%s", now, r->restore_id, unit);
		r->recipe_end = xasprintf("%s/%s-%s", above, r->restore_id, unit);
	}
	return dir_make(r->recipe_dir, 0700, f);
}

static const char *end_of(const struct restore *r)
{
	return r->recipe_end ? r->recipe_end : r->recipe_dir;
}

/* Of a restore that came to nothing, or was killed, it is in nobody's way: the next start removes it. */
void restore_recipe_settle(struct restore *r, bool keep)
{
	struct fault f = { 0 };

	if (!r->recipe_end)
		return;
	if (!keep) {
		IGNORE(dir_remove(r->recipe_dir)); /* as above */
		return;
	}
	if (r->recipe_dir && file_move(r->recipe_dir, r->recipe_end, false, &f) < 0)
		log_warning("the recipe that was laid out: %s", f.text);
	free(r->recipe_dir);
	r->recipe_dir = TAKE_PTR(r->recipe_end);
}

void restore_recipe_enter(void *owner)
{
	struct restore *r = owner;
	struct fault f = { 0 };

	/* A way back needs none; a partial point may have none, and its items can be had all the same. */
	if (!r->point || !r->point->recipe_object) {
		free(r->recipe_dir);
		r->recipe_dir = NULL;
		steps_next(r->steps);
		return;
	}
	if (make_directory(r, &f) < 0) {
		restore_next(r, &f);
		return;
	}
	struct archive from = { .object = r->point->recipe_object, .file = r->point->recipe_file };
	struct child_place into = extract_place(r->recipe_dir, NULL);
	r->recipe = extract_start(r->ctx, &from, &into, NULL, on_recipe, r);
}

/* --- making what is missing ----------------------------------------------------------- */

static struct json_object *by_name(struct json_object *list, const char *name)
{
	if (!json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		if (streq(json_text(o, "Name"), name))
			return o;
	}
	return NULL;
}

static void copy_member(struct json_object *to, const char *to_key, struct json_object *from, const char *key)
{
	struct json_object *v = json_member(from, key);

	if (v)
		json_object_object_add(to, to_key, json_object_get(v));
}

static void want(struct restore *r, const char *path, struct json_object *body, const char *name)
{
	strv_add(&r->make, path);
	strv_add(&r->make, json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	strv_add(&r->make, name);
	json_object_put(body);
}

/* Compose takes a volume for its own by the project's name in the label; one of another name is nobody's. */
static void put_labels(const struct restore *r, const struct restore_item *it, struct json_object *from, struct json_object *body)
{
	struct json_object *labels = json_member(from, "Labels"), *own;

	if (!it->source_id) {
		copy_member(body, "Labels", from, "Labels");
	} else if (labels && !streq(r->of, r->unit) && json_text(labels, "com.docker.compose.project")) {
		own = json_object_new_object();
		json_object_object_foreach(labels, key, value)
			json_object_object_add(own, key, json_object_get(value));
		json_put_text(own, "com.docker.compose.project", r->unit);
		json_object_object_add(body, "Labels", own);
	}
}

static void want_volume(struct restore *r, const struct restore_item *it)
{
	const char *source = it->source_id ? strchr(it->source_id, ':') : NULL;
	struct json_object *from = by_name(r->recipe_volumes, source ? source + 1 : it->volume), *body = json_object_new_object();

	json_put_text(body, "Name", it->volume);
	copy_member(body, "Driver", from, "Driver");
	copy_member(body, "DriverOpts", from, "Options");
	put_labels(r, it, from, body);
	want(r, "/volumes/create", body, it->volume);
}

static void want_network(struct restore *r, struct json_object *from)
{
	static const char *const keys[] = { "Name", "Driver", "Internal", "Attachable", "EnableIPv6", "Options", "Labels", "IPAM" };
	struct json_object *body = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		copy_member(body, keys[i], from, keys[i]);
	json_put_flag(body, "CheckDuplicate", true);
	want(r, "/networks/create", body, json_text(from, "Name"));
}

static bool predefined(const char *network)
{
	return streq(network, "bridge") || streq(network, "host") || streq(network, "none");
}

/* Networks of compose projects are compose's to make: it refuses some that it did not make itself. */
static bool of_compose(struct json_object *network)
{
	return json_text(json_member(network, "Labels"), "com.docker.compose.network") != NULL;
}

static void want_all(struct restore *r)
{
	size_t n = json_object_is_type(r->recipe_networks, json_type_array) ? json_object_array_length(r->recipe_networks) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(r->recipe_networks, i);
		if (!r->now && streq(r->of, r->unit) && json_text(o, "Name") && !predefined(json_text(o, "Name")) && !of_compose(o))
			want_network(r, o);
	}
	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].volume && !r->items[i].dest)
			want_volume(r, &r->items[i]);
}

static void show_compose(struct restore *r)
{
	struct buf command CLEANUP(buf_done) = { 0 };

	for (size_t i = 0; i < r->compose.n; i++) {
		char *word CLEANUP(freep) = shell_word(r->compose.v[i]);
		buf_printf(&command, "%s%s", i ? " " : "", word);
	}
	strv_addf(&r->next_steps, "its containers are gone; with the compose files of %s/compose back in their places: %s",
		end_of(r), command.data);
}

static void show_containers(struct restore *r)
{
	if (r->now || !r->recipe_dir)
		return;
	if (r->compose.n)
		show_compose(r);
	else
		strv_addf(&r->next_steps, "its container is gone; %s/RESTORE.md has the docker run command", end_of(r));
	if (r->redacted.n)
		strv_addf(&r->next_steps, "secrets were redacted: %s/RESTORE.md names the variables", end_of(r));
}

static void on_created(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct restore *r = arg;
	const char *name = r->make.v[r->next - 1];
	struct json_object *o CLEANUP(json_putp) = json_parse(body, len);

	/* 409: a network of that name is there already. */
	if (f && status != 409) {
		struct fault own = *f;
		fault_wrap(&own, "cannot make %s", name);
		restore_next(r, &own);
		return;
	}
	for (size_t i = 0; i < r->n_items; i++)
		if (!r->items[i].dest && streq(r->items[i].volume, name)) {
			const char *device = json_text(json_member(o, "Options"), "device");
			r->items[i].dest = xstrdup(device ? device : json_text(o, "Mountpoint"));
		}
	create_next(r);
}

static void create_next(struct restore *r)
{
	if (r->next == r->make.n) {
		steps_next(r->steps);
		return;
	}
	const char *path = r->make.v[r->next], *body = r->make.v[r->next + 1];
	r->next += 3;
	docker_request(r->ctx->docker, "POST", path, body, on_created, r);
}

void restore_create_enter(void *owner)
{
	struct restore *r = owner;

	r->next = 0;
	if (!r->target) {
		want_all(r);
		show_containers(r);
	}
	create_next(r);
}
