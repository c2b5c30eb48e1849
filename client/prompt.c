/* SPDX-License-Identifier: MIT */
/*
 * The terminal stays in its line mode: editing is the terminal's, there is no state to put
 * back whatever ends us, and one read is one line. What is not understood is asked again
 * with a hint, without an end to the patience.
 */
#include "client/prompt.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/interrupt.h"
#include "client/screen.h"

#define LINE_MAX_BYTES 4096

bool prompt_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static char *trimmed(char *line)
{
	while (isspace((unsigned char)*line))
		line++;
	for (char *end = line + strlen(line); end > line && isspace((unsigned char)end[-1]);)
		*--end = 0;
	return line;
}

/* A line of the terminal. Answers end up in sentences: no control characters in them. */
static int read_line(char *ret, size_t size)
{
	int r = interrupt_wait(STDIN_FILENO, -1);
	ssize_t n;

	if (r == -EINTR && interrupt_take())
		return r;
	if (r < 0)
		return r;
	n = read(STDIN_FILENO, ret, size - 1);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENODATA;
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)ret[i] < 0x20 || ret[i] == 0x7f)
			ret[i] = ret[i] == '\n' ? ' ' : '?';
	ret[n] = 0;
	return 0;
}

static int ask_once(const char *question, const char *fallback, char line[LINE_MAX_BYTES])
{
	if (fallback)
		printf("%s [%s]: ", question, fallback);
	else
		printf("%s: ", question);
	fflush(stdout);
	int r = read_line(line, LINE_MAX_BYTES);
	if (r < 0)
		putchar('\n'); /* the cursor stands behind the question */
	return r;
}

int prompt_line(const char *question, const char *fallback, char **ret)
{
	char line[LINE_MAX_BYTES];
	int r;

	interrupt_catch(false);
	for (;;) {
		if ((r = ask_once(question, fallback, line)) < 0)
			return r;
		const char *answer = trimmed(line);
		if (streq(answer, "q"))
			return -ECANCELED;
		if (*answer || fallback) {
			*ret = xstrdup(*answer ? answer : fallback);
			return 0;
		}
		screen_say(stdout, 0, "Type an answer, or q to end.");
	}
}

int prompt_yes(const char *question)
{
	static const char *const yes[] = { "y", "Y", "yes", "Yes", "YES" }, *const no[] = { "n", "N", "no", "No", "NO" };

	for (;;) {
		char *answer CLEANUP(freep) = NULL;
		int r = prompt_line(question, "y/N", &answer);
		if (r < 0)
			return r;
		if (streq(answer, "y/N"))
			return 0;
		for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
			if (streq(answer, yes[i]) || streq(answer, no[i]))
				return streq(answer, yes[i]);
		screen_say(stdout, 0, "Type y for yes or n for no.");
	}
}

ssize_t prompt_index(const char *answer, size_t n)
{
	char *end;

	if (!isdigit((unsigned char)*answer))
		return -1;
	errno = 0;
	unsigned long long number = strtoull(answer, &end, 10);
	return errno || *end || number < 1 || number > n ? -1 : (ssize_t)number - 1;
}

/* Shows entries from ${from} on; returns where the next screenful begins. */
static size_t show_some(const struct menu *m, size_t from)
{
	size_t rows = screen_height() > 8 ? screen_height() - 5 : 3, most = rows / m->lines_each;
	size_t end = from + (most ? most : 1);

	if (end > m->n)
		end = m->n;
	for (size_t i = from; i < end; i++)
		m->show(m->arg, i);
	if (end < m->n)
		screen_line(stdout, "  .. %zu more; m shows them", m->n - end);
	return end;
}

int prompt_menu(const struct menu *m, size_t *ret)
{
	char *fallback CLEANUP(freep) = m->fallback < m->n ? xasprintf("%zu", m->fallback + 1) : NULL;
	size_t shown = show_some(m, 0);

	for (;;) {
		char *answer CLEANUP(freep) = NULL;
		int r = prompt_line(m->question, fallback, &answer);
		if (r < 0)
			return r;
		if (streq(answer, "m")) {
			shown = show_some(m, shown < m->n ? shown : 0);
			continue;
		}
		ssize_t i = prompt_index(answer, m->n);
		if (i < 0 && m->match)
			i = m->match(m->arg, answer);
		if (i >= 0) {
			*ret = (size_t)i;
			return 0;
		}
		screen_say(stdout, 0, "'%s' is none of them. %s, m to see more, q to end.", answer, m->hint);
	}
}
