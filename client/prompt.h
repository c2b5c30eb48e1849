/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_PROMPT_H
#define KD_CLIENT_PROMPT_H

#include "common/base.h"

/*
 * Questions on a terminal, a line an answer. All of them end in one of three ways but an answer:
 * -EINTR: Ctrl-C; -ENODATA: the end of the input; -ECANCELED: q was typed.
 */
bool prompt_possible(void); /* standard input and output are a terminal */
/* One answer without the blanks around it; empty is ${fallback} (NULL: asked again). ${ret} is the caller's. */
int prompt_line(const char *question, const char *fallback, char **ret) WARN_UNUSED;
/* y or n; what is neither is asked again. Empty is no. 1, 0, or < 0 as above. */
int prompt_yes(const char *question) WARN_UNUSED;

/* A list to choose from by number, or by what match() knows. */
struct menu {
	const char *question; /* "Unit (number or name)" */
	const char *hint;     /* what to type, shown after nonsense */
	size_t n;
	size_t fallback; /* index of the answer of an empty line; n or more: none */
	/* Show entry ${i} under its number in ${lines_each} lines at most. */
	void (*show)(const void *arg, size_t i);
	size_t lines_each;
	/* The entry that ${answer} names; -1: none. May be NULL. */
	ssize_t (*match)(const void *arg, const char *answer);
	const void *arg;
};

/* Shows a screenful at a time and asks until the answer names an entry. 0 and its index. */
int prompt_menu(const struct menu *m, size_t *ret) WARN_UNUSED;
/* A number from 1 to ${n}: its index. -1: it is none. */
ssize_t prompt_index(const char *answer, size_t n);

#endif
