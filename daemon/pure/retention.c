/* SPDX-License-Identifier: MIT */
/*
 * kopia's rule to the letter, so that what its policies say is what happens. Its one
 * oddity is kept too: all buckets share one set of names, in which the ISO week 2026-05
 * is the month 2026-05, so that early in a year a weekly reason may be missing.
 */
#include "daemon/pure/retention.h"

#include <limits.h>
#include <time.h>

#define PARTIAL_MS    ((int64_t)4 * 3600 * 1000)
#define PARTIAL_COUNT 3

#define BUCKET_MAX 32

/* kopia's names of the buckets. */
static void year(const struct tm *tm, char *text)
{
	strftime(text, BUCKET_MAX, "%Y", tm);
}

static void month(const struct tm *tm, char *text)
{
	strftime(text, BUCKET_MAX, "%Y-%m", tm);
}

static void week(const struct tm *tm, char *text)
{
	strftime(text, BUCKET_MAX, "%G-%V", tm);
}

static void day(const struct tm *tm, char *text)
{
	strftime(text, BUCKET_MAX, "%Y-%m-%d", tm);
}

static const struct rule {
	const char *name;
	size_t keep; /* offset of its number */
	void (*bucket)(const struct tm *tm, char *text); /* NULL: every point is its own */
	int years, months, days;
} rules[] = {
	{ "latest", offsetof(struct conf_retention, latest), NULL, 0, 0, 0 },
	{ "yearly", offsetof(struct conf_retention, yearly), year, 1, 0, 0 },
	{ "monthly", offsetof(struct conf_retention, monthly), month, 0, 1, 0 },
	{ "weekly", offsetof(struct conf_retention, weekly), week, 0, 0, 7 },
	{ "daily", offsetof(struct conf_retention, daily), day, 0, 0, 1 },
};

struct counting {
	int most[ARRAY_SIZE(rules)], kept[ARRAY_SIZE(rules)];
	int64_t cutoff_ms[ARRAY_SIZE(rules)];
	struct strv buckets; /* that have their point already */
};

static struct tm utc(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	return tm;
}

static int64_t back_from(int64_t ms, const struct rule *r, int n)
{
	struct tm tm = utc(ms);

	tm.tm_year -= r->years * n;
	tm.tm_mon -= r->months * n;
	tm.tm_mday -= r->days * n;
	return (int64_t)timegm(&tm) * 1000 + ms % 1000; /* the 31st of a short month is a day of the next */
}

static void prepare(struct counting *c, const struct conf_retention *keep, int64_t newest_ms)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		c->most[i] = *(const int *)((const char *)keep + r->keep);
		c->cutoff_ms[i] = r->bucket ? back_from(newest_ms, r, c->most[i]) : INT64_MIN;
		any |= c->most[i] > 0;
	}
	if (!any)
		c->most[0] = INT_MAX; /* nothing is asked for: nothing goes */
}

static void judge(struct counting *c, struct retention_point *p, size_t index)
{
	struct tm tm = utc(p->time_ms);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char bucket[BUCKET_MAX];
		if (rules[i].bucket)
			rules[i].bucket(&tm, bucket);
		else
			snprintf(bucket, sizeof(bucket), "%zu", index);
		if (p->time_ms < c->cutoff_ms[i] || c->kept[i] >= c->most[i] || strv_has(&c->buckets, bucket))
			continue;
		strv_add(&c->buckets, bucket);
		strv_addf(&p->reasons, "%s-%d", rules[i].name, ++c->kept[i]);
	}
}

void retention_apply(const struct conf_retention *keep, struct retention_point *v, size_t n)
{
	struct counting c = { 0 };
	size_t newest = 0;

	while (newest < n && !v[newest].complete)
		newest++;
	for (size_t i = 0; i < newest; i++)
		if (i < PARTIAL_COUNT || v[0].time_ms - v[i].time_ms < PARTIAL_MS)
			strv_add(&v[i].reasons, "partial");
	if (newest == n)
		return;
	prepare(&c, keep, v[newest].time_ms);
	for (size_t i = newest; i < n; i++)
		if (v[i].complete)
			judge(&c, &v[i], i);
	strv_done(&c.buckets);
}
