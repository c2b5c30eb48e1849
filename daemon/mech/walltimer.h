/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_WALLTIMER_H
#define KD_MECH_WALLTIMER_H

#include "daemon/mech/loop.h"

/*
 * A timer for a time of day: fires when the wall clock reaches it, also over suspend,
 * and at once whenever someone sets the clock, so that its owner can think again.
 * Between the two it wakes nobody.
 */
struct walltimer;
int walltimer_new(struct loop *l, loop_fn *fn, void *arg, struct walltimer **ret) WARN_UNUSED;
/* ${wall_ms} since the epoch, one that has passed fires at once; ${wall_ms} < 0: only when the clock is set. */
void walltimer_set(struct walltimer *t, int64_t wall_ms);
void walltimer_free(struct walltimer *t); /* NULL is fine */

#endif
