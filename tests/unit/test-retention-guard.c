/* SPDX-License-Identifier: MIT */
/*
 * Nights by a fake clock: two years of them raise no alarm, and a clock that jumps takes no
 * more than a night may.
 */
#include "daemon/pure/retention_guard.h"
#include "tests/unit/unit.h"

#define DAY   ((int64_t)24 * 3600 * 1000)
#define BEGIN ((int64_t)1767232800000) /* 2026-01-01T02:00:00Z */

struct unit_story {
	int64_t times[1200]; /* newest first: by number, as ids are, whatever the clock says */
	size_t n;
	struct retention_past past;
	int alarms, most; /* the most that went in one pass */
};

static struct retention_point *judge(const struct unit_story *s, const struct conf_retention *keep)
{
	struct retention_point *v = xcalloc(s->n, sizeof(*v));

	for (size_t i = 0; i < s->n; i++)
		v[i] = (struct retention_point){ .time_ms = s->times[i], .complete = true };
	retention_apply(keep, v, s->n);
	return v;
}

static void pass(struct unit_story *s, const struct conf_retention *keep, bool yes)
{
	struct retention_point *v = judge(s, keep);
	char *waits CLEANUP(freep) = yes ? NULL : retention_guard(keep, v, s->n, &s->past);
	size_t left = 0, before = s->n;

	s->alarms += waits != NULL;
	for (size_t i = 0; i < before; i++) {
		if (v[i].reasons.n || waits)
			s->times[left++] = s->times[i];
		strv_done(&v[i].reasons);
	}
	free(v);
	s->n = left;
	if ((int)(before - left) > s->most)
		s->most = (int)(before - left);
	s->past.alone |= yes && left == 1 && before > 1;
	s->past.added = 0;
}

static void night(struct unit_story *s, int64_t now)
{
	assert_true(s->n < ARRAY_SIZE(s->times));
	memmove(s->times + 1, s->times, s->n * sizeof(*s->times));
	s->times[0] = now;
	s->n++;
	if (s->past.added >= 0)
		s->past.added++;
}

static const struct conf_retention policies[] = {
	{ 3, 7, 4, 12, 2 }, { 1, 0, 0, 0, 0 }, { 0, 7, 0, 0, 0 }, { 10, 14, 8, 24, 5 }, { 0, 30, 12, 0, 0 }, { 0, 0, 0, 13, 3 }, { 0, 0, 0, 0, 0 },
	{ 1, 2, 0, 0, 0 }, { 5, 0, 4, 0, 1 },
};

/* Nights that are left out, up to six in a row, some with more than one run, passes that failed: no alarm. */
static void two_years_of_nights(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(policies); p++) {
		for (int round = 0; round < 8; round++) {
			struct unit_story *s = xcalloc(1, sizeof(*s));
			s->past.added = round % 2 ? -1 : 0;
			for (int64_t day = round * 7; day < round * 7 + 731; day++) {
				int64_t now = BEGIN + day * DAY + rand_r(&seed) % 600000;
				for (int run = rand_r(&seed) % 20 == 0 ? 2 : 1; run > 0; run--)
					night(s, now += 60000);
				if (rand_r(&seed) % 12)
					pass(s, &policies[p], false);
				if (rand_r(&seed) % 15 == 0)
					day += 1 + rand_r(&seed) % 6;
			}
			assert_int_equal(s->alarms, 0);
			free(s);
		}
	}
}

/* The clock goes anywhere: what a pass takes without a yes is never more than it may, and never all but the newest. */
static void jumping_clock(void **state)
{
	unsigned int seed = 2;

	(void)state;
	for (int round = 0; round < 450; round++) {
		const struct conf_retention *keep = &policies[(unsigned int)round % ARRAY_SIZE(policies)];
		struct unit_story *s = xcalloc(1, sizeof(*s));
		int64_t now = BEGIN;
		for (int i = 0; i < 40; i++) {
			now += DAY + (rand_r(&seed) % 6 ? 0 : (int64_t)(rand_r(&seed) % 8000 - 4000) * DAY);
			night(s, now);
			int64_t may = s->past.added + RETENTION_SPARE;
			size_t before = s->n;
			s->most = 0;
			pass(s, keep, false);
			assert_true(s->most <= may);
			assert_true(s->n > 1 || before == 1 || (keep->latest <= 1 && before - s->n <= 1));
		}
		free(s);
	}
}

static char *said(const struct conf_retention keep, struct retention_past past, const int64_t *days, size_t n)
{
	struct unit_story *s = xcalloc(1, sizeof(*s));

	for (size_t i = 0; i < n; i++)
		s->times[s->n++] = BEGIN + days[i] * DAY;
	struct retention_point *v = judge(s, &keep);
	char *text = retention_guard(&keep, v, n, &past);
	for (size_t i = 0; i < n; i++)
		strv_done(&v[i].reasons);
	free(v);
	free(s);
	return text;
}

/* A night ten years ahead, after eight others: what it says; and that it says nothing once the clock is right. */
static void ten_years_ahead(void **state)
{
	const int64_t ahead[] = { 3650, 7, 6, 5, 4, 3, 2, 1, 0 }, right[] = { 8, 3650, 7, 6, 5, 4, 3, 2, 1, 0 };
	const struct conf_retention daily = { 0, 7, 4, 12, 2 };
	char *text CLEANUP(freep) = said(daily, (struct retention_past){ .added = 1 }, ahead, ARRAY_SIZE(ahead));
	char *unknown CLEANUP(freep) = said(daily, (struct retention_past){ .added = -1 }, ahead, ARRAY_SIZE(ahead));
	char *none CLEANUP(freep) = said(daily, (struct retention_past){ .added = 1 }, right, ARRAY_SIZE(right));

	(void)state;
	assert_string_equal(text, "8 of its 9 complete restore points would go at once, and 1 came since the last pass; the newest is "
		"3643 days beyond the one before it: was the clock ahead?");
	assert_non_null(strstr(unknown, "what earlier passes saw is not known"));
	assert_null(none);
}

/* A lowered number waits for a yes, once; so does what is saved once a month and kept for seven days. */
static void yes_is_said_once(void **state)
{
	struct conf_retention month = { 0, 31, 0, 0, 0 }, week = { 0, 7, 0, 0, 0 };
	struct unit_story s = { 0 };

	(void)state;
	for (int64_t day = 0; day < 40; day++) {
		night(&s, BEGIN + day * DAY);
		pass(&s, &month, false);
	}
	assert_int_equal(s.alarms, 0);
	night(&s, BEGIN + 40 * DAY);
	pass(&s, &week, false);
	assert_int_equal(s.alarms, 1);
	assert_true(s.n > 30);
	pass(&s, &week, true);
	assert_int_equal(s.n, 7);
	s.alarms = 0;
	for (int64_t day = 41; day < 400; day += day < 60 ? 1 : 30) {
		night(&s, BEGIN + day * DAY);
		pass(&s, &week, false);
		if (s.alarms) { /* the pause, and then that it is alone */
			assert_true(day == 90 && !s.past.alone);
			pass(&s, &week, true);
			s.alarms = 0;
		}
	}
	assert_int_equal(s.alarms, 0);
	assert_int_equal(s.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_years_of_nights),
		cmocka_unit_test(jumping_clock),
		cmocka_unit_test(ten_years_ahead),
		cmocka_unit_test(yes_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
