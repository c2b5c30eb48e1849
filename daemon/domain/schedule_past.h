/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_SCHEDULE_PAST_H
#define KD_DOMAIN_SCHEDULE_PAST_H

#include "common/conf.h"
#include "daemon/mech/loop.h"

/*
 * What schedules remember over restarts and reboots, in schedule.json of the state
 * directory: one row for each set of units that something asked for on a schedule.
 */
struct past_row {
	char *key;         /* units, or PAST_ALL */
	char *rule;        /* the schedule's text when it was armed; NULL: none is */
	int64_t since_ms;  /* since when that rule stands */
	int64_t asked_ms;  /* the last time it was asked for; 0: never */
	int64_t began_ms;  /* of the last run that came of it and succeeded */
	char *backup_id, *reason; /* of that run, and who asked */
};
#define PAST_ALL "*"

struct past;
struct past *past_open(struct loop *l, const char *path); /* what cannot be read is logged, and empty */
void past_free(struct past *p); /* when nothing is pending; NULL is fine */
/* The row, made when new. Borrowed until the next call; change it, then past_save(). */
struct past_row *past_row(struct past *p, const char *key);
struct past_row *past_rows(struct past *p, size_t *ret_n);
void past_text(char **field, const char *text); /* set an owned text */
void past_save(struct past *p);           /* in the pool; a failure is logged */
bool past_pending(const struct past *p);  /* a write is under way */

#endif
