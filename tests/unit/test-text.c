/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include "tests/unit/unit.h"

static void every_byte(void **state)
{
	char all[256];

	(void)state;
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	char *quoted CLEANUP(freep) = text_quote(all), *back CLEANUP(freep) = text_unquote(quoted);
	assert_string_equal(back, all);
	assert_true(text_is_plain(quoted) && !text_is_plain(all));
	char *same CLEANUP(freep) = text_quote("/a b/c-d_e.f'");
	assert_string_equal(same, "/a b/c-d_e.f'");
}

static void unquotes(void **state)
{
	static const char *const cases[][2] = { { "a\\\\b", "a\\b" }, { "\\303\\274", "\xc3\xbc" }, { "x\\", "x" }, { "\\40", "40" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text CLEANUP(freep) = text_unquote(cases[i][0]);
		assert_string_equal(text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_byte), cmocka_unit_test(unquotes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
