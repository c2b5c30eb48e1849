/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_DOCTOR_H
#define KD_DOMAIN_DOCTOR_H

#include <json-c/json.h>

#include "daemon/domain/context.h"
#include "daemon/domain/recover.h"

/* Looks at everything a backup rests on. ${checks}: an array of the socket's type Check, the
 * callee's. Called once, never from inside; a check that fails is a row, not an error. */
typedef void doctor_fn(void *arg, struct json_object *checks);

struct doctor_options {
	const struct context *ctx;
	const struct recover *recover;
	int lock_fd;          /* the daemon's, as it holds it */
	int64_t next_run_ms;  /* of the daemon's own schedule, wall clock; ≤ 0: none */
};

void doctor_start(const struct doctor_options *o, doctor_fn *done, void *arg);

#endif
