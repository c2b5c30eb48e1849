/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_TEXT_H
#define KD_COMMON_TEXT_H

#include "common/base.h"

/*
 * Names of files are bytes; JSON has text. A name that is no text travels in C escapes
 * (\n, \377), and whoever carries it says so.
 */
/* How long the UTF-8 character at ${p} is, of ${len} > 0 bytes; 0: there is none (overlong, a surrogate, broken off). */
size_t text_utf8_length(const unsigned char *p, size_t len);
bool text_is_plain(const char *text); /* UTF-8 without control characters */
/* ASCII: what is not, and \ and ", as three octal digits. Caller's. */
char *text_quote(const char *text);
/* Back, also of what GNU tar quotes in the style c. Caller's. */
char *text_unquote(const char *quoted);

#endif
