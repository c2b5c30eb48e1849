/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_EXTRACT_H
#define KD_DOMAIN_EXTRACT_H

#include "daemon/domain/context.h"
#include "daemon/mech/pipeline.h"
#include "daemon/pure/swaps.h"
#include "daemon/pure/tar.h"

/* An archive out of the repository (or a directory) into a directory, both exits checked: tar is started in it, and
 * in no other (law 11).
 * ${done} once, never from inside; ${f} NULL: whole but for ${lost}, whose paths are too long to be made: names, shortened,
 * the last "and N more". ${err}: what tar said. Both borrowed. */
struct extract;
typedef void extract_done_fn(void *arg, const struct fault *f, const char *err, const struct strv *lost);

/* ${what} NULL: all of it. Copies. */
struct extract *extract_start(const struct context *ctx, const struct archive *from, const struct child_place *into,
	const struct tar_extract *what, extract_done_fn *done, void *arg);
/* A directory that must be ${is}, "DEVICE:INODE"; NULL: whichever. Borrows. */
struct child_place extract_place(const char *path, const char *is);
void extract_abort(struct extract *x); /* done follows; NULL is fine */

/* What an archive has: ${on_line} gets each line that listing_parse() reads. The pipeline is aborted by its owner; ${done}
 * once, never from inside; archive_list_judge() says into ${f} why not all was read, unless the owner aborted it. */
struct pipeline *archive_list_start(const struct context *ctx, const struct archive *from, child_line_fn *on_line,
	pipeline_done_fn *done, void *arg);
void archive_list_judge(const struct context *ctx, const struct pipeline_result *p, struct fault *f);

#endif
