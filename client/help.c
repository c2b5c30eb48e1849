/* SPDX-License-Identifier: MIT */
/* Help is printed from the verbs' tables: what is not in a table does not exist. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "client/verb.h"
#include "common/iface.h"

#define WORD_MAX 32

static void usage_line(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: %s %s%s%s%s\n", program_invocation_short_name, v->name, v->words ? " " : "", v->words ? v->words : "",
		v->options ? " [OPTION ...]" : "");
}

static void option_lines(FILE *to, const struct verb_option *list)
{
	for (; list && list->name; list++) {
		char *left CLEANUP(freep) = xasprintf("--%s%s%s", list->name, list->value ? " " : "", list->value ? list->value : "");
		fprintf(to, "  %-22s %s\n", left, list->help);
	}
}

static void example_lines(FILE *to, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		fprintf(to, "  %s %.*s\n", program_invocation_short_name, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void help_verb(FILE *to, const struct verb *v)
{
	usage_line(to, v);
	fprintf(to, "\n%s\n", v->summary);
	if (v->about)
		fprintf(to, "\n%s\n", v->about);
	if (v->options) {
		fputs("\noptions:\n", to);
		option_lines(to, v->options);
	}
	fputs("\noptions of every verb:\n", to);
	option_lines(to, options_common);
	fputs("\nexamples:\n", to);
	example_lines(to, v->examples);
}

void help_all(FILE *to, const struct verb_group *const *groups)
{
	const char *me = program_invocation_short_name;

	fprintf(to, "usage: %s [OPTION ...] VERB ...\n", me);
	for (; *groups; groups++) {
		fprintf(to, "\n%s:\n", (*groups)->title);
		for (const struct verb *v = (*groups)->verbs; v->name; v++)
			fprintf(to, "  %-18s %s\n", v->name, v->summary);
	}
	fputs("\noptions:\n", to);
	option_lines(to, options_common);
	fprintf(to, "\n%s VERB --help shows its options and examples. See kopi-dockactl(1).\n", me);
}

int help_usage(const struct verb *v, const char *why)
{
	fprintf(stderr, "%s\n", why);
	usage_line(stderr, v);
	fprintf(stderr, "see: %s %s --help\n", program_invocation_short_name, v->name);
	return EXIT_USAGE;
}

/* Insertions, deletions, changes and swapped neighbours (optimal string alignment). */
static size_t edits(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			size_t best = d[i - 1][j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
			best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

int help_distance(const char *word, const char *candidate)
{
	size_t n = strlen(word), m = strlen(candidate);

	if (!n || n > WORD_MAX || m > WORD_MAX)
		return -1;
	if (n >= 3 && m > n && starts_with(candidate, word))
		return 1;
	size_t d = edits(word, n, candidate, m), longer = n > m ? n : m;
	return d <= (longer < 5 ? 1u : longer < 9 ? 2u : 3u) ? (int)d : -1;
}
