/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_PATH_H
#define KD_PURE_PATH_H

#include "common/base.h"

/* Paths as text: nothing is resolved on the host. */
/* Collapse //, /./, /../ and the /var/run link. NULL if ${path} is not absolute, or longer than
 * any path. Caller's. */
char *path_normal(const char *path);
bool path_inside(const char *path, const char *outer); /* strictly below */
bool path_equal_or_inside(const char *path, const char *outer);
/* Tree order: a directory comes directly before everything below it. */
int path_compare(const char *a, const char *b);
/* For qsort of arrays of char *. */
int path_compare_pointers(const void *a, const void *b);

#endif
