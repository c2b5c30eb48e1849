/* SPDX-License-Identifier: MIT */
/*
 * Happy path: directory → inspects, volumes, unit (from the inventory) → networks (one request
 * each) → the user's files (recipe_files) → RESTORE.md, which knows all of it → done.
 * Failure modes: our directory cannot be written → failure; a network that vanished, a
 * file of the user's that cannot be read → a warning that also RESTORE.md's reader sees.
 */
#include "daemon/domain/recipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/recipe_guide.h"
#include "daemon/pure/redact.h"

struct recipe {
	struct recipe_options o;
	char *directory;
	struct strv warnings, redacted, networks;
	struct json_object *network_list, *volume_list, *inspect_list; /* owned */
	struct recipe_files *files;
	size_t next;
	recipe_done_fn *done;
	void *arg;
	struct fault fault;
};

static void next_network(struct recipe *r);

int recipe_add(struct recipe *r, const char *name, const char *text, struct fault *f)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", r->directory, name);

	return file_replace(path, text, strlen(text), 0600, f);
}

static int add_json(struct recipe *r, const char *name, struct json_object *o /* taken */, struct fault *f)
{
	char *text CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PRETTY, NULL);
	int ret = recipe_add(r, name, text, f);

	json_object_put(o);
	return ret;
}

static void on_over(void *arg)
{
	struct recipe *r = arg;

	r->done(r->arg, r->fault.code == FAULT_NONE ? NULL : &r->fault);
}

/* --- what the inventory has --------------------------------------------------------------------- */

/* ${raw} as the recipe may have it; NULL if it is no JSON. Caller's. What was redacted is noted. */
static char *clean(struct recipe *r, const char *raw, const char *kind, const char *name)
{
	struct strv names CLEANUP(strv_done) = { 0 };
	char *text = r->o.ctx->conf->recipe.secrets ? xstrdup(raw) : redact_inspect(raw, strlen(raw), &names);

	for (size_t i = 0; i < names.n; i++)
		strv_addf(&r->redacted, "%s of %s %s", names.v[i], kind, name);
	return text;
}

static int add_inspects(struct recipe *r, struct fault *f)
{
	for (size_t i = 0; i < r->o.unit->n_members; i++) {
		const struct member *m = &r->o.unit->members[i];
		char *text CLEANUP(freep) = m->c->raw ? clean(r, m->c->raw, "container", m->c->name) : NULL;
		char *file CLEANUP(freep) = xasprintf("inspect/%s.json", m->c->name);
		struct json_object *o = text && !m->guest ? json_parse(text, strlen(text)) : NULL;
		if (o)
			json_object_array_add(r->inspect_list, o);
		int ret = text ? recipe_add(r, file, text, f) : 0;
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* For programs; RESTORE.md has the same for people. */
static int add_redacted(struct recipe *r, struct fault *f)
{
	struct json_object *o = json_object_new_object();

	json_put_list(o, "redacted", &r->redacted);
	return add_json(r, "redacted.json", o, f);
}

/* Every volume that a member mounts, saved or not: without its definition it would come back as another. */
static void add_volume(struct recipe *r, const char *name)
{
	const struct volume *v = inventory_volume(r->o.inv, name);
	char *text CLEANUP(freep) = v && v->raw ? clean(r, v->raw, "volume", name) : NULL;
	struct json_object *o = text ? json_parse(text, strlen(text)) : NULL;

	if (o)
		json_object_array_add(r->volume_list, o);
}

static void add_volumes(struct recipe *r)
{
	struct strv names CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < r->o.unit->n_members; i++) {
		const struct member *m = &r->o.unit->members[i];
		for (size_t j = 0; !m->guest && j < m->c->n_mounts; j++)
			if (streq(m->c->mounts[j].type, "volume") && m->c->mounts[j].name)
				strv_add(&names, m->c->mounts[j].name);
	}
	strv_sort_unique(&names);
	for (size_t i = 0; i < names.n; i++)
		add_volume(r, names.v[i]);
}

static int add_restore_md(struct recipe *r, struct fault *f)
{
	const struct recipe_guide g = {
		.unit = r->o.unit, .inv = r->o.inv, .backup_id = r->o.backup_id, .conf = r->o.ctx->conf,
		.identity = repository_identity(r->o.ctx->repository), .inspects = r->inspect_list,
		.volumes = r->volume_list, .networks = r->network_list, .files = r->files, .redacted = &r->redacted,
	};
	char *text CLEANUP(freep) = recipe_guide(&g);

	return recipe_add(r, "RESTORE.md", text, f);
}

/* Containers that take no part in the engine's mapping have the host's owners. */
static bool all_host_users(const struct recipe *r)
{
	size_t n = json_object_array_length(r->inspect_list);

	for (size_t i = 0; i < n; i++)
		if (!streq(json_text(json_member(json_object_array_get_idx(r->inspect_list, i), "HostConfig"), "UsernsMode"), "host"))
			return false;
	return n > 0;
}

static struct json_object *describe(const struct recipe *r)
{
	struct json_object *o = unit_json(r->o.unit);
	char *owners CLEANUP(freep) = all_host_users(r) ? xstrdup("host") : engine_owners(&r->o.inv->engine);

	json_put_text(o, "owners", owners);
	return o;
}

static int add_own(struct recipe *r, struct fault *f)
{
	static const char *const below[] = { "", "/inspect", "/compose" };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(below); i++) {
		char *dir CLEANUP(freep) = xasprintf("%s%s", r->directory, below[i]);
		ret = dir_make(dir, 0700, f);
	}
	if (ret < 0 || (ret = add_inspects(r, f)) < 0 || (ret = add_json(r, "unit.json", describe(r), f)) < 0)
		return ret;
	add_volumes(r);
	return add_json(r, "volumes.json", json_object_get(r->volume_list), f);
}

/* --- the user's files ------------------------------------------------------------------------------ */

static int add_last(struct recipe *r, struct fault *f)
{
	int ret = add_json(r, "files.json", recipe_files_json(r->files), f);

	if (ret == 0)
		ret = add_redacted(r, f);
	return ret < 0 ? ret : add_restore_md(r, f);
}

static void on_files(void *arg)
{
	struct recipe *r = arg;

	strv_copy(&r->warnings, recipe_files_warnings(r->files));
	strv_copy(&r->redacted, recipe_files_redacted(r->files));
	if (add_last(r, &r->fault) < 0)
		fault_wrap(&r->fault, "the recipe cannot be made");
	r->done(r->arg, r->fault.code == FAULT_NONE ? NULL : &r->fault);
}

static void copy_files(struct recipe *r)
{
	struct recipe_files_options o = {
		.ctx = r->o.ctx, .unit = r->o.unit, .inv = r->o.inv, .directory = r->directory,
	};

	r->files = recipe_files_start(&o, on_files, r);
}

/* --- networks -------------------------------------------------------------------------------------- */

static void on_network(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct recipe *r = arg;
	const char *name = r->networks.v[r->next - 1];
	char *raw CLEANUP(freep) = f ? NULL : xstrndup(body, len);
	char *text CLEANUP(freep) = raw ? clean(r, raw, "network", name) : NULL;
	struct json_object *o = text ? json_parse(text, strlen(text)) : NULL;

	(void)status;
	if (o) {
		json_object_object_del(o, "Containers");
		json_object_array_add(r->network_list, o);
	} else {
		strv_addf(&r->warnings, "network %s is not in the recipe: %s", name, f ? f->text : "unreadable");
	}
	next_network(r);
}

static void next_network(struct recipe *r)
{
	if (r->next == r->networks.n) {
		if (add_json(r, "networks.json", json_object_get(r->network_list), &r->fault) < 0)
			loop_defer(r->o.ctx->loop, on_over, r);
		else
			copy_files(r);
		return;
	}
	char *name CLEANUP(freep) = docker_escape(r->networks.v[r->next++]);
	char *path CLEANUP(freep) = xasprintf("/networks/%s", name);
	docker_request(r->o.ctx->docker, "GET", path, NULL, on_network, r);
}

/* --- the object -------------------------------------------------------------------------------------- */

struct recipe *recipe_start(const struct recipe_options *o, recipe_done_fn *done, void *arg)
{
	struct recipe *r = xcalloc(1, sizeof(*r));
	char *staging CLEANUP(freep) = path_staging(o->ctx->conf), *unit CLEANUP(freep) = name_encode(o->unit->name);

	r->o = *o;
	r->done = done;
	r->arg = arg;
	r->directory = xasprintf("%s/%s-%s", staging, o->backup_id, unit);
	r->network_list = json_object_new_array();
	r->volume_list = json_object_new_array();
	r->inspect_list = json_object_new_array();
	IGNORE(dir_remove(r->directory)); /* of a run that was interrupted */
	for (size_t i = 0; i < o->unit->n_members; i++)
		if (!o->unit->members[i].guest)
			strv_copy(&r->networks, &o->unit->members[i].c->networks);
	strv_sort_unique(&r->networks);
	if (add_own(r, &r->fault) < 0) {
		fault_wrap(&r->fault, "the recipe cannot be made");
		loop_defer(o->ctx->loop, on_over, r);
	} else {
		next_network(r);
	}
	return r;
}

const char *recipe_directory(const struct recipe *r)
{
	return r->directory;
}

const struct strv *recipe_warnings(const struct recipe *r)
{
	return &r->warnings;
}

void recipe_free(struct recipe *r)
{
	if (!r)
		return;
	IGNORE(dir_remove(r->directory)); /* the next one with this name removes it first */
	strv_done(&r->warnings);
	strv_done(&r->redacted);
	strv_done(&r->networks);
	json_object_put(r->network_list);
	json_object_put(r->volume_list);
	json_object_put(r->inspect_list);
	recipe_files_free(r->files);
	free(r->directory);
	free(r);
}
