/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_TAR_H
#define KD_PURE_TAR_H

#include "common/conf.h"

/* tar's command lines and the judgement of its stderr. Facts: docs/design.md. */
struct tar_read {
	const char *file;       /* NULL: the working directory; else the path of the single file that is ./3 there, whose
	                         * name the archive has */
	bool clamp_mtime, no_xattrs; /* no_xattrs: its filesystem has none */
	const struct strv *excludes; /* patterns; may be NULL */
	const struct strv *ours;     /* names in it, "./a/b": left out exactly; may be NULL */
};

/* tar -cf - --totals … of what a child_place leads to; ${argv} is appended to. Program is /bin/tar. No path is in it:
 * tar goes to its -C only when it begins to read, and who owns a directory on the way leads it elsewhere by then. A
 * single file that somebody asked for by name is not excluded by a pattern. */
void tar_argv_create(const struct tar_read *o, struct strv *argv);
struct tar_extract {
	const struct strv *paths;   /* only these, of tar_path(), and the directories above them; NULL or empty: all */
	const struct strv *without; /* not these, nor what is below them; may be NULL */
	bool keep_old;              /* what is there stays as it is */
};
/* tar -xf - into the working directory; ${o} NULL: all of it. */
void tar_argv_extract(const struct tar_extract *o, struct strv *argv);
/* tar -tvf -: one line an entry, for listing_parse(). */
void tar_argv_list(struct strv *argv);
/* What someone typed as a path in an item: without leading and doubled slashes and dots; "" is the
 * whole item. Caller's; NULL with ${f} if it leads out of the item. */
char *tar_path(const char *asked, struct fault *f);
/* Environment: LC_ALL=C, TZ=UTC, PATH. */
void tar_environment(struct strv *env);
/*
 * Judge what tar -c wrote to stderr beside exit 0: ${ret_bytes} from "Total bytes
 * written: N"; anything that is not on the short list (sockets ignored) is a fault.
 * ${notes} gets one line per socket left out.
 */
int tar_judge(const char *err, int64_t *ret_bytes, struct strv *notes, struct fault *f) WARN_UNUSED;

/* What tar pads every archive to. */
#define TAR_RECORD 10240

#endif
