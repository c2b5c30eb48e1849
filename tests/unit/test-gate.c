/* SPDX-License-Identifier: MIT */
/* What the two gates let through. */
#include "common/gate.h"

#include "common/varlink.h"
#include "tests/unit/unit.h"

static void strict(void **state)
{
	static const struct {
		const char *text, *why, *parameter;
	} table[] = {
		{ "{\"parameters\":{\"units\":[\"caf\xc3\xa9\", \"\\ud83d\\udc33\", \"\xf0\x9f\x90\xb3\", \"\"]}}", NULL, NULL },
		{ " [1, -0, 0.5e-3, 9223372036854775807, -9223372036854775808, true, false, null, {}, []] ", NULL, NULL },
		{ "{\"parameters\":{\"a\":1,\"unit\":\"nas\\u0000-old\"}}", "a NUL", "unit" },
		{ "{\"parameters\":{\"a\":1,\"unit\\u0000\":\"nas\"}}", "a NUL", "" },
		{ "{\"parameters\":{\"units\":[{\"x\":\"\xc0\xae\"}]}}", "no UTF-8", "units" },
		{ "{\"parameters\":{\"unit\":\"\xed\xa0\x80\"}}", "no UTF-8", "unit" }, { "{\"unit\":\"\xf4\x90\x80\x80\"}", "no UTF-8", "" },
		{ "\"\xe2\x82", "no UTF-8", "" }, { "\"\\ud800\"", "surrogate", "" }, { "\"\\udc00\"", "surrogate", "" },
		{ "\"\\ud800\\u0041\"", "surrogate", "" }, { "\"\\ud83d", "surrogate", "" }, { "\"\\u00g0\"", "escape", "" },
		{ "\"\\x\"", "escape", "" }, { "\"\\", "middle", "" }, { "\"a\nb\"", "control", "" }, { "\"a", "middle", "" }, { "", "middle", "" },
		{ "[1", "middle", "" }, { "[1 2]", "comma", "" }, { "[1,]", "no JSON", "" }, { "{\"a\" 1}", "value", "" }, { "{a:1}", "name", "" },
		{ "{\"a\":1,}", "name", "" }, { "9223372036854775808", "fit", "" }, { "1e999", "fit", "" }, { "01", "behind", "" },
		{ "+1", "no JSON", "" }, { "1.", "no JSON", "" }, { "NaN", "no JSON", "" }, { "Infinity", "no JSON", "" }, { "nul", "no JSON", "" },
		{ "{} x", "behind", "" }, { "'a'", "no JSON", "" }, { "/**/1", "no JSON", "" }, { "[[[[[1]]]]]", "deep", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct gate_fault f = { 0 };
		size_t members;
		int r = gate_check(table[i].text, strlen(table[i].text), 4, &members, &f);
		if (r != (table[i].why ? -EBADMSG : 0) || (table[i].why && (!strstr(f.why, table[i].why) || !streq(f.parameter, table[i].parameter))))
			fail_msg("%s: %s, %s", table[i].text, f.why ? f.why : "good", f.parameter);
	}
}

static void names_twice(void **state)
{
	static const char *const bad[] = {
		"{\"method\":\"a.B\",\"method\":\"a.C\"}", "{\"method\":\"a.B\",\"parameters\":{\"x\":[{\"y\":1,\"\\u0079\":2}]}}",
	};
	struct varlink_call c = { 0 };
	struct gate_fault f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(varlink_parse_call(bad[i], strlen(bad[i]), &c, &f), -EBADMSG);
		assert_non_null(strstr(f.why, "twice"));
	}
}

static void repaired(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: to its end */
		const char *good;
	} table[] = {
		{ "{\"a\":\"caf\xc3\xa9 \\u00e9 \\ud83d\\udc33 \\\\u0000 \\\"\"}", 0, NULL }, { "\xff no string", 0, NULL },
		{ "\"nas\\u0000-old\"", 0, "\"nas\\\\000-old\"" }, { "{\"a\\u0000b\":1}", 0, "{\"a\\\\000b\":1}" },
		{ "\"\xff\xc0\xae!\"", 0, "\"\\\\377\\\\300\\\\256!\"" }, { "\"\xed\xa0\x80\"", 0, "\"\\\\355\\\\240\\\\200\"" },
		{ "\"\\ud800\"", 0, "\"\\\\355\\\\240\\\\200\"" }, { "\"a\0b\"", 5, "\"a\\\\000b\"" }, { "\"\\\xff\"", 0, "\"\\\\\\377\"" },
		{ "\"\xe2\x82", 0, "\"\\\\342\\\\202" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t len = 0;
		char *good CLEANUP(freep) = gate_repair(table[i].text, table[i].len ? table[i].len : strlen(table[i].text), &len);
		if (!streq(good, table[i].good) || (good && strlen(good) != len))
			fail_msg("%s: %s", table[i].text, good ? good : "good");
	}
}

/* Two labels that differ behind a NUL stay two, and bytes that are no text come back as a text. */
static void in_and_out(void **state)
{
	static const char text[] = "{\"l\":{\"x\":\"shop\",\"x\\u0000y\":\"nas\\u0000-old\"},\"mount\":\"/mnt/\xff\"}";
	struct json_object *o CLEANUP(json_putp) = json_parse(text, strlen(text));
	struct json_object *l = json_member(o, "l");

	(void)state;
	assert_string_equal(json_text(l, "x"), "shop");
	assert_string_equal(json_text(l, "x\\000y"), "nas\\000-old");
	json_put_text(o, "raw", "\xc3");
	char *out CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PLAIN, NULL);
	assert_string_equal(out, "{\"l\":{\"x\":\"shop\",\"x\\\\000y\":\"nas\\\\000-old\"},\"mount\":\"/mnt/\\\\377\",\"raw\":\"\\\\303\"}");
	struct buf b CLEANUP(buf_done) = { 0 };
	varlink_format_reply(&b, o, false);
	struct varlink_reply r = { 0 };
	assert_int_equal(varlink_parse_reply(b.data, b.len - 1, &r), 0);
	assert_string_equal(json_text(r.parameters, "raw"), "\\303");
	varlink_reply_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict), cmocka_unit_test(names_twice), cmocka_unit_test(repaired), cmocka_unit_test(in_and_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
