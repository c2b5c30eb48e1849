/* SPDX-License-Identifier: MIT */
/* Single quotes take everything as it is but a single quote. */
#include "common/shell.h"

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
