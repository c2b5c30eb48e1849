/* SPDX-License-Identifier: MIT */
/*
 * Each item to its place: staged beside what it replaces, extracted with both exits
 * checked, swapped in the window, the staging swept at the end. All that touches an
 * item's path is a child (law 9): kopi-docka-place, kopia, tar.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/restore_internal.h"
#include "daemon/pure/tar.h"

#define PLACE_DEADLINE_MS 60000

static void place_next(struct restore *r);
static void extract_next(struct restore *r);
static void swap_next(struct restore *r);
static void sweep_next(struct restore *r);

/* --- where --------------------------------------------------------------------------- */

static const char *place_of(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon ? colon + 1 : id;
}

static const struct item *item_now(const struct restore *r, const char *id)
{
	for (size_t i = 0; r->now && i < r->now->n_items; i++)
		if (streq(r->now->items[i].id, id))
			return &r->now->items[i];
	return NULL;
}

int restore_locate(struct restore *r, struct restore_item *it, struct fault *f)
{
	const char *id = it->from->id;
	const struct item *now = item_now(r, id);

	if (now) {
		it->dest = xstrdup(now->path);
		it->volume = xstrdup(now->volume);
	} else if (starts_with(id, "bind:")) {
		it->dest = xstrdup(place_of(id));
	} else if (starts_with(id, "volume:")) {
		it->volume = xstrdup(place_of(id));
		const struct volume *v = inventory_volume(r->planned->inv, it->volume);
		/* Missing: create makes it, and the engine then says where it is. */
		it->dest = v ? xstrdup(v->device && streq(v->type, "none") ? v->device : v->mountpoint) : NULL;
	} else {
		fault_set(f, FAULT_FAILED, -ENOENT, "the container of anonymous volume %s is not there", id);
		fault_advise(f, "make it from the recipe first (docker compose up -d), then restore again with --item %s", id);
		return -ENOENT;
	}
	return 0;
}

/* --- place --------------------------------------------------------------------------- */

static int take_stage(struct restore_item *it, const struct child_result *c, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = child_ok(c) ? json_parse(c->out, c->out_len) : NULL;

	if (!o) {
		child_explain(c, "staging", f);
		return -EIO;
	}
	it->staged = xstrdup(json_text(o, "staged"));
	it->kept = xstrdup(json_text(o, "kept"));
	it->mode = xstrdup(json_text(o, "mode"));
	return 0;
}

static void on_staged(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;
	struct fault f = { 0 };

	if (take_stage(it, c, &f) < 0) {
		fault_wrap(&f, "%s", it->from->id);
		if (strstr(c->err, "no room"))
			f.code = FAULT_NO_SPACE;
		restore_step_failed(r, &f);
		return;
	}
	place_next(r);
}

static void stage(struct restore *r, struct restore_item *it)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	strv_take(&argv, path_helper("kopi-docka-place"));
	strv_add(&argv, "stage");
	if (it->is_file)
		strv_add(&argv, "--file");
	if (it->volume && r->planned && r->planned->inv->engine.root_dir) {
		/* Not below the volume's own directory, which docker volume rm takes along. */
		strv_add(&argv, "--beside");
		strv_addf(&argv, "%s/kopi-docka", r->planned->inv->engine.root_dir);
	}
	strv_add(&argv, "--id");
	strv_add(&argv, r->restore_id);
	strv_add(&argv, it->dest);
	strv_addf(&argv, "%" PRId64, it->from->size < 0 ? 0 : it->from->size);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = PLACE_DEADLINE_MS;
	o.arg = it;
	child_start(r->ctx->loop, &o, on_staged);
}

static void place_next(struct restore *r)
{
	if (r->next == r->n_items || steps_failed(r->steps)) {
		steps_next(r->steps);
		return;
	}
	stage(r, &r->items[r->next++]);
}

void restore_place_enter(void *owner)
{
	struct restore *r = owner;

	r->next = 0;
	place_next(r);
}

/* --- extract: kopia show | tar -x ----------------------------------------------------- */

static void on_extracted(void *arg, const struct pipeline_result *p)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;

	it->pipeline = NULL;
	if (!p->produced) {
		it->fault = p->producer_fault;
		if (!p->aborted && p->producer && !child_ok(p->producer) && p->consumer->stopped)
			kopia_explain(p->producer->err, r->ctx->conf, &it->fault);
		else if (!p->aborted && !child_ok(p->consumer))
			child_explain(p->consumer, "tar", &it->fault);
		if (it->fault.code == FAULT_NONE)
			fault_set(&it->fault, FAULT_CANCELLED, -ECANCELED, "cancelled");
	} else if (!child_ok(p->consumer) || *p->consumer->err) {
		child_explain(p->consumer, "tar", &it->fault);
	} else {
		it->extracted = true;
	}
	if (it->fault.code != FAULT_NONE) {
		struct fault f = it->fault;
		fault_wrap(&f, "%s", it->from->id);
		steps_fail(r->steps, &f);
	}
	r->running--;
	extract_next(r);
}

static void extract(struct restore *r, struct restore_item *it)
{
	struct strv tar CLEANUP(strv_done) = { 0 }, tar_env CLEANUP(strv_done) = { 0 };
	struct strv kopia CLEANUP(strv_done) = { 0 }, kopia_env CLEANUP(strv_done) = { 0 };
	struct pipeline_options o = { .consumer = CHILD_OPTIONS_INIT, .arg = it };
	struct child_options show = CHILD_OPTIONS_INIT;

	tar_argv_extract(it->staged, r->paths.n ? &r->paths : NULL, &tar);
	tar_environment(&tar_env);
	o.consumer.argv = (const char *const *)tar.v;
	o.consumer.env = (const char *const *)tar_env.v;
	o.consumer.die_with_parent = true;
	o.consumer_may_end_first = true;
	it->pipeline = pipeline_start(r->ctx->loop, &o, on_extracted);
	repository_show_command(r->ctx->repository, it->from->object, it->from->file, &kopia, &kopia_env);
	show.argv = (const char *const *)kopia.v;
	show.env = (const char *const *)kopia_env.v;
	pipeline_produce(it->pipeline, &show);
}

static void extract_next(struct restore *r)
{
	size_t workers = (size_t)capacity_workers(r->ctx->conf);

	while (r->next < r->n_items && r->running < workers && !steps_failed(r->steps)) {
		struct restore_item *it = &r->items[r->next++];
		r->running++;
		restore_report(r, it->from->id, 0, it->from->size);
		extract(r, it);
	}
	if (r->running == 0 && (r->next == r->n_items || steps_failed(r->steps)))
		steps_next(r->steps);
}

void restore_extract_enter(void *owner)
{
	struct restore *r = owner;

	r->next = r->running = 0;
	extract_next(r);
}

void restore_extract_cancel(void *owner)
{
	struct restore *r = owner;

	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].pipeline)
			pipeline_abort(r->items[i].pipeline);
}

/* --- swap ----------------------------------------------------------------------------- */

static void on_swapped(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;
	struct buf done CLEANUP(buf_done) = { 0 };

	if (child_ok(c)) {
		it->swapped = true;
		/* It says so when there was something to keep. */
		it->kept_at = starts_with(c->out, "kept") ? xstrdup(it->kept) : NULL;
		swap_next(r);
		return;
	}
	struct fault f = { 0 };
	child_explain(c, "the swap", &f);
	it->fault = f;
	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].swapped)
			buf_printf(&done, "%s%s (old copy: %s)", done.len ? ", " : "", r->items[i].from->id, r->items[i].kept_at);
	fault_wrap(&f, "%s", it->from->id);
	if (done.len)
		fault_advise(&f, "already in place: %s", done.data);
	restore_step_failed(r, &f);
}

static void swap(struct restore *r, struct restore_item *it)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	strv_take(&argv, path_helper("kopi-docka-place"));
	strv_add(&argv, "swap");
	strv_add(&argv, it->mode);
	strv_add(&argv, it->dest);
	strv_add(&argv, it->staged);
	strv_add(&argv, it->kept);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = PLACE_DEADLINE_MS;
	o.arg = it;
	child_start(r->ctx->loop, &o, on_swapped);
}

static void swap_next(struct restore *r)
{
	if (r->next == r->n_items || steps_failed(r->steps)) {
		steps_next(r->steps);
		return;
	}
	swap(r, &r->items[r->next++]);
}

void restore_swap_enter(void *owner)
{
	struct restore *r = owner;

	r->next = 0;
	swap_next(r);
}

/* --- sweep ---------------------------------------------------------------------------- */

static void on_swept(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;

	(void)c; /* what cannot be removed says its name: .kopi-docka-staging */
	sweep_next(it->restore);
}

static void sweep_next(struct restore *r)
{
	while (r->next < r->n_items && !r->items[r->next].staged)
		r->next++;
	if (r->next == r->n_items) {
		steps_next(r->steps);
		return;
	}
	struct restore_item *it = &r->items[r->next++];
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	strv_take(&argv, path_helper("kopi-docka-place"));
	strv_add(&argv, "sweep");
	strv_add(&argv, it->staged);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = 10 * PLACE_DEADLINE_MS;
	o.arg = it;
	child_start(r->ctx->loop, &o, on_swept);
}

void restore_sweep_leave(void *owner)
{
	struct restore *r = owner;

	r->next = 0;
	sweep_next(r);
}
