/* SPDX-License-Identifier: MIT */
/* Values as people write them: sizes, durations, flags, lists. Every parser takes the whole text or refuses. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_keys.h"

struct unit_word {
	const char *word;
	int64_t factor;
};

static const struct unit_word size_words[] = {
	{ "", 1 }, { "b", 1 }, { "k", 1 << 10 }, { "kib", 1 << 10 }, { "kb", 1000 }, { "m", 1 << 20 },
	{ "mib", 1 << 20 }, { "mb", 1000000 }, { "g", 1 << 30 }, { "gib", 1 << 30 }, { "gb", 1000000000 },
	{ "t", (int64_t)1 << 40 }, { "tib", (int64_t)1 << 40 }, { "tb", (int64_t)1000000000000 },
};
static const struct unit_word duration_words[] = {
	{ "ms", 1 }, { "", 1000 }, { "s", 1000 }, { "sec", 1000 }, { "min", 60000 }, { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 },
};

static int parse_with_unit(const char *text, const struct unit_word *words, size_t n, int64_t *ret)
{
	char *end;

	if (!text || !isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	while (*end == ' ')
		end++;
	for (size_t i = 0; errno == 0 && i < n; i++) {
		int64_t product;
		if (strcasecmp(end, words[i].word) != 0)
			continue;
		if (__builtin_mul_overflow((int64_t)value, words[i].factor, &product))
			return -ERANGE;
		*ret = product;
		return 0;
	}
	return -EINVAL;
}

int conf_parse_size(const char *text, int64_t *ret_bytes)
{
	return parse_with_unit(text, size_words, ARRAY_SIZE(size_words), ret_bytes);
}

int conf_parse_duration(const char *text, int64_t *ret_ms)
{
	return parse_with_unit(text, duration_words, ARRAY_SIZE(duration_words), ret_ms);
}

int conf_parse_flag(const char *text, bool *ret)
{
	static const char *const yes[] = { "true", "yes", "on", "1" }, *const no[] = { "false", "no", "off", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*ret = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* One word of a list, quoted or bare; NULL when a quote is not closed. */
static const char *parse_word(const char *p, bool brackets, char **ret)
{
	char quote = *p == '"' || *p == '\'' ? *p : '\0';
	const char *begin = quote ? ++p : p;

	while (*p && (quote ? *p != quote : *p != ',' && !(brackets && *p == ']')))
		p++;
	if (quote && !*p)
		return NULL;
	const char *end = p;
	while (!quote && end > begin && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*ret = xstrndup(begin, (size_t)(end - begin));
	return skip_blanks(quote ? p + 1 : p);
}

int conf_parse_list(const char *text, struct strv *ret)
{
	const char *p = skip_blanks(text);
	bool brackets = *p == '[';

	if (brackets)
		p = skip_blanks(p + 1);
	while (*p && !(brackets && *p == ']')) {
		char *word = NULL;
		p = parse_word(p, brackets, &word);
		if (!p)
			return -EINVAL;
		if (*word)
			strv_take(ret, word);
		else
			free(word);
		if (*p == ',')
			p = skip_blanks(p + 1);
		else if (*p && !(brackets && *p == ']'))
			return -EINVAL;
	}
	if (brackets && *p != ']')
		return -EINVAL;
	return brackets && *skip_blanks(p + 1) ? -EINVAL : 0;
}

#define DISTANCE_MAX 64

size_t conf_distance(const char *a, const char *b)
{
	size_t row[DISTANCE_MAX + 1], n = strnlen(a, DISTANCE_MAX), m = strnlen(b, DISTANCE_MAX);

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
			best = above + 1 < best ? above + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[m];
}
