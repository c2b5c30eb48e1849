/* SPDX-License-Identifier: MIT */
/*
 * Is the repository there, and is it the one we know? A filesystem repository is looked
 * for by a child (law 9): kopia accepts an emptied directory, or the mount point below
 * an unmounted disk, as an empty repository and fills it. What decides is that
 * kopia.repository.f is there and that the repository's unique id is the one that init
 * has written down; a device number may change with a reboot and decides nothing.
 */
#include "daemon/domain/repository_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"

#define LOOK_DEADLINE_MS 20000

/* --- the object ------------------------------------------------------------------------------ */

static char *make_name(const struct conf *c)
{
	if (c->kopia.repository_path)
		return xasprintf("filesystem:%s", c->kopia.repository_path);
	if (c->kopia.repository.n)
		return xstrdup(c->kopia.repository.v[0]); /* the provider alone: its flags may hold secrets */
	return xstrdup("(none is configured)");
}

struct repository *repository_new(struct loop *l, const struct conf *c)
{
	struct repository *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->conf = c;
	r->program = kopia_program(c);
	r->config_file = path_kopia_config(c);
	r->cache_dir = path_kopia_cache(c);
	r->log_dir = path_kopia_logs(c);
	r->identity_file = path_identity(c);
	r->name = make_name(c);
	repository_load_identity(r);
	return r;
}

void repository_free(struct repository *r)
{
	if (!r)
		return;
	char *owned[] = { r->program, r->config_file, r->cache_dir, r->log_dir, r->identity_file, r->name, r->machine };

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	ownership_done(&r->own);
	free(r);
}

size_t repository_open_calls(const struct repository *r)
{
	return r->calls;
}

const char *repository_identity(const struct repository *r)
{
	return r->own.identity;
}

const char *repository_program(const struct repository *r)
{
	return r->program;
}

char *repository_kopia_version(const struct repository *r)
{
	if (r->version <= KOPIA_OLDEST)
		return NULL;
	return xasprintf("%d.%d.%d", r->version / 1000000, r->version / 1000 % 1000, r->version % 1000);
}

int64_t repository_since_ms(const struct repository *r)
{
	return r->since_ms;
}

const char *repository_name(const struct repository *r)
{
	return r->name;
}

void repository_place(const struct repository *r, struct kopia_place *ret)
{
	*ret = (struct kopia_place){
		.program = r->program ? r->program : "/usr/bin/kopia",
		.config_file = r->config_file,
		.cache_dir = r->cache_dir,
		.log_dir = r->log_dir,
		.password = r->conf->kopia.password,
	};
}

/* --- calls ------------------------------------------------------------------------------------ */

struct call *repository_call_new(struct repository *r, void *arg)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->r = r;
	c->arg = arg;
	c->next_open = r->open;
	r->open = c;
	r->calls++;
	return c;
}

void repository_run(struct call *c, unsigned int deadline_ms, child_done_fn *done)
{
	struct strv env CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	struct kopia_place p;

	repository_place(c->r, &p);
	kopia_environment(&p, &env);
	o.argv = (const char *const *)c->argv.v;
	o.env = (const char *const *)env.v;
	o.deadline_ms = deadline_ms;
	o.out_max = REPOSITORY_OUT_MAX;
	o.arg = c;
	c->child = child_start(c->r->loop, &o, done);
	if (c->unwanted) /* the one before had just ended well */
		child_kill(c->child);
	strv_done(&c->argv);
}

void repository_call_over(struct call *c, const struct fault *f)
{
	for (struct call **at = &c->r->open; *at; at = &(*at)->next_open)
		if (*at == c) {
			*at = c->next_open;
			break;
		}
	c->r->calls--;
	if (c->done)
		c->done(c->arg, f);
	if (c->on_status)
		c->on_status(c->arg, f, f ? NULL : &c->status);
	if (c->on_list)
		c->on_list(c->arg, f, NULL, 0);
	if (c->on_text)
		c->on_text(c->arg, f, NULL, 0);
	if (c->on_init)
		c->on_init(c->arg, f, f ? NULL : &(struct repository_initialised){ c->created, c->renewed, c->hosts });
	kopia_status_done(&c->status);
	json_object_put(c->policies);
	json_object_put(c->hosts);
	ownership_done(&c->own);
	strv_done(&c->argv);
	strv_done(&c->words);
	strv_done(&c->keep);
	char *owned[] = { c->backup_id, c->unit, c->temp_config, c->temp_cache, c->connected_as };
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	free(c);
}

/* A list may be waiting for a look of its own, which is a call too. */
void repository_give_up(struct repository *r, const void *arg)
{
	for (struct call *c = r->open; c; c = c->next_open) {
		if (c->arg != arg)
			continue;
		c->unwanted = true;
		if (c->child)
			child_kill(c->child);
		repository_give_up(r, c);
	}
}

void repository_explain(const struct repository *r, const struct child_result *c, struct fault *f)
{
	child_explain(c, "kopia", f);
	if (f->code == FAULT_FAILED)
		f->code = FAULT_REPOSITORY;
	if (!c->timed_out && c->start.code == FAULT_NONE && *c->err)
		kopia_explain(c->err, r->conf, f);
}

int repository_have_kopia(const struct repository *r, struct fault *f)
{
	if (r->program && access(r->program, X_OK) == 0)
		return 0;
	fault_set(f, FAULT_REPOSITORY, -ENOENT, r->program ? "there is no kopia at %s" : "kopia was not found%s",
		r->program ? r->program : "");
	fault_advise(f, "install kopia (https://kopia.io/docs/installation/), or set kopia.program");
	return -ENOENT;
}

int repository_check_version(struct repository *r, const char *text, struct fault *f)
{
	int version = 0;

	/* A build without a version says so; it is as new as whoever built it. */
	if (kopia_parse_version(text, &version) < 0)
		version = KOPIA_OLDEST;
	if (version < KOPIA_OLDEST) {
		fault_set(f, FAULT_REPOSITORY, -EPROTO, "kopia %.*s is too old: 0.20 or newer is needed", (int)strcspn(text, " \n"), text);
		fault_advise(f, "install a newer kopia, or set kopia.program");
		return -EPROTO;
	}
	r->version = version;
	return 0;
}

/* --- check ------------------------------------------------------------------------------------- */

static void on_status(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct repository *r = c->r;
	struct fault f = { 0 };

	if (!child_ok(res))
		repository_explain(r, res, &f);
	else if (kopia_parse_status(res->out, res->out_len, &c->status, &f) == 0 && c->status.unique_id &&
		!streq(c->status.unique_id, r->own.unique_id)) {
		fault_set(&f, FAULT_REPOSITORY, -ESTALE, "%s is another repository than the one that init connected to", r->name);
		fault_advise(&f, "if that is meant: kopi-docka init --reconnect");
	}
	if (f.code == FAULT_NONE && c->owner)
		repository_ask_owner(c);
	else
		repository_call_over(c, f.code == FAULT_NONE ? NULL : &f);
}

static void ask_status(struct call *c)
{
	struct kopia_place p;

	repository_place(c->r, &p);
	kopia_argv_status(&p, &c->argv);
	repository_run(c, REPOSITORY_DEADLINE_MS, on_status);
}

static void on_version(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (!child_ok(res)) {
		repository_explain(c->r, res, &f);
		repository_call_over(c, &f);
	} else if (repository_check_version(c->r, res->out, &f) < 0) {
		repository_call_over(c, &f);
	} else {
		ask_status(c);
	}
}

static void missing(const struct repository *r, struct fault *f)
{
	fault_set(f, FAULT_REPOSITORY_MISSING, -ENOENT, "the repository is not at %s any more: kopia.repository.f is missing",
		r->conf->kopia.repository_path);
	fault_advise(f, "is its disk mounted? nothing is written to a directory that is no repository");
}

static void on_looked(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (res->timed_out) {
		fault_set(&f, FAULT_REPOSITORY, -ETIMEDOUT, "the repository's path %s does not answer", c->r->conf->kopia.repository_path);
		fault_advise(&f, "look for a dead network mount");
	} else if (!child_ok(res)) {
		missing(c->r, &f);
	}
	if (f.code != FAULT_NONE || !c->on_status) {
		repository_call_over(c, f.code == FAULT_NONE ? NULL : &f);
	} else if (c->r->version == 0) {
		strv_add(&c->argv, c->r->program);
		strv_add(&c->argv, "--version");
		repository_run(c, LOOK_DEADLINE_MS, on_version);
	} else {
		ask_status(c);
	}
}

static void look(struct call *c)
{
	struct child_options o = CHILD_OPTIONS_INIT;
	const char *path = c->r->conf->kopia.repository_path;

	/* Remote repositories are looked at by kopia itself. */
	char *file CLEANUP(freep) = path ? xasprintf("%s/kopia.repository.f", path) : xstrdup("/");
	const char *const argv[] = { "/usr/bin/test", "-e", file, NULL };
	o.argv = argv;
	o.deadline_ms = LOOK_DEADLINE_MS;
	o.arg = c;
	c->child = child_start(c->r->loop, &o, on_looked);
}

static int known(const struct repository *r, struct fault *f)
{
	if (!r->conf->kopia.repository_path && !r->conf->kopia.repository.n) {
		fault_set(f, FAULT_CONF, -EINVAL, "no repository is configured");
		fault_advise(f, "set kopia.repository_path (or kopia.repository), then kopi-docka init");
		return -EINVAL;
	}
	int ret = repository_have_kopia(r, f);
	if (ret < 0)
		return ret;
	if (r->own.identity && r->own.unique_id)
		return 0;
	fault_set(f, FAULT_REPOSITORY_MISSING, -ENOENT, "the repository %s was never initialised here", r->name);
	fault_advise(f, "kopi-docka init");
	return -ENOENT;
}

static void on_refused(void *arg)
{
	struct call *c = arg;
	struct fault f = { 0 };

	IGNORE(known(c->r, &f)); /* it says again why */
	repository_call_over(c, &f);
}

static void start_look(struct call *c)
{
	struct fault f = { 0 };

	if (known(c->r, &f) < 0)
		loop_defer(c->r->loop, on_refused, c);
	else
		look(c);
}

static void check(struct repository *r, bool owner, repository_status_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->on_status = done;
	c->owner = owner;
	start_look(c);
}

void repository_check(struct repository *r, repository_status_fn *done, void *arg)
{
	check(r, true, done, arg);
}

void repository_reach(struct repository *r, repository_status_fn *done, void *arg)
{
	check(r, false, done, arg);
}

void repository_still_there(struct repository *r, repository_done_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->done = done;
	start_look(c);
}

/* --- command lines for pipelines ------------------------------------------------------------------ */

void repository_create_command(struct repository *r, const struct kopia_create *o, struct strv *argv, struct strv *env)
{
	struct kopia_place p;

	repository_place(r, &p);
	kopia_argv_create_snapshot(&p, o, argv);
	kopia_environment(&p, env);
}

void repository_show_command(struct repository *r, const char *object, const char *file, struct strv *argv, struct strv *env)
{
	struct kopia_place p;

	repository_place(r, &p);
	kopia_argv_show(&p, object, file, argv);
	kopia_environment(&p, env);
}

void repository_maintain_command(struct repository *r, bool full, struct strv *argv, struct strv *env)
{
	struct kopia_place p;

	repository_place(r, &p);
	kopia_argv_maintenance(&p, full, argv);
	kopia_environment(&p, env);
}

void repository_maintenance_info_command(struct repository *r, struct strv *argv, struct strv *env)
{
	struct kopia_place p;

	repository_place(r, &p);
	kopia_argv_maintenance_info(&p, argv);
	kopia_environment(&p, env);
}
