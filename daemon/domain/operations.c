/* SPDX-License-Identifier: MIT */
/*
 * The methods that are jobs: what the queue starts and cancels for each, and how a
 * job's progress and end become replies of the call that asked for it.
 */
#include <stdlib.h>

#include "common/varlink.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/restore.h"
#include "daemon/domain/run.h"

/* --- a call that listens to its job -------------------------------------------------- */

static void on_job_progress(void *arg, struct json_object *progress)
{
	struct request *r = arg;
	struct json_object *o;

	if (!request_more(r))
		return;
	o = json_object_new_object();
	json_object_object_add(o, "progress", json_object_get(progress));
	request_continue(r, o);
}

static void on_job_over(void *arg, const struct fault *f, struct json_object *result)
{
	if (f)
		request_fail(arg, f, NULL);
	else
		request_reply(arg, json_object_get(result));
}

void daemon_queue_job(struct request *r, const struct operation *op, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct job_listener l = { .on_progress = on_job_progress, .on_over = on_job_over, .arg = r };
	unsigned int job;
	struct fault f = { 0 };

	if (queue_add(d->queue, op, parameters, request_uid(r), &l, &job, &f) < 0) {
		struct json_object *o = json_object_new_object();
		json_put_text(o, "holder", f.text);
		request_fail(r, &f, o);
	}
}

static void tell(void *arg, const struct progress *p)
{
	job_progress(arg, p);
}

/* --- Backup -------------------------------------------------------------------------- */

static void on_run(void *arg, const struct fault *f, struct run_result *result)
{
	struct job *j = arg;
	struct json_object *o = NULL;

	if (!f) {
		o = json_object_new_object();
		json_object_object_add(o, "result", run_result_json(result));
	}
	job_over(j, f, o);
}

static void backup_begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct strv units CLEANUP(strv_done) = { 0 };

	json_read_list(job_parameters(j), "units", &units);
	struct run_options o = {
		.ctx = &d->ctx, .recover = d->recover, .units = &units, .on_progress = tell, .arg = j,
	};
	job_set_data(j, run_start(&o, on_run));
}

static void backup_end(struct job *j)
{
	run_cancel(job_data(j));
}

const struct operation operation_backup = { .name = "backup", .start = backup_begin, .cancel = backup_end };

/* --- Restore ------------------------------------------------------------------------- */

static void on_restored(void *arg, const struct fault *f, struct json_object *reply)
{
	job_over(arg, f, reply);
}

static void restore_begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct json_object *p = job_parameters(j);
	struct strv items CLEANUP(strv_done) = { 0 }, paths CLEANUP(strv_done) = { 0 };

	json_read_list(p, "items", &items);
	json_read_list(p, "paths", &paths);
	struct restore_options o = {
		.ctx = &d->ctx,
		.recover = d->recover,
		.unit = json_text(p, "unit"),
		.backup_id = json_text(p, "backup_id"),
		.host = json_text(p, "host"),
		.items = &items,
		.paths = &paths,
		.target = json_text(p, "target"),
		.recipe_directory = json_text(p, "recipe_directory"),
		.on_progress = tell,
		.arg = j,
	};
	job_set_data(j, restore_start(&o, on_restored));
}

static void restore_end(struct job *j)
{
	restore_cancel(job_data(j));
}

const struct operation operation_restore = { .name = "restore", .start = restore_begin, .cancel = restore_end };

/* --- InitRepository ------------------------------------------------------------------ */

static void on_initialised(void *arg, const struct fault *f, bool created)
{
	struct job *j = arg;
	struct daemon *d = job_owner(j);
	struct json_object *o = NULL;

	if (!f) {
		o = json_object_new_object();
		json_put_flag(o, "created", created);
		json_put_text(o, "repository", repository_name(d->ctx.repository));
	}
	job_over(j, f, o);
}

static void init_begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct fault f = { 0 };

	if (conf_check_password(d->conf, &f) < 0)
		job_over(j, &f, NULL);
	else
		repository_init(d->ctx.repository, on_initialised, j);
}

/* Each kopia command has its own deadline; half of an init is nothing. */
static void runs_to_its_end(struct job *j)
{
	(void)j;
}

const struct operation operation_init = { .name = "init", .start = init_begin, .cancel = runs_to_its_end };

/* --- Maintain ------------------------------------------------------------------------ */

static void on_maintained(void *arg, const struct fault *f)
{
	job_over(arg, f, f ? NULL : json_object_new_object());
}

static void maintain_begin(struct job *j)
{
	struct daemon *d = job_owner(j);

	repository_maintain(d->ctx.repository, json_flag(job_parameters(j), "full", false), on_maintained, j);
}

const struct operation operation_maintain = { .name = "maintain", .start = maintain_begin, .cancel = runs_to_its_end };
