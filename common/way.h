/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_WAY_H
#define KD_COMMON_WAY_H

#include "common/fault.h"

/*
 * Ways through directories that somebody else may own (law 11). They are taken one component at a time, without
 * following a link, to a descriptor; from there on the descriptor counts, and never the path again. Paths are absolute
 * and have no "..". Functions that return int give a descriptor (the caller's, O_CLOEXEC) or 0, or -errno with ${f}.
 */

/* What a descriptor leads to. */
struct way_id {
	uint64_t device, inode;
	uint64_t mount; /* 0: the kernel does not tell, or it was read from text */
};

int way_identify(int fd, struct way_id *ret) WARN_UNUSED;
/* Of an entry, a link itself. */
int way_identify_at(int dir, const char *name, struct way_id *ret) WARN_UNUSED;
bool way_same(const struct way_id *a, const struct way_id *b); /* the same file */
/* Can entries be renamed from one directory to the other? The filesystem alone does not say so: it may be mounted twice. */
bool way_same_mount(const struct way_id *a, const struct way_id *b);
char *way_id_format(const struct way_id *id); /* "DEVICE:INODE", caller's */
int way_id_parse(const char *text, struct way_id *ret) WARN_UNUSED;

/* The directory ${path}; -ELOOP names the component that is a link. */
int way_open(const char *path, struct fault *f) WARN_UNUSED;
/* The same below ${dir}; ${path} is relative, ${shown} is what messages call ${dir}. */
int way_open_at(int dir, const char *path, const char *shown, struct fault *f) WARN_UNUSED;
/* And what is missing of it is made, with ${mode}. */
int way_make(const char *path, mode_t mode, struct fault *f) WARN_UNUSED;
/* The directory above ${path}'s last component; that one's name, which may be missing, in ${ret_name}: borrowed from ${path}. */
int way_open_above(const char *path, const char **ret_name, struct fault *f) WARN_UNUSED;

/* Can nobody but root change what ${path} leads to, nor make anything in that directory? No on any doubt. */
bool way_is_roots(const char *path);

struct way_links {
	char *foreign; /* the first link that somebody else may have put there; NULL: none. Caller's */
	bool last;     /* the last component is a link */
};
/*
 * ${path} without its links, as the engine follows them; what is missing of it stays as it is. Caller's; NULL with ${f}.
 * Whether a link that ${ret} names is to be followed is for the caller to say.
 */
char *way_resolve(const char *path, struct way_links *ret, struct fault *f);

/*
 * A directory of ours, ${name} in ${dir}, made where it is missing if ${make}: root's and 0700 as the descriptor says,
 * without ACLs of its own or inherited. -EPERM: somebody else's. ${shown} is what messages call ${dir}.
 */
int way_private(int dir, const char *name, bool make, const char *shown, struct fault *f) WARN_UNUSED;
/* ACLs that a directory was given by the one above go, its default for what is made in it too. */
int way_drop_acls(int fd) WARN_UNUSED;

#endif
