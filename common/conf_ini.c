/* SPDX-License-Identifier: MIT */
/* The INI form of the order, read by inih: sections, key = value, inline comments behind " ;". */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_keys.h"

struct state {
	struct conf *conf;
	const char *name, *text;
	struct strv seen;
	int line; /* of the line inih was given last */
	char *value; /* owned: of a line that is longer than inih takes; NULL: it has it whole */
	size_t at;
	struct fault *fault;
	bool failed;
};

/*
 * inih takes 199 bytes a line, and kopia's flags for a storage are easily more. Of a longer one
 * it gets key and equals sign; the value is kept beside, without what inih takes for a comment.
 */
static size_t keep_value(struct state *s, const char *line, size_t len, size_t most)
{
	const char *equals = *line == ';' || *line == '#' ? NULL : memchr(line, '=', most);
	size_t from = equals ? (size_t)(equals - line) + 1 : 0, end = len;

	if (!equals)
		return most; /* a comment, or no line of ours: inih says so */
	for (size_t i = len; i-- > from + 1;)
		if (line[i] == ';' && strchr(" \t", line[i - 1]))
			end = i;
	while (from < end && strchr(" \t", line[from]))
		from++;
	while (end > from && strchr(" \t\r", line[end - 1]))
		end--;
	s->value = xstrndup(line + from, end - from);
	return (size_t)(equals - line) + 1;
}

/* inih asks for lines one by one: so every line's number is known. */
static char *next_line(char *to, int size, void *arg)
{
	struct state *s = arg;
	const char *from = s->text + s->at;
	size_t len = strcspn(from, "\n");

	if (!*from)
		return NULL;
	s->line++;
	s->at += len + (from[len] == '\n');
	free(s->value);
	s->value = NULL;
	if (len > (size_t)size - 2)
		len = keep_value(s, from, len, (size_t)size - 2);
	memcpy(to, from, len);
	to[len] = '\n';
	to[len + 1] = '\0';
	return to;
}

/* "value" → value: people quote in INI files too. Lists keep theirs. */
static char *unquote(const char *value)
{
	size_t n = strlen(value);

	if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value && !memchr(value + 1, *value, n - 2))
		return xstrndup(value + 1, n - 2);
	return xstrdup(value);
}

static int on_value(void *arg, const char *section, const char *key, const char *value)
{
	struct state *s = arg;
	struct conf_place at = { .file = s->name, .line = s->line };

	if (s->failed)
		return 1;
	char *text CLEANUP(freep) = unquote(s->value ? s->value : value ? value : "");
	if (conf_set(s->conf, &s->seen, &at, section, key, text, NULL, s->fault) < 0)
		s->failed = true;
	return 1;
}

int conf_parse_ini(struct conf *c, const char *name, const char *text, struct fault *f)
{
	struct state s = { .conf = c, .name = name, .text = text, .fault = f };
	int bad = ini_parse_stream(next_line, &s, on_value, &s);

	strv_done(&s.seen);
	free(s.value);
	if (s.failed)
		return -EINVAL;
	if (bad)
		return fault_set(f, FAULT_CONF, -EINVAL, "%s:%d: neither a [section] nor key = value", name, bad > 0 ? bad : 0);
	return 0;
}
