/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_NUMBERS_H
#define KD_DOMAIN_NUMBERS_H

#include "daemon/mech/loop.h"

/* The numbers of jobs: they go on over restarts, so that "job 7" of yesterday's log is not today's. */
struct numbers;
struct numbers *numbers_open(struct loop *l, const char *path);
/* Free only when nothing is pending. NULL is fine. */
void numbers_free(struct numbers *n);
unsigned int numbers_next(struct numbers *n);
bool numbers_pending(const struct numbers *n); /* it is being written */

#endif
