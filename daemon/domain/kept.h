/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_KEPT_H
#define KD_DOMAIN_KEPT_H

#include "daemon/domain/context.h"

/*
 * What restores have kept, and for how long: old copies beside the items, and safety
 * snapshots in the repository, go after restore.kept_days days (0: never). Only what a
 * record of ours names, under our own names, is removed, by a child that follows no link.
 * It is a job, so that no restore is under way beside it.
 */
typedef void kept_done_fn(void *arg, const struct fault *f); /* the first that could not be removed */

/* Is there anything that has been kept long enough? A look at our own state directory. */
bool kept_due(const struct context *ctx);
void kept_expire(const struct context *ctx, kept_done_fn *done, void *arg);

#endif
