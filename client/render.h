/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_RENDER_H
#define KD_CLIENT_RENDER_H

#include <stdio.h>

#include "common/varlink.h"

/* Replies for people. Every text from the daemon passes render_clean: no terminal escapes. Each
 * returns the exit status its reply means (common/iface.h). */
int render_accepted(FILE *to, struct json_object *reply);
int render_units(FILE *to, struct json_object *reply);
int render_plan(FILE *to, struct json_object *reply);
int render_points(FILE *to, struct json_object *reply);
int render_run(FILE *to, struct json_object *reply);      /* Backup's last reply */
int render_history(FILE *to, struct json_object *reply);
int render_status(FILE *to, struct json_object *reply);
int render_doctor(FILE *to, struct json_object *reply);
int render_restore(FILE *to, struct json_object *reply);
/* Which secrets the recipe lacks and where they go; nothing where there are none. */
void render_redacted(FILE *to, struct json_object *reply);
int render_bundle(FILE *to, struct json_object *reply);
/* Others than this host that have restore points there, and how they are asked for. */
void render_hosts(FILE *to, struct json_object *reply);
int render_init(FILE *to, struct json_object *reply);
int render_cancel(FILE *to, struct json_object *reply);
int render_retention(FILE *to, struct json_object *reply);      /* ApplyRetention */
int render_retention_plan(FILE *to, struct json_object *reply); /* PlanRetention */
int render_done(FILE *to, struct json_object *reply);
int render_reload(FILE *to, struct json_object *reply);
/* One line of progress without its newline. Caller's. */
char *render_progress(struct json_object *progress);
/* The exit status alone, for --json. */
int render_run_status(struct json_object *result);
int render_error(FILE *to, const struct varlink_reply *reply);

/* Without control characters, C1 and broken UTF-8 among them. Caller's. */
char *render_clean(const char *text);
char *render_size(int64_t bytes);  /* "1.2 GiB"; "?" for < 0. Caller's */
char *render_age(int64_t time_ms); /* "3 h ago", "in 5 min"; < 0: "age unknown". Caller's */
char *render_span(int64_t ms);     /* "0.52 s", "3 min 20 s". Caller's */

#endif
