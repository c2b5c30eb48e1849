/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_FD_H
#define KD_COMMON_FD_H

#include "common/buf.h"
#include "common/fault.h"

int fd_write_all(int fd, const void *data, size_t len) WARN_UNUSED;
/* Whole small local file into ${ret}; -EFBIG beyond ${max}. */
int fd_read_all(int fd, size_t max, struct buf *ret) WARN_UNUSED;
int file_read(const char *path, size_t max, struct buf *ret) WARN_UNUSED;
/*
 * Replace ${path} atomically: temporary file beside it with ${mode}, written,
 * fsynced, renamed, directory fsynced. O_NOFOLLOW. Small files of our own state only.
 * Until then its name ends in FILE_UNFINISHED, which nothing else of ours does.
 */
#define FILE_UNFINISHED ".unfinished"

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct fault *f)
	WARN_UNUSED;
/* The same where nothing has that name yet: -EEXIST, and nothing is touched. */
int file_create(const char *path, const void *data, size_t len, mode_t mode, struct fault *f)
	WARN_UNUSED;
/* What was just made, renamed or removed as ${path} is durable when this returns 0. */
int file_sync_parent(const char *path) WARN_UNUSED;
/* Rename, durable when it returns: the directory of ${to} is synced. Not ${replace}: -EEXIST where something has that name. */
int file_move(const char *from, const char *to, bool replace, struct fault *f) WARN_UNUSED;
/* Remove, durable too; what is gone already is as good. */
int file_remove(const char *path, struct fault *f) WARN_UNUSED;
/* mkdir -p; new directories get ${mode}; an existing last component must be a directory. */
int dir_make(const char *path, mode_t mode, struct fault *f) WARN_UNUSED;
/* Remove a tree below our own directories (never follows symlinks). */
int dir_remove(const char *path) WARN_UNUSED;
int dir_remove_at(int parent, const char *name) WARN_UNUSED;

#endif
