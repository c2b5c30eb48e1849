/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_UNITS_CALL_H
#define KD_DOMAIN_UNITS_CALL_H

#include "daemon/domain/control.h"

/* ListUnits and Plan of the socket: rows of the method table. */
void units_call_list(struct request *r, struct json_object *parameters);
void units_call_plan(struct request *r, struct json_object *parameters);

#endif
