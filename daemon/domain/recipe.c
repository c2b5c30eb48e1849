/* SPDX-License-Identifier: MIT */
/*
 * Happy path: directory → inspects, volumes, unit (from the inventory) → networks (one request
 * each) → the user's files (recipe_files) → RESTORE.md, which knows all of it → done.
 * Failure modes: our directory cannot be written → failure; a network that vanished, a
 * file of the user's that cannot be read → a warning that also RESTORE.md's reader sees.
 */
#include "daemon/domain/recipe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/recipe_files.h"
#include "daemon/pure/redact.h"
#include "daemon/pure/script.h"

struct recipe {
	struct recipe_options o;
	char *directory;
	struct strv warnings, redacted, networks;
	struct json_object *network_list, *volume_list; /* owned */
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
	int ret = recipe_add(r, name, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE), f);

	json_object_put(o);
	return ret;
}

static void on_over(void *arg)
{
	struct recipe *r = arg;

	r->done(r->arg, r->fault.code == FAULT_NONE ? NULL : &r->fault);
}

/* --- what the inventory has --------------------------------------------------------------------- */

static int add_inspects(struct recipe *r, struct fault *f)
{
	for (size_t i = 0; i < r->o.unit->n_members; i++) {
		const struct container *c = r->o.unit->members[i].c;
		struct strv names CLEANUP(strv_done) = { 0 };
		bool keep = r->o.ctx->conf->recipe.secrets;
		char *text CLEANUP(freep) = !c->raw ? NULL : keep ? xstrdup(c->raw) : redact_inspect(c->raw, strlen(c->raw), &names);
		char *file CLEANUP(freep) = xasprintf("inspect/%s.json", c->name);
		if (!text)
			continue;
		int ret = recipe_add(r, file, text, f);
		if (ret < 0)
			return ret;
		for (size_t j = 0; j < names.n; j++)
			strv_addf(&r->redacted, "%s of container %s", names.v[j], c->name);
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

static struct json_object *volumes_json(const struct recipe *r)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < r->o.unit->n_items; i++) {
		const struct volume *v = r->o.unit->items[i].volume ? inventory_volume(r->o.inv, r->o.unit->items[i].volume) : NULL;
		char *clean CLEANUP(freep) = v && v->raw ? redact_inspect(v->raw, strlen(v->raw), NULL) : NULL;
		struct json_object *o = clean ? json_parse(clean, strlen(clean)) : NULL;
		if (o)
			json_object_array_add(list, o);
	}
	return list;
}

/* --opt and --label words of docker volume create. */
static void create_words(struct json_object *volume, struct strv *words)
{
	struct json_object *options = json_member(volume, "Options"), *labels = json_member(volume, "Labels");
	const char *driver = json_text(volume, "Driver");

	if (driver && !streq(driver, "local"))
		strv_addf(words, "--driver=%s", driver);
	if (json_object_is_type(options, json_type_object)) {
		json_object_object_foreach(options, name, value)
			strv_addf(words, "--opt=%s=%s", name, json_object_get_string(value));
	}
	if (json_object_is_type(labels, json_type_object)) {
		json_object_object_foreach(labels, label, text)
			strv_addf(words, "--label=%s=%s", label, json_object_get_string(text));
	}
}

static void put_files(struct buf *b, const struct recipe_files *files)
{
	size_t n;
	const struct recipe_file *f = recipe_files_list(files, &n);
	const struct strv *notes = recipe_files_notes(files);

	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "- %s `%s` (%s): %s", compose_kind_name(f[i].kind), f[i].path, f[i].by, f[i].saved ? "saved in `compose/`" : "not kept");
		if (f[i].found_in)
			buf_printf(b, ", found in %s", f[i].found_in);
		if (f[i].redacted)
			buf_puts(b, ", secrets redacted");
		if (!f[i].saved && f[i].size >= 0)
			buf_printf(b, ", %" PRId64 " bytes, mode %s", f[i].size, f[i].mode);
		buf_printf(b, "%s%s\n", f[i].reason ? ": " : "", f[i].reason ? f[i].reason : "");
	}
	for (size_t i = 0; i < notes->n; i++)
		buf_printf(b, "- %s\n", notes->v[i]);
}

static char *coverage_text(const struct unit *u, const struct recipe_files *files)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < u->n_coverage; i++) {
		const struct coverage *c = &u->coverage[i];
		buf_printf(&b, "- %s `%s` (%s): %s%s%s\n", c->kind, c->source, c->container, c->saved ? "saved" : "skipped",
			c->reason ? ", " : "", c->reason ? c->reason : "");
	}
	put_files(&b, files);
	return buf_steal(&b);
}

static void connect_words(const struct conf *c, struct strv *words)
{
	if (c->kopia.repository_path) {
		strv_add(words, "filesystem");
		strv_addf(words, "--path=%s", c->kopia.repository_path);
		return;
	}
	/* The provider and its place; credentials are not the recipe's to keep. */
	for (size_t i = 0; i < c->kopia.repository.n; i++)
		if (!strcasestr(c->kopia.repository.v[i], "key") && !strcasestr(c->kopia.repository.v[i], "password") &&
			!strcasestr(c->kopia.repository.v[i], "token"))
			strv_add(words, c->kopia.repository.v[i]);
}

static int add_restore_md(struct recipe *r, struct fault *f)
{
	struct json_object *volumes = r->volume_list;
	const struct unit *u = r->o.unit;
	struct script_item *items = xcalloc(u->n_items ? u->n_items : 1, sizeof(*items));
	struct strv *creates = xcalloc(u->n_items ? u->n_items : 1, sizeof(*creates)), connect = { 0 };
	char *coverage CLEANUP(freep) = coverage_text(u, r->files);

	for (size_t i = 0; i < u->n_items; i++) {
		items[i] = (struct script_item){
			.id = u->items[i].id, .dest = u->items[i].path, .volume = u->items[i].volume, .is_file = u->items[i].is_file,
			.create = &creates[i],
		};
		for (size_t j = 0; j < json_object_array_length(volumes); j++) {
			struct json_object *v = json_object_array_get_idx(volumes, j);
			if (items[i].volume && streq(json_text(v, "Name"), items[i].volume))
				create_words(v, &creates[i]);
		}
	}
	connect_words(r->o.ctx->conf, &connect);
	struct script_options o = {
		.unit = u->name,
		.backup_id = r->o.backup_id,
		.connect = &connect,
		.identity = repository_identity(r->o.ctx->repository),
		.items = items,
		.n_items = u->n_items,
		.compose_files = &u->compose_files,
		.redacted = &r->redacted,
		.working_dir = u->working_dir,
		.coverage = coverage,
	};
	char *text CLEANUP(freep) = script_restore_md(&o);
	int ret = recipe_add(r, "RESTORE.md", text, f);
	for (size_t i = 0; i < u->n_items; i++)
		strv_done(&creates[i]);
	free(creates);
	free(items);
	strv_done(&connect);
	return ret;
}

static int add_own(struct recipe *r, struct fault *f)
{
	static const char *const below[] = { "", "/inspect", "/compose" };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(below); i++) {
		char *dir CLEANUP(freep) = xasprintf("%s%s", r->directory, below[i]);
		ret = dir_make(dir, 0700, f);
	}
	if (ret < 0 || (ret = add_inspects(r, f)) < 0 || (ret = add_json(r, "unit.json", unit_json(r->o.unit), f)) < 0)
		return ret;
	r->volume_list = volumes_json(r);
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
	struct json_object *o = f ? NULL : json_parse(body, len);

	(void)status;
	if (o) {
		json_object_object_del(o, "Containers");
		json_object_array_add(r->network_list, o);
	} else {
		strv_addf(&r->warnings, "network %s is not in the recipe: %s", r->networks.v[r->next - 1], f ? f->text : "unreadable");
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
	IGNORE(dir_remove(r->directory)); /* of a run that was interrupted */
	for (size_t i = 0; i < o->unit->n_members; i++)
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
	recipe_files_free(r->files);
	free(r->directory);
	free(r);
}
