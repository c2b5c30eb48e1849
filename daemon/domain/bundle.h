/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_BUNDLE_H
#define KD_DOMAIN_BUNDLE_H

#include "daemon/domain/context.h"
#include "daemon/pure/result.h"

/*
 * The disaster-recovery bundle: with it and the repository a bare machine gets back to
 * running containers (daemon/pure/bundle_text.h has its names, helpers/bundle.sh its writing).
 * Outside windows only. Nothing in the clear touches a disk on the way.
 */
struct bundle;

struct bundle_options {
	const struct context *ctx;
	const char *directory;          /* NULL: backup.recovery_bundle_path. Copied */
	const struct run_result *run;   /* one that is not in the history yet, or NULL. Read at once */
	void *arg;
};

struct bundle_result {
	char *path; /* of the .tar.enc */
	struct strv files, removed, warnings;
};

/* Once, never from inside bundle_start(). ${res} is borrowed, NULL with a fault. */
typedef void bundle_done_fn(void *arg, const struct fault *f, const struct bundle_result *res);
struct bundle *bundle_start(const struct bundle_options *o, bundle_done_fn *done);
void bundle_cancel(struct bundle *b); /* ${done} follows */

/* What a reader of the configuration should know: the passphrase beside the bundle. NULL: nothing. Static. */
const char *bundle_advice(const struct conf *c, const char *directory);

#endif
