/* SPDX-License-Identifier: MIT */
/*
 * A copy of the old where it cannot stay beside the new: taken in the window, so that it is
 * cold, into the repository as a pinned snapshot of its own kind (type:safety, never a
 * restore point), or as a tar into a named directory. Only a whole one lets the item be
 * emptied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "daemon/domain/method.h"
#include "daemon/domain/restore_internal.h"
#include "daemon/pure/tar.h"

static void safety_next(struct restore *r);

char *restore_safety_id(const struct restore *r)
{
	return xasprintf("safety-%s", r->restore_id);
}

static void safety_over(struct restore *r, const struct fault *f)
{
	struct restore_item *it = &r->items[r->next - 1];

	if (f) {
		struct fault own = *f;
		fault_wrap(&own, "%s: no safety copy, and nothing was replaced", it->id);
		steps_fail(r->steps, &own);
	}
	safety_next(r);
}

/* What was looked at when it was staged, and nothing else that somebody put in its place: the copy can be restored. */
static struct child_place what_is_there(const struct restore_item *it)
{
	struct child_place place = extract_place(it->dest, it->dest_is);

	place.is_file = it->is_file;
	return place;
}

/* --- into the repository --------------------------------------------------------------------------- */

static void on_uploaded(void *arg, struct transfer *t)
{
	struct restore *r = arg;
	struct restore_item *it = &r->items[r->next - 1];
	struct fault f = t->fault;

	if (f.code == FAULT_NONE && !t->accepted)
		fault_set(&f, FAULT_FAILED, -EIO, "the repository did not take it");
	if (f.code == FAULT_NONE)
		it->safety = (struct archive){ .object = xstrdup(t->created.object), .file = xstrdup(t->file) };
	r->transfer = NULL;
	transfer_free(t);
	safety_over(r, f.code == FAULT_NONE ? NULL : &f);
}

static void on_read(void *arg, struct transfer *t)
{
	(void)arg;
	transfer_upload(t, on_uploaded);
}

static void on_prepared(void *arg, struct transfer *t)
{
	(void)arg;
	transfer_read(t, on_read);
}

static void upload(struct restore *r, struct restore_item *it)
{
	char *unit CLEANUP(freep) = name_encode(r->unit), *item CLEANUP(freep) = name_encode(it->id);
	char *id CLEANUP(freep) = restore_safety_id(r), *file CLEANUP(freep) = xasprintf("%s.tar", item);
	char *source CLEANUP(freep) = xasprintf("%s:/safety/%s/%s", repository_identity(r->ctx->repository), unit, item);
	char *of CLEANUP(freep) = xstrdup(r->backup_id ? r->backup_id : "");
	char *machine CLEANUP(freep) = xstrdup(repository_machine(r->ctx->repository));
	char *instance CLEANUP(freep) = xstrdup(repository_instance(r->ctx->repository));
	char kind[] = "safety", keys[][10] = { "type", "unit", "item", "backup_id", "restored", "machine", "instance" };
	char *values[] = { kind, unit, item, id, of, machine, instance };
	struct kopia_tag tags[ARRAY_SIZE(values)];
	size_t n_tags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (values[i])
			tags[n_tags++] = (struct kopia_tag){ keys[i], values[i] };
	struct child_place old = what_is_there(it);
	struct transfer_options o = {
		.loop = r->ctx->loop,
		.conf = r->ctx->conf,
		.repository = r->ctx->repository,
		.path = old.path,
		.is_file = old.is_file,
		.device = old.device,
		.inode = old.inode,
		.create = { .source = source, .file = file, .tags = tags, .n_tags = n_tags, .start_ms = wall_ms() },
		.arg = r,
	};

	r->transfer = transfer_new(&o, method_by_name("stream"));
	transfer_prepare(r->transfer, on_prepared);
}

/* --- into a directory ---------------------------------------------------------------------------------- */

static int judge_tar(void *arg, const struct child_result *c, struct fault *f)
{
	struct strv notes CLEANUP(strv_done) = { 0 };
	int64_t bytes;

	(void)arg;
	if (child_ok(c))
		return tar_judge(c->err, &bytes, &notes, f);
	child_explain(c, "tar", f);
	return -EIO;
}

static char *path_of(const struct restore *r, const struct restore_item *it)
{
	char *unit CLEANUP(freep) = name_encode(r->unit), *item CLEANUP(freep) = name_encode(it->id);

	return xasprintf("%s/%s-%s-%s.tar", r->safety_dir, unit, r->restore_id, item);
}

static void on_written(void *arg, const struct pipeline_result *p)
{
	struct restore *r = arg;
	struct restore_item *it = &r->items[r->next - 1];
	struct fault f = p->producer_fault;

	r->pipeline = NULL;
	if (p->aborted)
		fault_set(&f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	else if (!child_ok(p->consumer) && (p->produced || !p->consumer->stopped))
		child_explain(p->consumer, "writing it", &f);
	if (f.code == FAULT_NONE)
		it->safety.path = path_of(r, it);
	safety_over(r, f.code == FAULT_NONE ? NULL : &f);
}

static void write_tar(struct restore *r, const struct restore_item *it)
{
	struct strv save CLEANUP(strv_done) = { 0 }, tar CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	struct pipeline_options o = { .consumer = CHILD_OPTIONS_INIT, .judge = judge_tar, .arg = r };
	struct child_options producer = CHILD_OPTIONS_INIT;
	struct tar_read read = { .file = it->is_file ? it->dest : NULL };

	strv_take(&save, path_helper("kopi-docka-place"));
	strv_add(&save, "save");
	strv_take(&save, path_of(r, it));
	o.consumer.argv = (const char *const *)save.v;
	o.consumer.die_with_parent = true;
	r->pipeline = pipeline_start(r->ctx->loop, &o, on_written);
	tar_argv_create(&read, &tar);
	tar_environment(&env);
	producer.argv = (const char *const *)tar.v;
	producer.env = (const char *const *)env.v;
	producer.in = what_is_there(it);
	pipeline_produce(r->pipeline, &producer);
}

/* --- both ------------------------------------------------------------------------------------------------ */

static void safety_next(struct restore *r)
{
	while (r->next < r->n_items && !r->items[r->next].in_place)
		r->next++;
	if (r->next == r->n_items || steps_failed(r->steps)) {
		steps_next(r->steps);
		return;
	}
	struct restore_item *it = &r->items[r->next++];
	restore_report(r, it->id, 0, it->used);
	if (r->safety_dir)
		write_tar(r, it);
	else
		upload(r, it);
}

void restore_safety_enter(void *owner)
{
	struct restore *r = owner;

	r->next = 0;
	safety_next(r);
}

void restore_safety_cancel(void *owner)
{
	struct restore *r = owner;
	struct fault f = { 0 };

	fault_set(&f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	if (r->transfer)
		transfer_abort(r->transfer, &f);
	if (r->pipeline)
		pipeline_abort(r->pipeline);
}
