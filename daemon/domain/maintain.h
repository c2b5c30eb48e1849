/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_MAINTAIN_H
#define KD_DOMAIN_MAINTAIN_H

#include "daemon/domain/context.h"
#include "daemon/pure/maintenance.h"

/*
 * The repository's maintenance: kopia's, which no other command of ours starts (each has
 * --no-auto-maintenance). By command, and automatically when a job is over, nothing
 * waits and it is due. Never beside a run: it is a job.
 */
struct maintain;

struct maintain_options {
	const struct context *ctx;
	bool full;
	bool automatic; /* in the background, and only where the repository says that we are who does it */
	void *arg;
};

/* ${done} once, never from inside; by then what became of it is in the record; where that cannot be
 * written, this is the fault. FAULT_CANCELLED after maintain_cancel(). */
typedef void maintain_done_fn(void *arg, const struct fault *f);
struct maintain *maintain_start(const struct maintain_options *o, maintain_done_fn *done);
/* Ends kopia, which loses nothing by it. ${again}: make way for now, it is due as before. */
void maintain_cancel(struct maintain *m, bool again);

/* What is due by itself at this moment: MAINTENANCE_NONE also where it is off, or not ours to do. */
enum maintenance_kind maintain_due(const struct context *ctx);
/* The record; maintenance_done() is the caller's. */
void maintain_load(const struct conf *c, struct maintenance *ret);

#endif
