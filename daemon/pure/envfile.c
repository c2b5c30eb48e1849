/* SPDX-License-Identifier: MIT */
/*
 * One pass over the text. What is no assignment is skipped to the end of its line; a
 * quoted value goes to its closing quote, on whichever line that is.
 */
#include "daemon/pure/envfile.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t end_of_line(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] != '\n')
		at++;
	return at;
}

static size_t skip_blanks(const char *text, size_t end, size_t at)
{
	while (at < end && is_blank(text[at]))
		at++;
	return at;
}

/* Behind the quote that closes the one at ${at}; ${len} if none does. */
static size_t end_of_quote(const char *text, size_t len, size_t at)
{
	char quote = text[at];

	for (at++; at < len && text[at] != quote; at++)
		if (quote == '"' && text[at] == '\\' && at + 1 < len)
			at++;
	return at < len ? at + 1 : len;
}

/* The assignment on the line [start, end); false: it is none. */
static bool read_line(const char *text, size_t len, size_t start, size_t end, struct env_entry *e)
{
	size_t at = skip_blanks(text, end, start), stop;

	*e = (struct env_entry){ .comment = at < end && text[at] == '#' };
	while (at < end && (text[at] == '#' || is_blank(text[at])))
		at++;
	if (end - at > 7 && memcmp(text + at, "export", 6) == 0 && is_blank(text[at + 6]))
		at = skip_blanks(text, end, at + 6);
	for (stop = at; stop < end && text[stop] != '=' && (e->comment || text[stop] != ':'); stop++)
		;
	if (stop == end || stop == at)
		return false;
	e->name = at;
	for (e->name_len = stop - at; is_blank(text[at + e->name_len - 1]); e->name_len--)
		;
	e->value = skip_blanks(text, end, stop + 1);
	bool quoted = e->value < end && (text[e->value] == '"' || text[e->value] == '\'');
	stop = quoted ? end_of_quote(text, e->comment ? end : len, e->value) : end;
	while (stop > e->value && (is_blank(text[stop - 1]) || text[stop - 1] == '\r'))
		stop--;
	e->value_len = stop - e->value;
	return true;
}

bool env_next(const char *text, size_t len, size_t *at, struct env_entry *ret)
{
	while (*at < len) {
		size_t start = *at, end = end_of_line(text, len, start);
		bool found = read_line(text, len, start, end, ret);

		if (found && ret->value + ret->value_len > end)
			end = end_of_line(text, len, ret->value + ret->value_len);
		*at = end < len ? end + 1 : len;
		if (found)
			return true;
	}
	return false;
}

char *env_value(const char *text, const struct env_entry *e)
{
	const char *v = text + e->value;
	size_t n = e->value_len;

	if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v)
		return xstrndup(v + 1, n - 2);
	for (size_t i = 1; i < n; i++)
		if (v[i] == '#' && is_blank(v[i - 1])) {
			for (n = i; n > 0 && is_blank(v[n - 1]); n--)
				;
			break;
		}
	return xstrndup(v, n);
}

void env_variables(const char *text, size_t len, struct strv *ret)
{
	struct env_entry e;

	for (size_t at = 0; env_next(text, len, &at, &e);) {
		char *value CLEANUP(freep) = e.comment ? NULL : env_value(text, &e);
		if (value)
			strv_addf(ret, "%.*s=%s", (int)e.name_len, text + e.name, value);
	}
}
