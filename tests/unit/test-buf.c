/* SPDX-License-Identifier: MIT */
#include "common/buf.h"
#include "tests/unit/unit.h"

static void grows_and_shrinks(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_addf(&b, "%d,", i), 0);
	assert_int_equal(b.data[b.len], '\0');
	buf_keep_tail(&b, 4);
	assert_string_equal(b.data, "999,");
	buf_consume(&b, 1);
	assert_string_equal(b.data, "99,");
	buf_consume(&b, 100);
	assert_int_equal(b.len, 0);
	buf_puts(&b, "x");
	buf_printf(&b, "%s", "y");
	char *text CLEANUP(freep) = buf_steal(&b);
	assert_string_equal(text, "xy");
	char *empty CLEANUP(freep) = buf_steal(&b);
	assert_string_equal(empty, "");
}

static void keeps_its_limit(void **state)
{
	struct buf b CLEANUP(buf_done) = { .max = 4 };

	(void)state;
	assert_int_equal(buf_add(&b, "1234", 4), 0);
	assert_int_equal(buf_add(&b, "5", 1), -EMSGSIZE);
	assert_int_equal(b.len, 4);
	struct buf big CLEANUP(buf_done) = { 0 };
	assert_int_equal(buf_add(&big, "x", SIZE_MAX / 2 + 1), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(grows_and_shrinks), cmocka_unit_test(keeps_its_limit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
