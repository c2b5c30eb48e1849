/* SPDX-License-Identifier: MIT */
/*
 * Happy path: kopia show (or cat) | tar -x, both ended with 0 and tar said nothing.
 * Failure modes: the archive cannot be read → tar is killed before its input ends, and
 * kopia's reason is the fault; tar fails → its last line is. What has a path longer than any program can name is no
 * failure of the rest: it is named.
 */
#include "daemon/domain/extract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/way.h"
#include "daemon/mech/pipeline.h"
#include "daemon/pure/tar.h"

struct extract {
	const struct context *ctx;
	struct pipeline *pipeline;
	bool from_repository;
	struct strv lost;
	size_t n_lost, n_other; /* lines of tar's about paths that are too long, and about anything else */
	extract_done_fn *done;
	void *arg;
};

#define LOST_MAX 20

/* "/bin/tar: ./a/b: Cannot open: File name too long" */
static void take_lost(struct extract *x, const char *line)
{
	const char *name = strstr(line, ": "), *end = strstr(line, ": Cannot ");

	if (x->n_lost++ >= LOST_MAX)
		return;
	name = name && end && name + 2 < end ? name + 2 : line;
	int len = (int)(end && end > name ? (size_t)(end - name) : strlen(name));
	if (len <= 130)
		strv_addf(&x->lost, "%.*s", len, name);
	else
		strv_addf(&x->lost, "%.60s…%.*s", name, 60, name + len - 60);
}

static void on_complaint(void *arg, const char *line)
{
	struct extract *x = arg;

	if (ends_with(line, ": File name too long"))
		take_lost(x, line);
	else if (*line && !ends_with(line, ": Exiting with failure status due to previous errors"))
		x->n_other++;
}

static bool only_lost(void *arg, const struct child_result *tar)
{
	const struct extract *x = arg;

	return x->n_lost && !x->n_other && tar->exit_code == 2 && !tar->term_signal && !tar->timed_out && tar->start.code == FAULT_NONE;
}

static void judge(struct extract *x, const struct pipeline_result *p, struct fault *f)
{
	bool tar_ended = !child_ok(p->consumer) && !p->consumer->stopped;

	if (!p->produced && !p->aborted && !tar_ended) {
		*f = p->producer_fault;
		if (x->from_repository && p->producer && !child_ok(p->producer))
			kopia_explain(p->producer->err, x->ctx->conf, f);
	} else if (!p->aborted && (!child_ok(p->consumer) || *p->consumer->err) && !only_lost(x, p->consumer)) {
		child_explain(p->consumer, "tar", f);
	}
	if (f->code == FAULT_NONE && p->aborted)
		fault_set(f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	if (f->code == FAULT_NONE && !p->produced)
		fault_set(f, FAULT_FAILED, -EIO, "the archive could not be read to its end");
}

static void on_over(void *arg, const struct pipeline_result *p)
{
	struct extract *x = arg;
	struct fault f = { 0 };

	judge(x, p, &f);
	if (x->n_lost > LOST_MAX)
		strv_addf(&x->lost, "and %zu more", x->n_lost - LOST_MAX);
	x->done(x->arg, f.code == FAULT_NONE ? NULL : &f, p->consumer->err, &x->lost);
	strv_done(&x->lost);
	free(x);
}

static void produce(const struct context *ctx, struct pipeline *p, const struct archive *from)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	if (!from->path) {
		repository_show_command(ctx->repository, from->object, from->file, &argv, &env);
		o.env = (const char *const *)env.v;
	} else {
		strv_add(&argv, "/bin/cat");
		strv_add(&argv, "--");
		strv_add(&argv, from->path);
	}
	o.argv = (const char *const *)argv.v;
	pipeline_produce(p, &o);
}

struct pipeline *archive_list_start(const struct context *ctx, const struct archive *from, child_line_fn *on_line,
	pipeline_done_fn *done, void *arg)
{
	struct strv tar CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct pipeline_options o = { .consumer = CHILD_OPTIONS_INIT, .consumer_may_end_first = true, .arg = arg };

	tar_argv_list(&tar);
	tar_environment(&env);
	o.consumer.argv = (const char *const *)tar.v;
	o.consumer.env = (const char *const *)env.v;
	o.consumer.on_out_line = on_line;
	struct pipeline *p = pipeline_start(ctx->loop, &o, done);
	produce(ctx, p, from);
	return p;
}

void archive_list_judge(const struct context *ctx, const struct pipeline_result *p, struct fault *f)
{
	if (!p->produced) {
		*f = p->producer_fault;
		if (p->producer && !child_ok(p->producer))
			kopia_explain(p->producer->err, ctx->conf, f);
	} else if (!child_ok(p->consumer)) {
		child_explain(p->consumer, "tar", f);
	}
}

struct extract *extract_start(const struct context *ctx, const struct archive *from, const struct child_place *into,
	const struct tar_extract *what, extract_done_fn *done, void *arg)
{
	struct extract *x = xcalloc(1, sizeof(*x));
	struct strv tar CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct pipeline_options o = { .consumer = CHILD_OPTIONS_INIT, .arg = x };

	*x = (struct extract){ .ctx = ctx, .from_repository = !from->path, .done = done, .arg = arg };
	tar_argv_extract(what, &tar);
	tar_environment(&env);
	o.consumer.argv = (const char *const *)tar.v;
	o.consumer.env = (const char *const *)env.v;
	o.consumer.in = *into;
	o.consumer.die_with_parent = true;
	o.consumer.on_err_line = on_complaint;
	o.consumer_is_good = only_lost;
	o.consumer_may_end_first = true;
	x->pipeline = pipeline_start(ctx->loop, &o, on_over);
	produce(ctx, x->pipeline, from);
	return x;
}

struct child_place extract_place(const char *path, const char *is)
{
	struct way_id id = { 0 };

	if (is && way_id_parse(is, &id) < 0)
		id.inode = UINT64_MAX; /* a record that is damaged leads nowhere */
	return (struct child_place){ .path = path, .device = (int64_t)id.device, .inode = (int64_t)id.inode };
}

void extract_abort(struct extract *x)
{
	if (x)
		pipeline_abort(x->pipeline);
}
