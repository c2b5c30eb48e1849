/* SPDX-License-Identifier: MIT */
#include "client/screen.h"

#include <locale.h>
#include <pty.h>
#include <sys/ioctl.h>

#include "tests/unit/unit.h"

static void check_cut(const char *text, size_t columns, const char *want)
{
	char *cut CLEANUP(freep) = screen_cut(text, columns);

	assert_string_equal(cut, want);
}

static void cuts_by_columns(void **state)
{
	(void)state;
	check_cut("", 10, "");
	check_cut("1234567890", 10, "1234567890");
	check_cut("12345678901", 10, "12345678..");
	check_cut("äöüäöüäöüä", 10, "äöüäöüäöüä");
	check_cut("äöüäöüäöüäö", 10, "äöüäöüäö..");
	check_cut("日本語日本語", 10, "日本語日.."); /* two columns each */
	check_cut("日本語日本", 10, "日本語日本");
	check_cut("\xff\xfe\xff\xfe", 3, "\xff.."); /* bytes that are no character */
	check_cut("abc", 2, "ab");
	check_cut("abc", 0, "");
}

/* What screen_say prints on a terminal of ${columns}; standard output is one meanwhile. */
static void said(unsigned short columns, size_t indent, const char *text, char *ret, size_t size)
{
	struct winsize w = { .ws_row = 10, .ws_col = columns };
	int master, slave, before = dup(STDOUT_FILENO);
	FILE *to = fmemopen(ret, size, "w");

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &w), 0);
	fflush(stdout);
	dup2(slave, STDOUT_FILENO);
	screen_say(to, indent, "%s", text);
	assert_int_equal(screen_height(), 10);
	dup2(before, STDOUT_FILENO);
	close(before);
	close(master);
	close(slave);
	fclose(to);
}

static void breaks_at_blanks(void **state)
{
	char text[512];

	(void)state;
	said(21, 0, "one two three four five six", text, sizeof(text));
	assert_string_equal(text, "one two three four\nfive six\n");
	said(21, 4, "one two three four", text, sizeof(text));
	assert_string_equal(text, "    one two three\n    four\n");
	said(21, 0, "a-word-that-is-longer-than-the-line and more", text, sizeof(text));
	assert_string_equal(text, "a-word-that-is-longe\nr-than-the-line and\nmore\n");
	said(21, 0, "", text, sizeof(text));
	assert_string_equal(text, "\n");
	said(21, 60, "indented beyond", text, sizeof(text));
	assert_non_null(strstr(text, "d\n"));
	said(5, 0, "one two three four five", text, sizeof(text)); /* narrower than is sensible */
	assert_string_equal(text, "one two three four\nfive\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_by_columns),
		cmocka_unit_test(breaks_at_blanks),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
