/* SPDX-License-Identifier: MIT */
/*
 * The methods that are jobs: what the queue starts and cancels for each, and how a
 * job's progress and end become replies of the call that asked for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/bundle.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/expiry.h"
#include "daemon/domain/known.h"
#include "daemon/domain/names.h"
#include "daemon/domain/restore.h"

/* --- errors, with the fields the interface gives them ------------------------------------- */

static const struct {
	enum fault_code code;
	const char *fields[3]; /* filled from what the call and the daemon know */
} error_fields[] = {
	{ FAULT_NONE, { "reason" } },
	{ FAULT_FAILED, { "reason" } },
	{ FAULT_NO_SUCH_UNIT, { "unit", "known" } },
	{ FAULT_NO_SUCH_POINT, { "unit", "backup_id" } },
	{ FAULT_NO_SUCH_ITEM, { "unit", "item", "known" } },
	{ FAULT_BUSY, { "holder" } },
	{ FAULT_CANCELLED, { "job" } },
	{ FAULT_WINDOW, { "unit", "forecast_window_ms", "max_window_ms" } },
	{ FAULT_NO_SPACE, { "path", "needed_bytes", "free_bytes" } },
	{ FAULT_CONF, { "file", "line", "reason" } },
	{ FAULT_ENGINE, { "socket", "reason" } },
	{ FAULT_REPOSITORY, { "repository", "reason" } },
	{ FAULT_REPOSITORY_MISSING, { "repository" } },
	{ FAULT_PASSWORD, { "repository" } },
};

/* The unit or item that the call names, the first of several: where the fault does not say which. */
static const char *named(struct request *r, const char *one, const char *several)
{
	struct json_object *p = request_parameters(r), *list = json_member(p, several);
	const char *name = json_text(p, one);

	if (!name && json_object_is_type(list, json_type_array) && json_object_array_length(list))
		name = json_object_get_string(json_object_array_get_idx(list, 0));
	return name ? name : "";
}

/* "FILE:LINE: …" begins what the reading of the configuration says. */
static int64_t line_of(const char *text)
{
	const char *colon = *text == '/' ? strchr(text, ':') : NULL;

	return colon ? strtoll(colon + 1, NULL, 10) : 0;
}

static void put_figure(struct json_object *o, const char *field, int64_t value)
{
	if (value > 0)
		json_put_number(o, field, value);
}

static void add_busy(const struct daemon *d, struct json_object *o)
{
	int64_t since;
	char *holder CLEANUP(freep) = queue_holder(d->queue, &since);
	char *time CLEANUP(freep) = holder ? format_time(since) : NULL;

	json_put_text(o, "holder", holder ? holder : "the daemon");
	json_put_text(o, "since", time);
}

/* The numbers are in the order of the fault's figures. */
static void add_field(struct request *r, const struct fault *f, struct json_object *o, const char *field)
{
	const struct daemon *d = request_owner(r);
	const char *about = f->about[0] ? f->about : NULL;
	bool first = streq(field, "job") || streq(field, "needed_bytes") || streq(field, "forecast_window_ms");

	if (streq(field, "reason"))
		json_put_text(o, field, f->text);
	else if (streq(field, "repository"))
		json_put_text(o, field, repository_name(d->ctx.repository));
	else if (streq(field, "path"))
		json_put_text(o, field, about ? about : repository_name(d->ctx.repository));
	else if (streq(field, "socket"))
		json_put_text(o, field, d->conf->docker_socket);
	else if (streq(field, "file"))
		json_put_text(o, field, d->conf->path ? d->conf->path : "");
	else if (streq(field, "line"))
		put_figure(o, field, line_of(f->text));
	else if (streq(field, "unit"))
		json_put_text(o, field, about && f->code != FAULT_NO_SUCH_ITEM ? about : named(r, "unit", "units"));
	else if (streq(field, "item"))
		json_put_text(o, field, about ? about : named(r, "item", "items"));
	else if (streq(field, "backup_id"))
		json_put_text(o, field, json_text(request_parameters(r), field));
	else
		put_figure(o, field, f->figures[first ? 0 : 1]);
}

void daemon_fail(struct request *r, const struct fault *f)
{
	struct daemon *d = request_owner(r);
	struct json_object *o = json_object_new_object();
	bool lists = false;

	for (size_t i = 0; i < ARRAY_SIZE(error_fields); i++)
		for (size_t j = 0; error_fields[i].code == f->code && j < ARRAY_SIZE(error_fields[i].fields); j++) {
			const char *field = error_fields[i].fields[j];
			if (streq(field, "known"))
				lists = true;
			else if (streq(field, "holder"))
				add_busy(d, o);
			else if (field)
				add_field(r, f, o, field);
		}
	if (lists)
		names_fail(d, r, f, o);
	else
		request_fail(r, f, o);
}

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
		daemon_fail(arg, f);
	else
		request_reply(arg, json_object_get(result));
}

struct job_listener daemon_listener(struct request *r)
{
	return (struct job_listener){ .on_progress = on_job_progress, .on_over = on_job_over, .arg = r };
}

void daemon_queue_job(struct request *r, const struct operation *op, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct job_listener l = daemon_listener(r);
	unsigned int job;
	struct fault f = { 0 };

	if (queue_add(d->queue, op, parameters, request_uid(r), &l, &job, &f) < 0)
		daemon_fail(r, &f);
}

static void tell(void *arg, const struct progress *p)
{
	job_progress(arg, p);
}

/* --- Restore ------------------------------------------------------------------------- */

static void on_restored(void *arg, const struct fault *f, struct json_object *reply)
{
	job_over(arg, f, reply);
}

static struct restore *start_restore(struct daemon *d, struct json_object *p, struct restore_options o, restore_done_fn *done)
{
	struct strv items CLEANUP(strv_done) = { 0 }, paths CLEANUP(strv_done) = { 0 }, map CLEANUP(strv_done) = { 0 };

	json_read_list(p, "items", &items);
	json_read_list(p, "paths", &paths);
	json_read_list(p, "map", &map);
	o.ctx = &d->ctx;
	o.recover = d->recover;
	o.unit = json_text(p, "unit");
	o.backup_id = json_text(p, "backup_id");
	o.host = json_text(p, "host");
	o.items = &items;
	o.paths = &paths;
	o.as = json_text(p, "as");
	o.map = &map;
	o.quoted = json_flag(p, "quoted", false);
	o.target = json_text(p, "target");
	o.recipe_directory = json_text(p, "recipe_directory");
	o.recipe_only = json_flag(p, "recipe_only", false);
	o.back = json_text(p, "back");
	o.way_back = json_flag(p, "way_back", false);
	o.in_place = json_flag(p, "in_place", false);
	o.keep_owners = json_flag(p, "keep_owners", false);
	o.safety_directory = json_text(p, "safety_directory");
	return restore_start(&o, done);
}

static void restore_begin(struct job *j)
{
	struct restore_options o = { .on_progress = tell, .arg = j };

	job_set_data(j, start_restore(job_owner(j), job_parameters(j), o, on_restored));
}

static void restore_end(struct job *j)
{
	restore_cancel(job_data(j));
}

const struct operation operation_restore = { .name = "restore", .start = restore_begin, .cancel = restore_end };

/* --- PlanRestore: no job, because nothing is done ------------------------------------ */

static void on_foretold(void *arg, const struct fault *f, struct json_object *reply)
{
	if (f)
		daemon_fail(arg, f);
	else
		request_reply(arg, reply);
}

void daemon_plan_restore(struct request *r, struct json_object *parameters)
{
	struct restore_options o = { .foretell = true, .arg = r };

	start_restore(request_owner(r), parameters, o, on_foretold); /* nobody cancels it: it only reads */
}

/* --- InitRepository ------------------------------------------------------------------ */

/* A repository that is older than our state may have restore points of units that are gone. */
static void on_init_learned(void *arg, const struct fault *f)
{
	struct job *j = arg;

	if (f)
		log_warning("which units have restore points is not known yet: %s", f->text);
	job_over(j, NULL, job_data(j));
}

static void on_init_reset(void *arg, const struct fault *f)
{
	struct job *j = arg;
	struct daemon *d = job_owner(j);

	if (f)
		log_warning("what was known of the units is not forgotten: %s", f->text);
	known_learn(&d->ctx, on_init_learned, j);
}

static void on_initialised(void *arg, const struct fault *f, const struct repository_initialised *res)
{
	struct job *j = arg;
	struct daemon *d = job_owner(j);

	if (f) {
		job_over(j, f, NULL);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_put_flag(o, "created", res->created);
	json_put_text(o, "repository", repository_name(d->ctx.repository));
	json_put_text(o, "identity", repository_identity(d->ctx.repository));
	json_put_text(o, "instead_of", repository_instead_of(d->ctx.repository));
	json_put_flag(o, "unclaimed", repository_unclaimed(d->ctx.repository));
	json_object_object_add(o, "hosts", json_object_get(res->hosts));
	job_set_data(j, o);
	/* Another identity, or another repository, has other units: they are asked for anew. */
	if (res->renewed)
		known_reset(&d->ctx, on_init_reset, j);
	else
		known_learn(&d->ctx, on_init_learned, j);
}

static void init_begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct json_object *p = job_parameters(j);
	struct repository_wish wish = {
		.adopt = json_flag(p, "adopt", false), .new_identity = json_flag(p, "new_identity", false),
		.reconnect = json_flag(p, "reconnect", false), .host = json_text(p, "host"),
	};
	struct fault f = { 0 };

	if (wish.adopt && wish.new_identity)
		fault_set(&f, FAULT_FAILED, -EINVAL, "adopt takes another's identity over, new_identity is one of its own: choose one of them");
	else if (wish.host && !wish.adopt)
		fault_set(&f, FAULT_FAILED, -EINVAL, "host says whose identity is adopted: it needs adopt");
	if (f.code != FAULT_NONE || conf_check_password(d->conf, &f) < 0)
		job_over(j, &f, NULL);
	else
		repository_init(d->ctx.repository, &wish, on_initialised, j);
}

/* Each kopia command has its own deadline; half of an init is nothing. */
static void runs_to_its_end(struct job *j)
{
	(void)j;
}

const struct operation operation_init = { .name = "init", .start = init_begin, .cancel = runs_to_its_end };

/* --- ApplyRetention ------------------------------------------------------------------ */

static void on_expired(void *arg, const struct fault *f, struct json_object *reply)
{
	job_over(arg, f, reply);
}

static void retention_begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct expiry_options o = {
		.ctx = &d->ctx, .unit = json_text(job_parameters(j), "unit"), .yes = json_flag(job_parameters(j), "yes", false), .arg = j,
	};

	expiry_start(&o, on_expired);
}

const struct operation operation_retention = {
	.name = "retention", .start = retention_begin, .cancel = runs_to_its_end,
};

/* --- WriteBundle --------------------------------------------------------------------- */

static void on_bundle(void *arg, const struct fault *f, const struct bundle_result *res)
{
	struct json_object *o = NULL;

	if (!f) {
		o = json_object_new_object();
		json_put_text(o, "path", res->path);
		json_put_list(o, "files", &res->files);
		json_put_list(o, "removed", &res->removed);
		json_put_list(o, "warnings", &res->warnings);
	}
	job_over(arg, f, o);
}

static void bundle_begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct bundle_options o = {
		.ctx = &d->ctx, .directory = json_text(job_parameters(j), "directory"), .arg = j,
	};

	job_set_data(j, bundle_start(&o, on_bundle));
}

static void bundle_end(struct job *j)
{
	bundle_cancel(job_data(j));
}

const struct operation operation_bundle = { .name = "bundle", .start = bundle_begin, .cancel = bundle_end };
