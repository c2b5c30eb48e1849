/* SPDX-License-Identifier: MIT */
/*
 * The format of POSIX.1-1988: a block of 512 bytes with the file's name and numbers as
 * octal text, the content filled up to whole blocks, two empty blocks at the end. The
 * checksum is the sum of the header's bytes with its own field counted as spaces.
 */
#include "daemon/pure/ustar.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 512

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], device[16], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* ${size}-1 octal digits and a NUL. */
static void put_octal(char *field, size_t size, uint64_t value)
{
	field[--size] = '\0';
	while (size > 0) {
		field[--size] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

static void add(struct buf *b, const void *data, size_t len)
{
	if (buf_add(b, data, len) < 0)
		abort(); /* UNTESTED: ours and small, like every xcalloc() */
}

static void fill(struct buf *b, size_t len)
{
	static const char zeros[BLOCK];

	add(b, zeros, len);
}

void ustar_add(struct buf *b, const char *name, unsigned int mode, int64_t mtime_s, const void *data, size_t len)
{
	struct header h = { .type = '0', .magic = "ustar", .version = { '0', '0' }, .user = "root", .group = "root" };
	unsigned int sum = 0;

	strncpy(h.name, name, sizeof(h.name) - 1);
	put_octal(h.mode, sizeof(h.mode), mode);
	put_octal(h.uid, sizeof(h.uid), 0);
	put_octal(h.gid, sizeof(h.gid), 0);
	put_octal(h.size, sizeof(h.size), len);
	put_octal(h.mtime, sizeof(h.mtime), mtime_s > 0 ? (uint64_t)mtime_s : 0);
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	put_octal(h.checksum, sizeof(h.checksum) - 1, sum);
	add(b, &h, sizeof(h));
	add(b, data, len);
	if (len % BLOCK)
		fill(b, BLOCK - len % BLOCK);
}

void ustar_end(struct buf *b)
{
	fill(b, BLOCK);
	fill(b, BLOCK);
}
