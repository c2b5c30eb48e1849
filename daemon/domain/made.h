/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_MADE_H
#define KD_DOMAIN_MADE_H

#include "common/conf.h"
#include "daemon/mech/loop.h"

/*
 * The backup_ids that this state directory has given out, one a line, noted before anything of
 * a run is uploaded: what bears our number in the repository and is none of them, a copy of this
 * machine has made.
 */
typedef void made_fn(void *arg, const struct fault *f); /* NULL: durable. Never from inside. */
void made_note(struct loop *l, const struct conf *c, const char *backup_id, made_fn *done, void *arg);
/* Ascending; nothing where none is known. Appends. */
void made_list(const struct conf *c, struct strv *ret);

#endif
