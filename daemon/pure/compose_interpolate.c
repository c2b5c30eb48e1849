/* SPDX-License-Identifier: MIT */
/* ${VARIABLES} as compose puts them into its files, bounded in depth and in what comes out. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "daemon/pure/compose.h"

#define BRACES_MAX 8
#define VALUE_MAX  ((size_t)1 << 16)

static const char *variable(const struct strv *variables, const char *name, size_t len)
{
	/* the last wins, as when a shell reads the files one after another */
	for (size_t i = variables ? variables->n : 0; i-- > 0;)
		if (strncmp(variables->v[i], name, len) == 0 && variables->v[i][len] == '=')
			return variables->v[i] + len + 1;
	return NULL;
}

static size_t name_length(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
}

/* The length up to the brace that closes; SIZE_MAX: none does. */
static size_t braced_length(const char *text)
{
	size_t depth = 1, i;

	for (i = 0; text[i]; i++) {
		depth += starts_with(text + i, "${");
		if (text[i] == '}' && --depth == 0)
			return i;
	}
	return SIZE_MAX;
}

static char *interpolate(const char *text, const struct strv *variables, char **missing, int depth);

/* NAME, NAME:-default, NAME-default, NAME:?error, NAME?error, NAME:+other, NAME+other. */
static char *braced(const char *text, const struct strv *variables, char **missing, int depth)
{
	size_t len = name_length(text);
	const char *value = variable(variables, text, len), *rest = text + len;
	bool colon = *rest == ':', set = value && (!colon || *value);

	rest += colon;
	if (len > 0 && *rest == '+')
		return set ? interpolate(rest + 1, variables, missing, depth) : xstrdup("");
	if (len > 0 && set && (*rest == '-' || *rest == '?' || (*rest == '\0' && !colon)))
		return xstrdup(value);
	if (len > 0 && *rest == '-')
		return interpolate(rest + 1, variables, missing, depth);
	if (missing && !*missing)
		*missing = xstrndup(text, len > 0 ? len : strlen(text));
	return NULL;
}

static char *interpolate(const char *text, const struct strv *variables, char **missing, int depth)
{
	struct buf b CLEANUP(buf_done) = { .max = VALUE_MAX };

	if (depth > BRACES_MAX)
		return NULL;
	while (*text) {
		char *name CLEANUP(freep) = NULL, *value CLEANUP(freep) = NULL;
		size_t len = strcspn(text, "$");

		if (buf_add(&b, text, len) < 0)
			return NULL;
		text += len;
		if (*text == '\0')
			break;
		if (text[1] == '$') {
			if (buf_add(&b, "$", 1) < 0)
				return NULL;
			text += 2;
			continue;
		}
		bool brace = text[1] == '{';
		len = brace ? braced_length(text + 2) : name_length(text + 1);
		if (len == SIZE_MAX || len == 0) {
			if (missing && !*missing)
				*missing = xstrdup(text);
			return NULL;
		}
		name = xstrndup(text + 1 + brace, len);
		value = braced(name, variables, missing, depth + 1);
		if (!value || buf_add(&b, value, strlen(value)) < 0)
			return NULL;
		text += 1 + len + (brace ? 2 : 0);
	}
	return buf_steal(&b);
}

char *compose_interpolate(const char *text, const struct strv *variables, char **missing)
{
	return interpolate(text, variables, missing, 0);
}
