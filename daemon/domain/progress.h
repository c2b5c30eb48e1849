/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_PROGRESS_H
#define KD_DOMAIN_PROGRESS_H

#include <json-c/json.h>

#include "common/base.h"

/* Where an operation stands: the socket's type Progress. Strings are borrowed for the call. */
struct progress {
	const char *backup_id, *unit, *phase, *item, *message;
	int64_t bytes, total_bytes, bytes_per_s, eta_ms, window_ms; /* -1 unknown */
};
#define PROGRESS_INIT                                                                              \
	{                                                                                          \
		.bytes = -1, .total_bytes = -1, .bytes_per_s = -1, .eta_ms = -1, .window_ms = -1   \
	}
typedef void progress_fn(void *arg, const struct progress *p);

/* ${job} and ${operation} are the queue's. Caller's. */
struct json_object *progress_json(const struct progress *p, unsigned int job, const char *operation);

#endif
