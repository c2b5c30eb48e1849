/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RESTORE_SCRIPT_H
#define KD_DOMAIN_RESTORE_SCRIPT_H

#include <json-c/json.h>

#include "daemon/domain/context.h"

/* RenderRestore: finds the point and today's containers, and lets daemon/pure/script write the text.
 * ${parameters} as the method's, borrowed for the call. ${reply} is the callee's. Once, never inside. */
typedef void restore_script_fn(void *arg, const struct fault *f, struct json_object *reply);
void restore_script_start(const struct context *ctx, struct json_object *parameters,
	restore_script_fn *done, void *arg);

#endif
