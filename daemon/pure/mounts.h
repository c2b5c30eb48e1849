/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_MOUNTS_H
#define KD_PURE_MOUNTS_H

#include "common/base.h"

/* What is mounted where, from the text of /proc/self/mountinfo: nothing is asked of the host. */
struct mounted {
	char *point; /* owned, normalised */
	char *type;  /* owned: "ext4", "nfs4", "fuse.sshfs" */
};
struct mounts {
	struct mounted *v; /* in tree order; of several at one point the topmost alone */
	size_t n;
};

void mounts_read(const char *mountinfo /* may be NULL */, struct mounts *ret);
void mounts_done(struct mounts *m);
/* What is mounted at ${path} itself; NULL: nothing. Borrowed. */
const struct mounted *mounts_at(const struct mounts *m, const char *path);
/* What ${path}, normalised, lies in; NULL: unknown. Borrowed. */
const struct mounted *mounts_holding(const struct mounts *m, const char *path);
/* First of m->v that is not before ${path}. */
size_t mounts_first(const struct mounts *m, const char *path);

/* Can somebody who is not on this host write to a filesystem of this type? */
bool mounts_type_is_shared(const char *type);
/* Is it in memory alone? */
bool mounts_type_is_memory(const char *type);

#endif
