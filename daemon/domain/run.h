/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RUN_H
#define KD_DOMAIN_RUN_H

#include "daemon/domain/backup.h"
#include "daemon/domain/recover.h"

/*
 * A run: the backups of one or more units, one after another, under one backup_id.
 * A unit that someone else's act spoiled is tried once more at the end. The result is
 * in the history before ${done} is called; the error of a run that could not begin
 * (no engine, no password) is ${f}, and a failed run of the history without units; of an unknown unit it is
 * ${f} alone.
 */
struct run;

struct run_options {
	const struct context *ctx;
	struct recover *recover;  /* keeps its hands off the unit under way */
	const struct strv *units; /* NULL or empty: all. Copied */
	const struct strv *except; /* of all, these are left out; NULL: none. Copied */
	progress_fn *on_progress;
	void (*on_units)(void *arg, const struct strv *units); /* which they are, once; may be NULL */
	void *arg;
};

typedef void run_done_fn(void *arg, const struct fault *f, struct run_result *result /* borrowed */);
struct run *run_start(const struct run_options *o, run_done_fn *done);
void run_cancel(struct run *r);

#endif
