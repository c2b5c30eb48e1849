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
		{ "Backup", "{\"units\": [], \"reason\": null}", "units" }, { "Backup", "{\"units\": null}", NULL },
		{ "Backup", "{\"unit\": \"a\"}", "unit" }, { "Backup", "{\"units\": \"a\"}", "units" },
		{ "Backup", "{\"units\": [\"a\", 1]}", "units" }, { "Backup", "{\"units\": [null]}", "units" },
		{ "Backup", "{\"units\": {\"a\": 1}}", "units" }, { "Backup", "{\"units\": [\"a\"], \"reason\": 1}", "reason" },
		{ "Backup", "{\"progress\": null}", "progress" }, /* of its reply */
		{ "Backup", "{\"\": 1}", "" }, { "Backup", "{\"units: ?[]string\": 1}", "units: ?[]string" },
		{ "Cancel", "{\"job\": 7}", NULL }, { "Cancel", "{\"job\": \"7\"}", "job" }, { "Cancel", "{\"job\": 7.5}", "job" },
		{ "Cancel", "{}", "job" }, { "Cancel", "{\"job\": null}", "job" }, { "Status", "{\"jobs\": []}", "jobs" }, { "Maintain", "{\"full\": true}", NULL },
		{ "Maintain", "{\"full\": 1}", "full" }, { "Nonsense", "{\"x\": 1}", "x" }, { "Nonsense", "{}", NULL },
		{ "Restore", "{\"unit\": \"a\", \"items\": [\"volume:a\"], \"in_place\": false, \"safety_directory\": \"/x\"}", NULL },
		{ "Restore", "{\"unit\": \"a\", \"item\": \"volume:a\"}", "item" }, { "Restore", "{\"unit\": \"a\", \"items\": []}", "items" },
		{ "Restore", "{\"unit\": \"a\", \"paths\": []}", "paths" }, { "Restore", "{\"items\": [\"volume:a\"]}", "unit" },
		{ "Restore", "{\"item\": \"a\"}", "item" }, { "ListEntries", "{\"unit\": \"a\"}", "item" }, { "ListEntries", "{\"item\": \"a\"}", "unit" },
		{ "ListEntries", "{\"unit\": \"a\", \"item\": \"b\", \"quoted\": 1}", "quoted" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct json_object *o CLEANUP(json_putp) = json_parse(table[i].parameters, strlen(table[i].parameters));
		assert_non_null(o);
		char *misfit CLEANUP(freep) = NULL, *why CLEANUP(freep) = iface_misfit(table[i].method, o, &misfit);
		if (!streq(misfit, table[i].misfit) || !why != !misfit)
			fail_msg("%s %s: %s, %s", table[i].method, table[i].parameters, misfit ? misfit : "fits", why ? why : "no sentence");
	}
}

static void sentences(void **state)
{
	static const struct {
		const char *method, *parameters, *why;
	} table[] = {
		{ "Backup", "{\"unit\": \"a\"}", "there is no parameter \"unit\": Backup takes units, reason" },
		{ "Status", "{\"unit\": \"a\"}", "there is no parameter \"unit\": Status takes no parameters" },
		{ "Backup", "{\"units\": \"a\"}", "units of Backup must be ?[]string" }, { "Cancel", "{}", "Cancel needs the parameter job" },
		{ "Plan", "{\"units\": []}", "units of Plan is an empty list, which means none: name some, or leave it out for all" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct json_object *o CLEANUP(json_putp) = json_parse(table[i].parameters, strlen(table[i].parameters));
		char *parameter CLEANUP(freep) = NULL, *why CLEANUP(freep) = iface_misfit(table[i].method, o, &parameter);
		assert_string_equal(why, table[i].why);
	}
}

/* Typed clients know only what is declared: each error has the sentence. */
static void errors(void **state)
{
	size_t n = 0;

	(void)state;
	for (const char *at = iface_text; (at = strstr(at, "\nerror ")); n++) {
		char *line CLEANUP(freep) = xstrndup(at + 1, strcspn(at + 1, "\n"));
		at++;
		if (!strstr(line, "text: string, advice: ?string)"))
			fail_msg("%s", line);
	}
	assert_int_equal(n, FAULT_CODES - 1); /* each code has one; none and failed are the same */
	for (int i = 0; i < FAULT_CODES; i++) {
		char *line CLEANUP(freep) = xasprintf("\nerror %s (", fault_name((enum fault_code)i));
		if (!strstr(iface_text, line))
			fail_msg("%s", fault_name((enum fault_code)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods), cmocka_unit_test(parameters), cmocka_unit_test(sentences), cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
