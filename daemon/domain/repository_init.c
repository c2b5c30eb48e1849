/* SPDX-License-Identifier: MIT */
/*
 * init: create or connect, idempotent.
 *
 *   look (child) → create, or connect → status → whose points are there → policy → identity.json, config renamed
 *
 * All of it works on a temporary config file and cache beside ours: kopia removes both
 * when a connect fails, and a working connection must survive a wrong password. What
 * makes an init count is written last: the config file by rename, then identity.json.
 * Interrupted before that, the next init finds a repository and connects to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "daemon/domain/made.h"
#include "daemon/domain/repository_internal.h"

#define LOOK_DEADLINE_MS 20000

/* What the child prints about a filesystem repository's directory. */
static const char look_script[] =
	"[ -e \"$1/kopia.repository.f\" ] && { echo repository; exit; }\n"
	"[ -d \"$1\" ] && { [ -z \"$(ls -A -- \"$1\" | grep -v '^lost+found$' | head -n 1)\" ] && echo empty || echo foreign; exit; }\n"
	"[ -e \"$1\" ] && { echo file; exit; }\n"
	"[ -d \"$(dirname -- \"$1\")\" ] && echo new || echo nowhere\n";

static void connect_to(struct call *c);

static void place_of(const struct call *c, struct kopia_place *p)
{
	repository_place(c->r, p);
	p->config_file = c->temp_config;
	p->cache_dir = c->temp_cache;
}

static void run_there(struct call *c, child_done_fn *done)
{
	struct strv env CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	struct kopia_place p;

	place_of(c, &p);
	IGNORE(kopia_provider_environment(c->r->conf, &env)); /* begin() has looked; the first of two wins */
	kopia_environment(&p, &env);
	o.argv = (const char *const *)c->argv.v;
	o.env = (const char *const *)env.v;
	o.deadline_ms = REPOSITORY_DEADLINE_MS;
	o.out_max = REPOSITORY_OUT_MAX;
	o.arg = c;
	child_start(c->r->loop, &o, done);
	strv_done(&c->argv);
}

static void over(struct call *c, const struct fault *f)
{
	if (c->temp_config)
		unlink(c->temp_config);
	if (c->temp_cache)
		IGNORE(dir_remove(c->temp_cache)); /* ours, below our own cache directory */
	repository_call_over(c, f);
}

static void fail(struct call *c, const struct child_result *res)
{
	struct fault f = { 0 };

	repository_explain(c->r, res, &f);
	over(c, &f);
}

/* --- the end: what makes it count ------------------------------------------------------------- */

/* By configuration or host name. */
static char *base_identity(const struct repository *r)
{
	char host[256] = "localhost";

	if (r->conf->kopia.identity)
		return xstrdup(r->conf->kopia.identity);
	IGNORE(gethostname(host, sizeof(host) - 1)); /* the default stands */
	for (char *p = host; *p; p++)
		*p = strchr(":/@ ", *p) ? '-' : *p;
	return xasprintf("kopi-docka@%s", host);
}

static int write_identity(struct call *c, struct fault *f)
{
	struct repository *r = c->r;
	char *now = format_time(wall_ms());

	free(c->own.unique_id);
	free(c->own.repository);
	free(c->own.initialised);
	c->own.unique_id = xstrdup(c->status.unique_id);
	c->own.repository = xstrdup(r->name);
	c->own.initialised = now;
	return repository_save_identity(r, &c->own, f);
}

static void take_over(struct call *c)
{
	struct repository *r = c->r;
	struct fault f = { 0 };

	c->renewed = r->own.identity && (!streq(r->own.identity, c->own.identity) || !streq(r->own.unique_id, c->status.unique_id));
	/* The cache's place stands in the config file relative to it, and KOPIA_CACHE_DIRECTORY wins. */
	if (file_move(c->temp_config, r->config_file, true, &f) == 0 && write_identity(c, &f) == 0)
		repository_load_identity(r);
	over(c, f.code == FAULT_NONE ? NULL : &f);
}

static void on_cache_dropped(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (child_ok(res)) {
		take_over(c);
		return;
	}
	child_explain(res, "emptying kopia's cache", &f);
	over(c, &f);
}

/*
 * kopia takes what it finds in its cache for this repository's, also its format and keys: what another one
 * left there makes every later command fail. Only what kopia calls its own: the place may be anybody's.
 */
static void drop_cache(struct call *c)
{
	static const char *const names[] = { "blob-list", "contents", "index-blobs", "indexes", "metadata", "own-writes",
		"server-contents", "kopia.blobcfg", "kopia.repository" };
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	strv_add(&argv, "/bin/rm");
	strv_add(&argv, "-rf");
	strv_add(&argv, "--");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		strv_addf(&argv, "%s/%s", c->r->cache_dir, names[i]);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = REPOSITORY_DEADLINE_MS;
	o.arg = c;
	child_start(c->r->loop, &o, on_cache_dropped);
}

static void on_policy(void *arg, const struct child_result *res)
{
	struct call *c = arg;

	if (!child_ok(res))
		fail(c, res);
	else if (c->r->own.unique_id && !c->wish.reconnect)
		take_over(c); /* the one we know: so is its cache */
	else
		drop_cache(c);
}

static void set_policy(struct call *c)
{
	struct kopia_place p;

	place_of(c, &p);
	kopia_argv_policy_global(&p, c->r->conf, &c->argv);
	run_there(c, on_policy);
}

/* --- as whom we go on ---------------------------------------------------------------------------- */

static void on_renamed(void *arg, const struct child_result *res)
{
	struct call *c = arg;

	if (child_ok(res))
		set_policy(c);
	else
		fail(c, res);
}

/* ${v}: what is in the repository, whosever it is. */
static void claim(struct call *c, const struct kopia_snapshot *v, size_t n)
{
	struct repository *r = c->r;
	char *base CLEANUP(freep) = base_identity(r), *instance CLEANUP(freep) = repository_fresh_instance();
	struct fault f = { 0 };
	struct kopia_place p;
	struct claim wanted = {
		.base = base, .base_configured = r->conf->kopia.identity != NULL, .self.machine = r->machine, .instance = instance,
		.adopt = c->wish.adopt, .new_identity = c->wish.new_identity, .host = c->words.n ? c->words.v[0] : NULL,
	};

	if (!c->wish.reconnect) /* another one may have any */
		made_list(r->conf, &wanted.self.made);
	if (!instance)
		fault_set(&f, FAULT_FAILED, -EIO, "the kernel gives no random numbers");
	else
		IGNORE(ownership_claim(&c->own, &wanted, v, n, &f)); /* the fault tells */
	strv_done(&wanted.self.made);
	if (f.code != FAULT_NONE) {
		over(c, &f);
		return;
	}
	c->hosts = ownership_hosts(&c->own, v, n);
	if (streq(c->own.identity, c->connected_as)) {
		set_policy(c);
		return;
	}
	place_of(c, &p);
	kopia_argv_set_client(&p, c->own.identity, &c->argv);
	run_there(c, on_renamed);
}

static void on_listed(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct kopia_snapshot *v = NULL;
	size_t n = 0;
	struct fault f = { 0 };

	if (!child_ok(res))
		fail(c, res);
	else if (kopia_parse_list(res->out, res->out_len, &v, &n, &f) < 0)
		over(c, &f);
	else
		claim(c, v, n);
	kopia_snapshots_free(v, n);
}

static void on_status(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	const struct ownership *own = &c->r->own;
	struct fault f = { 0 };
	struct kopia_place p;

	if (!child_ok(res)) {
		fail(c, res);
		return;
	}
	if (kopia_parse_status(res->out, res->out_len, &c->status, &f) < 0) {
		over(c, &f);
		return;
	}
	if (own->unique_id && c->status.unique_id && !streq(own->unique_id, c->status.unique_id) && !c->wish.reconnect) {
		fault_set(&f, FAULT_REPOSITORY, -ESTALE, "%s is another repository than the one this host knows", c->r->name);
		fault_advise(&f, "if it is meant to replace it: kopi-docka init --reconnect");
		over(c, &f);
		return;
	}
	place_of(c, &p);
	kopia_argv_list(&p, NULL, &c->argv);
	run_there(c, on_listed);
}

static void on_connected(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct kopia_place p;

	if (!child_ok(res)) {
		/* A remote provider cannot be looked at before: not there means create. */
		if (!c->r->conf->kopia.repository_path && strstr(res->err, "repository not initialized")) {
			c->created = true;
			connect_to(c);
		} else {
			fail(c, res);
		}
		return;
	}
	place_of(c, &p);
	kopia_argv_status(&p, &c->argv);
	run_there(c, on_status);
}

static void connect_to(struct call *c)
{
	struct kopia_place p;

	free(c->connected_as);
	c->connected_as = c->own.identity ? xstrdup(c->own.identity) : base_identity(c->r);
	place_of(c, &p);
	kopia_argv_repository(&p, c->r->conf, c->created ? "create" : "connect", c->connected_as, &c->argv);
	run_there(c, on_connected);
}

/* --- the beginning: what is there ---------------------------------------------------------------- */

static int judge_look(const struct call *c, const char *found, struct fault *f)
{
	const char *path = c->r->conf->kopia.repository_path;

	if (starts_with(found, "foreign")) {
		fault_set(f, FAULT_REPOSITORY, -ENOTEMPTY, "%s is no kopia repository, and not empty", path);
		fault_advise(f, "choose an empty or a new directory for kopia.repository_path");
	} else if (starts_with(found, "file")) {
		fault_set(f, FAULT_REPOSITORY, -ENOTDIR, "%s is no directory", path);
	} else if (starts_with(found, "nowhere")) {
		fault_set(f, FAULT_REPOSITORY_MISSING, -ENOENT, "the directory above %s is not there", path);
		fault_advise(f, "is its disk mounted? init makes the last directory only");
	} else if (c->r->own.unique_id && !c->wish.reconnect && !starts_with(found, "repository")) {
		fault_set(f, FAULT_REPOSITORY_MISSING, -ENOENT, "the repository that this host knows is not at %s", path);
		fault_advise(f, "is its disk mounted? to begin a new one there: kopi-docka init --reconnect");
	}
	return f->code == FAULT_NONE ? 0 : -EINVAL;
}

static void on_looked(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (!child_ok(res)) {
		child_explain(res, "looking at the repository's directory", &f);
		f.code = FAULT_REPOSITORY;
		over(c, &f);
	} else if (judge_look(c, res->out, &f) < 0) {
		over(c, &f);
	} else {
		c->created = !starts_with(res->out, "repository");
		connect_to(c);
	}
}

static void look(struct call *c)
{
	struct child_options o = CHILD_OPTIONS_INIT;
	const char *const argv[] = { "/bin/sh", "-c", look_script, "look", c->r->conf->kopia.repository_path, NULL };

	o.argv = argv;
	o.deadline_ms = LOOK_DEADLINE_MS;
	o.arg = c;
	child_start(c->r->loop, &o, on_looked);
}

static void on_version(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (!child_ok(res))
		fail(c, res);
	else if (repository_check_version(c->r, res->out, &f) < 0)
		over(c, &f);
	else if (c->r->conf->kopia.repository_path)
		look(c);
	else
		connect_to(c);
}

static void begin(void *arg)
{
	struct call *c = arg;
	struct repository *r = c->r;
	struct strv env CLEANUP(strv_done) = { 0 };
	struct fault f = { 0 };

	if (!r->conf->kopia.repository_path && !r->conf->kopia.repository.n) {
		fault_set(&f, FAULT_CONF, -EINVAL, "no repository is configured");
		fault_advise(&f, "set kopia.repository_path, or kopia.repository for another of kopia's providers");
		over(c, &f);
		return;
	}
	const char *bare = kopia_provider_environment(r->conf, &env);
	if (bare) {
		fault_set(&f, FAULT_CONF, -EPERM, "kopia.repository has %s, which kopia takes from its command line alone: "
			"every user of this host could read it there", bare);
		fault_advise(&f, "use a key file that root alone can read: --keyfile=FILE");
	}
	if (bare || repository_have_kopia(r, &f) < 0) {
		over(c, &f);
		return;
	}
	c->temp_config = xasprintf("%s.new", r->config_file);
	c->temp_cache = xasprintf("%s.new", r->cache_dir);
	strv_add(&c->argv, r->program);
	strv_add(&c->argv, "--version");
	repository_run(c, LOOK_DEADLINE_MS, on_version);
}

void repository_init(struct repository *r, const struct repository_wish *wish, repository_init_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->on_init = done;
	c->wish = *wish;
	if (wish->host)
		strv_add(&c->words, wish->host);
	ownership_copy(&c->own, &r->own);
	loop_defer(r->loop, begin, c);
}
