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
	size_t at;
	struct fault *fault;
	bool failed;
};

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
	if (len > (size_t)size - 2)
		len = (size_t)size - 2;
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
	char *text CLEANUP(freep) = unquote(value ? value : "");
	if (conf_set(s->conf, &s->seen, &at, section, key, text, NULL, s->fault) < 0)
		s->failed = true;
	return 1;
}

int conf_parse_ini(struct conf *c, const char *name, const char *text, struct fault *f)
{
	struct state s = { .conf = c, .name = name, .text = text, .fault = f };
	int bad = ini_parse_stream(next_line, &s, on_value, &s);

	strv_done(&s.seen);
	if (s.failed)
		return -EINVAL;
	if (bad)
		return fault_set(f, FAULT_CONF, -EINVAL, "%s:%d: neither a [section] nor key = value", name, bad > 0 ? bad : 0);
	return 0;
}
