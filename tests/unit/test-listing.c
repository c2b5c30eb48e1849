/* SPDX-License-Identifier: MIT */
#include "daemon/pure/listing.h"

#include "common/varlink.h"
#include "tests/unit/unit.h"

static void reads(void **state)
{
	static const struct {
		const char *line, *path, *kind, *mtime, *link;
		int mode;
		int64_t size;
	} cases[] = {
		{ "drwxr-s--- 5/6               0 2020-01-01 00:00:00           \"./a/\"", "a", "directory", "2020-01-01T00:00:00Z", NULL, 02750, 0 },
		{ "drwxrwxrwt 0/0               0 2026-11-24 15:36:58.588449755 \"./\"", "", "directory", "2026-11-24T15:36:58.588449755Z", NULL, 01777, 0 },
		{ "-rwSr-Sr-T 0/0        12345678 2026-11-24 15:36:58 \"./x\"", "x", "file", "2026-11-24T15:36:58Z", NULL, 07644, 12345678 },
		{ "hrw-r--r-- 0/0               0 2026-11-24 15:36:58 \"./a/h\" link to \"./a/g\"", "a/h", "hardlink", "2026-11-24T15:36:58Z", "./a/g", 0644, 0 },
		{ "lrwxrwxrwx 0/0               0 2026-11-24 15:36:58 \"./l -> m\" -> \"t \\\"-> g\"", "l -> m", "symlink", "2026-11-24T15:36:58Z", "t \\\"-> g", 0777, 0 },
		{ "crw-rw-rw- 0/0             1,3 2026-11-24 15:36:58 \"./null\"", "null", "character-device", "2026-11-24T15:36:58Z", NULL, 0666, 0 },
		{ "prw-r--r-- 0/0               0 2026-11-24 15:36:58 \"./\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\377\\001 \"", "\a\b\f\n\r\t\v\\\"\377\001 ", "fifo", "2026-11-24T15:36:58Z", NULL, 0644, 0 },
		{ "Vrw-r--r-- 0/0               0 2026-11-24 15:36:58 \"label\"", "label", "other", "2026-11-24T15:36:58Z", NULL, 0644, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listing_entry e;
		assert_int_equal(listing_parse(cases[i].line, &e), 0);
		assert_string_equal(e.path, cases[i].path);
		assert_string_equal(e.kind, cases[i].kind);
		assert_string_equal(e.mtime, cases[i].mtime);
		assert_int_equal(e.mode, cases[i].mode);
		assert_int_equal(e.size, cases[i].size);
		assert_true(streq(e.link, cases[i].link));
		listing_done(&e);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = { "", "x", "\"./a\"", "-rw-r--r-- 0/0 1 2020-01-01 00:00:00 ./a",
		"-rw-r--r-- 0/0 1 2020-01-01 00:00:00 \"./a", "-rw-r--r-- 0/0 1 2020-01-01 00:00:00 \"./a\\", "-rw 0/0 1 2020-01-01 00:00 \"a\"" };
	struct listing_entry e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(listing_parse(bad[i], &e) < 0);
}

static void places(void **state)
{
	static const struct {
		const char *path, *asked;
		enum listing_place place;
	} cases[] = {
		{ "", "", LISTING_ITSELF }, { "a", "", LISTING_BELOW }, { "a/b", "", LISTING_DEEPER }, { "a", "a", LISTING_ITSELF },
		{ "a/b", "a", LISTING_BELOW }, { "a/b/c", "a", LISTING_DEEPER }, { "ab", "a", LISTING_ELSEWHERE }, { "", "a", LISTING_ELSEWHERE },
		{ "a-b", "a", LISTING_ELSEWHERE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listing_entry e = { .path = (char *)(uintptr_t)cases[i].path };
		assert_int_equal(listing_place(&e, cases[i].asked), cases[i].place);
	}
}

/* What is no text is given in C escapes and says so; text is given as it is. */
static void json(void **state)
{
	static const struct {
		const char *name;
		bool quoted;
	} cases[] = { { "plain", false }, { "\xc3\xbc", false }, { "\xe2\x82\xac", false }, { "\xf0\x9f\x98\x80", false }, { "\xff", true },
		{ "\xc0\xaf", true }, { "\xed\xa0\x80", true }, { "\xe0\x80\x80", true }, { "\xf4\x90\x80\x80", true }, { "a\nb", true },
		{ "\xf0\x80\x80\x80", true }, { "\xe2\x82", true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listing_entry e = { .path = (char *)(uintptr_t)cases[i].name, .quoted = (char *)(uintptr_t)"Q", .kind = "file", .size = 7 };
		struct json_object *o CLEANUP(json_putp) = listing_json(&e);
		assert_string_equal(json_text(o, "path"), cases[i].quoted ? "Q" : cases[i].name);
		assert_true(json_flag(o, "quoted", false) == cases[i].quoted);
		assert_int_equal(json_number(o, "size_bytes", -1), 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(places), cmocka_unit_test(json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
