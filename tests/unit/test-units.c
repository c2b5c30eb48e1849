/* SPDX-License-Identifier: MIT */
/* The systemd units as write-units writes them: what is put in, and whose change is seen. */
#include "client/units.h"
#include "tests/unit/unit.h"

static const struct unit_paths paths = { "/opt/x/sbin/kopi-dockad", "/opt/x/bin/kopi-docka", "/run/y/io.kopidocka", NULL };

static void nothing_left_open(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct unit_template *t = unit_templates; t->name; t++, n++) {
		char *text = unit_render(t, &paths);
		assert_null(strstr(text, "@kopi"));
		assert_null(strstr(text, "@socket@"));
		assert_null(strstr(text, "@config@"));
		assert_non_null(strstr(text, t->name)); /* the first line */
		free(text);
	}
	assert_int_equal(n, 5);
}

static void substitutes(void **state)
{
	static const struct unit_template t = { "a.service", "x=@kopi_dockad@@config@ --recover @ me@home @socket@\n@kopi_docka@\n@" };
	struct unit_paths with = paths;

	(void)state;
	char *text = unit_render(&t, &paths);
	assert_string_equal(strchr(text, '\n'),
		"\nx=/opt/x/sbin/kopi-dockad --recover @ me@home /run/y/io.kopidocka\n/opt/x/bin/kopi-docka\n@");
	free(text);
	with.config = "/srv/c.conf";
	text = unit_render(&t, &with);
	assert_non_null(strstr(text, "kopi-dockad --config /srv/c.conf --recover"));
	free(text);
}

static void whose(void **state)
{
	struct unit_paths other = paths;

	(void)state;
	other.kopi_dockad = "/usr/sbin/kopi-dockad";
	char *mine = unit_render(&unit_templates[0], &paths), *newer = unit_render(&unit_templates[0], &other);
	assert_int_equal(unit_compare(NULL, mine), UNIT_ABSENT);
	assert_int_equal(unit_compare(mine, mine), UNIT_SAME);
	assert_int_equal(unit_compare(mine, newer), UNIT_OURS);
	char *edited = xasprintf("%s# mine\n", mine);
	assert_int_equal(unit_compare(edited, newer), UNIT_CHANGED);
	free(edited);
	edited = xstrdup(mine);
	*strstr(edited, "WatchdogSec") = 'w';
	assert_int_equal(unit_compare(edited, mine), UNIT_CHANGED);
	assert_int_equal(unit_compare("", mine), UNIT_CHANGED);
	assert_int_equal(unit_compare("[Service]\n", mine), UNIT_CHANGED);
	assert_int_equal(unit_compare("# Written by kopi-docka write-units zzz\n", mine), UNIT_CHANGED);
	free(edited);
	free(mine);
	free(newer);
}

static void plain_paths(void **state)
{
	(void)state;
	assert_true(unit_path_plain("/usr/local/bin/kopi-docka"));
	assert_false(unit_path_plain("/my programs/kopi-docka"));
	assert_false(unit_path_plain("/a%b"));
	assert_false(unit_path_plain("relative"));
	assert_false(unit_path_plain(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_left_open), cmocka_unit_test(substitutes), cmocka_unit_test(whose), cmocka_unit_test(plain_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
