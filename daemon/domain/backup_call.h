/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_BACKUP_CALL_H
#define KD_DOMAIN_BACKUP_CALL_H

#include "daemon/domain/daemon.h"

/*
 * Ask for a backup, as the socket and the schedule do: ${parameters} (borrowed) are those of the
 * method Backup. A run that is going on or waits and has all the units is joined; a scheduled run
 * that would repeat one just done is answered with its result. ${l} hears of it as of a job, never
 * from inside. FAULT_BUSY: nobody will.
 */
int backup_call(struct daemon *d, struct json_object *parameters, uid_t uid, const struct job_listener *l,
	struct fault *f) WARN_UNUSED;
/* The same for ${unit} (NULL: all) because it is time. The end is logged. */
int backup_call_scheduled(struct daemon *d, const char *unit) WARN_UNUSED;

#endif
