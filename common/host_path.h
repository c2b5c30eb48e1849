/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_HOST_PATH_H
#define KD_COMMON_HOST_PATH_H

#include <stdbool.h>

/*
 * What belongs to the host and to no unit, whoever mounts it: at most saved, and put back only
 * when it is named. Paths as text, absolute and normalised; a caller who has the resolved path
 * asks for that too.
 */
struct host_path {
	const char *path;
	bool tree;        /* all below it as well */
	bool but_volumes; /* an engine's directory: what lies below its volumes/ is data of units */
	bool saved;       /* of any use in an archive */
	const char *what; /* "its accounts": completes "belongs to the host" */
};

/* The row that ${path} is or lies in, or, if there is none and ${above}, one that lies in ${path}. NULL: neither. */
const struct host_path *host_path_find(const char *path, bool above);
/* "belongs to the host: its accounts", "contains /etc/passwd, which …"; NULL: it does not. Caller's. */
char *host_path_reason(const char *path);

#endif
