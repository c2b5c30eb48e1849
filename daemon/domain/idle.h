/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_IDLE_H
#define KD_DOMAIN_IDLE_H

#include "daemon/domain/daemon.h"

/*
 * A daemon that was started for a call ends when there was nothing to do for
 * ${after_s} seconds: no connection, no job, no open entry of the ledger, nothing
 * to recover, no schedule. ${end} is called once, on the loop.
 */
struct idle;
struct idle *idle_new(struct daemon *d, unsigned int after_s, loop_fn *end);
void idle_hurry(struct idle *i); /* not after so long, but as soon as there is nothing to do; NULL is fine */
void idle_free(struct idle *i); /* NULL is fine */

#endif
