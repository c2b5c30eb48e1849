/* SPDX-License-Identifier: MIT */
#ifndef KD_HELPERS_PLACE_TOP_H
#define KD_HELPERS_PLACE_TOP_H

#include <sys/stat.h>

#include "common/way.h"

/*
 * Directories of an item that are taken over while it is emptied and filled (root's, 0700, without ACLs: whoever has one
 * open makes nothing in it any more), and what they were before: in a file of our own state, written before it is done.
 */
struct top_xattr {
	char *name, *value; /* owned */
	size_t len;
};

struct top {
	char *path; /* below the item, "" is the item. Owned */
	struct stat st;
	struct top_xattr *xattrs;
	size_t n_xattrs;
};

struct tops {
	bool emptied; /* nothing of the old is there any more but what is mounted */
	struct top *v;
	size_t n;
};

int tops_add(struct tops *t, int fd, const char *path); /* as it is now; 0 or -errno */
const struct top *tops_find(const struct tops *t, const char *path);
/* Durable when it returns. 0, or 1 after a sentence. */
int tops_save(const struct tops *t, const char *marker);
/* 0; -ENOENT: nothing had begun; -EBADMSG: a marker without it, as older versions wrote. */
int tops_load(const char *marker, struct tops *ret) WARN_UNUSED;
/* All of them, below ${item}. 0, or 1 after a sentence with ${shown}, the item's path. */
int tops_take(const struct tops *t, int item, const char *shown);
/* As they were: all, or only those that nothing else was given since. Goes on over those that are not there. */
int tops_give_back(const struct tops *t, int item, const char *shown, bool untouched_only);
/* Owner, mode, xattrs and times of ${t} to ${fd}; 0 or -errno. */
int top_apply(const struct top *t, int fd);
void tops_done(struct tops *t);

#endif
