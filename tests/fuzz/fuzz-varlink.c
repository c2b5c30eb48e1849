/* SPDX-License-Identifier: MIT */
/*
 * Whatever a client sends: what the strict gate lets in is text, without a NUL in any string, and goes out as it came in; what the other
 * gate has repaired is what it repairs no more, and json-c reads all that it read before. Every input is
 * a call, a reply and a file of ours.
 */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/varlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_text(const char *text, size_t len)
{
	if (strlen(text) != len)
		abort();
	for (size_t i = 0, n; i < len; i += n)
		if ((n = text_utf8_length((const unsigned char *)text + i, len - i)) == 0)
			abort();
}

static void strings(struct json_object *o, bool strict)
{
	if (json_object_is_type(o, json_type_string) && strict)
		is_text(json_object_get_string(o), (size_t)json_object_get_string_len(o));
	for (size_t i = 0; json_object_is_type(o, json_type_array) && i < json_object_array_length(o); i++)
		strings(json_object_array_get_idx(o, i), strict);
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, value)
	{
		is_text(key, strlen(key));
		strings(value, strict);
	}
}

static void as_call(const char *text, size_t size)
{
	struct varlink_call c = { 0 };
	struct gate_fault f = { 0 };
	struct buf b CLEANUP(buf_done) = { 0 };
	struct varlink_call again = { 0 };

	if (varlink_parse_call(text, size, &c, &f) < 0) {
		if (!f.why || f.at > size || strlen(f.parameter) >= sizeof(f.parameter))
			abort();
		return;
	}
	strings(c.parameters, true);
	varlink_format_call(&b, c.method, c.parameters, c.more);
	is_text(b.data, b.len - 1);
	if (varlink_parse_call(b.data, b.len - 1, &again, &f) < 0 || !json_object_equal(c.parameters, again.parameters))
		abort();
	varlink_call_done(&c);
	varlink_call_done(&again);
}

static void as_file(const char *text, size_t size)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(text, size);
	size_t len = 0, more;

	strings(o, true);
	char *repaired CLEANUP(freep) = gate_repair(text, size, &len);
	char *twice CLEANUP(freep) = repaired ? gate_repair(repaired, len, &more) : NULL;
	if (twice)
		abort();
	char *out CLEANUP(freep) = o ? json_write(o, JSON_C_TO_STRING_PRETTY, &len) : NULL;
	if (out)
		is_text(out, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text CLEANUP(freep) = xcalloc(size + 1, 1);
	struct varlink_reply r = { 0 };

	memcpy(text, data, size);
	as_call(text, size);
	as_file(text, size);
	if (varlink_parse_reply(text, size, &r) == 0)
		varlink_reply_done(&r);
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		CLEANUP(freep) uint8_t *data = xcalloc(1, 1 << 20);
		CLEANUP(fclosep) FILE *file = fopen(argv[i], "re");

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		IGNORE(LLVMFuzzerTestOneInput(data, fread(data, 1, 1 << 20, file)));
	}
	return 0;
}
#endif
