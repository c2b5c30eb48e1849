/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_EXPIRY_H
#define KD_DOMAIN_EXPIRY_H

#include "daemon/domain/context.h"

/*
 * Retention (pure/retention.h) applied to the repository: whole restore points of this
 * daemon's identity, also of units that are gone; never those of other hosts, never
 * snapshots that are no part of a point. Runs outside windows, and never beside a run:
 * it is a job or a stage of one. Of a unit of which too much would go at once nothing goes, and
 * that is a fault once the others are done.
 */
struct expiry_options {
	const struct context *ctx;
	const char *unit; /* NULL: all; copied */
	bool dry_run;     /* say what would go, delete nothing */
	bool yes;         /* somebody has said that it may go, however much it is (retention_guard.h) */
	void *arg;
};

/* ${reply}: parameters of PlanRetention and ApplyRetention, taken; NULL with a fault. A fault may
 * come after some points went: each of them went as a whole. */
typedef void expiry_done_fn(void *arg, const struct fault *f, struct json_object *reply);
void expiry_start(const struct expiry_options *o, expiry_done_fn *done);

#endif
