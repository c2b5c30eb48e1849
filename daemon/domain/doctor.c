/* SPDX-License-Identifier: MIT */
/*
 * One check after another, each a row: what was looked at, how it is, what to do. The
 * asynchronous ones (engine, repository, tar) follow each other; the rest is looked at
 * on the way.
 */
#include "daemon/domain/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/history.h"

#define TAR_DEADLINE_MS   10000
#define OLD_RUN_MS        ((int64_t)48 * 3600 * 1000)
#define FIRST_SANE_MS     ((int64_t)1700000000 * 1000) /* a clock before 2023-11 is not set */
#define SPARE_BYTES       ((int64_t)1 << 30)

struct doctor {
	const struct context *ctx;
	struct recover *recover;
	struct json_object *checks; /* owned until done */
	doctor_fn *done;
	void *arg;
};

static void add(struct doctor *d, const char *name, const char *state, const char *detail, const char *advice)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "name", name);
	json_put_text(o, "state", state);
	json_put_text(o, "detail", detail);
	if (advice && *advice)
		json_put_text(o, "advice", advice);
	json_object_array_add(d->checks, o);
}

static void add_fault(struct doctor *d, const char *name, const struct fault *f)
{
	add(d, name, "failed", f->text, f->advice);
}

static void finish(struct doctor *d)
{
	d->done(d->arg, d->checks);
	free(d);
}

/* --- what needs no waiting ------------------------------------------------------------ */

static void check_configuration(struct doctor *d)
{
	const struct conf *c = d->ctx->conf;
	struct fault f = { 0 };

	if (!c->path)
		add(d, "configuration", "warning", "no configuration file was found: built-in defaults",
			"write " PATH_CONF_SYSTEM "; kopi-docka.conf(5) has an example");
	else if (c->warnings.n)
		add(d, "configuration", "warning", c->warnings.v[0], NULL);
	else
		add(d, "configuration", "ok", c->path, NULL);
	if (conf_check_password(c, &f) < 0)
		add_fault(d, "password", &f);
	else
		add(d, "password", "ok", "one is set", NULL);
}

static void check_spool(struct doctor *d)
{
	int64_t room = capacity_spool_room(d->ctx->conf);
	char *dir CLEANUP(freep) = path_spool(d->ctx->conf);
	char *text CLEANUP(freep) = xasprintf("%" PRId64 " MiB may be used in %s", room >> 20, dir);

	add(d, "spool", room > 0 ? "ok" : "warning", text,
		room > 0 ? NULL : "without room for spools every item is streamed, and kopia's speed is in the window");
}

static void check_left_down(struct doctor *d)
{
	struct strv open CLEANUP(strv_done) = { 0 };
	struct buf text CLEANUP(buf_done) = { 0 };

	recover_list(d->recover, &open);
	for (size_t i = 0; i < open.n; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", open.v[i]);
	if (open.n)
		add(d, "left down", "failed", text.data, "the daemon keeps trying to start them; docker logs NAME says why not");
	else
		add(d, "left down", "ok", "nothing that we stopped is down", NULL);
}

static void check_last_run(struct doctor *d)
{
	struct json_object *past CLEANUP(json_putp) = history_load(d->ctx->conf, NULL, 1);
	struct json_object *last = json_object_array_length(past) ? json_object_array_get_idx(past, 0) : NULL;
	const char *id = json_text(last, "backup_id"), *state = json_text(last, "state");
	int64_t started = 0;

	if (!last) {
		add(d, "last run", "unknown", "there was none yet", "kopi-docka backup");
		return;
	}
	char *text CLEANUP(freep) = xasprintf("%s: %s", id, state);
	if (parse_time(json_text(last, "started"), &started) == 0 && wall_ms() - started > OLD_RUN_MS)
		add(d, "last run", "warning", text, "it is older than two days: is a timer armed?");
	else if (streq(state, "ok"))
		add(d, "last run", "ok", text, NULL);
	else
		add(d, "last run", streq(state, "warnings") ? "warning" : "failed", text, "kopi-docka history --json says why");
}

static void check_clock(struct doctor *d)
{
	if (wall_ms() < FIRST_SANE_MS)
		add(d, "clock", "failed", "the clock is not set", "set it: restore points are named by time");
	else
		add(d, "clock", "ok", "set", NULL);
}

/* --- repository ----------------------------------------------------------------------- */

static void on_repository(void *arg, const struct fault *f, const struct kopia_status *s)
{
	struct doctor *d = arg;

	if (f) {
		add_fault(d, "repository", f);
		finish(d);
		return;
	}
	add(d, "repository", "ok", repository_name(d->ctx->repository), NULL);
	if (s->available >= 0) {
		char *text CLEANUP(freep) = xasprintf("%" PRId64 " MiB free of %" PRId64 " MiB", s->available >> 20, s->capacity >> 20);
		bool low = s->available < SPARE_BYTES;
		add(d, "repository space", low ? "warning" : "ok", text, low ? "make room, or keep less: [retention]" : NULL);
	}
	finish(d);
}

/* --- tar ------------------------------------------------------------------------------ */

static void on_tar(void *arg, const struct child_result *r)
{
	struct doctor *d = arg;
	size_t line = strcspn(r->out, "\n");
	char *text CLEANUP(freep) = xstrndup(r->out, line);

	if (child_ok(r) && strstr(text, "GNU tar"))
		add(d, "tar", "ok", text, NULL);
	else
		add(d, "tar", "failed", "/bin/tar is not GNU tar", "install GNU tar: others lose xattrs and sparse files");
	repository_check(d->ctx->repository, on_repository, d);
}

static void check_tar(struct doctor *d)
{
	static const char *const argv[] = { "/bin/tar", "--version", NULL };
	struct child_options o = CHILD_OPTIONS_INIT;

	o.argv = argv;
	o.deadline_ms = TAR_DEADLINE_MS;
	o.arg = d;
	child_start(d->ctx->loop, &o, on_tar);
}

/* --- engine --------------------------------------------------------------------------- */

static void on_info(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct doctor *d = arg;
	struct engine e = { 0 };
	struct fault own = { 0 };

	(void)status;
	if (!f && inventory_parse_info(body, len, &e, &own) < 0)
		f = &own;
	if (f) {
		add_fault(d, "engine", f);
	} else {
		char *text CLEANUP(freep) = xasprintf("%s %s at %s", e.podman ? "podman" : "docker",
			e.version ? e.version : "?", docker_socket_path(d->ctx->docker));
		add(d, "engine", "ok", text, NULL);
	}
	engine_done(&e);
	check_tar(d);
}

void doctor_start(const struct context *ctx, struct recover *recover, doctor_fn *done, void *arg)
{
	struct doctor *d = xcalloc(1, sizeof(*d));

	*d = (struct doctor){
		.ctx = ctx, .recover = recover, .checks = json_object_new_array(), .done = done, .arg = arg,
	};
	check_configuration(d);
	check_spool(d);
	check_left_down(d);
	check_last_run(d);
	check_clock(d);
	docker_request(ctx->docker, "GET", "/info", NULL, on_info, d);
}
