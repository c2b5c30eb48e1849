/* SPDX-License-Identifier: MIT */
/*
 * Each swap is one or two stages: kopi-docka-place (swap, undo, clear), and in place the
 * extraction of the new, or of the safety copy, into what was emptied.
 */
#include "daemon/domain/swap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
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
	swapper_done_fn *done;
	void *arg;
	struct fault fault;
};

static void next_swap(void *arg);

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

static void on_extracted(void *arg, const struct fault *f, const char *err, const struct strv *lost)
{
	struct swapper *x = arg;

	(void)err;
	x->extract = NULL;
	strv_copy(&current(x)->lost, lost);
	if (!f && x->action == SWAPS_UNDO)
		IGNORE(unlink(current(x)->marker)); /* a second way back would do the same */
	swap_over(x, f);
}

static void fill(struct swapper *x)
{
	const struct swap *s = current(x);
	char *parent CLEANUP(freep) = xstrdup(s->dest);
	char *slash = strrchr(parent, '/');

	if (s->is_file && slash)
		slash[slash == parent ? 1 : 0] = '\0';
	struct child_place into = extract_place(parent, s->is_file ? s->above_is : s->dest_is);
	x->extract = extract_start(x->ctx, x->action == SWAPS_UNDO ? &s->safety : &s->from, &into, NULL, on_extracted, x);
}

/* --- by kopi-docka-place --------------------------------------------------------------- */

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
		fill(x);
		return;
	}
	if (x->action == SWAPS_DO) {
		s->has_kept = starts_with(c->out, "kept");
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
		strv_add(argv, "clear");
		add_option(argv, "--marker", s->marker);
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
	o.deadline_ms = x->action <= SWAPS_UNDO && s->mode != SWAP_IN_PLACE ? RENAME_DEADLINE_MS : REMOVE_DEADLINE_MS;
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
