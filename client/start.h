/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_START_H
#define KD_CLIENT_START_H

#include "client/verb.h"

/* May this call start the daemon that it did not find (${error} of its connect)? Root's, without --socket. */
bool start_wanted(const struct options *o, int error);
/*
 * Start it: through systemd where that runs and has the unit, else detached, to end when idle.
 * Returns 0 when it is ready, or the exit status after its own sentence on stderr: EXIT_BUSY when
 * another daemon has the engine, else EXIT_UNREACHABLE. ${answers} says whether someone listens by now.
 */
int start_daemon(const struct options *o, bool (*answers)(void *arg), void *arg);
/* The verb daemon: become kopi-dockad, in the foreground. */
int start_foreground(const struct verb *v, struct options *o);

#endif
