/* SPDX-License-Identifier: MIT */
#ifndef KD_HELPERS_EXCLUDE_H
#define KD_HELPERS_EXCLUDE_H

#include "common/base.h"

/* Would tar --exclude with one of ${patterns} leave out ${name}, as tar writes it: "./a/b"? Its directories are not looked
 * at here: who walks does not come to what is below one that is left out. */
bool exclude_matches(const struct strv *patterns, const char *name);

#endif
