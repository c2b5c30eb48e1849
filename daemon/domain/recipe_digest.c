/* SPDX-License-Identifier: MIT */
/*
 * Of the user's files: which are wanted, where else one may lie, and what is done with the copy of
 * one: variables are read from env files and their secrets redacted, compose files name more.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "daemon/domain/recipe_files_internal.h"
#include "daemon/pure/envfile.h"
#include "daemon/pure/path.h"
#include "daemon/pure/redact.h"

#define FILES_MAX      256
#define CANDIDATES_MAX 16

void recipe_settle(struct wanted *w, const char *reason)
{
	w->state = SETTLED;
	free(w->file.reason);
	w->file.reason = xstrdup(reason);
}

bool recipe_keeps_secrets(const struct recipe_files *r)
{
	return r->o.ctx->conf->recipe.secrets;
}

/* --- what is wanted --------------------------------------------------------------------- */

struct wanted *recipe_find_file(struct recipe_files *r, const char *path)
{
	for (size_t i = 0; i < r->n; i++)
		if (streq(r->v[i].file.path, path))
			return &r->v[i];
	return NULL;
}

static struct wanted *want(struct recipe_files *r, enum compose_kind kind, const char *path, const char *by)
{
	static const char too_many[] = "more files are named by the compose files than are kept";
	struct wanted *w = recipe_find_file(r, path);

	if (w) {
		if (kind == COMPOSE_SECRET && w->state == WANTED)
			w->file.kind = kind; /* the stricter rule */
		return NULL;
	}
	if (r->n == FILES_MAX) {
		if (!strv_has(&r->warnings, too_many))
			strv_add(&r->warnings, too_many);
		return NULL;
	}
	GROW(r->v, r->n);
	w = &r->v[r->n++];
	w->file = (struct recipe_file){ .kind = kind, .path = xstrdup(path), .by = xstrdup(by), .size = -1 };
	if (kind == COMPOSE_BUILD) {
		w->state = SETTLED;
		w->file.reason = xstrdup("what an image is built from is not part of the recipe");
	}
	return w;
}

static void want_labelled(struct recipe_files *r, enum compose_kind kind, const struct strv *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		char *path CLEANUP(freep) = path_normal(paths->v[i]);
		struct wanted *w = path ? want(r, kind, path, "the project's labels") : NULL;
		if (!path)
			strv_addf(&r->warnings, "not in the recipe: %s %s is no absolute path, and the project's directory is not known",
				compose_kind_name(kind), paths->v[i]);
		if (!w)
			continue;
		w->named_by_label = true;
		w->variables = kind == COMPOSE_ENV;
		w->directory = r->o.unit->working_dir ? xstrdup(r->o.unit->working_dir) : NULL;
	}
}

void recipe_want_first(struct recipe_files *r)
{
	const struct unit *u = r->o.unit;

	want_labelled(r, COMPOSE_FILE, &u->compose_files);
	want_labelled(r, COMPOSE_ENV, &u->env_files);
	char *dot_env CLEANUP(freep) = u->compose && u->working_dir ? xasprintf("%s/.env", u->working_dir) : NULL;
	char *path CLEANUP(freep) = dot_env ? path_normal(dot_env) : NULL;
	struct wanted *w = path ? want(r, COMPOSE_ENV, path, "compose itself") : NULL;
	if (w)
		w->optional = w->variables = true;
}

/* --- where else it may lie -------------------------------------------------------------- */

static bool is_manager(const struct container *c)
{
	static const char *const managers[] = { "portainer", "dockge", "komodo", "periphery", "dockhand", "arcane", "yacht", "dockman" };

	for (size_t i = 0; c->image && i < ARRAY_SIZE(managers); i++)
		if (strcasestr(c->image, managers[i]))
			return true;
	return false;
}

static void add_candidate(const struct recipe_files *r, struct wanted *w, const struct container *c, const struct mount *m)
{
	const struct volume *v = m->name ? inventory_volume(r->o.inv, m->name) : NULL;
	const char *root = streq(m->type, "bind") ? m->source : v && !v->has_options ? v->mountpoint : NULL;
	char *destination CLEANUP(freep) = path_normal(m->destination);

	if (!root || !destination || streq(destination, "/") || !path_inside(w->file.path, destination) ||
		w->roots.n == CANDIDATES_MAX)
		return;
	strv_add(&w->roots, root);
	strv_add(&w->rests, w->file.path + strlen(destination));
	strv_addf(&w->owners, "%s %s of container %s", m->type, m->name ? m->name : m->source, c->name);
}

/* Known managers first: many containers have something at /data. */
void recipe_find_candidates(const struct recipe_files *r, struct wanted *w)
{
	for (int manager = 1; manager >= 0; manager--)
		for (size_t i = 0; i < r->o.inv->n_containers; i++) {
			const struct container *c = &r->o.inv->containers[i];
			for (size_t j = 0; is_manager(c) == manager && j < c->n_mounts; j++)
				add_candidate(r, w, c, &c->mounts[j]);
		}
}

/* --- what was copied ---------------------------------------------------------------------- */

static char *staged(const struct recipe_files *r, const struct wanted *w)
{
	return xasprintf("%s/compose%s", r->o.directory, w->file.path);
}

static void drop_copy(struct recipe_files *r, struct wanted *w, const char *why)
{
	char *path CLEANUP(freep) = staged(r, w);

	unlink(path);
	w->file.saved = false;
	recipe_settle(w, why);
}

static void digest_env(struct recipe_files *r, struct wanted *w, const struct buf *text)
{
	struct strv names CLEANUP(strv_done) = { 0 };
	char *path CLEANUP(freep) = staged(r, w);
	struct fault f = { 0 };

	if (w->variables)
		env_variables(text->data, text->len, &r->variables);
	if (recipe_keeps_secrets(r))
		return;
	char *clean CLEANUP(freep) = redact_env_file(text->data, text->len, &names);
	w->file.redacted = names.n > 0;
	if (file_replace(path, clean, strlen(clean), 0600, &f) < 0)
		drop_copy(r, w, f.text); /* never unredacted */
	for (size_t i = 0; i < names.n; i++)
		strv_addf(&r->redacted, "%s in %s", names.v[i], w->file.path);
}

static void take_references(struct recipe_files *r, struct compose_references *refs)
{
	for (size_t i = 0; i < refs->n; i++) {
		struct compose_reference *ref = &refs->v[i];
		struct wanted *w = want(r, ref->kind, ref->path, ref->by);
		if (!w)
			continue;
		w->optional = ref->optional;
		w->variables = ref->kind == COMPOSE_ENV && ends_with(ref->by, " of include");
		w->directory = TAKE_PTR(ref->directory);
	}
	for (size_t i = 0; i < refs->unresolved.n; i++)
		strv_addf(&r->warnings, "not in the recipe: %s", refs->unresolved.v[i]);
	strv_copy(&r->notes, &refs->notes);
}

static void digest_compose(struct recipe_files *r, const struct wanted *w, const struct buf *text)
{
	char *path CLEANUP(freep) = xstrdup(w->file.path); /* r->v may move */
	char *directory CLEANUP(freep) = xstrdup(w->directory);
	struct compose_references refs = { 0 };
	struct fault f = { 0 };

	if (!directory) {
		directory = xstrdup(path);
		*strrchr(directory, '/') = '\0';
	}
	if (compose_read(text->data ? text->data : "", text->len, directory, &r->variables, &refs, &f) < 0)
		strv_addf(&r->warnings, "%s %s: what it names is not in the recipe", path, f.text);
	take_references(r, &refs);
	compose_references_done(&refs);
}

void recipe_digest(struct recipe_files *r, enum compose_kind kind)
{
	for (size_t i = 0; i < r->n; i++) {
		struct wanted *w = &r->v[i];
		struct buf text CLEANUP(buf_done) = { 0 };
		char *path CLEANUP(freep) = staged(r, w);
		if (!w->file.saved || w->digested || w->file.kind != kind)
			continue;
		w->digested = true;
		if (file_read(path, FILE_BYTES_MAX, &text) < 0)
			drop_copy(r, w, "its copy cannot be read back");
		else if (kind == COMPOSE_ENV)
			digest_env(r, w, &text);
		else
			digest_compose(r, w, &text);
	}
}
