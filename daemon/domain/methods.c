/* SPDX-License-Identifier: MIT */
/*
 * The methods of io.kopidocka that answer by themselves: what they ask the repository or
 * the history for, and how the answer is put. Those that ask the planner are in
 * units_call.c, those that become jobs in operations.c. One function a method; the table
 * is at the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/backup_call.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/doctor.h"
#include "daemon/domain/entries.h"
#include "daemon/domain/expiry.h"
#include "daemon/domain/expiry_past.h"
#include "daemon/domain/history.h"
#include "daemon/domain/reload.h"
#include "daemon/domain/restore_past.h"
#include "daemon/domain/restore_script.h"
#include "daemon/domain/accept_call.h"
#include "daemon/domain/units_call.h"
#include "daemon/pure/result.h"

/* --- Status -------------------------------------------------------------------------- */

static void call_status(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct json_object *o = json_object_new_object();
	struct json_object *progress = queue_progress(d->queue);
	struct strv recovering CLEANUP(strv_done) = { 0 }, waiting CLEANUP(strv_done) = { 0 };
	char *started CLEANUP(freep) = format_time(d->started_ms);
	struct json_object *past = history_load(d->conf, NULL, 1);

	(void)parameters;
	json_put_text(o, "version", KD_VERSION);
	json_put_number(o, "pid", getpid());
	json_put_text(o, "started", started);
	json_put_text(o, "engine", d->conf->docker_socket);
	json_put_text(o, "repository", repository_name(d->ctx.repository));
	json_put_text(o, "config_path", d->conf->path);
	if (progress)
		json_object_object_add(o, "progress", json_object_get(progress));
	json_object_object_add(o, "jobs", queue_json(d->queue));
	if (json_object_array_length(past) > 0)
		json_object_object_add(o, "last", json_object_get(json_object_array_get_idx(past, 0)));
	if (schedule_next(d->schedule) >= 0) {
		char *next CLEANUP(freep) = format_time(schedule_next(d->schedule));
		json_put_text(o, "next_run", next);
	}
	recover_list(d->recover, &recovering);
	json_put_list(o, "recovering", &recovering);
	expiry_past_waiting(d->conf, &waiting);
	if (waiting.n)
		json_put_list(o, "retention_waits", &waiting);
	char *workers CLEANUP(freep) = capacity_workers_text(d->conf);
	json_put_text(o, "parallel_workers", workers);
	json_object_put(past);
	request_reply(r, o);
}

/* --- ListRestorePoints, RenderRestore ------------------------------------------------ */

struct points_asked {
	struct request *request;
	char *unit, *host;
	bool all_hosts;
};

static void points_asked_free(struct points_asked *q)
{
	free(q->unit);
	free(q->host);
	free(q);
}

static void on_points(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct points_asked *q = arg;
	struct daemon *d = request_owner(q->request);
	struct strv warnings CLEANUP(strv_done) = { 0 };
	struct point *points = NULL;
	size_t n_points = 0;
	struct fault contested = { 0 };

	if (f) {
		daemon_fail(q->request, f);
		points_asked_free(q);
		return;
	}
	points_from_snapshots(v, n, q->unit, q->all_hosts ? NULL : q->host, &points, &n_points);
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	for (size_t i = 0; i < n_points; i++)
		json_object_array_add(list, point_json(&points[i]));
	json_object_object_add(o, "restore_points", list);
	json_object_object_add(o, "hosts", repository_hosts(d->ctx.repository, v, n));
	if (repository_identity(d->ctx.repository) && repository_owned(d->ctx.repository, v, n, &contested) < 0) {
		strv_addf(&warnings, "%s", contested.text);
		json_put_list(o, "warnings", &warnings);
	}
	points_free(points, n_points);
	request_reply(q->request, o);
	points_asked_free(q);
}

static void give_up_points(void *arg)
{
	const struct points_asked *q = arg;
	struct daemon *d = request_owner(q->request);

	repository_give_up(d->ctx.repository, q);
}

static void call_list_points(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct points_asked *q = xcalloc(1, sizeof(*q));
	const char *host = json_text(parameters, "host");

	q->request = r;
	q->unit = xstrdup(json_text(parameters, "unit"));
	q->host = xstrdup(host ? host : repository_identity(d->ctx.repository));
	q->all_hosts = json_flag(parameters, "all_hosts", false);
	request_give_up(r, give_up_points, q);
	repository_list(d->ctx.repository, NULL, on_points, q);
}

static void on_script(void *arg, const struct fault *f, struct json_object *reply)
{
	struct request *r = arg;

	if (f)
		daemon_fail(r, f);
	else
		request_reply(r, reply);
}

static void call_render_restore(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);

	restore_script_start(&d->ctx, parameters, on_script, r);
}

/* --- History, Doctor, Cancel ------------------------------------------------- */

#define HISTORY_DEFAULT 20
#define HISTORY_MOST    1000

static void call_history(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	int64_t limit = json_number(parameters, "limit", HISTORY_DEFAULT);
	struct json_object *o = json_object_new_object();

	if (limit < 1 || limit > HISTORY_MOST)
		limit = HISTORY_MOST;
	json_object_object_add(o, "runs", history_load(d->conf, json_text(parameters, "unit"), (size_t)limit));
	json_object_object_add(o, "restores", restore_past_load(d->conf, json_text(parameters, "unit"), (size_t)limit));
	request_reply(r, o);
}

static void on_doctor(void *arg, struct json_object *checks)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "checks", checks);
	request_reply(arg, o);
}

static void call_doctor(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);

	(void)parameters;
	struct doctor_options o = {
		.ctx = &d->ctx, .recover = d->recover, .lock_fd = d->lock_fd, .next_run_ms = schedule_next(d->schedule),
	};
	doctor_start(&o, on_doctor, r);
}

static void on_cancelled(void *arg, const struct fault *f, struct json_object *result)
{
	struct json_object *o = json_object_new_object();

	(void)result;
	json_put_text(o, "state", f && f->code != FAULT_CANCELLED ? "failed" : "cancelled");
	request_reply(arg, o);
}

static void call_cancel(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	int64_t job = json_number(parameters, "job", -1);
	struct job_listener l = { .on_over = on_cancelled, .arg = r };

	int found = job >= 0 && job <= UINT32_MAX ? queue_cancel(d->queue, (unsigned int)job, &l) : -ENOENT;
	struct fault f = { 0 };

	if (found == 0)
		return;
	if (found == -EBUSY) {
		fault_set(&f, FAULT_BUSY, found, "job %lld is being cancelled, but too many wait for its end already", (long long)job);
		fault_advise(&f, "kopi-docka status shows when it is over");
		daemon_fail(r, &f);
		return;
	}
	struct json_object *o = json_object_new_object();
	fault_set(&f, FAULT_NO_SUCH_JOB, -ENOENT, "there is no job %lld", (long long)job);
	fault_advise(&f, "kopi-docka status shows the jobs");
	json_put_number(o, "job", job);
	request_fail(r, &f, o);
}

/* --- PlanRetention -------------------------------------------------------------------- */

static void on_retention(void *arg, const struct fault *f, struct json_object *reply)
{
	if (f)
		daemon_fail(arg, f);
	else
		request_reply(arg, reply);
}

static void call_plan_retention(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct expiry_options o = {
		.ctx = &d->ctx, .unit = json_text(parameters, "unit"), .dry_run = true, .arg = r,
	};

	expiry_start(&o, on_retention);
}

static void call_subscribe(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);

	(void)parameters;
	events_subscribe(d->ctx.events, r);
}

/* --- jobs ---------------------------------------------------------------------------- */

static void call_backup(struct request *r, struct json_object *parameters)
{
	struct job_listener l = daemon_listener(r);
	struct fault f = { 0 };

	if (backup_call(request_owner(r), parameters, request_uid(r), &l, &f) < 0)
		daemon_fail(r, &f);
}

static void call_restore(struct request *r, struct json_object *parameters)
{
	daemon_queue_job(r, &operation_restore, parameters);
}

static void call_init(struct request *r, struct json_object *parameters)
{
	daemon_queue_job(r, &operation_init, parameters);
}

static void call_apply_retention(struct request *r, struct json_object *parameters)
{
	daemon_queue_job(r, &operation_retention, parameters);
}

static void call_write_bundle(struct request *r, struct json_object *parameters)
{
	daemon_queue_job(r, &operation_bundle, parameters);
}

static void call_maintain(struct request *r, struct json_object *parameters)
{
	daemon_queue_job(r, &operation_maintain, parameters);
}

const struct method_row daemon_methods[] = {
	{ "Status", .call = call_status },
	{ "ListUnits", .asks = true, .call = units_call_list },
	{ "Plan", .asks = true, .call = units_call_plan },
	{ "ListRestorePoints", .asks = true, .call = call_list_points },
	{ "History", .call = call_history },
	{ "Doctor", .asks = true, .call = call_doctor },
	{ "PlanRetention", .asks = true, .call = call_plan_retention },
	{ "ListEntries", .acts = true, .asks = true, .call = entries_call },
	{ "RenderRestore", .acts = true, .asks = true, .call = call_render_restore },
	{ "PlanRestore", .acts = true, .asks = true, .call = daemon_plan_restore },
	{ "Backup", .acts = true, .lasts = true, .call = call_backup },
	{ "Cancel", .acts = true, .call = call_cancel },
	{ "Restore", .acts = true, .lasts = true, .call = call_restore },
	{ "InitRepository", .acts = true, .lasts = true, .call = call_init },
	{ "ApplyRetention", .acts = true, .lasts = true, .call = call_apply_retention },
	{ "WriteBundle", .acts = true, .lasts = true, .call = call_write_bundle },
	{ "Maintain", .acts = true, .lasts = true, .call = call_maintain },
	{ "Reload", .acts = true, .call = reload_call },
	{ "Accept", .acts = true, .call = accept_call },
	{ "ListAccepted", .call = accept_call_list },
	{ "AcknowledgeMissing", .acts = true, .call = accept_call },
	{ "Subscribe", .lasts = true, .call = call_subscribe },
};
const size_t daemon_n_methods = ARRAY_SIZE(daemon_methods);
