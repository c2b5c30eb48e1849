/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_RESTORE_QUESTION_H
#define KD_CLIENT_RESTORE_QUESTION_H

#include "client/verb.h"

/*
 * What Restore with the parameters ${p} (borrowed) would do, shown on stdout (--json: PlanRestore's reply).
 * EXIT_OK, or the exit status of what was said on stderr: there is nothing to ask then.
 */
int restore_foretell(const struct options *o, struct json_object *p);
/* The same and the question. EXIT_OK: yes. */
int restore_confirm(const struct options *o, struct json_object *p);

#endif
