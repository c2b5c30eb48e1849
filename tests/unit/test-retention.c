/* SPDX-License-Identifier: MIT */
#include "common/varlink.h"
#include "daemon/pure/retention.h"
#include "tests/unit/unit.h"

#define HOUR ((int64_t)3600 * 1000)
#define DAY  (24 * HOUR)

static int64_t at(const char *time)
{
	int64_t ms = 0;

	assert_int_equal(parse_time(time, &ms), 0);
	return ms;
}

/* Newest first: the reasons joined, "" where it goes; "-" in front of the time: partial. */
static char *judged(const struct conf_retention *keep, const char *const *times, size_t n)
{
	struct retention_point *v = xcalloc(n, sizeof(*v));
	char *text = xstrdup("");

	for (size_t i = 0; i < n; i++)
		v[i] = (struct retention_point){ .time_ms = at(times[i] + (*times[i] == '-')), .complete = *times[i] != '-' };
	retention_apply(keep, v, n);
	for (size_t i = 0; i < n; i++) {
		char *longer = xasprintf("%s%s", text, i ? "|" : "");
		for (size_t j = 0; j < v[i].reasons.n; j++) {
			char *more = xasprintf("%s%s%s", longer, j ? " " : "", v[i].reasons.v[j]);
			free(longer);
			longer = more;
		}
		free(text);
		text = longer;
		strv_done(&v[i].reasons);
	}
	free(v);
	return text;
}

static void expect(struct conf_retention keep, const char *const *times, size_t n, const char *want)
{
	char *text CLEANUP(freep) = judged(&keep, times, n);

	assert_string_equal(text, want);
}
#define EXPECT(keep, want, ...)                                                                    \
	expect((struct conf_retention)keep, (const char *const[]){ __VA_ARGS__ },                  \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), want)
#define KEEP(...) { __VA_ARGS__ } /* latest, daily, weekly, monthly, yearly */

static void counts_and_buckets(void **state)
{
	(void)state;
	EXPECT(KEEP(2, 0, 0, 0, 0), "latest-1|latest-2|", "2026-05-03T02:00:00Z", "2026-05-02T02:00:00Z", "2026-05-01T02:00:00Z");
	/* The newest of a day; the window is measured from the newest, to the second. */
	EXPECT(KEEP(0, 2, 0, 0, 0), "daily-1||daily-2||", "2026-05-03T02:00:00Z", "2026-05-03T01:00:00Z", "2026-05-02T23:59:59Z",
		"2026-05-02T00:00:00Z", "2026-05-01T02:00:00Z");
	EXPECT(KEEP(0, 2, 0, 0, 0), "daily-1|daily-2", "2026-05-03T02:00:00Z", "2026-05-01T02:00:00Z");
	EXPECT(KEEP(0, 2, 0, 0, 0), "daily-1|", "2026-05-03T02:00:00Z", "2026-05-01T01:59:59Z");
	/* ISO weeks: a Monday begins one, also across the year. */
	EXPECT(KEEP(0, 0, 3, 0, 0), "weekly-1||weekly-2", "2027-01-03T02:00:00Z", "2026-12-28T02:00:00Z", "2026-12-27T02:00:00Z");
	EXPECT(KEEP(0, 0, 0, 0, 2), "yearly-1|yearly-2|", "2026-05-03T02:00:00Z", "2025-12-31T23:59:59Z", "2025-12-31T00:00:00Z");
	/* A month back from the 31st of March is the 3rd: February has no 31st. */
	EXPECT(KEEP(0, 0, 0, 1, 0), "monthly-1|", "2026-03-31T02:00:00Z", "2026-02-28T02:00:00Z");
	EXPECT(KEEP(0, 0, 0, 2, 0), "monthly-1|monthly-2", "2026-03-31T02:00:00Z", "2026-02-28T02:00:00Z");
	/* One point may have many reasons. */
	EXPECT(KEEP(3, 7, 4, 12, 2), "latest-1 yearly-1 monthly-1 weekly-1 daily-1", "2026-05-03T02:00:00Z");
	/* kopia's oddity: the week 2026-01 finds its name taken by the month 2026-01. */
	EXPECT(KEEP(0, 0, 4, 12, 0), "monthly-1 weekly-1|", "2026-01-20T02:00:00Z", "2026-01-03T02:00:00Z");
	EXPECT(KEEP(0, 0, 4, 0, 0), "weekly-1|weekly-2", "2026-01-20T02:00:00Z", "2026-01-03T02:00:00Z");
}

static void nothing_configured_keeps_all(void **state)
{
	(void)state;
	EXPECT(KEEP(0, 0, 0, 0, 0), "latest-1|latest-2|latest-3", "2026-05-03T02:00:00Z", "2020-05-02T02:00:00Z", "1999-05-01T02:00:00Z");
}

static void partial_ones(void **state)
{
	(void)state;
	/* A month of failing runs: the newest complete one stays, and what is newest of the others. */
	EXPECT(KEEP(1, 0, 0, 0, 0), "partial|partial|partial||latest-1||", "-2026-06-05T02:00:00Z", "-2026-06-04T02:00:00Z",
		"-2026-06-03T02:00:00Z", "-2026-06-02T02:00:00Z", "2026-05-01T02:00:00Z", "-2026-04-30T02:00:00Z", "2026-04-29T02:00:00Z");
	/* All of the last four hours. */
	EXPECT(KEEP(1, 0, 0, 0, 0), "partial|partial|partial|partial||", "-2026-06-05T06:00:00Z", "-2026-06-05T05:00:00Z",
		"-2026-06-05T04:00:00Z", "-2026-06-05T02:00:01Z", "-2026-06-05T02:00:00Z", "-2026-06-05T01:00:00Z");
	/* A partial one takes nothing from the others. */
	EXPECT(KEEP(2, 0, 0, 0, 0), "latest-1||latest-2|", "2026-06-05T02:00:00Z", "-2026-06-04T02:00:00Z", "2026-06-03T02:00:00Z",
		"2026-06-02T02:00:00Z");
	retention_apply(&(struct conf_retention){ 0 }, NULL, 0);
}

/* The clock stepped back: the newest by backup_id is the newest, whatever its time says. */
static void clock_stepped_back(void **state)
{
	(void)state;
	EXPECT(KEEP(1, 7, 0, 0, 0), "latest-1 daily-1|daily-2|daily-3", "2020-01-01T00:00:00Z", "2026-06-04T02:00:00Z", "2026-06-03T02:00:00Z");
	/* One of the future does not push the others out of their windows once the clock is right again. */
	EXPECT(KEEP(1, 7, 0, 0, 0), "latest-1 daily-1|daily-2|daily-3", "2026-06-05T02:00:00Z", "2038-01-01T00:00:00Z", "2026-06-04T02:00:00Z");
}

/* --- random histories against the rule said another way ------------------------------------- */

/* The day's, week's, month's, year's number of a time, without the C library's calendar. */
static void civil(int64_t ms, int64_t *year, int64_t *month)
{
	int64_t z = ms / DAY + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2);
}

static int64_t bucket(int kind, int64_t ms)
{
	int64_t year, month;

	civil(ms, &year, &month);
	if (kind == 0)
		return ms / DAY;
	if (kind == 1)
		return (ms / DAY + 3) / 7; /* 1970-01-01 was a Thursday */
	return kind == 2 ? year * 12 + month : year;
}

/* How many of the daily (0) … yearly (3) reasons there should be, at most ${most}. */
static int reasons_due(const struct retention_point *v, size_t n, int kind, int most, int64_t since)
{
	int64_t last = -1;
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].complete || v[i].time_ms < since || bucket(kind, v[i].time_ms) == last)
			continue;
		last = bucket(kind, v[i].time_ms);
		count++;
	}
	return count < most ? count : most;
}

static int reasons_given(const struct retention_point *v, size_t n, const char *prefix)
{
	int count = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].reasons.n; j++)
			count += starts_with(v[i].reasons.v[j], prefix);
	return count;
}

static void one_history(unsigned int *seed)
{
	static struct retention_point v[400];
	struct conf_retention keep = { rand_r(seed) % 4, rand_r(seed) % 10, rand_r(seed) % 6, 0, 0 };
	size_t n = 1 + (size_t)(rand_r(seed) % 400), newest = n;
	int64_t t = at("2026-11-24T02:00:00Z");

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct retention_point){ .time_ms = t, .complete = rand_r(seed) % 8 != 0 };
		if (v[i].complete && newest == n)
			newest = i;
		t -= HOUR * (1 + rand_r(seed) % 40);
	}
	retention_apply(&keep, v, n);
	if (newest < n)
		assert_true(v[newest].reasons.n > 0); /* never expires */
	for (size_t i = newest; i < n; i++)
		assert_true(v[i].complete || v[i].reasons.n == 0);
	if (newest < n && keep.latest + keep.daily + keep.weekly > 0) {
		int64_t base = v[newest].time_ms;
		assert_int_equal(reasons_given(v, n, "daily-"), reasons_due(v, n, 0, keep.daily, base - keep.daily * DAY));
		assert_int_equal(reasons_given(v, n, "weekly-"), reasons_due(v, n, 1, keep.weekly, base - keep.weekly * 7 * DAY));
		int all = 0;
		for (size_t i = 0; i < n; i++)
			all += v[i].complete;
		assert_int_equal(reasons_given(v, n, "latest-"), all < keep.latest ? all : keep.latest);
	}
	for (size_t i = 0; i < n; i++)
		strv_done(&v[i].reasons);
}

static void random_histories(void **state)
{
	unsigned int seed = 4711;

	(void)state;
	for (int i = 0; i < 500; i++)
		one_history(&seed);
}

/* What stays once stays when the rule is applied again to what stayed: nothing decays by repetition. */
static void applying_twice_changes_nothing(void **state)
{
	struct conf_retention keep = { 3, 7, 4, 12, 2 };
	struct retention_point v[400], w[400];
	size_t n = ARRAY_SIZE(v), k = 0;

	(void)state;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct retention_point){ .time_ms = at("2026-11-24T02:00:00Z") - (int64_t)i * DAY, .complete = true };
	retention_apply(&keep, v, n);
	for (size_t i = 0; i < n; i++) {
		if (v[i].reasons.n)
			w[k++] = (struct retention_point){ .time_ms = v[i].time_ms, .complete = true };
		strv_done(&v[i].reasons);
	}
	assert_in_range(k, 15, 28);
	retention_apply(&keep, w, k);
	for (size_t i = 0; i < k; i++) {
		assert_true(w[i].reasons.n > 0);
		strv_done(&w[i].reasons);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_buckets), cmocka_unit_test(nothing_configured_keeps_all), cmocka_unit_test(partial_ones),
		cmocka_unit_test(clock_stepped_back), cmocka_unit_test(random_histories),
		cmocka_unit_test(applying_twice_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
