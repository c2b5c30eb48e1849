/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RESTORE_PAST_H
#define KD_DOMAIN_RESTORE_PAST_H

#include <json-c/json.h>

#include "common/conf.h"
#include "daemon/mech/loop.h"

/*
 * What restores did, by number: the interface's type RestoreResult, one JSON file each (0600) in
 * the state directory. Numbers only grow, whatever the clock does. The newest 1000 stay.
 */
typedef void restore_past_fn(void *arg, const struct fault *f); /* NULL: durable. Never from inside. */
/* ${record} is borrowed; its number is set here, and returned. ${done} may be NULL. */
int64_t restore_past_add(struct loop *l, const struct conf *c, struct json_object *record, restore_past_fn *done, void *arg);
/* The newest ${limit} of ${unit} (NULL: all), newest first. Caller's array. */
struct json_object *restore_past_load(const struct conf *c, const char *unit, size_t limit);
/* The one of this number; NULL: there is none. Caller's. */
struct json_object *restore_past_get(const struct conf *c, int64_t number);
/* The restore_ids that undid themselves, or were undone when they were interrupted. Appends. */
void restore_past_reverted(const struct conf *c, struct strv *ret);

#endif
