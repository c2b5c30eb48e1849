/* SPDX-License-Identifier: MIT */
/*
 * Options by table: each verb lists those it takes, with the field each one fills. A verb's option
 * is unknown elsewhere, so a mistyped command never does something else than was meant: there are
 * no abbreviations either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/verb.h"

const struct verb_option options_common[] = {
	TEXT("socket", "PATH", socket, "talk to the daemon here"),
	TEXT("config", "FILE", config, "read where the daemon listens from this configuration"),
	FLAG("json", json, "print the daemon's replies, one JSON object a line"),
	FLAG("help", help, "show this"),
	FLAG("version", version, "show the version"),
	{ 0 },
};

static const struct verb_option *find(const struct verb_option *list, const char *name, size_t len)
{
	for (; list && list->name; list++)
		if (strlen(list->name) == len && strncmp(list->name, name, len) == 0)
			return list;
	return NULL;
}

static void nearest(const struct verb_option *list, const char *word, const char **best, int *best_distance)
{
	for (; list && list->name; list++) {
		int d = help_distance(word, list->name);
		if (d >= 0 && (*best_distance < 0 || d < *best_distance)) {
			*best_distance = d;
			*best = list->name;
		}
	}
}

static int unknown(const char *arg, size_t len, const struct verb *v)
{
	char *word CLEANUP(freep) = xstrndup(arg, len);
	const char *best = NULL;
	int distance = -1;

	if (v)
		nearest(v->options, word + strspn(word, "-"), &best, &distance);
	nearest(options_common, word + strspn(word, "-"), &best, &distance);
	fprintf(stderr, "there is no option '%s'%s%s", word, v ? " for " : " before the verb", v ? v->name : "");
	if (best)
		fprintf(stderr, "; did you mean --%s?", best);
	fprintf(stderr, "\nsee: %s%s%s --help\n", program_invocation_short_name, v ? " " : "", v ? v->name : "");
	return -1;
}

static int take_number(const struct verb_option *opt, const char *value, int64_t *ret)
{
	char *end;

	errno = 0;
	long long n = strtoll(value, &end, 10);
	if (errno || end == value || *end || n < 0) {
		fprintf(stderr, "--%s needs a whole number, not '%s'\n", opt->name, value);
		return -1;
	}
	*ret = n;
	return 0;
}

static int take(const struct verb_option *opt, const char *value, struct options *o)
{
	void *field = (char *)o + opt->offset;

	switch (opt->kind) {
	case OPTION_FLAG: *(bool *)field = true; return 0;
	case OPTION_TEXT: *(const char **)field = value; return 0;
	case OPTION_NUMBER: return take_number(opt, value, field);
	case OPTION_LIST: strv_add(field, value); return 0;
	default: return -1; /* UNTESTED: a row without a kind */
	}
}

/* One option at ${argv}[0]. Returns how many arguments it took, or -1. */
static int parse_one(int argc, char **argv, const struct verb *v, struct options *o)
{
	const char *arg = streq(argv[0], "-h") ? "--help" : argv[0];
	size_t len = strcspn(arg, "=");
	const struct verb_option *opt = NULL;

	if (starts_with(arg, "--")) {
		opt = v ? find(v->options, arg + 2, len - 2) : NULL;
		o->own = o->own || opt;
		opt = opt ? opt : find(options_common, arg + 2, len - 2);
	}
	if (!opt)
		return unknown(arg, len, v);
	if (opt->kind == OPTION_FLAG && arg[len]) {
		fprintf(stderr, "--%s takes no value\n", opt->name);
		return -1;
	}
	if (opt->kind == OPTION_FLAG || arg[len])
		return take(opt, arg[len] ? arg + len + 1 : NULL, o) < 0 ? -1 : 1;
	if (argc < 2) {
		fprintf(stderr, "--%s needs a value: --%s %s\n", opt->name, opt->name, opt->value);
		return -1;
	}
	return take(opt, argv[1], o) < 0 ? -1 : 2;
}

int parse_options(int argc, char **argv, const struct verb *v, struct options *o)
{
	bool words_only = v && v->raw;
	int i = 0;

	while (i < argc) {
		if (words_only || argv[i][0] != '-' || !argv[i][1]) {
			if (!v)
				return i;
			strv_add(&o->words, argv[i++]);
		} else if (streq(argv[i], "--")) {
			words_only = true;
			i++;
		} else {
			int n = parse_one(argc - i, argv + i, v, o);
			if (n < 0)
				return -1;
			i += n;
		}
	}
	return i;
}

int parse_words(const struct verb *v, const struct options *o)
{
	char *why CLEANUP(freep) = NULL;

	if (v->raw || (o->words.n >= v->words_min && o->words.n <= v->words_max))
		return 0;
	if (o->words.n < v->words_min)
		why = xasprintf("%s needs %s", v->name, v->words);
	else
		why = xasprintf("unexpected word '%s'", o->words.v[v->words_max]);
	IGNORE(help_usage(v, why)); /* the status is the caller's */
	return -1;
}

void options_done(struct options *o)
{
	strv_done(&o->words);
	strv_done(&o->units);
	strv_done(&o->items);
	strv_done(&o->paths);
	strv_done(&o->map);
}
