/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_WATCH_H
#define KD_CLIENT_WATCH_H

#include "client/verb.h"

/* The verb watch: events until the daemon ends or Ctrl-C. */
int watch_run(const struct verb *v, struct options *o);
/* One event as a line, without its newline. Caller's. For tests. */
char *watch_line(struct json_object *event);

#endif
