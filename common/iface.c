/* SPDX-License-Identifier: MIT */
/*
 * What the interface's text says of a method's parameters. The text is the one place where
 * they are declared, so it is read at each call: a call is rare, and its parameters few.
 */
#include "common/iface.h"

#include <json-c/json.h>
#include <string.h>

#include "common/base.h"

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

/* ${list}: "units: ?[]string, reason: ?string) -> …" */
static bool fits(const char *list, const char *key, struct json_object *value)
{
	while (*list && *list != ')') {
		size_t name = strcspn(list, ":)"), end;
		const char *type = list + name + strspn(list + name, ": ");
		end = strcspn(type, ",)");
		if (is_word(list, name, key))
			return suits(type, end, value);
		list = type + end + strspn(type + end, ", ");
	}
	return false;
}

const char *iface_misfit(const char *method, struct json_object *parameters)
{
	const char *list = parameters_of(method);

	json_object_object_foreach(parameters, key, value)
		if (!fits(list ? list : "", key, value))
			return key;
	return NULL;
}
