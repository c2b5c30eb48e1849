/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_BACKUP_H
#define KD_DOMAIN_BACKUP_H

#include "daemon/domain/context.h"
#include "daemon/domain/progress.h"
#include "daemon/pure/result.h"

/*
 * One unit's backup, a table of steps. ${done} is called exactly once,
 * never from inside backup_start(), when everything that was stopped was started or
 * is in the ledger for recover, and every child has ended.
 */
struct backup;

struct backup_options {
	const struct context *ctx;
	const char *unit;      /* copied */
	const char *backup_id; /* copied */
	int64_t start_ms;      /* of the run, wall clock: every snapshot's start time */
	progress_fn *on_progress;
	void *arg;
};

/* ${result} is the callee's (unit_result_done). ${retry}: someone else's act spoiled it; again once. */
typedef void backup_done_fn(void *arg, struct unit_result *result, const struct fault *f, bool retry);
struct backup *backup_start(const struct backup_options *o, backup_done_fn *done);
/* Ends the reading, starts the containers, discards what was made. Idempotent. */
void backup_cancel(struct backup *b);

/* Names of all phases in the order of the table, entered and left; NULL-terminated. For tests and docs. */
const char *const *backup_phases(void);

#endif
