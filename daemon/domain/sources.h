/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_SOURCES_H
#define KD_DOMAIN_SOURCES_H

#include "daemon/mech/child.h"
#include "daemon/mech/loop.h"
#include "daemon/pure/inventory.h"

/*
 * Ask kopi-docka-sources, a killable child, what the running containers of ${inv} really have mounted and, if ${paths},
 * where the paths of the host lead that mounts and volumes name, and ${also} (borrowed for the call, may be NULL).
 * ${done} once, never from inside, with all of it in ${inv} (borrowed until then), or the fault: it does not answer, or
 * we may not look. The child until then, for child_kill(); NULL where there was nothing to ask.
 */
struct sources_options {
	struct loop *loop;
	struct inventory *inv;
	bool paths;
	const struct strv *also;
	void *arg;
};
typedef void sources_done_fn(void *arg, const struct fault *f);
struct child *sources_look(const struct sources_options *o, sources_done_fn *done);

#endif
