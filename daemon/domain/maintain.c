/* SPDX-License-Identifier: MIT */
/*
 * Happy path: the repository is there → whose is its maintenance → kopia maintenance run
 * → the record is durable → done.
 * Failure modes: each is in the record, which doctor reads, and in the journal; another
 * owner is none: an automatic one ends quietly, and remembers whose it is.
 * On cancel: the child is ended; kopia's maintenance may be broken off anywhere.
 */
#include "daemon/domain/maintain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "daemon/mech/child.h"

#define INFO_DEADLINE_MS 120000
#define RUN_DEADLINE_MS  (12 * 3600 * 1000)
#define GRACE_MS         5000
#define RECORD_MAX       65536

struct maintain {
	struct maintain_options o;
	struct child *child; /* while it runs */
	bool cancelled, again, ran;
	struct maintenance record;
	char *path, *text; /* of the record, for the pool */
	struct fault fault, write_fault;
	maintain_done_fn *done;
};

/* --- the end ------------------------------------------------------------------------- */

static void finish(struct maintain *m)
{
	m->done(m->o.arg, m->fault.code == FAULT_NONE ? NULL : &m->fault);
	maintenance_done(&m->record);
	free(m->path);
	free(m->text);
	free(m);
}

static int write_record(void *arg)
{
	struct maintain *m = arg;

	return file_replace(m->path, m->text, strlen(m->text), 0600, &m->write_fault);
}

static void on_written(void *arg, int result)
{
	struct maintain *m = arg;

	if (result < 0) { /* law 7; and nobody begins it at once again because it seems due */
		fault_wrap(&m->write_fault, "what became of the maintenance cannot be written down");
		log_warning("%s", m->write_fault.text);
		m->fault = m->write_fault;
	}
	finish(m);
}

static void take_outcome(struct maintain *m)
{
	struct maintenance *r = &m->record;
	int64_t now = wall_ms();

	r->tried_ms = now;
	if (m->fault.code == FAULT_CANCELLED)
		return;
	free(r->error);
	r->error = m->fault.code == FAULT_NONE ? NULL : xstrdup(m->fault.text);
	if (m->fault.code != FAULT_NONE || !m->ran)
		return;
	r->quick_ms = now;
	if (m->o.full)
		r->full_ms = now;
}

static void end(struct maintain *m)
{
	const char *kind = m->o.full ? "full" : "quick";

	if (m->cancelled && !m->ran && m->fault.code == FAULT_NONE)
		fault_set(&m->fault, FAULT_CANCELLED, -ECANCELED, "the maintenance was ended%s", m->again ? ": another job waits" : "");
	if (m->fault.code == FAULT_CANCELLED)
		log_info("%s", m->fault.text);
	else if (m->fault.code != FAULT_NONE)
		log_event(LOG_LEVEL_WARNING, EV_MAINTENANCE_FAILED, NULL, "the repository's %s maintenance failed: %s", kind, m->fault.text);
	else if (m->ran)
		log_info("the repository's %s maintenance is done", kind);
	if (m->fault.code == FAULT_CANCELLED && m->again) {
		finish(m);
		return;
	}
	take_outcome(m);
	m->text = maintenance_format(&m->record);
	loop_work(m->o.ctx->loop, write_record, on_written, m);
}

/* --- kopia --------------------------------------------------------------------------- */

static void run_kopia(struct maintain *m, const struct strv *argv, const struct strv *env, unsigned int deadline_ms,
	child_done_fn *done)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	o.argv = (const char *const *)argv->v;
	o.env = (const char *const *)env->v;
	o.deadline_ms = deadline_ms;
	o.die_with_parent = true;
	o.background = m->o.automatic;
	o.arg = m;
	m->child = child_start(m->o.ctx->loop, &o, done);
}

static void on_run(void *arg, const struct child_result *res)
{
	struct maintain *m = arg;

	m->child = NULL;
	m->ran = child_ok(res);
	if (!m->ran && !m->cancelled)
		repository_explain(m->o.ctx->repository, res, &m->fault);
	end(m);
}

static void on_info(void *arg, const struct child_result *res)
{
	struct maintain *m = arg;
	struct repository *r = m->o.ctx->repository;
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	char *owner = NULL;

	m->child = NULL;
	if (m->cancelled)
		; /* whatever it said */
	else if (!child_ok(res))
		repository_explain(r, res, &m->fault);
	else if (kopia_parse_maintenance_owner(res->out, res->out_len, &owner, &m->fault) == 0) {
		free(m->record.owner);
		m->record.owner = owner;
	}
	if (m->fault.code != FAULT_NONE || m->cancelled || (m->o.automatic && !streq(owner, repository_identity(r)))) {
		end(m);
		return;
	}
	repository_maintain_command(r, m->o.full, &argv, &env);
	run_kopia(m, &argv, &env, RUN_DEADLINE_MS, on_run);
}

static void on_there(void *arg, const struct fault *f, const struct kopia_status *status)
{
	struct maintain *m = arg;
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };

	(void)status;
	if (f)
		m->fault = *f;
	if (f || m->cancelled) {
		end(m);
		return;
	}
	repository_maintenance_info_command(m->o.ctx->repository, &argv, &env);
	run_kopia(m, &argv, &env, INFO_DEADLINE_MS, on_info);
}

/* --- from outside -------------------------------------------------------------------- */

struct maintain *maintain_start(const struct maintain_options *o, maintain_done_fn *done)
{
	struct maintain *m = xcalloc(1, sizeof(*m));

	m->o = *o;
	m->done = done;
	m->path = path_maintenance(o->ctx->conf);
	maintain_load(o->ctx->conf, &m->record);
	repository_check(o->ctx->repository, on_there, m);
	return m;
}

void maintain_cancel(struct maintain *m, bool again)
{
	m->cancelled = true;
	m->again = again;
	if (m->child)
		child_stop(m->child, GRACE_MS);
}

void maintain_load(const struct conf *c, struct maintenance *ret)
{
	char *path CLEANUP(freep) = path_maintenance(c);
	struct buf text CLEANUP(buf_done) = { 0 };

	*ret = (struct maintenance){ 0 };
	if (file_read(path, RECORD_MAX, &text) == 0)
		maintenance_parse(text.data, text.len, ret);
}

enum maintenance_kind maintain_due(const struct context *ctx)
{
	struct maintenance m;
	const struct strv *provider = &ctx->conf->kopia.repository;

	/* A kopia server does its own. */
	if (!ctx->conf->kopia.maintenance || !repository_identity(ctx->repository) ||
		(provider->n && streq(provider->v[0], "server")))
		return MAINTENANCE_NONE;
	maintain_load(ctx->conf, &m);
	enum maintenance_kind kind = maintenance_due(&m, repository_since_ms(ctx->repository), wall_ms());
	maintenance_done(&m);
	return kind;
}
