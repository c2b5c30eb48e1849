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
	if (strlen(value) >= SHORTEST && !strv_has(&s->values, value))
		strv_add(&s->values, value);
}

/* scheme://user:PASSWORD@host: where the password begins, and its length; NULL if there is none. */
static const char *url_password(const char *text, size_t *ret_len)
{
	const char *at = text;

	while ((at = strstr(at, "://"))) {
		at += 3;
		size_t authority = strcspn(at, "/?# \t\n\"'");
		const char *host = memrchr(at, '@', authority);
		const char *colon = host ? memchr(at, ':', (size_t)(host - at)) : NULL;
		if (colon && host > colon + 1) {
			*ret_len = (size_t)(host - colon - 1);
			return colon + 1;
		}
	}
	return NULL;
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
	size_t len;
	const char *password = url_password(text, &len);

	if (password) {
		char *value CLEANUP(freep) = xstrndup(password, len);
		note(s, "the password in a URL", value);
	}
}

static void collect(struct secrets *s, struct json_object *o, const char *key)
{
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, name, value)
		{
			if ((streq(key, "Labels") || streq(key, "Options") || streq(key, "DriverOpts")) &&
				redact_is_secret_name(name) && json_object_is_type(value, json_type_string))
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

static const char *secret_at(const struct secrets *s, const char *p)
{
	const char *longest = NULL;

	for (size_t i = 0; i < s->values.n; i++)
		if (starts_with(p, s->values.v[i]) && (!longest || strlen(s->values.v[i]) > strlen(longest)))
			longest = s->values.v[i];
	return longest;
}

static char *blank(const struct secrets *s, const char *text)
{
	struct buf b = { 0 };

	while (*text) {
		const char *secret = secret_at(s, text);
		if (secret) {
			buf_puts(&b, REDACTED);
			text += strlen(secret);
		} else {
			buf_printf(&b, "%c", *text++);
		}
	}
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
	char *clean CLEANUP(freep) = blank(s, text);
	return json_object_new_string(clean);
}

static struct json_object *rewrite(const struct secrets *s, struct json_object *o, const char *key)
{
	struct json_object *to;

	if (json_object_is_type(o, json_type_object)) {
		bool map = streq(key, "Labels") || streq(key, "Options") || streq(key, "DriverOpts");
		to = json_object_new_object();
		json_object_object_foreach(o, name, value)
		{
			bool secret = map && redact_is_secret_name(name) && json_object_is_type(value, json_type_string);
			char *clean CLEANUP(freep) = blank(s, name);
			json_object_object_add(to, clean, secret ? json_object_new_string(REDACTED) : rewrite(s, value, name));
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
	return xstrdup(json_object_to_json_string_ext(clean, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}
