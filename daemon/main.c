/* SPDX-License-Identifier: MIT */
/* kopi-dockad(8): parse arguments, and run. */
#include <getopt.h>
#include <stdio.h>

#include "common/iface.h"
#include "common/log.h"
#include "daemon/domain/backup.h"
#include "daemon/domain/daemon.h"

static void usage(FILE *to)
{
	fputs("usage: kopi-dockad [--config FILE] [--check | --recover]\n"
	      "  --config FILE  this configuration instead of the search order's\n"
	      "  --check        read the configuration, say what is wrong with it, and end\n"
	      "  --recover      start what an interrupted operation had stopped, and end\n"
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
static int list_phases(void)
{
	for (const char *const *p = backup_phases(); *p; p++)
		puts(*p);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "recover", no_argument, NULL, 'r' }, { "list-phases", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { 0 },
	};
	struct daemon_options o = { 0 };
	bool only_check = false;
	int opt;

	log_init("kopi-dockad", LOG_LEVEL_INFO);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c': o.config = optarg; break;
		case 'k': only_check = true; break;
		case 'r': o.recover_only = true; break;
		case 'p': return list_phases();
		case 'h': usage(stdout); return EXIT_OK;
		case 'v': puts("kopi-dockad " KD_VERSION); return EXIT_OK;
		default: usage(stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc || (only_check && o.recover_only)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return only_check ? check(o.config) : daemon_main(&o);
}
