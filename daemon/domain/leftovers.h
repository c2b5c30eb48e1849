/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_LEFTOVERS_H
#define KD_DOMAIN_LEFTOVERS_H

#include "common/conf.h"

/*
 * What a daemon that was killed left unfinished in our own state and cache directories goes: recipes being
 * made or laid out (with secrets in clear under recipe.secrets), files that never got their name, what an
 * init had begun. Called at the start, with the locks taken, before anything of ours runs. What cannot be
 * removed is logged. Files of the spool have no name; what lies beside items is the ledger's (swap.h).
 */
void leftovers_remove(const struct conf *c);
/* The recipe that restore ${id} laid out goes, with its old copies. */
void leftovers_of_restore(const struct conf *c, const char *id);

#endif
