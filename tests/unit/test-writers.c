/* SPDX-License-Identifier: MIT */
#include "daemon/domain/writers.h"
#include "tests/unit/unit.h"

static size_t writers_beside(const char *tolerated, const char *mounts)
{
	struct item items[] = { { .id = xstrdup("volume:data"), .path = xstrdup("/v/data/_data"), .volume = xstrdup("data") },
		{ .id = xstrdup("bind:/srv/x"), .path = xstrdup("/srv/x") } };
	struct unit u = { .items = items, .n_items = ARRAY_SIZE(items) };
	strv_add(&u.tolerated, tolerated);
	char *text CLEANUP(freep) = xasprintf("[{\"Id\":\"1\",\"Names\":[\"/other\"],\"Mounts\":%s}]", mounts);
	struct strv names CLEANUP(strv_done) = { 0 }, others CLEANUP(strv_done) = { 0 };
	struct fault f = { 0 };

	assert_int_equal(writers_parse(text, strlen(text), &u, &names, &others, &f), 0);
	assert_int_equal(others.n, !names.n && !strv_has(&u.tolerated, "1") && strcmp(mounts, "null") != 0);
	if (names.n)
		assert_string_equal(names.v[0], "other");
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		free(items[i].id);
		free(items[i].path);
		free(items[i].volume);
	}
	strv_done(&u.tolerated);
	return names.n;
}

static size_t writers(const char *mounts)
{
	return writers_beside("2", mounts);
}

static void finds(void **state)
{
	(void)state;
	assert_int_equal(writers("[{\"Name\":\"data\",\"Source\":\"\",\"RW\":true}]"), 1);
	assert_int_equal(writers("[{\"Name\":\"data\",\"RW\":false}]"), 0);
	assert_int_equal(writers("[{\"Name\":\"other\",\"Source\":\"/v/other/_data\",\"RW\":true}]"), 0);
	assert_int_equal(writers("[{\"Source\":\"/srv/x/below\",\"RW\":true}]"), 1);
	assert_int_equal(writers("[{\"Source\":\"/srv\",\"RW\":true}]"), 1);
	assert_int_equal(writers("[{\"Source\":\"/\",\"RW\":true}]"), 1);
	assert_int_equal(writers("[{\"Source\":\"/srv/xy\",\"RW\":true}]"), 0);
	assert_int_equal(writers("null"), 0);
	assert_int_equal(writers_beside("1", "[{\"Source\":\"/\",\"RW\":true}]"), 0);
	struct unit u = { 0 };
	struct strv names = { 0 };
	struct fault f = { 0 };
	assert_true(writers_parse("{}", 2, &u, &names, &names, &f) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
