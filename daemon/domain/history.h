/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_HISTORY_H
#define KD_DOMAIN_HISTORY_H

#include "common/conf.h"
#include "daemon/mech/loop.h"
#include "daemon/pure/result.h"

/*
 * Every run's result, one JSON file each (0600) in the state directory: BACKUP_ID.json.
 */
typedef void history_done_fn(void *arg, const struct fault *f); /* NULL: durable */
/* Copies what it needs of ${r}; writes in the pool; prunes beyond 1000 files. Never from inside. */
void history_add(struct loop *l, const struct conf *c, const struct run_result *r,
	history_done_fn *done, void *arg);
/* The newest ${limit} results that name ${unit} (NULL: all), newest first, as JSON. Caller's array. A
 * file that cannot be read is logged and left out. */
struct json_object *history_load(const struct conf *c, const char *unit, size_t limit);
/* The one result, NULL: not there. Caller's. */
struct json_object *history_get(const struct conf *c, const char *backup_id);
/* When a run of this id (or the name of its file) began, wall clock. */
int history_parse_id(const char *name, int64_t *ret_ms) WARN_UNUSED;
/* YYYYMMDDThhmmssZ of ${now_ms}, moved up so that it is greater than every id known. Caller's. */
char *history_next_id(const struct conf *c, int64_t now_ms);

#endif
