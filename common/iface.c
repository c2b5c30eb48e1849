/* SPDX-License-Identifier: MIT */
/*
 * What the interface's text says of a method's parameters. The text is the one place where
 * they are declared, so it is read at each call: a call is rare, and its parameters few.
 */
#include "common/iface.h"

#include <json-c/json.h>
#include <string.h>

#include "common/varlink.h"

/* Behind "method NAME(", NULL: there is no such method. */
static const char *parameters_of(const char *method)
{
	char *word CLEANUP(freep) = xasprintf("\nmethod %s(", method);
	const char *at = strchr(method, '\n') ? NULL : strstr(iface_text, word);

	return at ? at + strlen(word) : NULL;
}

bool iface_declares(const char *method)
{
	return parameters_of(method) != NULL;
}

static bool is_word(const char *type, size_t len, const char *word)
{
	return len == strlen(word) && strncmp(type, word, len) == 0;
}

/* null is a parameter that is not there: whoever needs it says so. */
static bool suits(const char *type, size_t len, struct json_object *value)
{
	enum json_type is = json_object_get_type(value);

	if (len > 0 && *type == '?')
		return suits(type + 1, len - 1, value);
	if (is == json_type_null)
		return true;
	if (len > 1 && strncmp(type, "[]", 2) == 0) {
		for (size_t i = 0; is == json_type_array && i < json_object_array_length(value); i++) {
			struct json_object *one = json_object_array_get_idx(value, i); /* borrowed */
			if (!one || !suits(type + 2, len - 2, one))
				return false;
		}
		return is == json_type_array;
	}
	return is == (is_word(type, len, "string") ? json_type_string : is_word(type, len, "int") ? json_type_int :
		is_word(type, len, "bool") ? json_type_boolean : json_type_object);
}

/* One of "units: ?[]string, reason: ?string) -> …": its name and its type. */
struct declared {
	const char *name, *type;
	size_t name_len, type_len;
};

/* Take the first of ${list} off it; false: there is none. */
static bool next_declared(const char **list, struct declared *ret)
{
	const char *at = *list;

	if (*at == '\0' || *at == ')')
		return false;
	ret->name = at;
	ret->name_len = strcspn(at, ":)");
	ret->type = at + ret->name_len + strspn(at + ret->name_len, ": ");
	ret->type_len = strcspn(ret->type, ",)");
	at = ret->type + ret->type_len;
	*list = at + strspn(at, ", ");
	return true;
}

static bool find(const char *list, const char *key, struct declared *ret)
{
	while (next_declared(&list, ret))
		if (is_word(ret->name, ret->name_len, key))
			return true;
	return false;
}

static char *names_of(const char *method, const char *list)
{
	struct buf b = { 0 };
	struct declared d;

	buf_printf(&b, "%s takes ", method);
	for (size_t i = 0; next_declared(&list, &d); i++)
		buf_printf(&b, "%s%.*s", i ? ", " : "", (int)d.name_len, d.name);
	if (ends_with(b.data, "takes "))
		buf_puts(&b, "no parameters");
	return buf_steal(&b);
}

static bool is_empty_list(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0;
}

/* What is wrong with ${value}; NULL: nothing. Caller's. */
static char *judge(const char *method, const char *list, const char *key, struct json_object *value)
{
	struct declared d;

	if (!find(list, key, &d)) {
		char *names CLEANUP(freep) = names_of(method, list);
		return xasprintf("there is no parameter \"%s\": %s", key, names);
	}
	if (!suits(d.type, d.type_len, value))
		return xasprintf("%s of %s must be %.*s", key, method, (int)d.type_len, d.type);
	if (is_empty_list(value))
		return xasprintf("%s of %s is an empty list, which means none: name some, or leave it out for all", key, method);
	return NULL;
}

char *iface_misfit(const char *method, struct json_object *parameters, char **ret_parameter)
{
	const char *list = parameters_of(method), *rest = list ? list : "";
	struct declared d;

	json_object_object_foreach(parameters, key, value)
	{
		char *why = judge(method, list ? list : "", key, value);
		if (why) {
			*ret_parameter = xstrdup(key);
			return why;
		}
	}
	while (next_declared(&rest, &d)) {
		char *name CLEANUP(freep) = xstrndup(d.name, d.name_len);
		if (*d.type == '?' || json_member(parameters, name))
			continue;
		*ret_parameter = TAKE_PTR(name);
		return xasprintf("%s needs the parameter %s", method, *ret_parameter);
	}
	return NULL;
}
