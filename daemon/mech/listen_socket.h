/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_LISTEN_SOCKET_H
#define KD_MECH_LISTEN_SOCKET_H

#include "common/fault.h"

/* Bind and listen on ${path}: 0660 with ${group}, or 0600 where it is NULL or unknown. -EADDRINUSE
 * (FAULT_BUSY) when someone listens there. *${ret} is the caller's. */
int listen_socket_make(const char *path, const char *group, int *ret, struct fault *f) WARN_UNUSED;
/* The same rights for the file of a socket that systemd made. */
void listen_socket_inherited(int fd, const char *group);

#endif
