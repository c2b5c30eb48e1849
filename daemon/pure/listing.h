/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_LISTING_H
#define KD_PURE_LISTING_H

#include <json-c/json.h>

#include "common/base.h"

/* What an archive has, from the lines of tar_argv_list(): the interface's type Entry. */
struct listing_entry {
	char *path;       /* in the item, exactly; "" is its top */
	char *quoted;     /* as tar printed it, without the quotation marks: C escapes, ASCII */
	char *link;       /* what a link leads to, quoted as well; NULL */
	const char *kind; /* file directory symlink hardlink fifo character-device block-device other */
	int mode;         /* permission bits */
	int64_t size;
	char *mtime;      /* RFC 3339 UTC, with its fraction */
};

/* -EBADMSG: not such a line. */
int listing_parse(const char *line, struct listing_entry *ret) WARN_UNUSED;
void listing_done(struct listing_entry *e);
/* A name that is no UTF-8, or has control characters, is given quoted, and says so. Caller's. */
struct json_object *listing_json(const struct listing_entry *e);

enum listing_place {
	LISTING_ELSEWHERE,
	LISTING_ITSELF, /* the path that was asked for */
	LISTING_BELOW,  /* directly in it */
	LISTING_DEEPER
};
enum listing_place listing_place(const struct listing_entry *e, const char *path);

#endif
