/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_NAMES_H
#define KD_DOMAIN_NAMES_H

#include "daemon/domain/daemon.h"

/*
 * Errors that say which names there are: of units (NoSuchUnit: those of the engine, and those that have restore points), or
 * of a restore point's items (NoSuchItem). They are asked for when the error is told, once for all who wait for the same.
 */
struct names;
struct names *names_new(struct daemon *d);
void names_free(struct names *n); /* when nobody waits; NULL is fine */
/* Answers ${r} with ${f}, ${o} (taken) and the list "known": empty where it cannot be had. */
void names_fail(struct daemon *d, struct request *r, const struct fault *f, struct json_object *o);

#endif
