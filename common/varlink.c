/* SPDX-License-Identifier: MIT */
/*
 * Messages are JSON objects ended by NUL. What is asked of us goes through the strict gate, what we read of others and all that we
 * write through the other one: nothing that is no text goes in or out.
 */
#include "common/varlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_DEPTH 32
#define JSON_DEPTH    64

int varlink_frame(const struct buf *b, size_t max, size_t *ret_len)
{
	const char *end = b->len ? memchr(b->data, '\0', b->len) : NULL;

	if (end) {
		*ret_len = (size_t)(end - b->data);
		return *ret_len > max ? -EMSGSIZE : 1;
	}
	return b->len > max ? -EMSGSIZE : 0;
}

static struct json_object *parse(const char *text, size_t len, int depth)
{
	struct json_tokener *t = len <= INT32_MAX ? json_tokener_new_ex(depth) : NULL;
	struct json_object *o = NULL;

	if (!t)
		return NULL;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)len);
	size_t used = json_tokener_get_parse_end(t);
	bool good = json_tokener_get_error(t) == json_tokener_success;
	json_tokener_free(t);
	for (; good && used < len; used++)
		good = strchr(" \t\r\n", text[used]) != NULL && text[used];
	if (good)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *parse_any(const char *text, size_t len, int depth)
{
	char *repaired CLEANUP(freep) = gate_repair(text, len, &len);

	return parse(repaired ? repaired : text, len, depth);
}

struct json_object *json_parse(const char *text, size_t len)
{
	return text ? parse_any(text, len, JSON_DEPTH) : NULL;
}

static size_t count_members(struct json_object *o)
{
	size_t n = 0;

	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			n += count_members(json_object_array_get_idx(o, i));
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, one)
		{
			(void)key;
			n += 1 + count_members(one);
		}
	}
	return n;
}

static struct json_object *parse_strict(const char *text, size_t len, int depth, struct gate_fault *f)
{
	size_t members;

	if (gate_check(text, len, (unsigned int)depth, &members, f) < 0)
		return NULL;
	struct json_object *o = parse(text, len, depth + 1); /* json-c counts what stands in the deepest as one more */
	if (o && count_members(o) == members)
		return o;
	*f = (struct gate_fault){ .why = o ? "has a name twice" : "is no JSON object" };
	json_object_put(o);
	return NULL;
}

/* "parameters": absent and null are an empty object (Go and Rust clients send null). */
static int take_parameters(struct json_object *message, struct json_object **ret)
{
	struct json_object *p = json_member(message, "parameters");

	if (p && !json_object_is_type(p, json_type_object))
		return -EBADMSG;
	*ret = p ? json_object_get(p) : json_object_new_object();
	return 0;
}

static int flag_of(struct json_object *message, const char *key, bool *ret)
{
	struct json_object *v = json_member(message, key);

	if (v && !json_object_is_type(v, json_type_boolean))
		return -EBADMSG;
	*ret = v && json_object_get_boolean(v);
	return 0;
}

int varlink_parse_call(const char *text, size_t len, struct varlink_call *ret, struct gate_fault *f)
{
	struct json_object *o CLEANUP(json_putp) = parse_strict(text, len, MESSAGE_DEPTH, f);
	struct varlink_call c = { 0 };

	if (!o)
		return -EBADMSG;
	*f = (struct gate_fault){ .why = "is no varlink call" };
	if (!json_object_is_type(o, json_type_object) || !json_text(o, "method") ||
		flag_of(o, "more", &c.more) < 0 || flag_of(o, "oneway", &c.oneway) < 0 ||
		take_parameters(o, &c.parameters) < 0)
		return -EBADMSG;
	c.method = xstrdup(json_text(o, "method"));
	*ret = c;
	return 0;
}

int varlink_parse_reply(const char *text, size_t len, struct varlink_reply *ret)
{
	struct json_object *o CLEANUP(json_putp) = parse_any(text, len, JSON_DEPTH);
	struct varlink_reply r = { 0 };

	if (!json_object_is_type(o, json_type_object) || flag_of(o, "continues", &r.continues) < 0 ||
		take_parameters(o, &r.parameters) < 0)
		return -EBADMSG;
	r.error = xstrdup(json_text(o, "error"));
	*ret = r;
	return 0;
}

char *json_write(struct json_object *o, int style, size_t *ret_len)
{
	size_t len;
	const char *text = json_object_to_json_string_length(o, style | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	char *repaired = gate_repair(text, len, &len);

	if (ret_len)
		*ret_len = len;
	return repaired ? repaired : xstrndup(text, len);
}

static void format(struct buf *b, struct json_object *message)
{
	size_t len;
	char *text CLEANUP(freep) = json_write(message, JSON_C_TO_STRING_PLAIN, &len);

	if (buf_add(b, text, len + 1) == -ENOMEM) /* the NUL is the frame's end */
		abort();
	json_object_put(message);
}

static void put_parameters(struct json_object *message, struct json_object *parameters)
{
	json_object_object_add(message, "parameters",
		parameters ? json_object_get(parameters) : json_object_new_object());
}

void varlink_format_call(struct buf *b, const char *method, struct json_object *parameters, bool more)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "method", method);
	put_parameters(o, parameters);
	if (more)
		json_put_flag(o, "more", true);
	format(b, o);
}

void varlink_format_reply(struct buf *b, struct json_object *parameters, bool continues)
{
	struct json_object *o = json_object_new_object();

	put_parameters(o, parameters);
	if (continues)
		json_put_flag(o, "continues", true);
	format(b, o);
}

void varlink_format_error(struct buf *b, const char *error, struct json_object *parameters)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "error", error);
	put_parameters(o, parameters);
	format(b, o);
}

void varlink_call_done(struct varlink_call *c)
{
	free(c->method);
	json_object_put(c->parameters);
	*c = (struct varlink_call){ 0 };
}

void varlink_reply_done(struct varlink_reply *r)
{
	free(r->error);
	json_object_put(r->parameters);
	*r = (struct varlink_reply){ 0 };
}

/* --- json-c, said shorter ------------------------------------------------------------- */

struct json_object *json_member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
		return NULL;
	return v;
}

const char *json_text(struct json_object *o, const char *key)
{
	struct json_object *v = json_member(o, key);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

int64_t json_number(struct json_object *o, const char *key, int64_t fallback)
{
	struct json_object *v = json_member(o, key);

	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : fallback;
}

bool json_flag(struct json_object *o, const char *key, bool fallback)
{
	struct json_object *v = json_member(o, key);

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : fallback;
}

void json_put_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, json_object_new_string(text));
}

void json_put_number(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

void json_put_flag(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

void json_put_list(struct json_object *o, const char *key, const struct strv *list)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; list && i < list->n; i++)
		json_object_array_add(a, json_object_new_string(list->v[i]));
	json_object_object_add(o, key, a);
}

void json_read_list(struct json_object *o, const char *key, struct strv *ret)
{
	struct json_object *a = json_member(o, key);

	if (!json_object_is_type(a, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(a); i++) {
		struct json_object *v = json_object_array_get_idx(a, i);
		if (json_object_is_type(v, json_type_string))
			strv_add(ret, json_object_get_string(v));
	}
}

void json_putp(struct json_object **o)
{
	json_object_put(*o);
	*o = NULL;
}
