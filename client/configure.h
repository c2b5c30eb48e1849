/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_CONFIGURE_H
#define KD_CLIENT_CONFIGURE_H

#include "client/verb.h"

/*
 * Before init: where neither the daemon nor this host has a configuration, write one, with a fresh
 * password, and have a running daemon read it. One that exists is never touched. 0: go on; else the
 * exit status, everything was said. What was done is said on stderr.
 */
int configure(const struct options *o);
/* data/kopi-docka.conf.example with ${password} in place of the placeholder. Caller's. */
char *configure_text(const char *password);

extern const char conf_template[];

#endif
