/* SPDX-License-Identifier: MIT */
/* What a recipe has, put into the words that daemon/pure/restore_md makes a text of. */
#include "daemon/domain/recipe_guide.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/varlink.h"
#include "daemon/pure/path.h"
#include "daemon/pure/redact.h"
#include "daemon/pure/restore_md.h"

/* The document's arrays, owned; what they point at is the guide's. */
struct parts {
	struct restore_md_item *items;
	struct restore_md_object *networks, *volumes;
	struct restore_md_file *files;
	struct recreate *containers;
	size_t n_networks, n_volumes, n_files, n_containers;
	struct strv connect, services, running;
	bool by_compose; /* all of the project's files are there: compose makes the containers */
};

/* --- coverage ------------------------------------------------------------------------------ */

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

/* --- the repository ------------------------------------------------------------------------ */

/* The provider and its place; credentials are not the recipe's to keep. */
static void connect_words(const struct conf *c, struct strv *words)
{
	if (c->kopia.repository_path) {
		strv_add(words, "filesystem");
		strv_addf(words, "--path=%s", c->kopia.repository_path);
		return;
	}
	for (size_t i = 0; i < c->kopia.repository.n; i++) {
		const char *word = c->kopia.repository.v[i];
		char *name CLEANUP(freep) = xstrndup(word, strcspn(word, "="));
		bool secret = starts_with(word, "-") && redact_is_secret_name(name);
		if (!secret)
			strv_add(words, word);
		else if (!strchr(word, '='))
			i++; /* its value is the next word */
	}
}

/* --- the parts ----------------------------------------------------------------------------- */

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* Which container of the project has the anonymous volume, and where. */
static void find_place(const struct unit *u, const struct item *from, struct restore_md_item *to)
{
	for (size_t i = 0; i < u->n_members; i++) {
		const struct container *c = u->members[i].c;
		for (size_t j = 0; c->service && !c->oneoff && j < c->n_mounts; j++) {
			if (!streq(c->mounts[j].name, from->volume))
				continue;
			to->service = c->service;
			to->destination = c->mounts[j].destination;
			to->number = c->number;
			return;
		}
	}
}

static bool is_saved(const struct recipe_files *files, const char *path)
{
	char *normal CLEANUP(freep) = path_normal(path);
	size_t n;
	const struct recipe_file *f = recipe_files_list(files, &n);

	for (size_t i = 0; i < n; i++)
		if (streq(f[i].path, normal))
			return f[i].saved;
	return false;
}

static bool is_made_by_compose(const struct unit *u, const struct recipe_files *files)
{
	for (size_t i = 0; i < u->compose_files.n; i++)
		if (!is_saved(files, u->compose_files.v[i]))
			return false;
	return u->compose && u->compose_files.n > 0;
}

/* Named services are started whatever their profiles, and no others are; as many of each as there were. */
static void take_services(const struct unit *u, struct parts *p)
{
	struct strv scale CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < u->n_members; i++) {
		const struct member *m = &u->members[i];
		if (m->guest || !m->c->service || m->c->oneoff)
			continue;
		strv_add(&p->services, m->c->service);
		if (m->stop)
			strv_add(&p->running, m->c->service);
		if (m->stop && m->c->number > 1)
			strv_addf(&scale, "--scale=%s=%d", m->c->service, m->c->number);
	}
	strv_sort_unique(&p->services);
	strv_sort_unique(&p->running);
	/* the last of a service is the largest: compose takes the last that it is given */
	strv_copy(&scale, &p->running);
	strv_done(&p->running);
	p->running = scale;
	scale = (struct strv){ 0 };
}

static void take_items(const struct unit *u, struct parts *p)
{
	p->items = xcalloc(u->n_items + 1, sizeof(*p->items));
	for (size_t i = 0; i < u->n_items; i++) {
		const struct item *it = &u->items[i];
		p->items[i] = (struct restore_md_item){ .id = it->id, .path = it->path, .volume = it->volume, .is_file = it->is_file };
		bool only_read = streq(it->hold, PLAN_HOLD_READ_ONLY);
		p->items[i].left = only_read ? NULL : it->hold;
		p->items[i].only_missing = only_read;
		if (p->by_compose && it->kind == ITEM_ANON)
			find_place(u, it, &p->items[i]);
	}
}

static bool is_found_by_place(const struct unit *u, const struct parts *p, const char *volume)
{
	for (size_t i = 0; i < u->n_items; i++)
		if (p->items[i].service && streq(p->items[i].volume, volume))
			return true;
	return false;
}

static void take_volumes(const struct recipe_guide *g, struct parts *p)
{
	size_t n = length_of(g->volumes);

	p->volumes = xcalloc(n + 1, sizeof(*p->volumes));
	for (size_t i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(g->volumes, i);
		struct restore_md_object *to = &p->volumes[p->n_volumes];
		to->name = json_text(v, "Name");
		if (!to->name || is_found_by_place(g->unit, p, to->name))
			continue;
		recreate_volume(v, &to->create);
		p->n_volumes++;
	}
}

/* Those of compose projects compose makes: it refuses some that it did not make itself. */
static void take_networks(const struct recipe_guide *g, struct parts *p)
{
	size_t n = length_of(g->networks);

	p->networks = xcalloc(n + 1, sizeof(*p->networks));
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(g->networks, i);
		struct restore_md_object *to = &p->networks[p->n_networks];
		bool of_compose = p->by_compose && json_text(json_member(o, "Labels"), "com.docker.compose.network");
		to->name = json_text(o, "Name");
		if (!to->name || of_compose || streq(to->name, "bridge") || streq(to->name, "host") || streq(to->name, "none"))
			continue;
		recreate_network(o, &to->create);
		p->n_networks++;
	}
}

static void take_files(const struct recipe_guide *g, struct parts *p)
{
	size_t n;
	const struct recipe_file *f = recipe_files_list(g->files, &n);

	p->files = xcalloc(n + 1, sizeof(*p->files));
	for (size_t i = 0; i < n; i++)
		if (f[i].saved)
			p->files[p->n_files++] = (struct restore_md_file){
				.path = f[i].path, .mode = f[i].mode, .redacted = f[i].redacted, .of_manager = f[i].found_in != NULL,
			};
}

/* Where compose has its files it makes the containers; else each gets its own command. */
static void take_containers(const struct recipe_guide *g, struct parts *p)
{
	size_t n = p->by_compose ? 0 : length_of(g->inspects);

	p->containers = xcalloc(n + 1, sizeof(*p->containers));
	for (size_t i = 0; i < n; i++)
		recreate_container(json_object_array_get_idx(g->inspects, i), g->inv, &p->containers[p->n_containers++]);
}

static void parts_done(struct parts *p)
{
	for (size_t i = 0; i < p->n_networks; i++)
		strv_done(&p->networks[i].create);
	for (size_t i = 0; i < p->n_volumes; i++)
		strv_done(&p->volumes[i].create);
	for (size_t i = 0; i < p->n_containers; i++)
		recreate_done(&p->containers[i]);
	free(p->items);
	free(p->networks);
	free(p->volumes);
	free(p->files);
	free(p->containers);
	strv_done(&p->connect);
	strv_done(&p->services);
	strv_done(&p->running);
}

char *recipe_guide(const struct recipe_guide *g)
{
	const struct unit *u = g->unit;
	char *coverage CLEANUP(freep) = coverage_text(u, g->files);
	struct parts p = { 0 };

	p.by_compose = is_made_by_compose(u, g->files);
	take_services(u, &p);
	take_items(u, &p);
	take_volumes(g, &p);
	take_networks(g, &p);
	take_files(g, &p);
	take_containers(g, &p);
	connect_words(g->conf, &p.connect);
	const struct restore_md_options o = {
		.unit = u->name, .backup_id = g->backup_id, .connect = &p.connect, .identity = g->identity,
		.networks = p.networks, .n_networks = p.n_networks, .volumes = p.volumes, .n_volumes = p.n_volumes,
		.items = p.items, .n_items = u->n_items, .compose = p.by_compose, .working_dir = u->working_dir,
		.compose_files = &u->compose_files, .env_files = &u->env_files, .services = &p.services, .running = &p.running,
		.secrets = g->conf->recipe.secrets, .files = p.files, .n_files = p.n_files,
		.containers = p.containers, .n_containers = p.n_containers, .redacted = g->redacted, .coverage = coverage,
	};
	char *text = restore_md(&o);
	parts_done(&p);
	return text;
}
