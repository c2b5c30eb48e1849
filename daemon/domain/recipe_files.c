/* SPDX-License-Identifier: MIT */
/*
 * Happy path: what the labels name → a child copies it → compose files among it are read and name
 * more → the next round, until nothing new is named → done.
 * Failure modes: a file that is missing is looked for in containers' volumes, then named; one
 * that hangs (a dead mount) costs its child's deadline, is named, and the rest goes on; after
 * some of those the rest is named without being tried. No path of the user's is touched here.
 */
#include "daemon/domain/recipe_files_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/mech/child.h"
#include "daemon/pure/path.h"

#define BATCH            64
#define COPY_DEADLINE_MS 10000
#define HANGS_MAX        3

static void next_round(struct recipe_files *r);

/* --- a round ----------------------------------------------------------------------------- */

static void on_missing(struct recipe_files *r, struct wanted *w)
{
	if (w->candidate == 0)
		recipe_find_candidates(r, w);
	if (w->candidate < w->roots.n) {
		w->candidate++;
		w->state = WANTED;
	} else {
		recipe_settle(w, "it is not there");
	}
}

static void take_line(struct recipe_files *r, struct json_object *o)
{
	struct wanted *w = recipe_find_file(r, json_text(o, "as"));
	const char *state = json_text(o, "state");

	if (!w || w->state != ASKED)
		return;
	w->file.size = json_number(o, "size", -1);
	free(w->file.mode);
	w->file.mode = xstrdup(json_text(o, "mode"));
	if (w->candidate > 0 && !streq(state, "missing")) {
		free(w->file.found_in);
		w->file.found_in = xstrdup(w->owners.v[w->candidate - 1]);
	}
	if (streq(state, "missing")) {
		on_missing(r, w);
	} else if (streq(state, "copied")) {
		w->state = SETTLED;
		w->file.saved = true;
		free(w->file.reason);
		w->file.reason = xstrdup(json_text(o, "reason")); /* a link that it was found by */
	} else if (streq(state, "seen")) {
		recipe_settle(w, "secret files are not kept in recipes (recipe.secrets = false)");
	} else {
		recipe_settle(w, json_text(o, "reason"));
	}
}

/* What the child did not speak of: it ended before. The first of them is what it hung on. */
static void take_silence(struct recipe_files *r, const struct child_result *c)
{
	bool first = true;
	struct fault f = { 0 };

	if (child_ok(c))
		return;
	r->hangs++;
	child_explain(c, "kopi-docka-copy", &f);
	for (size_t i = 0; i < r->n; i++) {
		struct wanted *w = &r->v[i];
		if (w->state != ASKED)
			continue;
		if (r->hangs >= HANGS_MAX || (first && !c->timed_out))
			recipe_settle(w, c->timed_out ? "not tried: other files could not be read in time" : f.text);
		else if (first)
			recipe_settle(w, "it could not be read in time: a dead mount?");
		else
			w->state = WANTED;
		first = false;
	}
}

static void on_copied(void *arg, const struct child_result *c)
{
	struct recipe_files *r = arg;

	for (const char *line = c->out; *line;) {
		size_t len = strcspn(line, "\n");
		struct json_object *o CLEANUP(json_putp) = json_parse(line, len);
		if (json_text(o, "as") && json_text(o, "state"))
			take_line(r, o);
		line += len + (line[len] == '\n');
	}
	take_silence(r, c);
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].state == ASKED)
			recipe_settle(&r->v[i], "it could not be copied");
	next_round(r);
}

/* MODE AS ROOT REST, as kopi-docka-copy wants them. */
static void ask(const struct recipe_files *r, struct wanted *w, struct strv *argv)
{
	const char *path = w->file.path, *project = r->o.unit->working_dir;
	bool look = w->file.kind == COMPOSE_SECRET && !recipe_keeps_secrets(r);
	char *own CLEANUP(freep) = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);

	w->state = ASKED;
	if (w->candidate > 0)
		strv_add(argv, look ? "sb" : "b");
	else if (w->named_by_label)
		strv_add(argv, "c");
	else
		strv_add(argv, look ? "sl" : "l");
	strv_add(argv, path);
	if (w->candidate > 0) {
		strv_add(argv, w->roots.v[w->candidate - 1]);
		strv_add(argv, w->rests.v[w->candidate - 1]);
	} else {
		strv_add(argv, project && path_inside(path, project) ? project : own);
		strv_add(argv, path);
	}
}

/* --- the end ------------------------------------------------------------------------------ */

/* The item whose archive has it; NULL: none. */
static const char *kept_by(const struct unit *u, const char *path)
{
	for (size_t i = 0; i < u->n_items; i++)
		if (path_equal_or_inside(path, u->items[i].path))
			return u->items[i].id;
	return NULL;
}

static void judge(struct recipe_files *r, struct wanted *w)
{
	const char *item = w->file.saved ? NULL : kept_by(r->o.unit, w->file.path);
	bool by_design = w->file.kind == COMPOSE_BUILD || (w->file.kind == COMPOSE_SECRET && !recipe_keeps_secrets(r) && w->file.size >= 0);

	if (item) {
		char *reason = xasprintf("%s; its content is in the item %s", w->file.reason, item);
		free(w->file.reason);
		w->file.reason = reason;
	} else if (!w->file.saved && !by_design) {
		strv_addf(&r->warnings, "not in the recipe: %s %s (%s): %s", compose_kind_name(w->file.kind), w->file.path,
			w->file.by, w->file.reason);
	}
}

static void finish(struct recipe_files *r)
{
	r->list = xcalloc(r->n + 1, sizeof(*r->list));
	for (size_t i = 0; i < r->n; i++) {
		struct wanted *w = &r->v[i];
		if (!w->file.saved && w->optional && w->file.size < 0 && w->file.kind != COMPOSE_BUILD)
			continue; /* it may be missing, and it is */
		judge(r, w);
		r->list[r->n_list++] = w->file;
	}
	r->done(r->arg);
}

static void next_round(struct recipe_files *r)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	size_t asked = 0;

	recipe_digest(r, COMPOSE_ENV);
	recipe_digest(r, COMPOSE_FILE);
	strv_take(&argv, path_helper("kopi-docka-copy"));
	strv_addf(&argv, "%s/compose", r->o.directory);
	strv_addf(&argv, "%zu", FILE_BYTES_MAX);
	for (size_t i = 0; i < r->n && asked < BATCH; i++)
		if (r->v[i].state == WANTED) {
			ask(r, &r->v[i], &argv);
			asked++;
		}
	if (asked == 0) {
		finish(r);
		return;
	}
	o.argv = (const char *const *)argv.v;
	o.out_max = BATCH * ((size_t)16 << 10);
	o.deadline_ms = COPY_DEADLINE_MS;
	o.arg = r;
	child_start(r->o.ctx->loop, &o, on_copied);
}

/* --- the object ---------------------------------------------------------------------------- */

static void begin(void *arg)
{
	next_round(arg);
}

struct recipe_files *recipe_files_start(const struct recipe_files_options *o, recipe_files_done_fn *done, void *arg)
{
	struct recipe_files *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	r->done = done;
	r->arg = arg;
	recipe_want_first(r);
	loop_defer(o->ctx->loop, begin, r);
	return r;
}

const struct recipe_file *recipe_files_list(const struct recipe_files *r, size_t *ret_n)
{
	*ret_n = r->n_list;
	return r->list;
}

const struct strv *recipe_files_warnings(const struct recipe_files *r)
{
	return &r->warnings;
}

const struct strv *recipe_files_notes(const struct recipe_files *r)
{
	return &r->notes;
}

const struct strv *recipe_files_redacted(const struct recipe_files *r)
{
	return &r->redacted;
}

struct json_object *recipe_files_json(const struct recipe_files *r)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < r->n_list; i++) {
		const struct recipe_file *f = &r->list[i];
		struct json_object *o = json_object_new_object();
		json_put_text(o, "path", f->path);
		json_put_text(o, "kind", compose_kind_name(f->kind));
		json_put_text(o, "named_by", f->by);
		json_put_text(o, "found_in", f->found_in);
		json_put_flag(o, "saved", f->saved);
		json_put_text(o, "reason", f->reason);
		json_put_text(o, "mode", f->mode);
		if (f->size >= 0)
			json_put_number(o, "size", f->size);
		json_put_flag(o, "redacted", f->redacted);
		json_object_array_add(list, o);
	}
	return list;
}

static void wanted_done(struct wanted *w)
{
	char *owned[] = { w->file.path, w->file.by, w->file.found_in, w->file.reason, w->file.mode, w->directory };

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	strv_done(&w->roots);
	strv_done(&w->rests);
	strv_done(&w->owners);
}

void recipe_files_free(struct recipe_files *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		wanted_done(&r->v[i]);
	free(r->v);
	free(r->list);
	for (size_t i = 0; i < r->variables.n; i++)
		explicit_bzero(r->variables.v[i], strlen(r->variables.v[i]));
	strv_done(&r->variables);
	strv_done(&r->warnings);
	strv_done(&r->notes);
	strv_done(&r->redacted);
	free(r);
}
