/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_MOUNTINFO_H
#define KD_COMMON_MOUNTINFO_H

#include "common/base.h"

/* The lines of a /proc/PID/mountinfo, in its order. */
struct mountinfo_line {
	int64_t id;
	char *device; /* "8:1" of the filesystem; of btrfs the whole one's, not the subvolume's */
	char *root;   /* what of the filesystem is mounted: "/" or a path in it; behind it "//deleted" if it was removed */
	char *point;  /* where, as the process sees it */
	char *type;
	bool rw;
};

struct mountinfo {
	struct mountinfo_line *v;
	size_t n;
};

void mountinfo_parse(const char *text, struct mountinfo *ret);
void mountinfo_done(struct mountinfo *m);
const struct mountinfo_line *mountinfo_by_id(const struct mountinfo *m, uint64_t id);
/* The last mount exactly at ${point}, which hides those before it; NULL: none. */
const struct mountinfo_line *mountinfo_at(const struct mountinfo *m, const char *point);
/* The mount that ${path}, absolute and without links, lies in; NULL: none of the text. */
const struct mountinfo_line *mountinfo_of(const struct mountinfo *m, const char *path);
/*
 * Where that is, told by filesystem and not by name: "8:1/path/in/it". The same for whoever has it mounted, wherever;
 * what lies in a directory has the directory's place, a slash and more. Caller's; NULL: not in the text.
 */
char *mountinfo_place(const struct mountinfo *m, const char *path);
/* The same of the mount itself. Caller's. */
char *mountinfo_line_place(const struct mountinfo_line *l);
/* May a look at it block, because somebody else answers: a network, a FUSE server, an automounter? */
bool mountinfo_may_block(const struct mountinfo_line *l);

#endif
