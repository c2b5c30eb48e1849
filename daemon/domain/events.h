/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_EVENTS_H
#define KD_DOMAIN_EVENTS_H

#include <json-c/json.h>

#include "daemon/domain/control.h"

/*
 * What happens, told to everyone who subscribed, as it happens. Telling never waits: who does
 * not read is dropped by the connection's own bound. The names are in io.kopidocka.varlink.
 */
struct events;

struct events *events_new(void);
void events_free(struct events *e); /* after events_end(); NULL is fine */
/* The replies of ${r} are events from now on, until its connection goes or the daemon ends. */
void events_subscribe(struct events *e, struct request *r);
/* Its connection has gone: ends ${r} if it is a subscriber's. */
void events_forget(struct events *e, struct request *r);
size_t events_subscribers(const struct events *e);
void events_end(struct events *e); /* the last event for everyone */

/* ${fields} (taken, may be NULL) are the event's own. ${e} NULL: nobody is told. */
void events_tell(struct events *e, const char *event, struct json_object *fields);

#endif
