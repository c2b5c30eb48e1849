/* SPDX-License-Identifier: MIT */
/* What an env file sets, as compose reads it, and what was commented out. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "daemon/pure/envfile.h"

static void every_line_is_read_as_compose_does(void **state)
{
	static const struct {
		const char *text, *variables[4];
	} table[] = {
		{ "A=b\n", { "A=b" } },
		{ "A=b", { "A=b" } },
		{ "  export  A = b c \nB=\n", { "A=b c", "B=" } },
		{ "A: b\n", { "A=b" } },
		{ "URL=http://x:1/?a=b\n", { "URL=http://x:1/?a=b" } },
		{ "A='b c' \nB=\"d\"\n", { "A=b c", "B=d" } },
		{ "A=\"line\nline = \\\" two\"\nB=c\n", { "A=line\nline = \\\" two", "B=c" } },
		{ "A='never closed\nB=c\n", { "A='never closed\nB=c\n" } },
		{ "A=b # why\r\nB=c#d\r\n", { "A=b", "B=c#d" } },
		{ "# A=b\n\n\nBARE\n=x\nB=c\n", { "B=c" } },
		{ "", { NULL } },
		{ "export\n", { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct strv v CLEANUP(strv_done) = { 0 };
		size_t n = 0;
		env_variables(table[i].text, strlen(table[i].text), &v);
		while (n < ARRAY_SIZE(table[i].variables) && table[i].variables[n])
			n++;
		assert_int_equal(v.n, n);
		for (size_t j = 0; j < n; j++)
			assert_string_equal(v.v[j], table[i].variables[j]);
	}
}

static void commented_out_is_seen(void **state)
{
	static const char text[] = "  # # OLD_PASSWORD = x y\n# just words: here\nA=b\n";
	struct env_entry e;
	size_t at = 0;

	(void)state;
	assert_true(env_next(text, strlen(text), &at, &e));
	assert_true(e.comment);
	assert_int_equal(strncmp(text + e.name, "OLD_PASSWORD", e.name_len), 0);
	char *value CLEANUP(freep) = env_value(text, &e);
	assert_string_equal(value, "x y");
	assert_true(env_next(text, strlen(text), &at, &e));
	assert_false(e.comment);
	assert_false(env_next(text, strlen(text), &at, &e));
}

static void any_bytes_end(void **state)
{
	unsigned int seed = 20260131;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char text[48];
		struct strv v CLEANUP(strv_done) = { 0 };
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = "=:#'\"\\\n\r \tAexport\0"[rand_r(&seed) % 18];
		env_variables(text, sizeof(text), &v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_read_as_compose_does),
		cmocka_unit_test(commented_out_is_seen),
		cmocka_unit_test(any_bytes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
