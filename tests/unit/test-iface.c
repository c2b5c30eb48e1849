/* SPDX-License-Identifier: MIT */
/* What the interface's text lets a method be called with. */
#include "common/iface.h"

#include "common/varlink.h"
#include "tests/unit/unit.h"

static void methods(void **state)
{
	(void)state;
	assert_true(iface_declares("Backup") && iface_declares("Status"));
	assert_false(iface_declares("backup") || iface_declares("") || iface_declares("Backup(") || iface_declares("x\nmethod Backup"));
}

static void parameters(void **state)
{
	static const struct {
		const char *method, *parameters, *misfit;
	} table[] = {
		{ "Backup", "{}", NULL }, { "Backup", "{\"units\": [\"a\", \"b\"], \"reason\": \"timer\"}", NULL },
		{ "Backup", "{\"units\": [], \"reason\": null}", NULL }, { "Backup", "{\"units\": null}", NULL },
		{ "Backup", "{\"unit\": \"a\"}", "unit" }, { "Backup", "{\"units\": \"a\"}", "units" },
		{ "Backup", "{\"units\": [\"a\", 1]}", "units" }, { "Backup", "{\"units\": [null]}", "units" },
		{ "Backup", "{\"units\": {\"a\": 1}}", "units" }, { "Backup", "{\"units\": [\"a\"], \"reason\": 1}", "reason" },
		{ "Backup", "{\"progress\": null}", "progress" }, /* of its reply */
		{ "Backup", "{\"\": 1}", "" }, { "Backup", "{\"units: ?[]string\": 1}", "units: ?[]string" },
		{ "Cancel", "{\"job\": 7}", NULL }, { "Cancel", "{\"job\": \"7\"}", "job" }, { "Cancel", "{\"job\": 7.5}", "job" },
		{ "Cancel", "{}", NULL }, { "Status", "{\"jobs\": []}", "jobs" }, { "Maintain", "{\"full\": true}", NULL },
		{ "Maintain", "{\"full\": 1}", "full" }, { "Nonsense", "{\"x\": 1}", "x" }, { "Nonsense", "{}", NULL },
		{ "Restore", "{\"unit\": \"a\", \"items\": [\"volume:a\"], \"in_place\": false, \"safety_directory\": \"/x\"}", NULL },
		{ "Restore", "{\"unit\": \"a\", \"item\": \"volume:a\"}", "item" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct json_object *o CLEANUP(json_putp) = json_parse(table[i].parameters, strlen(table[i].parameters));
		assert_non_null(o);
		const char *misfit = iface_misfit(table[i].method, o);
		if (!streq(misfit, table[i].misfit))
			fail_msg("%s %s: %s", table[i].method, table[i].parameters, misfit ? misfit : "fits");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(methods), cmocka_unit_test(parameters) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
