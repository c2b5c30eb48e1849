/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_GATE_H
#define KD_COMMON_GATE_H

#include "common/base.h"

/*
 * What JSON texts may carry between us and others. Our strings end at a NUL and are text: so one that has
 * a NUL or bytes that are no UTF-8 would be another string here than there.
 */
struct gate_fault {
	const char *why;    /* a sentence's end: "has a string with a NUL"; constant */
	size_t at;          /* byte of the text */
	char parameter[64]; /* the member of "parameters" it is in, as it was written; empty: none, or it is no plain word */
};

/*
 * For what is asked of us: one JSON value (RFC 8259), nothing behind it, at most ${depth} deep, UTF-8 without overlong
 * forms and surrogates (the escape \ud800 alone included), no NUL in any string or name, integers that fit 64 bits, finite
 * numbers. ${ret_members}: how many members all objects have together; a parsed tree that has fewer had a name twice. -EBADMSG, and
 * ${f} says why.
 */
int gate_check(const char *text, size_t len, unsigned int depth, size_t *ret_members, struct gate_fault *f) WARN_UNUSED;

/*
 * For what we must read whatever it has (the engine's answers, files written long ago), and for all that we write: the same text
 * where what no string may have, a NUL or bytes that are no UTF-8, stands in C escapes (\000, \377). NULL: there is
 * nothing of the kind, the text is good as it is. Caller's; ${ret_len} without the NUL.
 */
char *gate_repair(const char *text, size_t len, size_t *ret_len);

#endif
