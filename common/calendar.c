/* SPDX-License-Identifier: MIT */
/*
 * An expression is six sets of numbers. The next moment is searched day by day: the times
 * of the day that suit are turned into the moments at which a clock shows them, and the
 * earliest one behind ${after} is it. Where the clock changes that need not be the first.
 *
 * Local time is asked from the C library as an offset from UTC at a moment, and never
 * the other way round: mktime() answers for times that do not exist, too.
 */
#include "common/calendar.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S    ((int64_t)86400)
#define DAYS_MAX (366 * 41) /* 29 February on a given weekday may be 40 years away */
#define ALL_HOURS 0xffffffU

static const char *const weekday_names[] = { "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday" };

static const struct {
	const char *word, *means;
} shorthands[] = {
	{ "minutely", "*-*-* *:*:00" },
	{ "hourly", "*-*-* *:00:00" },
	{ "daily", "*-*-* 00:00:00" },
	{ "weekly", "Mon *-*-* 00:00:00" },
	{ "monthly", "*-*-01 00:00:00" },
	{ "quarterly", "*-01,04,07,10-01 00:00:00" },
	{ "semiannually", "*-01,07-01 00:00:00" },
	{ "yearly", "*-01-01 00:00:00" },
	{ "annually", "*-01-01 00:00:00" },
};

/* --- reading ----------------------------------------------------------------------------- */

static int refuse(char **why, char *sentence)
{
	if (!*why)
		*why = sentence;
	else
		free(sentence);
	return -EINVAL;
}

static int take_number(const char **p, unsigned int *ret)
{
	unsigned int n = 0, digits = 0;

	while (isdigit((unsigned char)**p) && digits++ < 4)
		n = n * 10 + (unsigned int)(*(*p)++ - '0');
	*ret = n;
	return digits > 0 && digits <= 4 ? 0 : -EINVAL;
}

struct field {
	const char *name;
	unsigned int min, max;
};
static const struct field month = { "month", 1, 12 }, day = { "day", 1, 31 }, hour = { "hour", 0, 23 },
	minute = { "minute", 0, 59 }, second = { "second", 0, 59 };

/* One of a list: *, 5, 1..5, 0/15, 1..9/2. Bits are counted from 0. */
static int take_range(const char **p, const struct field *f, uint64_t *set, char **why)
{
	unsigned int from = f->min, to = f->max, step = 1;
	bool star = **p == '*', open = star;

	if (star)
		(*p)++;
	else if (take_number(p, &from) < 0)
		return refuse(why, xasprintf("a number is needed for the %s", f->name));
	else
		to = from;
	if (!star && starts_with(*p, "..")) {
		*p += 2;
		if (take_number(p, &to) < 0)
			return refuse(why, xasprintf("a number is needed behind '..' for the %s", f->name));
	}
	if (**p == '/') {
		(*p)++;
		if (take_number(p, &step) < 0 || step == 0)
			return refuse(why, xasprintf("a number from 1 is needed behind '/' for the %s", f->name));
		if (to == from && !open)
			to = f->max;
	}
	if (from < f->min || to > f->max || from > to)
		return refuse(why, xasprintf("the %s goes from %u to %u", f->name, f->min, f->max));
	for (unsigned int n = from; n <= to; n += step)
		*set |= UINT64_C(1) << n;
	return 0;
}

static int take_field(const char **p, const struct field *f, uint64_t *ret, char **why)
{
	uint64_t set = 0;

	for (;;) {
		if (take_range(p, f, &set, why) < 0)
			return -EINVAL;
		if (**p != ',')
			break;
		(*p)++;
	}
	*ret = set;
	return 0;
}

static int take_weekday(const char **p, unsigned int *ret)
{
	size_t len = strspn(*p, "abcdefghijklmnopqrstuvwxyz");

	for (unsigned int i = 0; i < ARRAY_SIZE(weekday_names); i++)
		if ((len == 3 || len == strlen(weekday_names[i])) && strncmp(*p, weekday_names[i], len) == 0) {
			*p += len;
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

/* Mon..Fri goes on past the end of the week: Sat..Mon is three days. */
static int parse_weekdays(const char *p, struct calendar *c, char **why)
{
	unsigned int from, to;

	c->weekdays = 0;
	for (;;) {
		if (take_weekday(&p, &from) < 0)
			return refuse(why, xstrdup("a weekday is needed, as in Mon, Mon..Fri or Sat,Sun"));
		to = from;
		if (starts_with(p, "..")) {
			p += 2;
			if (take_weekday(&p, &to) < 0)
				return refuse(why, xstrdup("a weekday is needed behind '..', as in Mon..Fri"));
		}
		for (unsigned int d = from;; d = (d + 1) % 7) {
			c->weekdays |= (uint8_t)(1U << d);
			if (d == to)
				break;
		}
		if (!*p)
			return 0;
		if (*p++ != ',')
			return refuse(why, xstrdup("weekdays are joined with ',' or '..', as in Mon..Fri,Sun"));
	}
}

static int parse_date(const char *p, struct calendar *c, char **why)
{
	uint64_t months, days;

	if (strchr(p, '~'))
		return refuse(why, xstrdup("'~' (days from the end of the month) is not supported"));
	if (starts_with(p, "*-") && strchr(p + 2, '-'))
		p += 2;
	else if (strchr(strchr(p, '-') + 1, '-'))
		return refuse(why, xstrdup("a year is not supported: write '*' for it, as in *-*-01"));
	if (take_field(&p, &month, &months, why) < 0)
		return -EINVAL;
	if (*p++ != '-')
		return refuse(why, xstrdup("a date is month-day, as in *-*-01 or 12-24"));
	if (take_field(&p, &day, &days, why) < 0)
		return -EINVAL;
	if (*p)
		return refuse(why, xasprintf("'%.20s' behind the date cannot be read", p));
	c->months = (uint16_t)(months >> 1);
	c->days = (uint32_t)days;
	return 0;
}

static int parse_time_of_day(const char *p, struct calendar *c, char **why)
{
	uint64_t hours;

	if (take_field(&p, &hour, &hours, why) < 0)
		return -EINVAL;
	c->hours = (uint32_t)hours;
	if (*p++ != ':' || take_field(&p, &minute, &c->minutes, why) < 0)
		return refuse(why, xstrdup("a time is hour:minute, as in 02:30"));
	c->seconds = 1;
	if (*p == ':') {
		p++;
		if (take_field(&p, &second, &c->seconds, why) < 0)
			return -EINVAL;
	}
	return *p ? refuse(why, xasprintf("'%.20s' behind the time cannot be read", p)) : 0;
}

/* The words come in this order, each at most once. */
static int parse_words(char *text, struct calendar *c, char **why)
{
	enum { WEEKDAYS, DATE, TIME, OVER } next = WEEKDAYS;
	char *rest = NULL;
	int r = 0;

	for (char *w = strtok_r(text, " \t", &rest); w && r == 0; w = strtok_r(NULL, " \t", &rest)) {
		if (next <= TIME && strchr(w, ':')) {
			r = parse_time_of_day(w, c, why);
			next = OVER;
		} else if (next <= DATE && strchr(w, '-') && !isalpha((unsigned char)*w)) {
			r = parse_date(w, c, why);
			next = TIME;
		} else if (next == WEEKDAYS) {
			r = parse_weekdays(w, c, why);
			next = DATE;
		} else {
			r = refuse(why, xasprintf("'%.40s' is not understood: [WEEKDAYS] [*-MONTH-DAY] [HOUR:MINUTE], in local time", w));
		}
	}
	if (r == 0 && next == WEEKDAYS)
		r = refuse(why, xstrdup("it is empty: write daily, 02:00 or Mon..Fri 02:00"));
	return r;
}

int calendar_parse(const char *text, struct calendar *ret, char **ret_why)
{
	struct calendar c = { .weekdays = 0x7f, .months = 0xfff, .days = 0xfffffffe, .hours = 1, .minutes = 1, .seconds = 1 };
	char *copy CLEANUP(freep) = xstrdup(text), *why = NULL;

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_SIZE(shorthands); i++)
		if (streq(copy, shorthands[i].word)) {
			free(copy);
			copy = xstrdup(shorthands[i].means);
			for (char *p = copy; *p; p++)
				*p = (char)tolower((unsigned char)*p);
			break;
		}
	int r = parse_words(copy, &c, &why);
	if (r == 0 && calendar_next(&c, 0) < 0)
		r = refuse(&why, xstrdup("there is no such day"));
	if (r < 0) {
		*ret_why = why;
		return r;
	}
	*ret = c;
	return 0;
}

/* --- the next moment --------------------------------------------------------------------- */

/* Local time minus UTC at this moment. */
static int64_t offset_at(int64_t t)
{
	time_t s = (time_t)t;
	struct tm tm;

	localtime_r(&s, &tm);
	return tm.tm_gmtoff;
}

/* Where the clock changes between ${a} and ${b}: the first second of the new offset. */
static int64_t change_between(int64_t a, int64_t b)
{
	int64_t old = offset_at(a);

	while (b - a > 1) {
		int64_t middle = a + (b - a) / 2;
		if (offset_at(middle) == old)
			a = middle;
		else
			b = middle;
	}
	return b;
}

struct moments {
	int64_t v[2];
	int n;
};

/* The moments at which the wall clock shows ${wall} (seconds since 1970 as if it were UTC). */
static struct moments moments_of(int64_t wall)
{
	int64_t before = offset_at(wall - DAY_S), after = offset_at(wall + DAY_S);
	struct moments m = { .n = 0 };
	int64_t candidates[] = { wall - (before > after ? before : after), wall - (before > after ? after : before) };

	for (int i = 0; i < (before == after ? 1 : 2); i++)
		if (candidates[i] + offset_at(candidates[i]) == wall)
			m.v[m.n++] = candidates[i];
	if (m.n == 0)
		m.v[m.n++] = change_between(candidates[0], candidates[1]); /* left out by the clock */
	return m;
}

static bool has_bit(uint64_t set, int n)
{
	return (set >> n) & 1;
}

/* Seconds of the day at or behind ${from} at which it is due, or -1. */
static int64_t time_of_day(const struct calendar *c, int64_t from)
{
	int h = (int)(from / 3600), m = (int)(from % 3600 / 60), s = (int)(from % 60);

	for (; h < 24; h++, m = s = 0)
		for (; has_bit(c->hours, h) && m < 60; m++, s = 0)
			for (; has_bit(c->minutes, m) && s < 60; s++)
				if (has_bit(c->seconds, s))
					return h * 3600 + m * 60 + s;
	return -1;
}

static bool day_suits(const struct calendar *c, int64_t midnight)
{
	time_t t = (time_t)midnight;
	struct tm tm;

	gmtime_r(&t, &tm);
	return has_bit(c->weekdays, tm.tm_wday) && has_bit(c->months, tm.tm_mon) && has_bit(c->days, tm.tm_mday);
}

/* The earliest moment behind ${after} of the day that begins at ${midnight} on the wall, or -1. */
static int64_t next_of_day(const struct calendar *c, int64_t midnight, int64_t after)
{
	int64_t a = offset_at(midnight - DAY_S), b = offset_at(midnight + 2 * DAY_S);
	int64_t least = a < b ? a : b, most = a < b ? b : a, best = -1;
	int64_t from = after + least + 1 - midnight;

	for (int64_t at = time_of_day(c, from > 0 ? from : 0); at >= 0; at = time_of_day(c, at + 1)) {
		struct moments m = moments_of(midnight + at);
		if (best >= 0 && midnight + at - most > best)
			break;
		for (int i = 0; i < (c->hours == ALL_HOURS ? m.n : 1); i++)
			if (m.v[i] > after && (best < 0 || m.v[i] < best))
				best = m.v[i];
	}
	return best;
}

int64_t calendar_next(const struct calendar *c, int64_t after)
{
	int64_t wall = after + offset_at(after), midnight = wall - ((wall % DAY_S) + DAY_S) % DAY_S;

	/* From the day before: where the clock went back over midnight, it comes again. */
	for (int i = -1; i < DAYS_MAX; i++) {
		int64_t t = day_suits(c, midnight + i * DAY_S) ? next_of_day(c, midnight + i * DAY_S, after) : -1;
		if (t > after)
			return t;
	}
	return -1;
}
