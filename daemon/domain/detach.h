/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_DETACH_H
#define KD_DOMAIN_DETACH_H

#include "common/fault.h"

/*
 * Go on in a session of our own, without a terminal, so that neither Ctrl-C nor a logout
 * reaches the daemon; what it says goes to daemon.log in the state directory. Returns only
 * in the detached process: the descriptor for its report. The process that was called
 * waits for the report, repeats it on stderr and exits with its status.
 * *${config} (may be NULL) becomes absolute. Call it before anything was opened.
 */
int detach(const char **config);
/* Ready (${f} NULL) or failed; once, then *${fd} is -1. -1: nobody waits. */
void detach_report(int *fd, int status, const struct fault *f);

#endif
