/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_SCREEN_H
#define KD_CLIENT_SCREEN_H

#include <stdio.h>

#include "common/base.h"

/* The terminal's size, asked each time: it may change. 80 and 24 where there is none. */
size_t screen_width(void);
size_t screen_height(void);
/* ${text} in at most ${columns} columns; what does not fit is "..". Caller's. */
char *screen_cut(const char *text, size_t columns);
/* One line, cut to the screen's width. For lists. */
void screen_line(FILE *to, const char *fmt, ...) PRINTF(2, 3);
/* A paragraph, broken at blanks; each line is indented by ${indent}. For sentences. */
void screen_say(FILE *to, size_t indent, const char *fmt, ...) PRINTF(3, 4);

#endif
