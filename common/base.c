/* SPDX-License-Identifier: MIT */
/*
 * Allocation that aborts, lists of strings, clocks. Running out of memory in a bounded
 * internal allocation ends the process: the ledger and Restart= bring containers back,
 * and that path must exist for a power cut anyway.
 */
#include "common/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static NORETURN void out_of_memory(void)
{
	static const char text[] = "out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
	abort();
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xcalloc(len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		out_of_memory();
	return text;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return text;
}

void *grow_array(void *v, size_t n, size_t size)
{
	/* Capacity is the next power of two, so it needs no field of its own. */
	if (n == 0 || (n & (n - 1)) == 0)
		v = xreallocarray(v, n ? n * 2 : 1, size);
	memset((char *)v + n * size, 0, size);
	return v;
}

void freep(void *p)
{
	void **v = p;

	free(*v);
	*v = NULL;
}

void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

bool streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool starts_with(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix)
{
	size_t n = s ? strlen(s) : 0, m = strlen(suffix);

	return s && n >= m && strcmp(s + n - m, suffix) == 0;
}

void strv_take(struct strv *s, char *text)
{
	/* One more than n, so that the list stays NULL-terminated. */
	s->v = xreallocarray(s->v, s->n + 2, sizeof(*s->v));
	s->v[s->n++] = text;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *text)
{
	strv_take(s, xstrdup(text ? text : ""));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(s, xvasprintf(fmt, ap));
	va_end(ap);
}

bool strv_has(const struct strv *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->v[i], text))
			return true;
	return false;
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void strv_sort_unique(struct strv *s)
{
	size_t kept = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_text);
	for (size_t i = 0; i < s->n; i++) {
		if (kept > 0 && streq(s->v[kept - 1], s->v[i]))
			free(s->v[i]);
		else
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	s->v[kept] = NULL;
}

void strv_copy(struct strv *dst, const struct strv *src)
{
	for (size_t i = 0; i < src->n; i++)
		strv_add(dst, src->v[i]);
}

void strv_done(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

static int64_t clock_now(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) < 0)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t clock_ms(void)
{
	return (uint64_t)clock_now(CLOCK_BOOTTIME);
}

int64_t wall_ms(void)
{
	return clock_now(CLOCK_REALTIME);
}

char *format_time(int64_t wall_ms_value)
{
	time_t s = (time_t)(wall_ms_value / 1000 - (wall_ms_value % 1000 < 0));
	struct tm tm;
	char text[64];

	if (!gmtime_r(&s, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return xstrdup("1970-01-01T00:00:00Z");
	return xstrdup(text);
}

/* ".123456" → milliseconds; moves past it. */
static int64_t parse_fraction(const char **p)
{
	int64_t ms = 0, weight = 100;

	for (++*p; **p >= '0' && **p <= '9'; ++*p, weight /= 10)
		ms += (**p - '0') * weight;
	return ms;
}

int parse_time(const char *rfc3339, int64_t *ret_wall_ms)
{
	struct tm tm = { 0 };
	int64_t ms = 0, zone = 0;
	int hours, minutes;

	if (!rfc3339)
		return -EINVAL;
	const char *p = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		return -EINVAL;
	if (*p == '.')
		ms = parse_fraction(&p);
	if (*p == '+' || *p == '-') {
		if (sscanf(p + 1, "%2d:%2d", &hours, &minutes) != 2 || strlen(p) != 6)
			return -EINVAL;
		zone = (hours * 60 + minutes) * 60 * (*p == '-' ? -1 : 1);
	} else if (!streq(p, "Z")) {
		return -EINVAL;
	}
	*ret_wall_ms = ((int64_t)timegm(&tm) - zone) * 1000 + ms;
	return 0;
}
