/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "common/calendar.h"
#include "tests/unit/unit.h"

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t at(const char *local)
{
	struct tm tm = { .tm_isdst = -1 };

	assert_non_null(strptime(local, "%Y-%m-%d %H:%M:%S", &tm));
	return mktime(&tm);
}

static char *show(int64_t t)
{
	static char text[40];
	time_t s = (time_t)t;
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S", &tm);
	return text;
}

struct row {
	const char *text, *after, *next; /* next: as show() writes it; NULL: the one after the row before */
};

static void check(const struct row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct calendar c;
		char *why = NULL;
		if (calendar_parse(v[i].text, &c, &why) < 0)
			fail_msg("%s: %s", v[i].text, why);
		int64_t t = calendar_next(&c, at(v[i].after));
		if (strcmp(show(t), v[i].next) != 0)
			fail_msg("%s after %s: %s, not %s", v[i].text, v[i].after, show(t), v[i].next);
	}
}

/* 24 November 2026 is a Tuesday. */
static void common_ones(void **state)
{
	static const struct row rows[] = {
		{ "daily", "2026-11-24 15:00:00", "Wed 2026-11-25 00:00:00" },
		{ "hourly", "2026-11-24 15:00:00", "Tue 2026-11-24 16:00:00" },
		{ "minutely", "2026-11-24 15:00:30", "Tue 2026-11-24 15:01:00" },
		{ "weekly", "2026-11-24 15:00:00", "Mon 2026-11-30 00:00:00" },
		{ "Monthly", "2026-11-24 15:00:00", "Tue 2026-12-01 00:00:00" },
		{ "quarterly", "2026-11-24 15:00:00", "Fri 2027-01-01 00:00:00" },
		{ "semiannually", "2026-01-01 00:00:00", "Wed 2026-07-01 00:00:00" },
		{ "yearly", "2026-11-24 15:00:00", "Fri 2027-01-01 00:00:00" },
		{ "02:00", "2026-11-24 01:59:59", "Tue 2026-11-24 02:00:00" },
		{ "02:00", "2026-11-24 02:00:00", "Wed 2026-11-25 02:00:00" },
		{ "2:0:5", "2026-11-24 02:00:04", "Tue 2026-11-24 02:00:05" },
		{ "Mon..Fri 02:00", "2026-11-27 03:00:00", "Mon 2026-11-30 02:00:00" },
		{ "Saturday,sun 04:30", "2026-11-24 15:00:00", "Sat 2026-11-28 04:30:00" },
		{ "Fri..Mon 04:30", "2026-11-29 15:00:00", "Mon 2026-11-30 04:30:00" },
		{ "Sun", "2026-11-24 15:00:00", "Sun 2026-11-29 00:00:00" },
		{ "*-*-01 03:00", "2026-11-24 15:00:00", "Tue 2026-12-01 03:00:00" },
		{ "*-01", "2026-11-24 15:00:00", "Tue 2026-12-01 00:00:00" },
		{ "12-24 18:00", "2026-12-24 18:00:00", "Fri 2027-12-24 18:00:00" },
		{ "Mon *-*-01..07 03:00", "2026-11-24 15:00:00", "Mon 2026-12-07 03:00:00" },
		{ "Mon *-02-29", "2026-11-24 15:00:00", "Mon 2044-02-29 00:00:00" },
		{ "00/6:00", "2026-11-24 06:00:00", "Tue 2026-11-24 12:00:00" },
		{ "8..18/2:30", "2026-11-24 18:30:00", "Wed 2026-11-25 08:30:00" },
		{ "*:0/15", "2026-11-24 15:46:00", "Tue 2026-11-24 16:00:00" },
		{ "*:*:0/5", "2026-11-24 15:46:01", "Tue 2026-11-24 15:46:05" },
		{ "*:*/20", "2026-11-24 15:41:00", "Tue 2026-11-24 16:00:00" },
		{ "1,13:05,35", "2026-11-24 01:35:00", "Tue 2026-11-24 13:05:00" },
		{ "23:59:59", "2026-12-31 23:59:59", "Fri 2027-01-01 23:59:59" },
	};

	(void)state;
	zone("Europe/Berlin");
	check(rows, ARRAY_SIZE(rows));
	zone("America/New_York");
	check(rows, ARRAY_SIZE(rows));
}

/* Berlin 2027: 28 March, 02:00 -> 03:00; 31 October, 03:00 -> 02:00. */
static void clock_changes(void **state)
{
	static const struct row spring[] = {
		{ "02:30", "2027-03-27 02:30:00", "Sun 2027-03-28 03:00:00" }, /* does not exist: the next that does */
		{ "02:30", "2027-03-28 03:00:00", "Mon 2027-03-29 02:30:00" }, /* and once */
		{ "03:00", "2027-03-28 01:00:00", "Sun 2027-03-28 03:00:00" },
		{ "hourly", "2027-03-28 01:00:00", "Sun 2027-03-28 03:00:00" },
		{ "*:*:0/5", "2027-03-28 01:59:55", "Sun 2027-03-28 03:00:00" },
		{ "00/6:00", "2027-03-28 00:00:00", "Sun 2027-03-28 06:00:00" },
	};
	struct calendar c;
	char *why = NULL;

	(void)state;
	zone("Europe/Berlin");
	check(spring, ARRAY_SIZE(spring));
	int64_t two = at("2027-10-31 01:30:00") + 1800; /* 02:00, the first of two */
	assert_int_equal(calendar_parse("02:30", &c, &why), 0);
	assert_int_equal(calendar_next(&c, two - 3600), two + 1800);
	assert_string_equal(show(calendar_next(&c, two + 1800)), "Mon 2027-11-01 02:30:00"); /* once */
	assert_string_equal(show(calendar_next(&c, two + 3600)), "Mon 2027-11-01 02:30:00"); /* between the two */
	assert_int_equal(calendar_parse("03:00", &c, &why), 0);
	assert_int_equal(calendar_next(&c, two), two + 7200);
	assert_int_equal(calendar_parse("hourly", &c, &why), 0); /* each hour that passes */
	assert_int_equal(calendar_next(&c, two), two + 3600);
	assert_int_equal(calendar_next(&c, two + 3600), two + 7200);
	assert_int_equal(calendar_parse("*:0/30", &c, &why), 0);
	assert_int_equal(calendar_next(&c, two + 1800), two + 3600);
	/* Where the clock goes back over midnight, a day ends twice. */
	zone("America/Havana");
	assert_int_equal(calendar_parse("daily", &c, &why), 0);
	int64_t one = at("2026-10-31 23:00:00") + 3600; /* 00:00; at 01:00 it becomes 00:00 again */
	assert_int_equal(calendar_next(&c, one - 60), one);
	assert_int_equal(calendar_next(&c, one), at("2026-11-02 00:00:00"));
	zone("Pacific/Apia"); /* 30 December 2011 was left out */
	assert_string_equal(show(calendar_next(&c, at("2011-12-29 12:00:00"))), "Sat 2011-12-31 00:00:00");
}

/* Whatever the zone: strictly later, and the same as looking at every second. */
static void as_by_hand(void **state)
{
	static const char *const zones[] = { "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "UTC" };
	struct calendar c;
	char *why = NULL;

	(void)state;
	assert_int_equal(calendar_parse("*:13/17:20", &c, &why), 0);
	for (size_t z = 0; z < ARRAY_SIZE(zones); z++) {
		zone(zones[z]);
		for (int64_t t = 1790000000, step = 0; step < 400; step++) {
			int64_t next = calendar_next(&c, t);
			for (int64_t s = t + 1; s < next; s++) {
				struct tm tm;
				time_t now = (time_t)s;
				localtime_r(&now, &tm);
				assert_false(tm.tm_sec == 20 && tm.tm_min >= 13 && (tm.tm_min - 13) % 17 == 0);
			}
			assert_true(next > t);
			t = next + step * 86400; /* over some years, through many changes */
			t = t > 2000000000 ? 1790000000 : t;
		}
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "it is empty" }, { "  ", "it is empty" }, { "soon", "a weekday is needed" },
		{ "25:00", "the hour goes from 0 to 23" }, { "02:60", "minute goes from 0 to 59" },
		{ "02", "a weekday is needed" }, { "02:", "a number is needed for the minute" },
		{ "02:00:00.5", "behind the time" }, { "02:00 UTC", "local time" }, { "2027-01-01 02:00", "a year is not supported" },
		{ "*-*~01", "'~'" }, { "*-13-01", "the month goes from 1 to 12" }, { "*-02-30", "no such day" },
		{ "Mon-Fri 02:00", "joined with" }, { "Mon.. 02:00", "behind '..'" }, { "02:00 Mon", "not understood" },
		{ "*:0/0", "behind '/'" }, { "5..3:00", "the hour goes" }, { "1..:00", "behind '..'" }, { "02:00 03:00", "not understood" },
		{ "99999:00", "a number is needed" }, { "*-*-01x", "behind the date" }, { "*-", "a number is needed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct calendar c;
		char *why = NULL;
		if (calendar_parse(rows[i].text, &c, &why) == 0)
			fail_msg("'%s' was accepted", rows[i].text);
		if (!strstr(why, rows[i].says))
			fail_msg("'%s': %s", rows[i].text, why);
		free(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_ones),
		cmocka_unit_test(clock_changes),
		cmocka_unit_test(as_by_hand),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
