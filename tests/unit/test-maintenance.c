/* SPDX-License-Identifier: MIT */
#include "daemon/pure/maintenance.h"
#include "tests/unit/unit.h"

#define MIN  ((int64_t)60 * 1000)
#define HOUR (60 * MIN)
#define NOW  (1000 * 24 * HOUR)

static void expect(enum maintenance_kind want, int64_t quick, int64_t full, int64_t tried, int64_t since)
{
	struct maintenance m = { .quick_ms = quick, .full_ms = full, .tried_ms = tried };

	assert_int_equal(maintenance_due(&m, since, NOW), want);
}

static void due(void **state)
{
	(void)state;
	expect(MAINTENANCE_FULL, 0, 0, 0, 0); /* nothing is known of it */
	expect(MAINTENANCE_NONE, 0, 0, 0, NOW - 59 * MIN); /* fresh */
	expect(MAINTENANCE_QUICK, 0, 0, 0, NOW - 61 * MIN);
	expect(MAINTENANCE_FULL, NOW - MIN, 0, 0, NOW - 25 * HOUR); /* a quick one does not put the full one off */
	expect(MAINTENANCE_NONE, NOW - 59 * MIN, NOW - 20 * HOUR, 0, 1);
	expect(MAINTENANCE_QUICK, NOW - 61 * MIN, NOW - 20 * HOUR, 0, 1);
	expect(MAINTENANCE_NONE, NOW - 61 * MIN, NOW - 59 * MIN, 0, 1); /* a full one is a quick one too */
	expect(MAINTENANCE_FULL, NOW - 61 * MIN, NOW - 23 * HOUR - 50 * MIN, 0, 1); /* last night's ended a little later */
	expect(MAINTENANCE_NONE, 0, 0, NOW - 59 * MIN, 1); /* it failed a moment ago */
	expect(MAINTENANCE_FULL, 0, 0, NOW - 61 * MIN, 1);
	expect(MAINTENANCE_FULL, NOW + 1, NOW + 1, NOW + 1, NOW + 1); /* the clock stepped back */
}

static void there_and_back(void **state)
{
	struct maintenance m = { .quick_ms = NOW, .tried_ms = NOW + 1000, .owner = xstrdup("u@h"), .error = xstrdup("no \"luck\"") }, again;
	char *text CLEANUP(freep) = maintenance_format(&m);

	(void)state;
	maintenance_parse(text, strlen(text), &again);
	assert_int_equal(again.quick_ms, NOW);
	assert_int_equal(again.full_ms, 0);
	assert_int_equal(again.tried_ms, NOW + 1000);
	assert_string_equal(again.owner, "u@h");
	assert_string_equal(again.error, "no \"luck\"");
	maintenance_done(&again);
	maintenance_done(&m);
	static const char *const torn[] = { "", "{", "[]", "{\"quick\":7,\"owner\":[]}" };
	for (size_t i = 0; i < ARRAY_SIZE(torn); i++) {
		maintenance_parse(torn[i], strlen(torn[i]), &again);
		assert_true(again.quick_ms == 0 && !again.owner && !again.error);
		maintenance_done(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(due), cmocka_unit_test(there_and_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
