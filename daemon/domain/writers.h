/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_WRITERS_H
#define KD_DOMAIN_WRITERS_H

#include "daemon/domain/docker.h"
#include "daemon/pure/plan.h"

/*
 * Law 4's other half: which running containers can write to the unit's items now?
 * One list request, whose mounts are compared with the items by volume name and by
 * path, equal or one below the other; then a child looks at what the others really have mounted (sources.h), by
 * whatever name. Those that the plan tolerates are left out. Called once, never from inside; names borrowed.
 */
struct writers_options {
	struct loop *loop;
	struct docker *docker;
	const struct unit *unit;     /* borrowed until done */
	const struct inventory *inv; /* that it was planned from; borrowed until done */
	void *arg;
};
typedef void writers_fn(void *arg, const struct fault *f, const struct strv *names);
void writers_find(const struct writers_options *o, writers_fn *done);

/* The comparison by name alone: appends names of running containers in the engine's list ${text}, and to ${ret_others}
 * the ids of those whose names say nothing of the kind but that have mounts. */
int writers_parse(const char *text, size_t len, const struct unit *u, struct strv *ret_names, struct strv *ret_others,
	struct fault *f) WARN_UNUSED;
/* Can ${c}, looked at, write to an item of ${u}? ${inv} is what ${u} was planned from. */
bool writers_reach(const struct container *c, const struct unit *u, const struct inventory *inv);

#endif
