/* SPDX-License-Identifier: MIT */
#include "common/base.h"
#include "tests/unit/unit.h"

static void lists(void **state)
{
	struct strv s CLEANUP(strv_done) = { 0 }, t CLEANUP(strv_done) = { 0 };

	(void)state;
	assert_false(strv_has(&s, "a"));
	strv_sort_unique(&s);
	strv_add(&s, "b");
	strv_addf(&s, "%d", 1);
	strv_take(&s, xstrdup("b"));
	strv_add(&s, NULL);
	assert_int_equal(s.n, 4);
	assert_null(s.v[4]);
	strv_sort_unique(&s);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.v[2], "b");
	strv_copy(&t, &s);
	assert_true(strv_has(&t, "1"));
}

static void texts(void **state)
{
	char *cut CLEANUP(freep) = xstrndup("abcdef", 3);

	(void)state;
	assert_string_equal(cut, "abc");
	assert_null(xstrdup(NULL));
	assert_true(streq(NULL, NULL));
	assert_false(streq(NULL, "a"));
	assert_true(starts_with("abc", "ab"));
	assert_false(starts_with(NULL, "ab"));
	assert_true(ends_with("abc", "bc"));
	assert_false(ends_with("c", "bc"));
	char *taken = TAKE_PTR(cut);
	assert_null(cut);
	free(taken);
}

static void arrays(void **state)
{
	int *v = NULL;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		GROW(v, i);
		assert_int_equal(v[i], 0);
		v[i] = (int)i;
	}
	assert_int_equal(v[999], 999);
	free(v);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-01-31T02:00:00Z", 1769824800000 },
		{ "2026-01-31T02:00:00.123456789Z", 1769824800123 },
		{ "2026-01-31T03:30:00+01:30", 1769824800000 },
		{ "2026-01-31T00:00:00-02:00", 1769824800000 },
	};
	static const char *const bad[] = { "", "yesterday", "2026-01-31", "2026-01-31T02:00:00", "2026-01-31T02:00:00+1", "2026-01-31T02:00:00Zz" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse_time(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_time(bad[i], &ms), -EINVAL);
	assert_int_equal(parse_time(NULL, &ms), -EINVAL);
	char *text CLEANUP(freep) = format_time(1769824800999);
	assert_string_equal(text, "2026-01-31T02:00:00Z");
	assert_true(wall_ms() > 0 && clock_ms() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists), cmocka_unit_test(texts), cmocka_unit_test(arrays), cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
