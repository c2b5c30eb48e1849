/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_USTAR_H
#define KD_PURE_USTAR_H

#include "common/buf.h"

/*
 * A tar archive of small files of our own, made in memory: what must not lie on a disk
 * in the clear goes straight from here into openssl. Every tar reads it.
 */

/* One file of root's. ${name} has no slash and at most 99 bytes; ${data} less than 8 GiB. */
void ustar_add(struct buf *b, const char *name, unsigned int mode, int64_t mtime_s, const void *data, size_t len);
/* The end of the archive; nothing may be added after it. */
void ustar_end(struct buf *b);

#endif
