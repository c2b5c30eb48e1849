/* SPDX-License-Identifier: MIT */
/* Bytes as text, and back. */
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

size_t text_utf8_length(const unsigned char *p, size_t len)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if (i >= len || (p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong, surrogates, beyond the last code point */
	if ((n == 3 && ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f))) ||
		(n == 4 && ((*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))))
		return 0;
	return n;
}

bool text_is_plain(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t n = text_utf8_length(p, SIZE_MAX); /* the NUL ends it */
		if (n == 0 || *p < 0x20 || *p == 0x7f)
			return false;
		p += n;
	}
	return true;
}

char *text_quote(const char *text)
{
	struct buf b = { 0 };

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p > 0x7e || *p == '\\' || *p == '"')
			buf_printf(&b, "\\%03o", *p);
		else
			buf_printf(&b, "%c", *p);
	}
	return buf_steal(&b);
}

static char unescape(const char **at)
{
	static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	const char *p = *at;
	const char *found = *p ? strchr(letters, *p) : NULL;

	if (*p >= '0' && *p <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7') {
		*at += 3;
		return (char)((p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0'));
	}
	*at += *p != '\0';
	return found ? values[found - letters] : *p; /* \\ and \" are themselves */
}

char *text_unquote(const char *quoted)
{
	char *out = xcalloc(strlen(quoted) + 1, 1);
	size_t n = 0;

	for (const char *p = quoted; *p;) {
		if (*p != '\\') {
			out[n++] = *p++;
			continue;
		}
		p++;
		out[n++] = unescape(&p);
	}
	return out;
}
