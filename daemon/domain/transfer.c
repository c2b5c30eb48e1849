/* SPDX-License-Identifier: MIT */
/*
 * What all methods share: the stages' bookkeeping, tar's command line, and the rule
 * by which an archive is accepted. The methods themselves are method_*.c.
 */
#include "daemon/domain/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/domain/method.h"

struct transfer *transfer_new(const struct transfer_options *o, const struct method *m)
{
	struct transfer *t = xcalloc(1, sizeof(*t));
	size_t n = o->create.n_tags;

	t->o = *o;
	t->o.path = t->path = xstrdup(o->path);
	t->o.create.source = t->source = xstrdup(o->create.source);
	t->o.create.file = t->file = xstrdup(o->create.file);
	t->o.create.tags = xcalloc(n ? n : 1, sizeof(*t->o.create.tags));
	for (size_t i = 0; i < n; i++) {
		t->o.create.tags[i].key = xstrdup(o->create.tags[i].key);
		t->o.create.tags[i].value = xstrdup(o->create.tags[i].value);
	}
	t->method = m;
	t->spool_fd = -1;
	t->bytes = -1;
	return t;
}

void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	closep(&t->spool_fd);
	for (size_t i = 0; i < t->o.create.n_tags; i++) {
		free(t->o.create.tags[i].key);
		free(t->o.create.tags[i].value);
	}
	free(t->o.create.tags);
	free(t->path);
	free(t->source);
	free(t->file);
	kopia_created_done(&t->created);
	strv_done(&t->notes);
	free(t);
}

bool transfer_idle(const struct transfer *t)
{
	return !t->pipeline && !t->child && !t->done;
}

void transfer_stage_over(struct transfer *t, const struct fault *f)
{
	transfer_done_fn *done = t->done;

	if (f)
		fault_first(&t->fault, f);
	t->done = NULL;
	if (done)
		done(t->o.arg, t);
}

static void on_skipped(void *arg)
{
	struct transfer *t = arg;

	transfer_stage_over(t, NULL);
}

static void enter_stage(struct transfer *t, transfer_done_fn *done, void (*stage)(struct transfer *t))
{
	t->done = done;
	if (t->fault.code != FAULT_NONE)
		loop_defer(t->o.loop, on_skipped, t);
	else
		stage(t);
}

void transfer_prepare(struct transfer *t, transfer_done_fn *done)
{
	enter_stage(t, done, t->method->prepare);
}

static void read_now(struct transfer *t)
{
	t->read_begin = loop_now(t->o.loop);
	t->method->read(t);
}

/* The late preparation is a stage of its own between the two. */
static void on_prepared_late(void *arg, struct transfer *t)
{
	(void)arg;
	t->done = t->after_prepare;
	if (t->fault.code != FAULT_NONE)
		transfer_stage_over(t, NULL);
	else
		read_now(t);
}

void transfer_read(struct transfer *t, transfer_done_fn *done)
{
	if (t->prepared || t->fault.code != FAULT_NONE) {
		enter_stage(t, done, read_now);
		return;
	}
	t->after_prepare = done;
	enter_stage(t, on_prepared_late, t->method->prepare);
}

void transfer_upload(struct transfer *t, transfer_done_fn *done)
{
	/* One that failed and is being ended: its stage is over when nothing of it runs any more. */
	if (t->fault.code != FAULT_NONE && (t->pipeline || t->child))
		t->done = done;
	else
		enter_stage(t, done, t->method->upload);
}

void transfer_abort(struct transfer *t, const struct fault *why)
{
	fault_first(&t->fault, why);
	t->aborted = true;
	t->method->abort(t);
}

int64_t transfer_bytes(const struct transfer *t)
{
	if (t->bytes >= 0)
		return t->bytes;
	if (t->pipeline)
		return pipeline_bytes(t->pipeline);
	return t->child && !t->read ? child_bytes_written(t->child) : 0;
}

int64_t transfer_motion(const struct transfer *t)
{
	int64_t moved = 0;

	if (t->pipeline)
		moved += pipeline_bytes(t->pipeline);
	if (t->child)
		moved += child_bytes_written(t->child) + child_bytes_read(t->child);
	return moved;
}

void transfer_tar(const struct transfer *t, struct strv *argv, struct strv *env, struct child_options *ret)
{
	struct strv excludes CLEANUP(strv_done) = { 0 };
	struct tar_read r = {
		.file = t->o.is_file ? t->o.path : NULL,
		.clamp_mtime = t->o.conf->backup.clamp_mtime,
		.no_xattrs = t->o.no_xattrs,
		.ours = t->o.ours,
	};

	if (t->o.exclude) {
		strv_copy(&excludes, &t->o.conf->backup.exclude_patterns);
		if (t->o.unit_excludes)
			strv_copy(&excludes, t->o.unit_excludes);
		r.excludes = &excludes;
	}
	tar_argv_create(&r, argv);
	tar_environment(env);
	*ret = (struct child_options)CHILD_OPTIONS_INIT;
	ret->argv = (const char *const *)argv->v;
	ret->env = (const char *const *)env->v;
	ret->in = (struct child_place){
		.path = t->place ? t->place : t->o.path, .is_file = t->o.is_file, .device = t->o.device, .inode = t->o.inode,
	};
}

#define FAR       10 /* times less than was measured */
#define FAR_BYTES ((int64_t)16 << 20)

/*
 * Programs tidy up when they stop; what is gone to a tenth was taken away. The next run measures what is there then. More than was
 * measured is no sign of anything: there are programs that write all they have when they stop.
 */
static int judge_amount(const struct transfer *t, int64_t bytes, struct fault *f)
{
	int64_t measured = t->o.measured_bytes;

	if (bytes > measured / FAR || measured - bytes < FAR_BYTES)
		return 0;
	fault_set(f, FAULT_FAILED, -ENODATA, "%s had %" PRId64 " bytes before the stop and %" PRId64 " when it was read: most of it was taken away "
		"meanwhile", t->o.path, measured, bytes);
	fault_advise(f, "if that is as it should be, the next run saves what is there");
	return -ENODATA;
}

int transfer_judge_tar(struct transfer *t, const struct child_result *r, int64_t *ret_bytes, struct fault *f)
{
	int64_t bytes;

	if (child_ok(r) && tar_judge(r->err, ret_bytes, &t->notes, f) == 0)
		return judge_amount(t, *ret_bytes, f);
	if (child_ok(r))
		return -EIO;
	/* Its last line is the count; what went wrong stands before. */
	if (r->exit_code && *r->err && tar_judge(r->err, &bytes, &t->notes, f) < 0)
		return -EIO;
	child_explain(r, "tar", f);
	return -EIO;
}

int transfer_accept(struct transfer *t, const struct child_result *kopia, struct fault *f)
{
	if (!child_ok(kopia)) {
		child_explain(kopia, "kopia", f);
		if (!kopia->stopped)
			kopia_explain(kopia->err, t->o.conf, f);
		return -EIO;
	}
	kopia_created_done(&t->created);
	t->created = (struct kopia_created){ 0 };
	int ret = kopia_parse_created(kopia->out, kopia->out_len, &t->created, f);
	if (ret < 0)
		return ret;
	ret = kopia_accept(&t->created, t->bytes, f);
	if (ret == 0)
		t->accepted = true;
	return ret;
}
