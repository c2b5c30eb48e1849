/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_RUNFILES_H
#define KD_COMMON_RUNFILES_H

#include "common/base.h"

/* A directory of results, one file a run: BACKUP_ID.json. History and reports are such directories. */
#define RUNFILES_KEPT 1000

/* YYYYMMDDThhmmssZ.json */
bool runfiles_is(const char *name);
/* Names of all results in ${directory}, oldest first. Appends; nothing where it cannot be read. */
void runfiles_list(const char *directory, struct strv *ret);
/* Remove the oldest results beyond ${kept}; never a file of another name. */
void runfiles_prune(const char *directory, size_t kept);

#endif
