/* SPDX-License-Identifier: MIT */
/* Names go into paths and tags encoded, and come back byte for byte. */
#include "tests/unit/inventory-fixture.h"

static void encodes(void **state)
{
	static const char *const table[][2] = { { "shop", "shop" }, { "a_b.c-D9", "a_b.c-D9" },
		{ "a b/c", "a%20b%2Fc" }, { "100%", "100%25" }, { ".", "%2E" },
		{ "..", "%2E%2E" }, { "...", "..." }, { "", "" }, { "ü\n", "%C3%BC%0A" },
		{ "k:v,=", "k%3Av%2C%3D" } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(freep) char *encoded = name_encode(table[i][0]);
		CLEANUP(freep) char *back = name_decode(encoded);

		assert_string_equal(encoded, table[i][1]);
		assert_string_equal(back, table[i][0]);
	}
	assert_null(name_encode(NULL));
	assert_null(name_decode(NULL));
}

static void decodes_what_it_did_not_write(void **state)
{
	static const char *const table[][2] = { { "%", "%" }, { "%4", "%4" }, { "%zz", "%zz" },
		{ "%4g", "%4g" }, { "%00", "%00" }, { "%2f%c3%BC", "/\xC3\xBC" },
		{ "%%41", "%A" } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(freep) char *back = name_decode(table[i][0]);

		assert_string_equal(back, table[i][1]);
	}
}

static void random_bytes_come_back(void **state)
{
	unsigned int seed = 1, round, i;

	(void)state;
	for (round = 0; round < 2000; round++) {
		char name[40];
		size_t len = (size_t)rand_r(&seed) % (sizeof(name) - 1);

		for (i = 0; i < len; i++)
			name[i] = (char)(1 + rand_r(&seed) % 255);
		name[len] = '\0';
		{
			CLEANUP(freep) char *encoded = name_encode(name);
			CLEANUP(freep) char *back = name_decode(encoded);

			assert_string_equal(back, name);
			assert_null(strpbrk(encoded, "/:,= \n"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),
		cmocka_unit_test(decodes_what_it_did_not_write),
		cmocka_unit_test(random_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
