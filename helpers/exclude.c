/* SPDX-License-Identifier: MIT */
/*
 * GNU tar's rule, so that what is counted is what it leaves out: a pattern may begin at any
 * component (it is not anchored), wildcards match slashes too, and what lies below a match goes
 * with it. A pattern without wildcards is a text, whose backslashes quote.
 */
#include "helpers/exclude.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static bool has_wildcards(const char *p)
{
	for (; *p; p++) {
		if (*p == '?' || *p == '*' || *p == '[')
			return true;
		if (*p == '\\' && p[1])
			p++;
	}
	return false;
}

static bool matches_wild(const char *pattern, const char *name)
{
	if (fnmatch(pattern, name, FNM_LEADING_DIR) == 0)
		return true;
	for (const char *p = name; *p; p++)
		if (*p == '/' && p[1] != '/' && fnmatch(pattern, p + 1, FNM_LEADING_DIR) == 0)
			return true;
	return false;
}

static char *unescaped(const char *pattern)
{
	char *text = xstrdup(pattern), *to = text;

	for (const char *from = pattern;; from++) {
		from += *from == '\\' && from[1];
		*to++ = *from;
		if (!*from)
			return text;
	}
}

static bool matches_text(const char *pattern, const char *name)
{
	char *text CLEANUP(freep) = unescaped(pattern);
	size_t len = strlen(text);

	for (const char *at = name; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
		if (strncmp(at, text, len) == 0 && (at[len] == '\0' || at[len] == '/'))
			return true;
	return false;
}

bool exclude_matches(const struct strv *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->n; i++) {
		const char *p = patterns->v[i];
		if (has_wildcards(p) ? matches_wild(p, name) : matches_text(p, name))
			return true;
	}
	return false;
}
