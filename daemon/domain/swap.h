/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_SWAP_H
#define KD_DOMAIN_SWAP_H

#include "daemon/domain/context.h"
#include "daemon/pure/swaps.h"

/*
 * Doing and undoing what a restore's record says, one after another, by children that die
 * with us: kopi-docka-place for renames, kopia and tar for what has no room. Undoing goes
 * backwards and from wherever the doing stopped: any number of times is as good as once.
 */
enum swaps_action {
	SWAPS_DO,
	SWAPS_UNDO,
	SWAPS_SWEEP, /* the staging directories go */
	SWAPS_FORGET /* and the old copies */
};
struct swapper;
typedef void swapper_done_fn(void *arg, const struct fault *f);
/* ${s} is borrowed until done; its done, has_kept and put_back are filled. Once, never inside. */
struct swapper *swapper_start(const struct context *ctx, struct swaps *s, enum swaps_action action,
	swapper_done_fn *done, void *arg);
void swapper_cancel(struct swapper *x); /* ends an extraction; done follows; NULL is fine */

/* --- records: paths.state/restores/ID.json ---------------------------------------------- */

char *swaps_path(const struct conf *c, const char *id); /* caller's */
/* Durable when ${done} says NULL. ${s} is read during the call. */
void swaps_save(const struct context *ctx, const struct swaps *s, swapper_done_fn *done, void *arg);
int swaps_load(const char *path, struct swaps *ret, struct fault *f) WARN_UNUSED;
/* Ids of all records, oldest first. Appends. */
void swaps_list(const struct conf *c, struct strv *ret);
/* The directories of ours in which restores have kept or staged something, by their records: ".../.kopi-docka-kept". */
void swaps_places(const struct conf *c, struct strv *ret);

#endif
