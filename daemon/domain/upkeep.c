/* SPDX-License-Identifier: MIT */
/*
 * Jobs that nobody asked for. "maintain", twice: asked for, which others wait for, and by
 * itself, which makes way for all (maintain.c). Old copies that were kept long enough (kept.c).
 */
#include <unistd.h>

#include "common/varlink.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/kept.h"
#include "daemon/domain/maintain.h"

#define UPKEEP_AGAIN_MS (60 * 60 * 1000) /* what fails is not tried after every job */

static void on_maintained(void *arg, const struct fault *f)
{
	struct daemon *d = job_owner(arg);

	if (f && f->code != FAULT_CANCELLED)
		d->upkeep_at = loop_now(d->ctx.loop) + UPKEEP_AGAIN_MS;
	job_over(arg, f, f ? NULL : json_object_new_object());
}

static void start_maintenance(struct job *j, bool automatic)
{
	struct daemon *d = job_owner(j);
	struct progress p = PROGRESS_INIT;
	struct maintain_options o = {
		.ctx = &d->ctx, .full = json_flag(job_parameters(j), "full", false), .automatic = automatic, .arg = j,
	};

	p.phase = o.full ? "full" : "quick";
	job_progress(j, &p);
	job_set_data(j, maintain_start(&o, on_maintained));
}

static void maintain_begin(struct job *j)
{
	start_maintenance(j, false);
}

static void maintain_end(struct job *j)
{
	maintain_cancel(job_data(j), job_yields(j));
}

const struct operation operation_maintain = { .name = "maintain", .start = maintain_begin, .cancel = maintain_end };

static void upkeep_begin(struct job *j)
{
	start_maintenance(j, true);
}

static const struct operation operation_upkeep = {
	.name = "maintain", .yields = true, .start = upkeep_begin, .cancel = maintain_end,
};

/* --- what restores have kept long enough --------------------------------------------------- */

#define FORGET_AGAIN_MS (60 * 60 * 1000) /* what cannot be removed is not tried after every job */

static void on_forgotten(void *arg, const struct fault *f)
{
	job_over(arg, f, f ? NULL : json_object_new_object());
}

static void forget_begin(struct job *j)
{
	struct daemon *d = job_owner(j);

	kept_expire(&d->ctx, on_forgotten, j);
}

static void forget_end(struct job *j)
{
	(void)j; /* each of its children has a deadline or little to do */
}

static const struct operation operation_forget = { .name = "forget-old-copies", .start = forget_begin, .cancel = forget_end };

void daemon_forget(struct daemon *d)
{
	struct job_listener nobody = { 0 };
	unsigned int job;
	struct fault f = { 0 };

	if (d->stopping || loop_now(d->ctx.loop) < d->forget_at || !kept_due(&d->ctx))
		return;
	d->forget_at = loop_now(d->ctx.loop) + FORGET_AGAIN_MS;
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	IGNORE(queue_add(d->queue, &operation_forget, o, geteuid(), &nobody, &job, &f)); /* a full queue: next time */
}

/* --- the repository ------------------------------------------------------------------------ */

void daemon_upkeep(struct daemon *d)
{
	enum maintenance_kind due = maintain_due(&d->ctx);
	struct job_listener nobody = { 0 };
	unsigned int job;
	struct fault f = { 0 };

	if (due == MAINTENANCE_NONE || loop_now(d->ctx.loop) < d->upkeep_at)
		return;
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	json_put_flag(o, "full", due == MAINTENANCE_FULL);
	IGNORE(queue_add(d->queue, &operation_upkeep, o, geteuid(), &nobody, &job, &f)); /* it was empty a moment ago */
}
