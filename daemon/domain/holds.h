/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_HOLDS_H
#define KD_DOMAIN_HOLDS_H

#include "daemon/mech/loop.h"
#include "daemon/pure/plan.h"

/*
 * Mounts that the engine takes away with the last container that uses them, kept from before the stop until
 * they are read: one killable helper an item (law 9), which has the mount by a descriptor and under no name, so that
 * nothing is left of it when it, or we, are killed.
 */
struct holds;
typedef void holds_done_fn(void *arg);
typedef void holds_lost_fn(void *arg, struct item *it, const struct fault *f);

/*
 * Hold the on-demand items of ${u} that are not lost: it->read_at is set, or ${lost} is called for the item (-ETIMEDOUT: nobody
 * answers). Then ${done}, once;
 * neither from inside. ${u} is borrowed until holds_free().
 */
struct holds *holds_start(struct loop *l, struct unit *u, holds_lost_fn *lost, holds_done_fn *done, void *arg);
/* Let go; ${done} follows when the mounts are gone, or do not go within some seconds: a dead server keeps a helper,
 * not us. Nothing is read from them any more. May be called again; ${h} may be NULL. */
void holds_release(struct loop *l, struct holds *h, holds_done_fn *done, void *arg);
/* After ${done} of holds_release(). */
void holds_free(struct holds *h);

#endif
