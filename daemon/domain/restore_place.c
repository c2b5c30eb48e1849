/* SPDX-License-Identifier: MIT */
/*
 * Where each item's new data is laid out, and whether there is room for it beside the old:
 * judged for all items of a filesystem together. Where there is not, the largest are done
 * in place (after a safety copy) until the rest fits; what would not fit even then is
 * refused before anything is touched. All that touches a path is a child (law 9).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/host_path.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/pure/path.h"
#include "daemon/domain/restore_internal.h"

#define PLACE_DEADLINE_MS 60000
#define STAGE_DEADLINE_MS (10 * 60 * 1000) /* what is mounted in an item is looked for by walking it */
#define MEASURE_DEADLINE_MS (30 * 60 * 1000)
#define NAME_LENGTH 200

static void place_next(struct restore *r);
static void measure_next(struct restore *r);
static void sweep_next(struct restore *r);

void restore_run_place(struct restore *r, struct strv *words /* consumed */, unsigned int deadline_ms, child_done_fn *done,
	void *arg)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	strv_take(&argv, path_helper("kopi-docka-place"));
	strv_copy(&argv, words);
	strv_done(words);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = deadline_ms;
	o.arg = arg;
	child_start(r->ctx->loop, &o, done);
}

/* --- staging ----------------------------------------------------------------------------- */

static bool runs(const struct container *c)
{
	return c->pid > 0 && (c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED);
}

static int take_stage(struct restore_item *it, const struct child_result *c, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = child_ok(c) ? json_parse(c->out, c->out_len) : NULL;

	if (!o) {
		child_explain(c, "staging", f);
		return -EIO;
	}
	it->asked = it->dest;
	it->dest = xstrdup(json_text(o, "dest"));
	it->dest_is = xstrdup(json_text(o, "dest_is"));
	it->above_is = xstrdup(json_text(o, "above_is"));
	it->staged = xstrdup(json_text(o, "staged"));
	it->staged_is = xstrdup(json_text(o, "staged_is"));
	it->kept = xstrdup(json_text(o, "kept"));
	it->failed = xstrdup(json_text(o, "failed"));
	it->mode = swap_mode_by_name(json_text(o, "mode"));
	it->late = json_flag(o, "late", false);
	it->unfit = json_flag(o, "made_with_directory", false);
	it->device = json_number(o, "device", -1);
	it->free = json_number(o, "free", -1);
	if (json_text(o, "link"))
		strv_addf(&it->restore->next_steps, "%s is a link: what is restored is %s, where it leads", json_text(o, "link"), it->dest);
	return 0;
}

/* It was looked at before; a link that leads to the host's since then is found here. */
static int check_owner(const struct restore *r, const struct restore_item *it, struct fault *f)
{
	char *reason CLEANUP(freep) = r->target || restore_is_named(r, it) ? NULL : host_path_reason(it->dest);

	if (!reason)
		return 0;
	fault_set(f, FAULT_FAILED, -EPERM, "its place is %s, which %s", it->dest, reason);
	fault_advise(f, "name it with --item if that is meant");
	return -EPERM;
}

static void on_staged(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;
	struct fault f = { 0 };

	if (take_stage(it, c, &f) < 0 || check_owner(r, it, &f) < 0) {
		fault_wrap(&f, "%s", it->id);
		steps_fail(r->steps, &f);
	}
	place_next(r);
}

/* A name for the old copy that people recognise and no other item has. */
static char *kept_name(const struct restore *r, const struct restore_item *it)
{
	char *name = name_encode(it->id);
	size_t index = (size_t)(it - r->items);

	if (strlen(name) <= NAME_LENGTH && !it->path)
		return name;
	char *cut = xasprintf("%.*s-%zu", NAME_LENGTH, name, index + 1);
	free(name);
	return cut;
}

static bool mounts(const struct container *c, const struct restore_item *it)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		char *source CLEANUP(freep) = c->mounts[i].source ? path_normal(c->mounts[i].source) : NULL;
		if (it->volume ? streq(c->mounts[i].name, it->volume) : streq(source, it->dest))
			return true;
	}
	return false;
}

static void add_processes(const struct restore *r, const struct restore_item *it, struct strv *words)
{
	for (size_t i = 0; r->planned && i < r->planned->inv->n_containers; i++) {
		const struct container *c = &r->planned->inv->containers[i];
		if (!runs(c))
			continue;
		strv_add(words, "--running");
		strv_addf(words, "%d", c->pid);
		if (!mounts(c, it))
			continue;
		strv_add(words, "--mounted");
		strv_addf(words, "%d", c->pid);
	}
}

/* An item before it that it lies in: BASE/.kopi-docka-kept/ID/NAME says where that is laid out. */
static void find_outer(const struct restore *r, struct restore_item *it)
{
	for (const struct restore_item *o = r->items; o < it && !it->outer; o++) {
		const char *base = o->kept && path_inside(it->dest, o->dest) ? strstr(o->kept, "/.kopi-docka-kept/") : NULL;
		if (base)
			it->outer = base == o->kept ? xstrdup("/") : xstrndup(o->kept, (size_t)(base - o->kept));
	}
}

static void stage(struct restore *r, struct restore_item *it)
{
	struct strv words CLEANUP(strv_done) = { 0 };

	strv_add(&words, "stage");
	find_outer(r, it);
	if (it->outer) {
		strv_add(&words, "--outer");
		strv_add(&words, it->outer);
	}
	if (r->target)
		strv_add(&words, "--secret");
	strv_add(&words, "--state");
	strv_add(&words, r->ctx->conf->paths.state);
	add_processes(r, it, &words);
	if (it->is_file)
		strv_add(&words, "--file");
	if (r->paths.n || it->path)
		strv_add(&words, "--paths");
	if (it->volume && r->planned && r->planned->inv->engine.root_dir) {
		/* Not below the volume's own directory, which docker volume rm takes along. */
		strv_add(&words, "--beside");
		strv_addf(&words, "%s/kopi-docka", r->planned->inv->engine.root_dir);
	}
	strv_add(&words, "--id");
	strv_add(&words, r->restore_id);
	strv_add(&words, "--name");
	strv_take(&words, kept_name(r, it));
	strv_add(&words, it->dest);
	if (it->path)
		strv_add(&words, it->path);
	else
		strv_copy(&words, &r->paths);
	restore_run_place(r, &words, STAGE_DEADLINE_MS, on_staged, it);
}

/* --- the record: from here on whoever comes after a kill can put back and clean up ------------- */

static void on_written(void *arg, const struct fault *f)
{
	restore_next(arg, f);
}

static void on_saved(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f)
		restore_next(r, f);
	else
		restore_open_swaps(r, on_written);
}

static void write_down(struct restore *r)
{
	restore_make_swaps(r);
	swaps_save(r->ctx, &r->swaps, on_saved, r);
}

/* --- room ----------------------------------------------------------------------------------- */

/* What it takes beside the old: tar's figure, and a part for what a filesystem adds to it. */
static int64_t takes(const struct restore *r, const struct restore_item *it)
{
	if (it->reuse || it->in_place || r->paths.n || it->size < 0)
		return 0;
	return it->size + it->size / 50 + (1 << 20);
}

static int64_t taken_on(const struct restore *r, int64_t device)
{
	int64_t sum = 0;

	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].device == device)
			sum += takes(r, &r->items[i]);
	return sum;
}

static struct restore_item *largest_on(struct restore *r, int64_t device)
{
	struct restore_item *found = NULL;

	for (size_t i = 0; i < r->n_items; i++) {
		struct restore_item *it = &r->items[i];
		if (it->device == device && takes(r, it) > 0 && (!found || takes(r, it) > takes(r, found)))
			found = it;
	}
	return found;
}

static void no_room(struct fault *f, const char *path, int64_t needed, int64_t there)
{
	fault_set(f, FAULT_NO_SPACE, -ENOSPC, "no room at %s: %" PRId64 " bytes are needed and %" PRId64
		" are free; nothing was changed", path, needed, there);
	fault_about(f, path, needed, there);
	fault_advise(f, "make room, or restore elsewhere with --target DIR");
}

static void judge_room(struct restore *r, struct fault *f)
{
	for (size_t i = 0; i < r->n_items && f->code == FAULT_NONE; i++) {
		struct restore_item *it = &r->items[i];
		while (taken_on(r, it->device) > it->free && f->code == FAULT_NONE) {
			struct restore_item *large = largest_on(r, it->device);
			if (!large)
				break;
			if (r->target)
				no_room(f, it->dest, taken_on(r, it->device), it->free);
			else
				large->in_place = true;
		}
	}
}

static void on_room(void *arg, const struct child_result *c)
{
	struct restore *r = arg;
	struct json_object *o CLEANUP(json_putp) = child_ok(c) ? json_parse(c->out, c->out_len) : NULL;
	int64_t there = json_number(o, "free", -1), needed = 0;
	struct fault f = { 0 };

	for (size_t i = 0; i < r->n_items; i++)
		needed += r->items[i].in_place && r->items[i].used > 0 ? r->items[i].used + r->items[i].used / 50 + (1 << 20) : 0;
	if (!o)
		child_explain(c, "the safety directory", &f);
	else if (there < needed)
		no_room(&f, r->safety_dir, needed, there);
	if (f.code == FAULT_NONE) {
		write_down(r);
		return;
	}
	fault_wrap(&f, "there is no room for two copies, and a copy of the old comes first");
	restore_next(r, &f);
}

/* The old makes room for the new: does that suffice? */
static void on_used(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;
	struct restore *r = it->restore;
	struct json_object *o CLEANUP(json_putp) = child_ok(c) ? json_parse(c->out, c->out_len) : NULL;
	struct fault f = { 0 };

	it->used = json_number(o, "used", -1);
	if (!o)
		child_explain(c, "measuring", &f);
	else if (it->free + it->used < it->size)
		no_room(&f, it->dest, it->size, it->free + it->used);
	if (f.code != FAULT_NONE) {
		fault_wrap(&f, "%s", it->id);
		steps_fail(r->steps, &f);
	}
	measure_next(r);
}

static void measure_next(struct restore *r)
{
	struct strv words CLEANUP(strv_done) = { 0 };
	bool any = false;

	for (size_t i = 0; i < r->n_items; i++)
		any |= r->items[i].in_place;
	while (r->next < r->n_items && !r->items[r->next].in_place)
		r->next++;
	if (r->next < r->n_items && !steps_failed(r->steps)) {
		struct restore_item *it = &r->items[r->next++];
		it->mode = SWAP_IN_PLACE;
		strv_add(&words, "used");
		strv_add(&words, it->dest);
		restore_run_place(r, &words, MEASURE_DEADLINE_MS, on_used, it);
	} else if (any && r->safety_dir && !steps_failed(r->steps)) {
		strv_add(&words, "room");
		strv_add(&words, r->safety_dir);
		for (size_t i = 0; i < r->n_items; i++)
			if (r->items[i].in_place)
				strv_add(&words, r->items[i].dest);
		restore_run_place(r, &words, PLACE_DEADLINE_MS, on_room, r);
	} else if (steps_failed(r->steps)) {
		steps_next(r->steps);
	} else {
		write_down(r);
	}
}

/*
 * A container that was made with a directory in a file's place would be stopped and could not start with the file. It has
 * an empty directory and goes on with that; what else of it is restored needs its stop.
 */
static void judge_fit(struct restore *r, struct fault *f)
{
	size_t n = 0;
	const struct restore_item *last = NULL;

	for (size_t i = 0; i < r->n_items; i++) {
		n += r->items[i].unfit;
		last = r->items[i].unfit ? &r->items[i] : last;
	}
	r->untouched = n > 0 && n == r->n_items;
	if (r->untouched)
		strv_addf(&r->next_steps, "the container that mounts %s was made with the directory that stood there and goes on with that: "
			"make it anew (docker rm -f it, then docker run or docker compose up -d)", last->dest);
	if (n == 0 || r->untouched)
		return;
	fault_set(f, FAULT_FAILED, -EISDIR, "%s is an empty directory where the backup has a file, and its container, which was made with that, "
		"could not start with the file; nothing was stopped", last->dest);
	fault_advise(f, "restore it alone (--item %s), make the container anew, then restore the rest", last->id);
}

static void place_next(struct restore *r)
{
	struct fault f = { 0 };

	if (r->next < r->n_items && !steps_failed(r->steps)) {
		stage(r, &r->items[r->next++]);
		return;
	}
	if (!steps_failed(r->steps))
		judge_fit(r, &f);
	if (!steps_failed(r->steps) && f.code == FAULT_NONE)
		judge_room(r, &f);
	if (f.code != FAULT_NONE)
		steps_fail(r->steps, &f);
	r->next = 0;
	measure_next(r);
}

/* Whoever cannot be stopped is known now, before an hour of extracting. */
void restore_place_enter(void *owner)
{
	struct restore *r = owner;
	struct unit users = { 0 };
	struct fault f = { 0 };

	if (!r->target && restore_users(r, &users, &f) < 0)
		steps_fail(r->steps, &f);
	unit_done(&users);
	r->next = 0;
	place_next(r);
}

/* --- sweep ------------------------------------------------------------------------------------ */

static void on_swept(void *arg, const struct child_result *c)
{
	struct restore_item *it = arg;

	(void)c; /* what cannot be removed says its name: .kopi-docka-staging */
	sweep_next(it->restore);
}

static void sweep_next(struct restore *r)
{
	struct strv words CLEANUP(strv_done) = { 0 };

	while (r->next < r->n_items && !r->items[r->next].staged)
		r->next++;
	if (r->next == r->n_items) {
		restore_close_swaps(r);
		steps_next(r->steps);
		return;
	}
	struct restore_item *it = &r->items[r->next++];
	strv_add(&words, "sweep");
	strv_add(&words, "--staged-is");
	strv_add(&words, it->staged_is);
	strv_add(&words, it->staged);
	restore_run_place(r, &words, MEASURE_DEADLINE_MS, on_swept, it);
}

static void on_settled(void *arg, const struct fault *f)
{
	if (f) /* a kill from now on has its containers judged once more */
		log_warning("%s", f->text);
	sweep_next(arg);
}

/* A way back that is not over yet still needs what is staged: recovery goes on with it. */
void restore_place_leave(void *owner)
{
	struct restore *r = owner;

	r->next = r->stuck ? r->n_items : 0;
	if (r->stuck || r->swaps.state == SWAPS_UNDER_WAY || r->swaps.state == SWAPS_SETTLED) {
		sweep_next(r);
		return;
	}
	r->swaps.state = SWAPS_SETTLED; /* without what is staged there is no undoing it any more */
	swaps_save(r->ctx, &r->swaps, on_settled, r);
}
