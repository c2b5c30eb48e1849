/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RELOAD_H
#define KD_DOMAIN_RELOAD_H

#include "daemon/domain/daemon.h"

/* Who waits for a configuration to be applied. */
struct reload *reload_new(struct daemon *d);
void reload_free(struct reload *l); /* NULL is fine */
/* The method Reload: answers at once whether it is applied or waits; with more once again when it is applied. */
void reload_call(struct request *r, struct json_object *parameters);
/* Its connection has gone: ends ${r} if it waits. NULL is fine. */
void reload_forget(struct reload *l, struct request *r);
void reload_end(struct reload *l); /* the daemon stops: whoever waits is told */

#endif
