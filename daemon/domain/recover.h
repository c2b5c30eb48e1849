/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RECOVER_H
#define KD_DOMAIN_RECOVER_H

#include "daemon/domain/context.h"

/*
 * Law 1 after a crash, and after a start that failed: reconciles the ledger with what
 * is true. Containers first, in their start order; then restores without a verdict; then
 * temporaries; then snapshots of runs that never committed. Tries again with growing pauses for as long as anything
 * is open, for ever: a container that we stopped is never forgotten.
 */
struct recover;

/* ${settled} is called after every pass (open: entries still open), on the loop; may be NULL. */
typedef void recover_settled_fn(void *arg, size_t open_containers, size_t open_all);
struct recover *recover_new(const struct context *ctx, recover_settled_fn *settled, void *arg);
/* Look at the ledger now. */
void recover_kick(struct recover *r);
/* A unit whose backup or restore is under way: its entries are not ours. NULL: none. */
void recover_hold(struct recover *r, const char *unit);
/* Names of containers and runs that are open and not held. Appends. */
void recover_list(const struct recover *r, struct strv *ret);
/* Leave uploads of interrupted runs to the daemon: a boot does not wait for a repository. */
void recover_containers_only(struct recover *r, bool only);
/* The daemon ends: the health of what an interrupted restore brought is asked for after the next start. */
void recover_end(struct recover *r);
bool recover_busy(const struct recover *r);
void recover_free(struct recover *r); /* not while busy */

#endif
