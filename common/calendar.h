/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_CALENDAR_H
#define KD_COMMON_CALENDAR_H

#include "common/base.h"

/*
 * When something is due, in local time: the part of systemd's OnCalendar= that backups
 * need. [WEEKDAYS] [[*-]MONTH-DAY] [HOUR:MINUTE[:SECOND]], where every number may be
 * *, 5, 1..5, 0/15 (from 0 in steps of 15), 1..9/2, or a list of these; or minutely,
 * hourly, daily, weekly, monthly, quarterly, semiannually, yearly. No time: 00:00:00.
 *
 * A moment that a clock change leaves out is due at the first moment behind it; one
 * that comes twice is due the first time only, unless the hour is * (then each hour
 * that passes counts).
 */
struct calendar {
	uint8_t weekdays;   /* bit 0: Sunday */
	uint16_t months;    /* bit 0: January */
	uint32_t days;      /* bit 1: the 1st */
	uint32_t hours;
	uint64_t minutes, seconds;
};

/* -EINVAL: *${ret_why} is a sentence that says what is wrong and what would be right; the caller's. */
int calendar_parse(const char *text, struct calendar *ret, char **ret_why) WARN_UNUSED;
/* The first moment after ${after} (seconds since the epoch), or -1: it never comes. */
int64_t calendar_next(const struct calendar *c, int64_t after);

#endif
