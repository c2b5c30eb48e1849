/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_RETENTION_GUARD_H
#define KD_PURE_RETENTION_GUARD_H

#include "daemon/pure/retention.h"

/*
 * May what retention_apply() has judged to go really go, all in one pass? A clock that is ahead
 * moves all windows at once, and one run would delete what nights have made. The effect is looked
 * at, whatever the cause: a wrong clock, a retention that was lowered by mistake, a long pause.
 */
struct retention_past {
	int64_t added; /* complete points since the last pass; < 0: no pass is known */
	int64_t owed;  /* what a pause had made due and that pass left for later; set to what this one leaves */
	bool alone;    /* somebody has said yes to keeping the newest alone */
};

#define RETENTION_SPARE 3 /* the edges of day, week, month and year may fall together */

/*
 * ${v}: one unit's, judged, newest first. NULL: what has no reason may go; after a pause of some days some of it
 * has got the reason "later", so that no pass takes more than a night may. Else why nothing may go: the end of a
 * sentence, the caller's: "7 of its 9 …".
 */
char *retention_guard(const struct conf_retention *keep, struct retention_point *v, size_t n, struct retention_past *past);

#endif
