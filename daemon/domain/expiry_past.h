/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_EXPIRY_PAST_H
#define KD_DOMAIN_EXPIRY_PAST_H

#include "daemon/mech/loop.h"
#include "daemon/pure/result.h"
#include "daemon/pure/retention_guard.h"

/*
 * What the passes of retention remember of each unit, one file in the state directory: up to
 * which point they had seen it, and what waits for a yes. Lost, it knows nothing, and the
 * next pass lets less go.
 */
struct json_object *expiry_past_load(const struct conf *c); /* units by name; caller's, never NULL */
/* ${v}: points of ${unit} among others, newest first. */
struct retention_past expiry_past_of(struct json_object *past, const char *unit, const struct point *v, size_t n);
/* A pass has seen ${unit} up to ${backup_id}. ${waits}: why nothing of it went, NULL: what had to go is gone.
 * ${left}: what is owed, and whether the newest alone may be left. */
void expiry_past_note(struct json_object *past, const char *unit, const char *backup_id, const struct retention_past *left,
	const char *waits);
/* Forget all but ${units}. */
void expiry_past_only(struct json_object *past, const struct strv *units);
/* Durable when ${done} is called, once, never from inside. */
typedef void expiry_past_fn(void *arg, const struct fault *f);
void expiry_past_save(struct loop *l, const struct conf *c, struct json_object *past, expiry_past_fn *done, void *arg);
/* "unit shop: 7 of its 9 …" for all that wait. Appends. */
void expiry_past_waiting(const struct conf *c, struct strv *ret);
#define EXPIRY_ADVICE "kopi-docka retention --dry-run shows which; kopi-docka retention --yes says that they shall go"

#endif
