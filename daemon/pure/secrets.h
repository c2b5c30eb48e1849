/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_SECRETS_H
#define KD_PURE_SECRETS_H

#include "common/base.h"

/* A secret inside a string: where, and what it is called there. */
struct secret_span {
	size_t start, len;
	const char *name; /* borrowed: from the string (not ended), or a constant; NULL: a URL's password */
	size_t name_len;
};

/*
 * The next secret that a string's own syntax gives away, at or behind ${from}: //user:SECRET@host,
 * password=SECRET, --api-key SECRET, "password": "SECRET" (JSON and YAML, quoted once more or not),
 * Authorization and other headers, -pSECRET, -u user:SECRET, private keys in PEM, tokens that are known by
 * their beginning. ${context} is what the string belongs to (all words of a command, or the string
 * itself): a -pX is a password to mysql. Paths, numbers and words that say nothing are none where the name
 * alone is no proof ("key", "auth").
 */
bool secret_next(const char *text, size_t from, const char *context, struct secret_span *ret);
/* The same for two words of a command of which ${option} is the first: where in ${value} it is. */
bool secret_pair(const char *option, const char *value, const char *context, struct secret_span *ret);
/* Words that say nothing: AUTH_ENABLED=true must not blank every true. */
bool secret_is_plain(const char *value, size_t len);

#endif
