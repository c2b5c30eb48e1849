/* SPDX-License-Identifier: MIT */
/*
 * Two ways through for JSON text. The strict one is a reader of RFC 8259 that keeps nothing: json-c is asked
 * only about texts that it cannot misunderstand (it takes overlong forms and surrogates, ends a name at its NUL, and turns
 * a number that is too large into the largest). The other one looks at strings alone, and puts what they may not have into
 * C escapes, so that two strings which differ behind a NUL stay two.
 */
#include "common/gate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/text.h"

struct reader {
	const unsigned char *begin, *p, *end;
	unsigned int depth, most;
	size_t members;
	const unsigned char *name, *parameter; /* the member of the message, and of its parameters, that is being read */
	size_t name_len, parameter_len;
	const char *why;
};

static bool value(struct reader *r);

static bool refuse(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return false;
}

static int peek(const struct reader *r)
{
	return r->p < r->end ? *r->p : -1;
}

static int next(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
		r->p++;
	return peek(r);
}

/* The four digits at ${p}, -1: there are none. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		if (p + i >= end)
			return -1;
		int c = p[i], d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
		if (d < 0)
			return -1;
		n = n << 4 | d;
	}
	return n;
}

/* How long the escape \uXXXX at ${p}, behind the u, goes on: 4, 10 for a pair; 0: half of a pair; -1: no digits. */
static int unicode_length(const unsigned char *p, const unsigned char *end)
{
	int n = hex4(p, end);

	if (n < 0 || n < 0xd800 || n > 0xdfff)
		return n < 0 ? -1 : 4;
	if (n > 0xdbff || end - p < 10 || p[4] != '\\' || p[5] != 'u')
		return 0;
	int low = hex4(p + 6, end);
	return low >= 0xdc00 && low <= 0xdfff ? 10 : 0;
}

static bool escape(struct reader *r)
{
	r->p++; /* the backslash */
	int c = peek(r);
	if (c < 0)
		return refuse(r, "ends in the middle");
	r->p++;
	if (c != 'u')
		return (c && strchr("\"\\/bfnrt", c)) || refuse(r, "has an escape that is none of JSON's");
	int n = unicode_length(r->p, r->end);
	if (n < 0)
		return refuse(r, "has an escape that is none of JSON's");
	if (n == 0)
		return refuse(r, "has a string with half a surrogate pair");
	if (hex4(r->p, r->end) == 0)
		return refuse(r, "has a string with a NUL");
	r->p += n;
	return true;
}

static bool string(struct reader *r)
{
	r->p++; /* the quote */
	for (;;) {
		int c = peek(r);
		if (c < 0)
			return refuse(r, "ends in the middle");
		if (c == '"')
			break;
		if (c < 0x20)
			return refuse(r, "has a control character in a string");
		size_t n = text_utf8_length(r->p, (size_t)(r->end - r->p));
		if (n == 0)
			return refuse(r, "has a string that is no UTF-8");
		if (c != '\\')
			r->p += n;
		else if (!escape(r))
			return false;
	}
	r->p++;
	return true;
}

static bool digits(struct reader *r)
{
	const unsigned char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from || refuse(r, "has something that is no JSON value");
}

static bool number(struct reader *r)
{
	const unsigned char *from = r->p;
	bool whole = true;

	if (peek(r) == '-')
		r->p++;
	if (peek(r) == '0')
		r->p++;
	else if (!digits(r))
		return false;
	if (peek(r) == '.') {
		whole = false;
		r->p++;
		if (!digits(r))
			return false;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		whole = false;
		r->p++;
		if (peek(r) == '+' || peek(r) == '-')
			r->p++;
		if (!digits(r))
			return false;
	}
	char *text CLEANUP(freep) = xstrndup((const char *)from, (size_t)(r->p - from));
	errno = 0;
	if (whole ? (strtoll(text, NULL, 10), errno == ERANGE) : !isfinite(strtod(text, NULL)))
		return refuse(r, "has a number that does not fit");
	return true;
}

static bool word(struct reader *r, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
		return refuse(r, "has something that is no JSON value");
	r->p += n;
	return true;
}

/* Which parameter it is, for whoever is told. */
static void note_name(struct reader *r, const unsigned char *from)
{
	size_t len = (size_t)(r->p - from) - 2; /* without the quotes */

	if (r->depth == 1) {
		r->name = from + 1;
		r->name_len = len;
	} else if (r->depth == 2 && r->name_len == strlen("parameters") && memcmp(r->name, "parameters", r->name_len) == 0) {
		r->parameter = from + 1;
		r->parameter_len = len;
	}
}

static bool member(struct reader *r)
{
	const unsigned char *from = r->p;

	if (r->depth < 3)
		r->parameter = NULL;
	if (peek(r) != '"')
		return refuse(r, "has a member without a name");
	if (!string(r))
		return false;
	note_name(r, from);
	r->members++;
	if (next(r) != ':')
		return refuse(r, "has a name without a value");
	r->p++;
	return value(r);
}

static bool several(struct reader *r, int close, bool (*one)(struct reader *r))
{
	if (++r->depth > r->most)
		return refuse(r, "is nested too deeply");
	r->p++;
	if (next(r) == close) {
		r->p++;
		r->depth--;
		return true;
	}
	for (;;) {
		next(r);
		if (!one(r))
			return false;
		int c = next(r);
		if (c != ',' && c != close)
			return refuse(r, c < 0 ? "ends in the middle" : "has something between two values that is no comma");
		r->p++;
		if (c == close)
			break;
	}
	r->depth--;
	return true;
}

static bool value(struct reader *r)
{
	switch (next(r)) {
	case -1:
		return refuse(r, "ends in the middle");
	case '{':
		return several(r, '}', member);
	case '[':
		return several(r, ']', value);
	case '"':
		return string(r);
	case 't':
		return word(r, "true");
	case 'f':
		return word(r, "false");
	case 'n':
		return word(r, "null");
	default:
		return number(r);
	}
}

/* Names of ours are plain words; another is not repeated. */
static void tell(const struct reader *r, struct gate_fault *f)
{
	size_t i = 0;

	*f = (struct gate_fault){ .why = r->why, .at = (size_t)(r->p - r->begin) };
	if (!r->parameter || r->parameter_len >= sizeof(f->parameter))
		return;
	for (; i < r->parameter_len && r->parameter[i] > 0x20 && r->parameter[i] < 0x7f && r->parameter[i] != '\\'; i++)
		f->parameter[i] = (char)r->parameter[i];
	if (i < r->parameter_len)
		f->parameter[0] = '\0';
}

int gate_check(const char *text, size_t len, unsigned int depth, size_t *ret_members, struct gate_fault *f)
{
	const unsigned char *begin = (const unsigned char *)text;
	struct reader r = { .begin = begin, .p = begin, .end = begin + len, .most = depth };

	if (value(&r) && next(&r) >= 0)
		IGNORE(refuse(&r, "has something behind its end")); /* it is in r.why */
	if (r.why) {
		tell(&r, f);
		return -EBADMSG;
	}
	*ret_members = r.members;
	return 0;
}

/* --- repairing ------------------------------------------------------------------------------ */

/* The bytes at ${p}, inside a string, that cannot stay: how many; 0: they can. ${ret_code}: the code that an escape stands for, -1: bytes. */
static size_t misfit(const unsigned char *p, const unsigned char *end, int *ret_code)
{
	*ret_code = -1;
	if (*p != '\\')
		return *p == 0 || text_utf8_length(p, (size_t)(end - p)) == 0;
	if (end - p < 6 || p[1] != 'u' || (*ret_code = hex4(p + 2, end)) < 0)
		return 0;
	return *ret_code == 0 || unicode_length(p + 2, end) == 0 ? 6 : 0;
}

/* How far what is good at ${p} goes: an escape with what it escapes, a character. */
static size_t good(const unsigned char *p, const unsigned char *end)
{
	if (*p != '\\')
		return text_utf8_length(p, (size_t)(end - p));
	if (p + 1 < end && p[1] == 'u') {
		int n = unicode_length(p + 2, end);
		return n > 0 ? 2 + (size_t)n : 1;
	}
	return p + 1 < end && p[1] > 0 && p[1] < 0x80 ? 2 : 1;
}

/* As text_quote() writes bytes, and once more as JSON writes a backslash. */
static void put_escaped(struct buf *b, int code, unsigned char byte)
{
	unsigned int c = code < 0 ? byte : (unsigned int)code;

	if (c < 0x100)
		buf_printf(b, "\\\\%03o", c);
	else /* half of a surrogate pair: the bytes that it would be */
		buf_printf(b, "\\\\%03o\\\\%03o\\\\%03o", 0xe0 | c >> 12, 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
}

char *gate_repair(const char *text, size_t len, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len, *from = p;
	struct buf b = { 0 };
	bool inside = false, any = false;
	int code;

	while (p < end) {
		size_t n = 1, bad = inside ? misfit(p, end, &code) : 0;
		if (bad) {
			if (buf_add(&b, from, (size_t)(p - from)) < 0)
				abort(); /* UNTESTED: no limit, so there is no memory */
			put_escaped(&b, code, *p);
			any = true;
			from = p + bad;
			n = bad;
		} else if (*p == '"') {
			inside = !inside;
		} else if (inside) {
			n = good(p, end);
		}
		p += n;
	}
	if (!any)
		return NULL;
	if (buf_add(&b, from, (size_t)(end - from)) < 0)
		abort(); /* UNTESTED: the same */
	*ret_len = b.len;
	return buf_steal(&b);
}
