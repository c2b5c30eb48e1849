/* SPDX-License-Identifier: MIT */
/*
 * stream: tar | kopia, in the window. kopia is started before it and waits on the
 * pipe; the read is over when tar has ended well, kopia's rest goes on outside.
 *
 * Happy path: prepare = kopia says it reads; read = tar ended, EOF was sent by us;
 * upload = kopia ended and its archive is accepted.
 * Failure modes: kopia ends early, tar ends badly (law 2: pipeline kills kopia),
 * abort: each ends the stage under way with the fault, once.
 */
#include "daemon/domain/method.h"

#include <errno.h>
#include <stdlib.h>

static bool can(const struct method_question *q, char **ret_reason)
{
	(void)q;
	*ret_reason = xstrdup("straight into the repository");
	return true;
}

static int64_t forecast_ms(const struct method_question *q)
{
	return q->item->tar_bytes < 0 ? 1000 : q->item->tar_bytes * 1000 / q->rates->stream_bps;
}

static void on_ready(void *arg)
{
	struct transfer *t = arg;

	t->prepared = true;
	transfer_stage_over(t, NULL);
}

static int judge(void *arg, const struct child_result *r, struct fault *f)
{
	struct transfer *t = arg;

	return transfer_judge_tar(t, r, &t->bytes, f);
}

static void on_produced(void *arg)
{
	struct transfer *t = arg;

	t->read = true;
	t->read_end = loop_now(t->o.loop);
	transfer_stage_over(t, NULL);
}

static void on_done(void *arg, const struct pipeline_result *r)
{
	struct transfer *t = arg;
	struct fault f = { 0 };

	t->pipeline = NULL;
	if (r->produced)
		IGNORE(transfer_accept(t, r->consumer, &f)); /* the fault tells */
	else if (r->aborted)
		fault_set(&f, FAULT_CANCELLED, -ECANCELED, "the transfer was ended");
	else if (!r->consumer->stopped || r->consumer->start.code != FAULT_NONE)
		IGNORE(transfer_accept(t, r->consumer, &f)); /* kopia was the first to fall */
	else
		f = r->producer_fault;
	if (!t->accepted && f.code == FAULT_NONE)
		fault_set(&f, FAULT_FAILED, -EIO, "kopia ended before it was sent anything");
	t->accepted = t->accepted && r->produced;
	if (f.code != FAULT_NONE)
		fault_first(&t->fault, &f);
	transfer_stage_over(t, NULL);
}

static void prepare(struct transfer *t)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };

	repository_create_command(t->o.repository, &t->o.create, &argv, &env);
	struct pipeline_options o = {
		.consumer = CHILD_OPTIONS_INIT,
		.ready_prefix = "Snapshotting",
		.judge = judge,
		.on_ready = on_ready,
		.on_produced = on_produced,
		.arg = t,
	};
	o.consumer.argv = (const char *const *)argv.v;
	o.consumer.env = (const char *const *)env.v;
	o.consumer.die_with_parent = true;
	t->pipeline = pipeline_start(t->o.loop, &o, on_done);
}

static void on_lost(void *arg)
{
	struct fault f = { 0 };

	fault_set(&f, FAULT_REPOSITORY, -EPIPE, "kopia ended before the window");
	transfer_stage_over(arg, &f);
}

static void read_item(struct transfer *t)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct child_options tar;

	if (!t->pipeline) {
		loop_defer(t->o.loop, on_lost, t);
		return;
	}
	transfer_tar(t, &argv, &env, &tar);
	pipeline_produce(t->pipeline, &tar);
}

static void on_already(void *arg)
{
	transfer_stage_over(arg, NULL);
}

static void upload(struct transfer *t)
{
	if (!t->pipeline)
		loop_defer(t->o.loop, on_already, t);
}

static void abort_item(struct transfer *t)
{
	if (t->pipeline)
		pipeline_abort(t->pipeline);
}

const struct method method_stream = {
	.name = "stream",
	.conf = CONF_METHOD_STREAM,
	.can = can,
	.forecast_ms = forecast_ms,
	.prepare = prepare,
	.read = read_item,
	.upload = upload,
	.abort = abort_item,
};
