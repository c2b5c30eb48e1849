/* SPDX-License-Identifier: MIT */
/*
 * What fits on the terminal. Columns are counted as the locale shows the characters; bytes
 * that are none count one. No colours and no cursor movement: a line is a line everywhere.
 */
#include "client/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define WIDTH_DEFAULT  80u
#define WIDTH_LEAST    20u
#define HEIGHT_DEFAULT 24u

static struct winsize size(void)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		IGNORE(ioctl(STDERR_FILENO, TIOCGWINSZ, &w)); /* then the defaults hold */
	return w;
}

size_t screen_width(void)
{
	size_t width = size().ws_col;

	return width == 0 ? WIDTH_DEFAULT : width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

size_t screen_height(void)
{
	size_t height = size().ws_row;

	return height ? height : HEIGHT_DEFAULT;
}

/* The character at ${p}: how many bytes, how many columns. */
static size_t character(const char *p, size_t *ret_columns)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, p, strlen(p), &state);

	if (n == 0 || n > MB_CUR_MAX) { /* (size_t)-1, -2: not of this locale */
		*ret_columns = 1;
		return 1;
	}
	int width = wcwidth(c);
	*ret_columns = width < 0 ? 1 : (size_t)width;
	return n;
}

/* How many bytes of ${text} fill at most ${columns}. */
static size_t fitting(const char *text, size_t columns)
{
	size_t used = 0, at = 0, width;

	while (text[at]) {
		size_t n = character(text + at, &width);
		if (used + width > columns)
			break;
		used += width;
		at += n;
	}
	return at;
}

char *screen_cut(const char *text, size_t columns)
{
	if (!text[fitting(text, columns)])
		return xstrdup(text);
	return columns < 3 ? xasprintf("%.*s", (int)fitting(text, columns), text)
			   : xasprintf("%.*s..", (int)fitting(text, columns - 2), text);
}

void screen_line(FILE *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text CLEANUP(freep) = xvasprintf(fmt, ap);
	va_end(ap);
	char *cut CLEANUP(freep) = screen_cut(text, screen_width());
	fprintf(to, "%s\n", cut);
}

void screen_say(FILE *to, size_t indent, const char *fmt, ...)
{
	size_t width = screen_width() - 1;
	va_list ap;

	va_start(ap, fmt);
	char *text CLEANUP(freep) = xvasprintf(fmt, ap);
	va_end(ap);
	const char *p = text;
	do {
		size_t n = fitting(p, width > indent ? width - indent : 1), at = n;
		if (p[n])
			while (at > 0 && p[at] != ' ')
				at--;
		if (at == 0)
			at = n ? n : *p != 0; /* a word longer than the line is broken */
		fprintf(to, "%*s%.*s\n", (int)indent, "", (int)at, p);
		p += at;
		p += strspn(p, " ");
	} while (*p);
}
