/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_INTERRUPT_H
#define KD_CLIENT_INTERRUPT_H

#include "common/base.h"

/* From now on Ctrl-C (and SIGTERM if ${term}) is only noted. */
void interrupt_catch(bool term);
/* Did one come since the last time this was asked? */
bool interrupt_take(void) WARN_UNUSED;
/* Until ${fd} can be read: 0; until a signal came that nobody took: -EINTR; ${ms} have passed (-1: never): -ETIMEDOUT; -errno. */
int interrupt_wait(int fd, int ms) WARN_UNUSED;

#endif
