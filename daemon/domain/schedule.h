/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_SCHEDULE_H
#define KD_DOMAIN_SCHEDULE_H

#include <json-c/json.h>

#include "daemon/domain/schedule_past.h"

/*
 * When the daemon begins runs by itself: [schedule] for all units, schedule of
 * [unit:NAME] for one. What was due while no daemon ran is begun once. Also the memory
 * of every run on a schedule, so that a timer and a calendar that are both armed are
 * one run.
 */
struct schedule;

struct schedule_options {
	struct loop *loop;
	const struct conf *conf; /* borrowed, until schedule_set_conf() */
	const char *path;        /* schedule.json */
	int interval_minutes;    /* > 0: instead of what the configuration says for all units */
	bool off;                /* nothing is begun by itself; the memory is kept */
	int64_t (*now_ms)(void); /* NULL: wall_ms */
	/* It is time for ${unit}, NULL: all without a schedule of their own. -errno: again in five minutes. */
	int (*fire)(void *arg, const char *unit);
	void *arg;
};

int schedule_new(const struct schedule_options *o, struct schedule **ret, struct fault *f) WARN_UNUSED;
void schedule_free(struct schedule *s); /* when nothing is pending; NULL is fine */
bool schedule_pending(const struct schedule *s);
void schedule_set_conf(struct schedule *s, const struct conf *c);
/* What the timer does when it fires: begin what is due, and set it anew. For tests. */
void schedule_look(struct schedule *s);
/* Wall clock of the next run, -1: none is planned. */
int64_t schedule_next(const struct schedule *s);
/* Units that a scheduled run of all leaves out. Appends. */
void schedule_left_out(const struct conf *c, struct strv *ret);

/* --- the memory; ${units} empty: all */
bool schedule_reason(const char *reason); /* timer, schedule: no person asks */
void schedule_asked(struct schedule *s, const struct strv *units);
void schedule_succeeded(struct schedule *s, const struct strv *units, const char *reason, struct json_object *result);
/* The backup_id of a run that this one would repeat: of the same units, asked for by the other of timer
 * and schedule, and begun within schedule.coalesce. NULL: none. Caller's. */
char *schedule_repeats(struct schedule *s, const struct strv *units, const char *reason);

#endif
