/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_MAINTENANCE_H
#define KD_PURE_MAINTENANCE_H

#include "common/fault.h"

/*
 * What is known of the repository's maintenance: kept in the state directory, so that
 * also a daemon that lives only for a call knows when it is due. Times are wall clock,
 * 0: never.
 */
struct maintenance {
	int64_t quick_ms, full_ms; /* last success; a full one counts as both */
	int64_t tried_ms;          /* last attempt that was not given up for a job's sake */
	char *owner;               /* who does it, as the repository said last; NULL: not asked yet */
	char *error;               /* of the last attempt; NULL: it went well */
};

enum maintenance_kind { MAINTENANCE_NONE, MAINTENANCE_QUICK, MAINTENANCE_FULL };

/* Quick at most hourly, full at most daily, an attempt at most hourly. ${since_ms}: when the repository
 * was set up here: a fresh one needs none. A time that lies in the future counts as never. */
enum maintenance_kind maintenance_due(const struct maintenance *m, int64_t since_ms, int64_t now_ms);

/* What cannot be read is as if it had never been written. */
void maintenance_parse(const char *text, size_t len, struct maintenance *ret);
char *maintenance_format(const struct maintenance *m); /* JSON, caller's */
void maintenance_done(struct maintenance *m);

#endif
