/* SPDX-License-Identifier: MIT */
/*
 * Each swap is one stage of kopi-docka-place (swap, undo), and three in place: it is taken over
 * and emptied (clear), the new, or the safety copy, is extracted into it, and what was taken
 * over is given back.
 */
#include "daemon/domain/swap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/varlink.h"
#include "daemon/domain/extract.h"
#include "daemon/mech/child.h"
#include "daemon/mech/steps.h"

#define RENAME_DEADLINE_MS (5 * 60 * 1000)
#define REMOVE_DEADLINE_MS (2 * 60 * 60 * 1000)

struct swapper {
	const struct context *ctx;
	struct swaps *s;
	enum swaps_action action;
	bool cancelled;
	size_t next; /* one behind the one under way; undoing counts from the end */
	struct extract *extract;
	bool filled; /* the current one, in place: it is given back */
	swapper_done_fn *done;
	void *arg;
	struct fault fault;
	struct fault left; /* of the way back in place: what could not be removed and is not the old */
};

static void next_swap(void *arg);
static void place(struct swapper *x, const struct swap *s);

static struct swap *current(const struct swapper *x)
{
	return &x->s->v[x->action == SWAPS_UNDO ? x->s->n - x->next : x->next - 1];
}

static void swap_over(struct swapper *x, const struct fault *f)
{
	struct swap *s = current(x);

	char *part CLEANUP(freep) = xasprintf(".%zu", x->next);

	if (x->action <= SWAPS_UNDO)
		steps_failpoint(x->action == SWAPS_DO ? "swap" : "swap-back", part);
	if (f) {
		x->fault = *f;
		fault_wrap(&x->fault, "%s", s->item);
	} else {
		s->done = x->action == SWAPS_DO;
		if (x->action == SWAPS_SWEEP && s->mode != SWAP_IN_PLACE)
			IGNORE(unlink(s->marker)); /* of an exchange that is settled */
	}
	next_swap(x);
}

/* --- in place -------------------------------------------------------------------------- */

static void given_back(struct swapper *x)
{
	if (x->action == SWAPS_UNDO && x->left.code == FAULT_NONE)
		IGNORE(unlink(current(x)->marker)); /* a second way back would do the same */
	swap_over(x, x->left.code == FAULT_NONE ? NULL : &x->left);
}

static void on_extracted(void *arg, const struct fault *f, const char *err, const struct strv *lost)
{
	struct swapper *x = arg;

	(void)err;
	x->extract = NULL;
	strv_copy(&current(x)->lost, lost);
	x->filled = true;
	if (f)
		swap_over(x, f);
	else if (current(x)->is_file)
		given_back(x);
	else
		place(x, current(x));
}

/* ${is}: what was emptied, and nothing else is filled; nor what is mounted in it. */
static void fill(struct swapper *x, const struct swap *s, const char *is)
{
	char *parent CLEANUP(freep) = xstrdup(s->dest);
	char *slash = strrchr(parent, '/');
	bool undo = x->action == SWAPS_UNDO;

	if (s->is_file && slash)
		slash[slash == parent ? 1 : 0] = '\0';
	struct child_place into = extract_place(parent, is);
	struct tar_extract what = { .without = &s->stays, .keep_old = undo && !s->is_file };
	x->extract = extract_start(x->ctx, undo ? &s->safety : &s->from, &into, &what, on_extracted, x);
}

/*
 * On the way back it goes on over what cannot be removed. Where nothing new had come that is the old itself; where
 * something had, it may be the new, and then the item is not as it was.
 */
static void take_left(struct swapper *x, const struct swap *s, struct json_object *o)
{
	struct strv named CLEANUP(strv_done) = { 0 };
	int64_t n = json_number(o, "left", 0);
	bool emptied = json_flag(o, "emptied", true);

	json_read_list(o, "named", &named);
	for (size_t i = 0; i < named.n; i++)
		log_warning("%s/%s could not be removed on the way back%s", s->dest, named.v[i],
			emptied ? "" : ": it is what was there before, and stays");
	if (n > 0 && emptied)
		fault_set(&x->left, FAULT_FAILED, -EPERM, "%s/%s%s could not be removed and may be what was restored: remove it (chattr -ia), "
			"the rest is back", s->dest, named.n ? named.v[0] : "", n > 1 ? " and others" : "");
}

/* --- by kopi-docka-place --------------------------------------------------------------- */

static void take_stays(struct swap *s, struct json_object *o)
{
	struct strv quoted CLEANUP(strv_done) = { 0 };

	strv_done(&s->stays);
	json_read_list(o, "stays", &quoted);
	for (size_t i = 0; i < quoted.n; i++)
		strv_take(&s->stays, text_unquote(quoted.v[i]));
}

static void placed_in_place(struct swapper *x, struct swap *s, const char *out)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(out, strlen(out));

	if (x->filled) {
		given_back(x);
		return;
	}
	x->left = (struct fault){ 0 };
	take_stays(s, o);
	if (x->action == SWAPS_UNDO)
		take_left(x, s, o);
	fill(x, s, json_text(o, "is") ? json_text(o, "is") : "");
}

static void on_placed(void *arg, const struct child_result *c)
{
	struct swapper *x = arg;
	struct swap *s = current(x);
	struct fault f = { 0 };
	static const char *const what[] = { "the swap", "the way back", "sweeping", "removing old copies" };

	if (!child_ok(c)) {
		child_explain(c, what[x->action], &f);
		swap_over(x, &f);
		return;
	}
	if (s->mode == SWAP_IN_PLACE && x->action <= SWAPS_UNDO) {
		placed_in_place(x, s, c->out);
		return;
	}
	if (x->action == SWAPS_DO) {
		struct json_object *o CLEANUP(json_putp) = s->mode == SWAP_CONTENTS ? json_parse(c->out, c->out_len) : NULL;
		take_stays(s, o);
		s->has_kept = o ? json_flag(o, "kept", false) : starts_with(c->out, "kept");
		s->nothing = !s->has_kept;
	} else if (x->action == SWAPS_UNDO && s->done) {
		free(s->put_back);
		s->put_back = xstrdup(s->failed);
	}
	swap_over(x, NULL);
}

static void add_option(struct strv *argv, const char *name, const char *value)
{
	if (!value)
		return;
	strv_add(argv, name);
	strv_add(argv, value);
}

static void add_exchange(const struct swap *s, struct strv *argv)
{
	add_option(argv, "--mode", swap_mode_name(s->mode));
	add_option(argv, "--new", s->new);
	add_option(argv, "--dest", s->dest);
	add_option(argv, "--kept", s->kept);
	add_option(argv, "--failed", s->failed);
	add_option(argv, "--marker", s->marker);
	add_option(argv, "--root", s->root);
	if (s->bring_nothing)
		strv_add(argv, "--nothing");
	add_option(argv, "--staged", s->staged);
	add_option(argv, "--staged-is", s->staged_is);
	add_option(argv, "--dest-is", s->dest_is);
}

static void build(const struct swapper *x, const struct swap *s, struct strv *argv)
{
	static const char *const verbs[] = { "swap", "undo", "sweep", "forget" };

	strv_take(argv, path_helper("kopi-docka-place"));
	if (x->action <= SWAPS_UNDO && s->mode == SWAP_IN_PLACE) {
		strv_add(argv, x->filled ? "give-back" : "clear");
		if (s->is_file)
			strv_add(argv, "--file");
		if (x->action == SWAPS_UNDO)
			strv_add(argv, "--undo");
		add_option(argv, "--marker", s->marker);
		add_option(argv, "--dest-is", s->dest_is);
		strv_add(argv, s->dest);
		return;
	}
	strv_add(argv, verbs[x->action]);
	if (x->action <= SWAPS_UNDO)
		add_exchange(s, argv);
	if (x->action == SWAPS_SWEEP) {
		add_option(argv, "--staged-is", s->staged_is);
		strv_add(argv, s->staged);
	}
	if (x->action != SWAPS_FORGET)
		return;
	strv_add(argv, x->s->id);
	strv_add(argv, s->kept);
	strv_add(argv, s->failed);
}

static void place(struct swapper *x, const struct swap *s)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	build(x, s, &argv);
	o.argv = (const char *const *)argv.v;
	/* A dead mount ends it, and the way back looks at what is true; removing may take its time. */
	bool walks = x->action > SWAPS_UNDO || s->mode == SWAP_IN_PLACE || s->mode == SWAP_CONTENTS;
	o.deadline_ms = walks ? REMOVE_DEADLINE_MS : RENAME_DEADLINE_MS;
	o.die_with_parent = true; /* what comes after a kill must find it standing still */
	o.arg = x;
	child_start(x->ctx->loop, &o, on_placed);
}

/*
 * Is there nothing for a child to do? In place there is no old copy, and the marker, a
 * file of our own state, says whether emptying had begun.
 */
static bool nothing_to_do(const struct swapper *x, const struct swap *s)
{
	if (x->action == SWAPS_SWEEP)
		return !s->staged;
	if (s->mode != SWAP_IN_PLACE || x->action == SWAPS_DO)
		return false;
	if (x->action == SWAPS_FORGET)
		IGNORE(unlink(s->marker)); /* it was there only if the restore was left half done */
	return x->action == SWAPS_FORGET || (access(s->marker, F_OK) < 0 && errno == ENOENT);
}

static void next_swap(void *arg)
{
	struct swapper *x = arg;

	if (x->cancelled && x->fault.code == FAULT_NONE)
		fault_set(&x->fault, FAULT_CANCELLED, -ECANCELED, "cancelled");
	if (x->fault.code != FAULT_NONE || x->next == x->s->n) {
		x->done(x->arg, x->fault.code == FAULT_NONE ? NULL : &x->fault);
		free(x);
		return;
	}
	x->next++;
	x->filled = false;
	if (nothing_to_do(x, current(x)))
		loop_defer(x->ctx->loop, next_swap, x);
	else
		place(x, current(x));
}

struct swapper *swapper_start(const struct context *ctx, struct swaps *s, enum swaps_action action,
	swapper_done_fn *done, void *arg)
{
	struct swapper *x = xcalloc(1, sizeof(*x));

	*x = (struct swapper){ .ctx = ctx, .s = s, .action = action, .done = done, .arg = arg };
	loop_defer(ctx->loop, next_swap, x);
	return x;
}

void swapper_cancel(struct swapper *x)
{
	if (!x || x->action != SWAPS_DO)
		return;
	x->cancelled = true;
	extract_abort(x->extract);
}
