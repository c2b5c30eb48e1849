/* SPDX-License-Identifier: MIT */
#include "common/fault.h"
#include "tests/unit/unit.h"

static void sets(void **state)
{
	struct fault f = { 0 }, first = { 0 };

	(void)state;
	assert_int_equal(fault_set(&f, FAULT_CONF, -EINVAL, "no %s", "way"), -EINVAL);
	assert_string_equal(f.text, "no way");
	assert_int_equal(fault_set(NULL, FAULT_CONF, 0, "x"), -EIO);
	fault_wrap(&f, "file %d", 7);
	assert_string_equal(f.text, "file 7: no way");
	assert_int_equal(f.code, FAULT_CONF);
	fault_advise(&f, "do %s", "this");
	assert_string_equal(f.advice, "do this");
	fault_first(&first, &f);
	struct fault other = { .code = FAULT_BUSY };
	fault_first(&first, &other);
	assert_int_equal(first.code, FAULT_CONF);
	assert_int_equal(fault_errno(&f, FAULT_FAILED, -ENOENT, "open x"), -ENOENT);
	assert_string_equal(f.text, "open x: No such file or directory");
	fault_wrap(NULL, "x");
	fault_advise(NULL, "x");
}

static void long_texts_are_cut(void **state)
{
	struct fault f = { 0 };
	char *text CLEANUP(freep) = xcalloc(2000, 1);

	(void)state;
	memset(text, 'x', 1999);
	fault_set(&f, FAULT_FAILED, -EIO, "%s", text);
	assert_int_equal(strlen(f.text), sizeof(f.text) - 1);
	fault_wrap(&f, "before");
	assert_true(strncmp(f.text, "before: xxx", 11) == 0);
	fault_wrap(&f, "%s", text);
	assert_int_equal(strlen(f.text), sizeof(f.text) - 1);
}

static void names_and_codes(void **state)
{
	(void)state;
	for (int i = FAULT_FAILED; i < FAULT_CODES; i++)
		assert_int_equal(fault_by_name(fault_name((enum fault_code)i)), i);
	assert_int_equal(fault_by_name("Nonsense"), FAULT_FAILED);
	assert_string_equal(fault_name(FAULT_CODES), "OperationFailed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets), cmocka_unit_test(long_texts_are_cut), cmocka_unit_test(names_and_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
