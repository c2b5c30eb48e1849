/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_SOURCES_H
#define KD_PURE_SOURCES_H

#include "daemon/pure/inventory.h"

/*
 * What kopi-docka-sources is asked and what it says: the places that containers really have mounted and that paths of
 * the host really lead to. Paths are names; places are compared.
 */

/*
 * The question about all running containers with mounts, and if ${paths} about every path of the host that a mount or a
 * volume names, and ${also} (may be NULL). Caller's; NULL: there is nothing to ask.
 */
char *sources_request(const struct inventory *inv, bool paths, const struct strv *also);
/* The lines of the answer into ${inv}. -EPERM: we may not look, which says nothing of the host. */
int sources_take(struct inventory *inv, const char *lines, struct fault *f) WARN_UNUSED;

/* Does a mount of ${mounted} show another content when ${place} is exchanged? At or in it, it keeps the old; around it
 * only who writes there matters. Either may be NULL: no. */
bool places_touch(const char *mounted, bool writable, const char *place);
/* Has ${c} a mount that touches ${place}, or, ${writing}, any by which it can write there? */
bool sources_reach(const struct container *c, const char *place, bool writing);

/*
 * Is ${m} of the running ${c} not what its source leads to now? Then the directory was replaced, moved or hidden by a
 * mount while it ran, and what would be saved is not what the container writes. ${path} is where the plan says it lies.
 */
bool sources_replaced(const struct inventory *inv, const struct mount *m, const char *path);

#endif
