/* SPDX-License-Identifier: MIT */
/*
 * Names as segments of a kopia path and as values of tags. Whatever an engine
 * lets a thing be called comes back byte for byte. "." and ".." are encoded
 * too: as a path segment they would mean another place.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "daemon/pure/plan.h"

static bool stays(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

char *name_encode(const char *name)
{
	static const char hex[] = "0123456789ABCDEF";
	bool dots = streq(name, ".") || streq(name, "..");
	char *out, *at;

	if (!name)
		return NULL;
	at = out = xcalloc(strlen(name) + 1, 3);
	for (; *name; name++) {
		if (stays(*name) && !dots) {
			*at++ = *name;
			continue;
		}
		*at++ = '%';
		*at++ = hex[(unsigned char)*name >> 4];
		*at++ = hex[(unsigned char)*name & 15];
	}
	return out;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

char *name_decode(const char *encoded)
{
	char *out, *at;

	if (!encoded)
		return NULL;
	at = out = xcalloc(strlen(encoded) + 1, 1);
	while (*encoded) {
		int high = *encoded == '%' ? hex_digit(encoded[1]) : -1;
		int low = high < 0 ? -1 : hex_digit(encoded[2]);

		/* what we did not write ourselves, and %00, stays as it is */
		if (low < 0 || (high == 0 && low == 0)) {
			*at++ = *encoded++;
			continue;
		}
		*at++ = (char)(high << 4 | low);
		encoded += 3;
	}
	return out;
}
