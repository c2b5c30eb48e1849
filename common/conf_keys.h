/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_CONF_KEYS_H
#define KD_COMMON_CONF_KEYS_H

#include "common/conf.h"

/* Between the parsers and the table of keys; for common/conf*.c only. */

/* Where a value stands, for messages. */
struct conf_place {
	const char *file;
	int line; /* 0: unknown */
};

/* Set one key from its text, or from a list (${list} not NULL wins). Unknown section or key, a value
 * that cannot be used, a key set twice: a fault with file, line and what would be right. */
int conf_set(struct conf *c, struct strv *seen, const struct conf_place *at, const char *section,
	const char *key, const char *text, const struct strv *list, struct fault *f) WARN_UNUSED;
void conf_set_defaults(struct conf *c);
/* The unit's settings, made when new. */
struct conf_unit *conf_unit_make(struct conf *c, const char *name);

int conf_parse_ini(struct conf *c, const char *name, const char *text, struct fault *f) WARN_UNUSED;
int conf_parse_libconfig(struct conf *c, const char *name, const char *text, struct fault *f) WARN_UNUSED;

/* ["a", "b"] or a, b or one word. Appends. */
int conf_parse_list(const char *text, struct strv *ret) WARN_UNUSED;
int conf_parse_flag(const char *text, bool *ret) WARN_UNUSED;
/* One calendar expression, or a list of them; "never" alone where it ${may_be_never}. Replaces *${ret}.
 * -EINVAL: *${ret_why} says what is wrong, the caller's. */
int conf_parse_calendars(const char *text, const struct strv *list, bool may_be_never, struct strv *ret,
	char **ret_why) WARN_UNUSED;
/* How far apart two words are (Levenshtein, bounded by 64 characters). */
size_t conf_distance(const char *a, const char *b);

#endif
