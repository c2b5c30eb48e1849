/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_ENTRIES_H
#define KD_DOMAIN_ENTRIES_H

#include "daemon/domain/daemon.h"

/*
 * ListEntries: what one item of a restore point has at or below a path. kopia show | tar -t,
 * read line by line and kept only as far as it was asked for; nothing reaches the disk.
 * Answers ${r} once. It ends early when nothing more can come, when who asked has gone,
 * and when the daemon stops.
 */
void entries_call(struct request *r, struct json_object *parameters);

#endif
