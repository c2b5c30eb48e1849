/* SPDX-License-Identifier: MIT */
/*
 * kopi-dockactl(1), also installed as kopi-docka: find the verb in the tables, read its options,
 * run it. What a verb is, is in verb.h; the verbs are in verbs_*.c.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "client/verb.h"
#include "common/iface.h"

static const struct verb_group *const groups[] = { &verbs_backup, &verbs_restore, &verbs_repository, &verbs_kopia,
	&verbs_service, &verbs_units, NULL };

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; groups[i]; i++)
		for (const struct verb *v = groups[i]->verbs; v->name; v++)
			if (streq(v->name, name))
				return v;
	return NULL;
}

static int no_such_verb(const char *name)
{
	const char *best = NULL;
	int best_distance = -1;

	for (size_t i = 0; groups[i]; i++)
		for (const struct verb *v = groups[i]->verbs; v->name; v++) {
			int d = help_distance(name, v->name);
			if (d >= 0 && (best_distance < 0 || d < best_distance)) {
				best_distance = d;
				best = v->name;
			}
		}
	fprintf(stderr, "there is no verb '%s'", name);
	if (best)
		fprintf(stderr, "; did you mean %s?", best);
	fprintf(stderr, "\nsee: %s --help\n", program_invocation_short_name);
	return EXIT_USAGE;
}

static int run_verb(const struct verb *v, int argc, char **argv, struct options *o)
{
	if (o->help) {
		help_verb(stdout, v);
		return EXIT_OK;
	}
	if (parse_options(argc, argv, v, o) < 0)
		return EXIT_USAGE;
	if (o->help) {
		help_verb(stdout, v);
		return EXIT_OK;
	}
	if (parse_words(v, o) < 0)
		return EXIT_USAGE;
	return v->run(v, o);
}

static int run(int argc, char **argv, struct options *o)
{
	int n = parse_options(argc, argv, NULL, o);

	if (n < 0)
		return EXIT_USAGE;
	if (o->version) {
		puts("kopi-dockactl " KD_VERSION);
		return EXIT_OK;
	}
	if (n == argc) {
		help_all(o->help ? stdout : stderr, groups);
		return o->help ? EXIT_OK : EXIT_USAGE;
	}
	const struct verb *v = find_verb(argv[n]);
	return v ? run_verb(v, argc - n - 1, argv + n + 1, o) : no_such_verb(argv[n]);
}

int main(int argc, char **argv)
{
	struct options o = { .limit = -1, .interval_minutes = -1 };

	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, ""); /* how wide characters are */
	int status = run(argc - 1, argv + 1, &o);
	options_done(&o);
	/* A script that was cut off by a full disk must not look like a whole one. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("the output could not be written");
		return status == EXIT_OK || status == EXIT_WARNINGS ? EXIT_FAILED : status;
	}
	return status;
}
