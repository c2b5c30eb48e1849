/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_ACCEPT_CALL_H
#define KD_DOMAIN_ACCEPT_CALL_H

#include "daemon/domain/control.h"

/* Accept, ListAccepted and AcknowledgeMissing (the older name of Accept without item): rows of the method table. */
void accept_call(struct request *r, struct json_object *parameters);
void accept_call_list(struct request *r, struct json_object *parameters);

#endif
