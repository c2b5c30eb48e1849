/* SPDX-License-Identifier: MIT */
/* kopi-dockad(8): parse arguments, and run. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/iface.h"
#include "common/log.h"
#include "daemon/domain/backup.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/restore.h"
#include "daemon/domain/detach.h"

#define COUNT_MAX 10000000 /* seconds, minutes: some months, some years */

/*
 * libcurl brings gnutls along for protocols that are not ours. gnutls asks for this symbol and then
 * leaves out its own setting up, which costs 0.9 MiB resident (gnutls.h: GNUTLS_SKIP_GLOBAL_INIT).
 */
__attribute__((visibility("default"))) int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
	return 1;
}

static void usage(FILE *to)
{
	fputs("usage: kopi-dockad [--config FILE] [--check | --recover | [--detach] [--idle-exit SECONDS]\n"
	      "                   [--no-schedule | --interval-minutes N]]\n"
	      "  --config FILE  this configuration instead of the search order's\n"
	      "  --check        read the configuration, say what is wrong with it, and end\n"
	      "  --recover      start what an interrupted operation had stopped, and end\n"
	      "  --detach       run in a session of its own; the caller waits until it is ready or has failed\n"
	      "  --idle-exit SECONDS\n"
	      "                 end when there was nothing to do for so long\n"
	      "  --no-schedule  begin no run by itself\n"
	      "  --interval-minutes N\n"
	      "                 back up all units every N minutes, instead of the configured schedule\n"
	      "  --version\n"
	      "See kopi-dockad(8), kopi-docka.conf(5).\n",
		to);
}

static int check(const char *config)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	if (conf_load(config, &c, &f) < 0) {
		fprintf(stderr, "%s\n", f.text);
		if (f.advice[0])
			fprintf(stderr, "%s\n", f.advice);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < c->warnings.n; i++)
		fprintf(stderr, "warning: %s\n", c->warnings.v[i]);
	printf("%s is good\n", c->path ? c->path : "the built-in configuration");
	return EXIT_OK;
}

/* For the tests that die in every one of them, and for whoever reads the docs. */
static int list_phases(const char *of)
{
	static const struct {
		const char *name;
		const char *const *(*phases)(void);
	} tables[] = { { "backup", backup_phases }, { "restore", restore_phases } };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (!streq(tables[i].name, of ? of : "backup"))
			continue;
		for (const char *const *p = tables[i].phases(); *p; p++)
			puts(*p);
		return EXIT_OK;
	}
	fprintf(stderr, "there are phases of backup and restore, not of '%s'\n", of);
	return EXIT_USAGE;
}

static int parse_count(const char *option, const char *what, const char *text, unsigned int *ret)
{
	char *end;

	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < 1 || n > COUNT_MAX) {
		fprintf(stderr, "%s '%s' cannot be used: a whole number of %s from 1 to %d is needed\n", option, text, what, COUNT_MAX);
		return -EINVAL;
	}
	*ret = (unsigned int)n;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "recover", no_argument, NULL, 'r' }, { "list-phases", optional_argument, NULL, 'p' },
		{ "detach", no_argument, NULL, 'd' }, { "idle-exit", required_argument, NULL, 'i' },
		{ "no-schedule", no_argument, NULL, 'n' }, { "interval-minutes", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { 0 },
	};
	struct daemon_options o = { .report_fd = -1 };
	bool only_check = false, detached = false;
	int opt;

	log_init("kopi-dockad", LOG_LEVEL_INFO);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c': o.config = optarg; break;
		case 'k': only_check = true; break;
		case 'r': o.recover_only = true; break;
		case 'd': detached = true; break;
		case 'i':
			if (parse_count("--idle-exit", "seconds", optarg, &o.idle_exit_s) < 0)
				return EXIT_USAGE;
			break;
		case 'n': o.no_schedule = true; break;
		case 'm':
			if (parse_count("--interval-minutes", "minutes", optarg, &o.interval_minutes) < 0)
				return EXIT_USAGE;
			break;
		case 'p': return list_phases(optarg);
		case 'h': usage(stdout); return EXIT_OK;
		case 'v': puts("kopi-dockad " KD_VERSION); return EXIT_OK;
		default: usage(stderr); return EXIT_USAGE;
		}
	}
	bool stays = detached || o.idle_exit_s || o.no_schedule || o.interval_minutes;
	if (optind < argc || only_check + o.recover_only + stays > 1 || (o.no_schedule && o.interval_minutes)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (detached)
		o.report_fd = detach(&o.config);
	return only_check ? check(o.config) : daemon_main(&o);
}
