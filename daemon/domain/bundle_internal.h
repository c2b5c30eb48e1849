/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_BUNDLE_INTERNAL_H
#define KD_DOMAIN_BUNDLE_INTERNAL_H

#include "daemon/domain/bundle.h"
#include "daemon/mech/steps.h"

/* Shared by bundle.c and bundle_archive.c only. */
struct bundle {
	const struct context *ctx;
	char *directory, *passwords; /* passwords: NULL where it is the directory */
	char *name;
	int64_t made_ms;
	struct steps *steps;
	struct child *child;             /* the one that runs now; NULL */
	struct json_object *config;      /* kopia's, with what it names put in */
	struct json_object *status;      /* backup-status.json, as it grows */
	char *unique_id, *docker_version;
	size_t row;                      /* of kopia_config.h's table */
	struct bundle_result result;
	bundle_done_fn *done;
	void *arg;
};

/* Begin status with what needs no asking: versions, host, runs. */
void bundle_status_begin(struct bundle *b, const struct run_result *run);
/* All of it as a descriptor of a file in memory (secrets: never on a disk). Caller closes. */
int bundle_archive(struct bundle *b, int *ret_fd, struct fault *f) WARN_UNUSED;

#endif
