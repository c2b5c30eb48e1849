/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_RETENTION_H
#define KD_PURE_RETENTION_H

#include "common/conf.h"

/*
 * Which restore points of one unit stay: kopia's own rule (its policies' keep-*), applied
 * to whole points instead of single snapshots.
 *
 * Complete points: "latest" is a plain count. The others are windows measured back from
 * the newest complete point (daily = 7: seven days), divided into buckets by the UTC
 * calendar (a day, an ISO week, a month, a year); the newest point of a bucket stays. With
 * all five 0 everything stays. The newest complete point always stays, however old it is.
 * Partial points stay while nothing complete is newer: those of the last four hours, and
 * the three newest.
 */
struct retention_point {
	int64_t time_ms;     /* when its run began */
	bool complete;
	struct strv reasons; /* set here, the caller's: why it stays ("daily-3"); empty: it goes */
};

/* ${v} stands newest first, by backup_id: that only grows, also where the clock stepped back. */
void retention_apply(const struct conf_retention *keep, struct retention_point *v, size_t n);

#endif
