/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_BUF_H
#define KD_COMMON_BUF_H

#include "common/base.h"

/*
 * Bytes that grow with outside data, up to a limit. Zero-initialised is an
 * empty buffer without a limit. data is NUL-terminated once anything was added.
 */
struct buf {
	char *data; /* owned */
	size_t len;
	size_t cap;
	size_t max; /* 0: no limit */
};

int buf_add(struct buf *b, const void *data, size_t len) WARN_UNUSED; /* -EMSGSIZE, -ENOMEM */
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3) WARN_UNUSED;
void buf_puts(struct buf *b, const char *text); /* for text of our own: aborts without memory */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Keep only the last ${keep} bytes (a bounded tail of a child's stderr). */
void buf_keep_tail(struct buf *b, size_t keep);
void buf_consume(struct buf *b, size_t n); /* drop the first n bytes */
char *buf_steal(struct buf *b);            /* the text, owned by the caller; never NULL */
void buf_done(struct buf *b);

#endif
