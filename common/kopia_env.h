/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_KOPIA_ENV_H
#define KD_COMMON_KOPIA_ENV_H

#include "common/conf.h"

/* How kopia is called by the daemon, and by the client's verb kopia: which program, and with what
 * environment. No password ever goes into argv. */
struct kopia_place { /* where this daemon's kopia lives; all absolute, borrowed */
	const char *program, *config_file, *cache_dir, *log_dir;
	const char *password; /* for the environment */
};

/* kopia.program, else the first kopia of PATH and the usual directories. Caller's; NULL: none. */
char *kopia_program(const struct conf *c);
/* The whole environment, appended. */
void kopia_environment(const struct kopia_place *p, struct strv *env);

#endif
