/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_KNOWN_H
#define KD_DOMAIN_KNOWN_H

#include "daemon/domain/context.h"
#include "daemon/pure/plan.h"

/*
 * The units that have restore points of this host: one small file each (0600) in the state
 * directory, so that a unit whose containers are gone is an error (law 5) until someone says
 * that it shall be gone. Its restore points are not touched by that.
 */
typedef void known_done_fn(void *arg, const struct fault *f); /* NULL: durable. Never from inside. */

/*
 * A state directory that knows nothing yet (new, or lost) learns the units from the repository's
 * restore points of our identity; else done at once.
 */
void known_learn(const struct context *ctx, known_done_fn *done, void *arg);
/* It has a restore point now. */
void known_add(struct loop *l, const struct conf *c, const char *unit, const char *backup_id, known_done_fn *done, void *arg);
/* It is gone, and shall be. */
void known_forget(struct loop *l, const struct conf *c, const char *unit, known_done_fn *done, void *arg);
bool known_has(const struct conf *c, const char *unit);
/* Was known_learn() ever through? */
bool known_learned(const struct conf *c);
/* Those that are not among ${units}, sorted. */
void known_missing(const struct conf *c, const struct units *units, struct strv *ret);
/* The sentence about one that is. Caller's. */
char *known_sentence(const char *unit);

#endif
