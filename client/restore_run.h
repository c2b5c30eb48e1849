/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_RESTORE_RUN_H
#define KD_CLIENT_RESTORE_RUN_H

#include "client/verb.h"

/* Ask for the restore of ${parameters} (taken) and show what it did. Where the service is not healthy
 * with it and there is someone to ask, the way back is offered. Returns the exit status. */
int restore_run(const struct verb *v, const struct options *o, struct json_object *parameters);
/* ${path} as the daemon knows it, which has another working directory. Caller's; NULL stays NULL. */
char *restore_absolute(const char *path);

/* ${paths} as ${key} of ${p}: a list, or with ${one} the first of them. What JSON cannot say is given in
 * C escapes, and the flag "quoted" says so. */
void restore_put_paths(struct json_object *p, const char *key, const struct strv *paths, bool one);

#endif
