/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_LEDGER_H
#define KD_DOMAIN_LEDGER_H

#include "daemon/mech/loop.h"
#include "daemon/pure/ledger_record.h"

/*
 * The fsynced record of what we stopped and must start again, and of every
 * temporary thing and every uncommitted run (law 1). Append-only lines
 * "CRC32 JSON\n" in one file, 0600; the longest valid prefix counts, a torn tail is
 * cut. When nothing is open the file is replaced by an empty one.
 * Appends are written and fsynced in the pool; done is called on the loop once.
 */
struct ledger;

typedef void ledger_done_fn(void *arg, const struct fault *f); /* NULL: durable */

/* Read what is there; creates the file. A damaged tail is logged and cut. */
int ledger_open(struct loop *l, const char *path, struct ledger **ret, struct fault *f) WARN_UNUSED;
void ledger_free(struct ledger *g); /* when nothing is pending; NULL is fine */
/* Open entries, durable when done says so. Copies. Before that nothing may be stopped. */
void ledger_add(struct ledger *g, const struct ledger_entry *v, size_t n, ledger_done_fn *done, void *arg);
/* Close one (in memory at once, on disk soon); done may be NULL. Unknown keys are fine. */
void ledger_close(struct ledger *g, const char *key, const char *why, ledger_done_fn *done, void *arg);
/* The open entries, in the order they were added. Borrowed until the next call. */
const struct ledger_entry *ledger_entries(const struct ledger *g, size_t *ret_n);
/* Is there an open entry of this kind for this unit? */
bool ledger_has(const struct ledger *g, enum ledger_kind kind, const char *unit);
size_t ledger_pending(const struct ledger *g); /* writes under way */

#endif
