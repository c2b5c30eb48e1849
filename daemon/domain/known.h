/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_KNOWN_H
#define KD_DOMAIN_KNOWN_H

#include "daemon/domain/context.h"
#include "daemon/pure/contents.h"

/*
 * The units that have restore points of this host: one small file each (0600) in the state
 * directory, with what its items had (contents.h), so that a unit whose containers are gone, and an
 * item that has nothing any more, are errors (law 5) until someone says that this is meant. Restore
 * points are not touched by that.
 */
typedef void known_done_fn(void *arg, const struct fault *f); /* NULL: durable. Never from inside. */

/*
 * A state directory that knows nothing yet (new, or lost) learns the units from the repository's
 * restore points of our identity; else done at once.
 */
void known_learn(const struct context *ctx, known_done_fn *done, void *arg);
/* Nothing is known any more: known_learn() asks again. */
void known_reset(const struct context *ctx, known_done_fn *done, void *arg);
/* What is known of ${k}->unit is this from now on. Borrowed for the call. */
void known_save(struct loop *l, const struct conf *c, const struct known_unit *k, known_done_fn *done, void *arg);
/* Small and local: at once. -ENOENT: it has no restore point here. known_unit_done() it. */
int known_load(const struct conf *c, const char *unit, struct known_unit *ret) WARN_UNUSED;
/* Why none of the unit's restore points may expire now (an item lost its content); NULL: they may. Caller's. */
char *known_holds(const struct conf *c, const char *unit);
/* All that is accepted, of the interface's type Acceptance. Caller's. */
struct json_object *known_accepted(const struct conf *c);
bool known_has(const struct conf *c, const char *unit);
/* Was known_learn() ever through? */
bool known_learned(const struct conf *c);
/* Those that are not among ${units}, but where that is accepted; sorted. */
void known_missing(const struct conf *c, const struct units *units, struct strv *ret);
/* The sentence about one that is. Caller's. */
char *known_sentence(const char *unit);

#endif
