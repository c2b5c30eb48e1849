/* SPDX-License-Identifier: MIT */
/*
 * Two passes over the document: the first collects the secret values, the second writes
 * every string anew with those values blanked, whatever the key it stands under.
 */
#include "daemon/pure/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/varlink.h"
#include "daemon/pure/envfile.h"

#define SHORTEST 4

struct secrets {
	struct strv values, *names;
};

bool redact_is_secret_name(const char *name)
{
	static const char *const patterns[] = { "PASS", "SECRET", "KEY", "TOKEN", "API", "AUTH" };

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (strcasestr(name, patterns[i]))
			return true;
	return false;
}

/* Words that say nothing: AUTH_ENABLED=true must not blank every true. */
static bool is_plain(const char *value)
{
	return strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0 || strcasecmp(value, "none") == 0;
}

static void note(struct secrets *s, const char *name, const char *value)
{
	if (s->names && !strv_has(s->names, name))
		strv_add(s->names, name);
	if (strlen(value) >= SHORTEST && !is_plain(value) && !strv_has(&s->values, value))
		strv_add(&s->values, value);
}

/* A secret inside a string: where, and what it is called there. */
struct span {
	size_t start, len;
	const char *name; /* borrowed from the string, not ended */
	size_t name_len;
};

/* Behind the // at ${at}, of a URL or a share: user:PASSWORD@host. */
static bool url_password(const char *text, size_t at, struct span *ret)
{
	const char *user = text + at + 2;
	const char *host = memrchr(user, '@', strcspn(user, "/?# \t\n\"'"));
	const char *colon = host ? memchr(user, ':', (size_t)(host - user)) : NULL;

	if (!colon || host == colon + 1)
		return false;
	*ret = (struct span){ .start = (size_t)(colon + 1 - text), .len = (size_t)(host - colon - 1) };
	return true;
}

/* Before and behind the = at ${at}: password=VALUE, in mount options and on command lines. */
static bool option_value(const char *text, size_t at, struct span *ret)
{
	static const char *const patterns[] = { "pass", "secret", "token" };
	size_t start = at;

	while (start > 0 && (isalnum((unsigned char)text[start - 1]) || strchr("_-.", text[start - 1])))
		start--;
	char *name CLEANUP(freep) = xstrndup(text + start, at - start);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		if (!strcasestr(name, patterns[i]))
			continue;
		*ret = (struct span){ .start = at + 1, .len = strcspn(text + at + 1, " \t\n,;&\"'"),
			.name = text + start, .name_len = at - start };
		return ret->len > 0;
	}
	return false;
}

/* The next secret that a string's own syntax gives away, at or behind ${from}. */
static bool next_span(const char *text, size_t from, struct span *ret)
{
	for (size_t i = from; text[i]; i++) {
		if (starts_with(text + i, "//") && url_password(text, i, ret))
			return true;
		if (text[i] == '=' && option_value(text, i, ret))
			return true;
	}
	return false;
}

static void collect_env(struct secrets *s, const char *entry)
{
	const char *equals = strchr(entry, '=');

	if (!equals)
		return;
	char *name CLEANUP(freep) = xstrndup(entry, (size_t)(equals - entry));
	if (redact_is_secret_name(name))
		note(s, name, equals + 1);
}

static void collect_string(struct secrets *s, const char *text)
{
	struct span found;

	for (size_t at = 0; next_span(text, at, &found); at = found.start + found.len) {
		char *value CLEANUP(freep) = xstrndup(text + found.start, found.len);
		char *name CLEANUP(freep) = found.name ? xstrndup(found.name, found.name_len) : xstrdup("the password in a URL");
		note(s, name, value);
	}
}

/* Objects whose members the user named: all of them strings, unlike the container's own Config. */
static bool is_map(struct json_object *o, const char *key)
{
	static const char *const maps[] = { "Labels", "Options", "DriverOpts", "Config", "Annotations", "StorageOpt" };

	json_object_object_foreach(o, name, value)
	{
		(void)name;
		if (!json_object_is_type(value, json_type_string))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (streq(key, maps[i]))
			return true;
	return false;
}

/*
 * What says which thing is meant. A password "postgres" is none in the image's name, and
 * without image, mounts and ports nobody could bring the container back.
 */
static bool is_reference(const char *key)
{
	static const char *const references[] = { "Id", "Name", "Image", "Type", "Driver", "Source", "Destination", "Target",
		"Mountpoint", "Binds", "HostPort", "NetworkMode" };

	for (size_t i = 0; i < ARRAY_SIZE(references); i++)
		if (streq(key, references[i]))
			return true;
	return false;
}

static void collect(struct secrets *s, struct json_object *o, const char *key)
{
	if (json_object_is_type(o, json_type_object)) {
		bool map = is_map(o, key);
		json_object_object_foreach(o, name, value)
		{
			if (map && redact_is_secret_name(name))
				note(s, name, json_object_get_string(value));
			collect(s, value, name);
		}
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			struct json_object *v = json_object_array_get_idx(o, i);
			if (streq(key, "Env") && json_object_is_type(v, json_type_string))
				collect_env(s, json_object_get_string(v));
			collect(s, v, key);
		}
	} else if (json_object_is_type(o, json_type_string)) {
		collect_string(s, json_object_get_string(o));
	}
}

/* --- writing ----------------------------------------------------------------------------------- */

/* ${text} with every secret replaced; in a reference only those its own syntax gives away. */
static char *blank(const struct secrets *s, const char *text, bool reference)
{
	size_t len = strlen(text);
	bool *secret = xcalloc(len + 1, sizeof(*secret));
	struct buf b = { 0 };
	struct span found;

	for (size_t at = 0; next_span(text, at, &found); at = found.start + found.len)
		memset(secret + found.start, true, found.len);
	for (size_t i = 0; !reference && i < s->values.n; i++)
		for (const char *p = text; (p = strstr(p, s->values.v[i])); p++)
			memset(secret + (p - text), true, strlen(s->values.v[i]));
	for (size_t i = 0; i < len; i++) {
		if (!secret[i])
			buf_printf(&b, "%c", text[i]);
		else if (i == 0 || !secret[i - 1])
			buf_puts(&b, REDACTED);
	}
	free(secret);
	return buf_steal(&b);
}

static struct json_object *rewrite_string(const struct secrets *s, const char *text, const char *key)
{
	const char *equals = streq(key, "Env") ? strchr(text, '=') : NULL;

	if (equals) {
		char *name CLEANUP(freep) = xstrndup(text, (size_t)(equals - text));
		if (redact_is_secret_name(name)) {
			char *entry CLEANUP(freep) = xasprintf("%s=%s", name, REDACTED);
			return json_object_new_string(entry);
		}
	}
	char *clean CLEANUP(freep) = blank(s, text, is_reference(key));
	return json_object_new_string(clean);
}

static struct json_object *rewrite(const struct secrets *s, struct json_object *o, const char *key)
{
	struct json_object *to;

	if (json_object_is_type(o, json_type_object)) {
		bool map = is_map(o, key);
		to = json_object_new_object();
		json_object_object_foreach(o, name, value)
		{
			bool secret = map && redact_is_secret_name(name);
			char *clean CLEANUP(freep) = map ? blank(s, name, false) : xstrdup(name);
			/* A label called Image is the user's text, no reference. */
			json_object_object_add(to, clean,
				secret ? json_object_new_string(REDACTED) : rewrite(s, value, map ? "" : name));
		}
		return to;
	}
	if (json_object_is_type(o, json_type_array)) {
		to = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(o); i++)
			json_object_array_add(to, rewrite(s, json_object_array_get_idx(o, i), key));
		return to;
	}
	if (json_object_is_type(o, json_type_string))
		return rewrite_string(s, json_object_get_string(o), key);
	return json_object_get(o);
}

char *redact_inspect(const char *text, size_t len, struct strv *names)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(text, len);
	struct secrets s = { .names = names };

	if (!o)
		return NULL;
	collect(&s, o, "");
	struct json_object *clean CLEANUP(json_putp) = rewrite(&s, o, "");
	for (size_t i = 0; i < s.values.n; i++)
		explicit_bzero(s.values.v[i], strlen(s.values.v[i]));
	strv_done(&s.values);
	return json_write(clean, JSON_C_TO_STRING_PRETTY, NULL);
}

/* --- env files --------------------------------------------------------------------------------- */

static bool is_secret_entry(const char *text, const struct env_entry *e, char **ret_name)
{
	*ret_name = xstrndup(text + e->name, e->name_len);
	return redact_is_secret_name(*ret_name) && e->value_len > 0;
}

static void collect_entries(struct secrets *s, const char *text, size_t len)
{
	struct env_entry e;

	for (size_t at = 0; env_next(text, len, &at, &e);) {
		char *name CLEANUP(freep) = NULL;
		bool secret = is_secret_entry(text, &e, &name);
		char *value CLEANUP(freep) = env_value(text, &e);
		if (secret)
			note(s, name, value);
		else
			collect_string(s, value);
	}
}

/* [from, to) with what is secret in it blanked; a NUL ends no secret's life. */
static void put_clean(struct buf *b, const struct secrets *s, const char *text, size_t from, size_t to)
{
	while (from < to) {
		size_t n = strnlen(text + from, to - from);
		char *part CLEANUP(freep) = xstrndup(text + from, n), *clean CLEANUP(freep) = blank(s, part, false);
		buf_puts(b, clean);
		from += n;
		if (from < to)
			from++; /* a NUL: no text has one */
	}
}

char *redact_env_file(const char *text, size_t len, struct strv *names)
{
	struct secrets s = { .names = names };
	struct buf b = { 0 };
	struct env_entry e;
	size_t done = 0;

	collect_entries(&s, text, len);
	for (size_t at = 0; env_next(text, len, &at, &e);) {
		char *name CLEANUP(freep) = NULL;
		if (!is_secret_entry(text, &e, &name))
			continue;
		put_clean(&b, &s, text, done, e.value);
		buf_puts(&b, REDACTED);
		done = e.value + e.value_len;
	}
	put_clean(&b, &s, text, done, len);
	for (size_t i = 0; i < s.values.n; i++)
		explicit_bzero(s.values.v[i], strlen(s.values.v[i]));
	strv_done(&s.values);
	return buf_steal(&b);
}
