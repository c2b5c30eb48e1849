/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_NOTIFY_H
#define KD_MECH_NOTIFY_H

#include "daemon/mech/loop.h"

/* What systemd is told: READY, STATUS, WATCHDOG fed by the loop itself, RELOADING, STOPPING. */
struct notify;
struct notify *notify_new(struct loop *l); /* arms the watchdog timer when WATCHDOG_USEC is set */
void notify_ready(struct notify *n);
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n);
/* So many seconds more for what is under way (stopping), whatever TimeoutStopSec= says. */
void notify_extend(struct notify *n, unsigned int seconds);
void notify_status(struct notify *n, const char *fmt, ...) PRINTF(2, 3);
void notify_free(struct notify *n);
/* Sockets handed over by systemd (LISTEN_FDS): the first one, CLOEXEC, or -1. */
int notify_inherited_socket(void);

#endif
