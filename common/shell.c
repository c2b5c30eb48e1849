/* SPDX-License-Identifier: MIT */
/* Single quotes take everything as it is but a single quote. */
#include "common/shell.h"

#include <ctype.h>
#include <string.h>

#include "common/buf.h"

char *shell_quote(const char *word)
{
	struct buf b = { 0 };

	buf_puts(&b, "'");
	for (const char *p = word; *p; p++) {
		if (*p == '\'')
			buf_puts(&b, "'\\''");
		else
			buf_printf(&b, "%c", *p);
	}
	buf_puts(&b, "'");
	return buf_steal(&b);
}

char *shell_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,+%";

	return *word && !word[strspn(word, plain)] ? xstrdup(word) : shell_quote(word);
}

char *shell_template(const char *text)
{
	struct buf b = { 0 };

	for (const char *p = text; *p; p++)
		if (isascii(*p) && (isalnum(*p) || strchr("/_.-", *p)))
			buf_printf(&b, "%c", *p);
		else
			buf_printf(&b, "\\x%02x", (unsigned int)(unsigned char)*p);
	return buf_steal(&b);
}
