/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_ENVFILE_H
#define KD_PURE_ENVFILE_H

#include "common/base.h"

/*
 * The NAME=value lines of an env file as compose reads them: export, quotes that span
 * lines, NAME: value. Also such a line that was commented out: a secret is one still.
 */
struct env_entry { /* offsets into the text */
	size_t name, name_len;
	size_t value, value_len; /* with its quotes */
	bool comment;
};

/* The next at or behind ${at}, which moves on. False: there is none. */
bool env_next(const char *text, size_t len, size_t *at, struct env_entry *ret);
/* The value without quotes, trailing blanks and comment; escapes stay as they are. Caller's. */
char *env_value(const char *text, const struct env_entry *e);
/* "NAME=value" of every entry that is no comment, values as env_value() has them. */
void env_variables(const char *text, size_t len, struct strv *ret);

#endif
