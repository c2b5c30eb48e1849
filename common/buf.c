/* SPDX-License-Identifier: MIT */
/* Growth doubles; the byte behind the data is always NUL, so text can be used as it is. */
#include "common/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct buf *b, size_t len)
{
	if (len > SIZE_MAX / 2 - b->len || (b->max && b->len + len > b->max))
		return -EMSGSIZE;
	size_t need = b->len + len + 1;
	if (need <= b->cap)
		return 0;
	size_t cap = b->cap ? b->cap : 256;
	while (cap < need)
		cap *= 2;
	char *data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	int r = reserve(b, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

static PRINTF(2, 0) int add_formatted(struct buf *b, const char *fmt, va_list ap)
{
	char *text = xvasprintf(fmt, ap);
	int r = buf_add(b, text, strlen(text));

	free(text);
	return r;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = add_formatted(b, fmt, ap);
	va_end(ap);
	return r;
}

void buf_puts(struct buf *b, const char *text)
{
	if (buf_add(b, text, strlen(text)) == -ENOMEM)
		abort();
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (add_formatted(b, fmt, ap) == -ENOMEM)
		abort();
	va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

void buf_keep_tail(struct buf *b, size_t keep)
{
	if (b->len > keep)
		buf_consume(b, b->len - keep);
}

char *buf_steal(struct buf *b)
{
	char *text = b->data ? b->data : xstrdup("");

	*b = (struct buf){ .max = b->max };
	return text;
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}
