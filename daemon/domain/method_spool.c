/* SPDX-License-Identifier: MIT */
/*
 * spool: tar → an unlinked local file in the window, kopia reads it afterwards. The
 * repository's speed never enters the window.
 *
 * Happy path: prepare = file made and its room reserved; read = tar ended well and
 * the file has the bytes that tar counted; upload = kopia ended, archive accepted.
 * Failure modes: no room (nothing was stopped yet), tar or kopia ends badly, abort.
 * On our death the file is gone with its descriptor, and kopia by its exec helper.
 */
#include "daemon/domain/method.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"

#define SLACK_PERCENT 3 /* files that grow between measuring and stopping */
#define SLACK_BYTES   ((int64_t)16 << 20)

static int64_t need(int64_t tar_bytes)
{
	return tar_bytes + tar_bytes * SLACK_PERCENT / 100 + SLACK_BYTES;
}

static bool can(const struct method_question *q, char **ret_reason)
{
	if (q->item->tar_bytes < 0) {
		*ret_reason = xstrdup("its size is not known");
		return false;
	}
	int64_t bytes = need(q->item->tar_bytes);
	if (bytes > *q->spool_room) {
		*ret_reason = xasprintf("needs %" PRId64 " MiB of spool, %" PRId64 " MiB are free for it",
			bytes >> 20, *q->spool_room >> 20);
		return false;
	}
	*q->spool_room -= bytes;
	*ret_reason = xstrdup("room in the spool: the upload is outside the window");
	return true;
}

static int64_t forecast_ms(const struct method_question *q)
{
	return q->item->tar_bytes * 1000 / q->rates->spool_bps;
}

/* --- prepare ------------------------------------------------------------------------ */

struct reservation {
	struct transfer *transfer;
	char *directory;
	int64_t bytes;
	int fd;
};

static int reserve(void *arg)
{
	struct reservation *r = arg;

	r->fd = open(r->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (r->fd < 0)
		return -errno;
	/* The size stays 0: tar appends into what is reserved. */
	if (fallocate(r->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)r->bytes) < 0 && errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

static void on_reserved(void *arg, int result)
{
	struct reservation *r = arg;
	struct transfer *t = r->transfer;
	struct fault f = { 0 };

	if (result < 0) {
		fault_errno(&f, FAULT_NO_SPACE, result, "cannot reserve %" PRId64 " bytes of spool in %s",
			r->bytes, r->directory);
		fault_about(&f, r->directory, r->bytes, 0);
		fault_advise(&f, "make room there, or set spool.directory or backup.method = stream");
		closep(&r->fd);
	} else {
		t->spool_fd = TAKE_FD(r->fd);
		t->prepared = true;
	}
	free(r->directory);
	free(r);
	transfer_stage_over(t, f.code == FAULT_NONE ? NULL : &f);
}

static void prepare(struct transfer *t)
{
	struct reservation *r = xcalloc(1, sizeof(*r));

	*r = (struct reservation){
		.transfer = t,
		.directory = path_spool(t->o.conf),
		.bytes = need(t->o.reserve_bytes < 0 ? 0 : t->o.reserve_bytes),
		.fd = -1,
	};
	loop_work(t->o.loop, reserve, on_reserved, r);
}

/* --- read --------------------------------------------------------------------------- */

static int judge(struct transfer *t, const struct child_result *r, struct fault *f)
{
	struct stat st;
	int64_t counted = -1;

	int ret = transfer_judge_tar(t, r, &counted, f);
	if (ret < 0)
		return ret;
	if (fstat(t->spool_fd, &st) < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot look at the spool");
	if ((int64_t)st.st_size != counted)
		return fault_set(f, FAULT_NO_SPACE, -EIO, "the spool has %" PRId64 " bytes of %" PRId64,
			(int64_t)st.st_size, counted);
	t->bytes = counted;
	return 0;
}

static void on_read(void *arg, const struct child_result *r)
{
	struct transfer *t = arg;
	struct fault f = { 0 };

	t->child = NULL;
	if (judge(t, r, &f) == 0) {
		t->read = true;
		t->read_end = loop_now(t->o.loop);
	}
	transfer_stage_over(t, f.code == FAULT_NONE ? NULL : &f);
}

static void read_item(struct transfer *t)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct child_options tar;

	transfer_tar(t, &argv, &env, &tar);
	tar.stdout_fd = t->spool_fd;
	tar.die_with_parent = true;
	tar.arg = t;
	t->child = child_start(t->o.loop, &tar, on_read);
}

/* --- upload ------------------------------------------------------------------------- */

static void on_uploaded(void *arg, const struct child_result *r)
{
	struct transfer *t = arg;
	struct fault f = { 0 };

	t->child = NULL;
	closep(&t->spool_fd);
	if (t->aborted)
		fault_set(&f, FAULT_CANCELLED, -ECANCELED, "the transfer was ended");
	else
		IGNORE(transfer_accept(t, r, &f)); /* the fault tells */
	transfer_stage_over(t, f.code == FAULT_NONE ? NULL : &f);
}

static void on_no_spool(void *arg)
{
	struct fault f = { 0 };

	fault_set(&f, FAULT_FAILED, -EIO, "the spool cannot be opened for reading");
	transfer_stage_over(arg, &f);
}

static void upload(struct transfer *t)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct child_options kopia = CHILD_OPTIONS_INIT;
	char path[64];

	/* tar's descriptor shares its offset with ours: a new description starts at 0. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->spool_fd);
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		loop_defer(t->o.loop, on_no_spool, t);
		return;
	}
	repository_create_command(t->o.repository, &t->o.create, &argv, &env);
	kopia.argv = (const char *const *)argv.v;
	kopia.env = (const char *const *)env.v;
	kopia.stdin_fd = fd;
	kopia.die_with_parent = true;
	kopia.background = true;
	kopia.arg = t;
	t->child = child_start(t->o.loop, &kopia, on_uploaded);
}

static void abort_item(struct transfer *t)
{
	if (t->child)
		child_kill(t->child);
}

const struct method method_spool = {
	.name = "spool",
	.conf = CONF_METHOD_SPOOL,
	.can = can,
	.forecast_ms = forecast_ms,
	.prepare = prepare,
	.read = read_item,
	.upload = upload,
	.abort = abort_item,
};
