/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_WRITERS_H
#define KD_DOMAIN_WRITERS_H

#include "daemon/domain/docker.h"
#include "daemon/pure/plan.h"

/*
 * Law 4's other half: which running containers can write to the unit's items now?
 * One list request, whose mounts are compared with the items: by volume name, and by
 * path, equal or one below the other. Those that the plan tolerates are left out. Called once, never from inside; names borrowed.
 */
typedef void writers_fn(void *arg, const struct fault *f, const struct strv *names);
void writers_find(struct docker *d, const struct unit *u, writers_fn *done, void *arg);

/* The comparison alone: appends names of running containers in the engine's list ${text}. */
int writers_parse(const char *text, size_t len, const struct unit *u, struct strv *ret_names,
	struct fault *f) WARN_UNUSED;

#endif
