/* SPDX-License-Identifier: MIT */
/*
 * Two passes over the document: the first collects the secret values, the second writes
 * every string anew with those values blanked, whatever the key it stands under.
 */
#include "daemon/pure/redact.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/varlink.h"
#include "daemon/pure/envfile.h"
#include "daemon/pure/secrets.h"

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

static void note(struct secrets *s, const char *name, const char *value)
{
	if (s->names && !strv_has(s->names, name))
		strv_add(s->names, name);
	if (strlen(value) >= SHORTEST && !secret_is_plain(value, strlen(value)) && !strv_has(&s->values, value))
		strv_add(&s->values, value);
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

static void note_span(struct secrets *s, const char *text, const struct secret_span *found)
{
	char *value CLEANUP(freep) = xstrndup(text + found->start, found->len);
	char *name CLEANUP(freep) = found->name ? xstrndup(found->name, found->name_len) : xstrdup("the password in a URL");

	note(s, name, value);
}

static void collect_string(struct secrets *s, const char *text, const char *context)
{
	struct secret_span found;

	for (size_t at = 0; secret_next(text, at, context, &found); at = found.start + found.len)
		note_span(s, text, &found);
}

/* The words of a command, one string: what a word means depends on the others. Caller's. */
static char *words_of(struct json_object *o)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < json_object_array_length(o); i++) {
		struct json_object *v = json_object_array_get_idx(o, i);
		if (json_object_is_type(v, json_type_string))
			buf_printf(&b, "%s ", json_object_get_string(v));
	}
	return buf_steal(&b);
}

/* Does the word before give away the ${i}th, and where in it? */
static bool pair_span(struct json_object *list, size_t i, const char *context, struct secret_span *ret)
{
	struct json_object *before = i > 0 ? json_object_array_get_idx(list, i - 1) : NULL, *v = json_object_array_get_idx(list, i);

	return json_object_is_type(before, json_type_string) && json_object_is_type(v, json_type_string) &&
		secret_pair(json_object_get_string(before), json_object_get_string(v), context, ret);
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

static void collect(struct secrets *s, struct json_object *o, const char *key);

static void collect_list(struct secrets *s, struct json_object *o, const char *key)
{
	char *context CLEANUP(freep) = words_of(o);
	struct secret_span found;

	for (size_t i = 0; i < json_object_array_length(o); i++) {
		struct json_object *v = json_object_array_get_idx(o, i);
		const char *text = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
		if (!text) {
			collect(s, v, key);
			continue;
		}
		if (streq(key, "Env"))
			collect_env(s, text);
		if (pair_span(o, i, context, &found))
			note_span(s, text, &found);
		collect_string(s, text, context);
	}
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
		collect_list(s, o, key);
	} else if (json_object_is_type(o, json_type_string)) {
		collect_string(s, json_object_get_string(o), json_object_get_string(o));
	}
}

/* --- writing ----------------------------------------------------------------------------------- */

/*
 * ${text} with every secret replaced, also at ${known} (NULL: there is none); in a reference only those that its
 * own syntax gives away.
 */
static char *blank(const struct secrets *s, const char *text, bool reference, const char *context, const struct secret_span *known)
{
	size_t len = strlen(text);
	bool *secret = xcalloc(len + 1, sizeof(*secret));
	struct buf b = { 0 };
	struct secret_span found;

	if (known)
		memset(secret + known->start, true, known->len);
	for (size_t at = 0; secret_next(text, at, context, &found); at = found.start + found.len)
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

static struct json_object *rewrite_string(const struct secrets *s, const char *text, const char *key, const char *context,
	const struct secret_span *known)
{
	const char *equals = streq(key, "Env") ? strchr(text, '=') : NULL;

	if (equals) {
		char *name CLEANUP(freep) = xstrndup(text, (size_t)(equals - text));
		if (redact_is_secret_name(name)) {
			char *entry CLEANUP(freep) = xasprintf("%s=%s", name, REDACTED);
			return json_object_new_string(entry);
		}
	}
	char *clean CLEANUP(freep) = blank(s, text, is_reference(key), context, known);
	return json_object_new_string(clean);
}

static struct json_object *rewrite(const struct secrets *s, struct json_object *o, const char *key);

static struct json_object *rewrite_list(const struct secrets *s, struct json_object *o, const char *key)
{
	struct json_object *to = json_object_new_array();
	char *context CLEANUP(freep) = words_of(o);
	struct secret_span known;

	for (size_t i = 0; i < json_object_array_length(o); i++) {
		struct json_object *v = json_object_array_get_idx(o, i);
		bool pair = pair_span(o, i, context, &known);
		json_object_array_add(to, json_object_is_type(v, json_type_string)
				? rewrite_string(s, json_object_get_string(v), key, context, pair ? &known : NULL)
				: rewrite(s, v, key));
	}
	return to;
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
			char *clean CLEANUP(freep) = map ? blank(s, name, false, name, NULL) : xstrdup(name);
			/* A label called Image is the user's text, no reference. */
			json_object_object_add(to, clean,
				secret ? json_object_new_string(REDACTED) : rewrite(s, value, map ? "" : name));
		}
		return to;
	}
	if (json_object_is_type(o, json_type_array))
		return rewrite_list(s, o, key);
	if (json_object_is_type(o, json_type_string))
		return rewrite_string(s, json_object_get_string(o), key, json_object_get_string(o), NULL);
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
			collect_string(s, value, value);
	}
}

/* [from, to) with what is secret in it blanked; a NUL ends no secret's life. */
static void put_clean(struct buf *b, const struct secrets *s, const char *text, size_t from, size_t to)
{
	while (from < to) {
		size_t n = strnlen(text + from, to - from);
		char *part CLEANUP(freep) = xstrndup(text + from, n), *clean CLEANUP(freep) = blank(s, part, false, part, NULL);
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
