/* SPDX-License-Identifier: MIT */
/* kopia itself with our configuration: this process becomes it, so that its terminal is ours. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/verb.h"
#include "common/conf.h"
#include "common/iface.h"
#include "common/kopia_env.h"
#include "common/paths.h"

static int say(const char *text, const char *advice)
{
	fprintf(stderr, "%s\n%s%s", text, advice ? advice : "", advice ? "\n" : "");
	return EXIT_FAILED;
}

/* Times are for whoever reads them here: in their zone. */
static void keep_terminal(const struct strv *all, struct strv *env)
{
	static const char *const own[] = { "TZ", "TERM", "NO_COLOR" };

	for (size_t i = 0; i < all->n; i++)
		if (!starts_with(all->v[i], "TZ="))
			strv_add(env, all->v[i]);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (getenv(own[i]))
			strv_addf(env, "%s=%s", own[i], getenv(own[i]));
}

static int become(const struct conf *c, const struct strv *words)
{
	char *program CLEANUP(freep) = kopia_program(c), *config CLEANUP(freep) = path_kopia_config(c);
	char *cache CLEANUP(freep) = path_kopia_cache(c), *logs CLEANUP(freep) = path_kopia_logs(c);
	struct strv argv CLEANUP(strv_done) = { 0 }, all CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };

	if (!program)
		return say("kopia was not found", "install kopia (https://kopia.io/docs/installation/), or set kopia.program");
	if (access(config, F_OK) < 0)
		return say("the repository was never initialised here", "kopi-docka init");
	struct kopia_place p = {
		.program = program, .config_file = config, .cache_dir = cache, .log_dir = logs, .password = c->kopia.password,
	};
	strv_add(&argv, program);
	strv_addf(&argv, "--config-file=%s", config);
	strv_add(&argv, "--no-auto-maintenance");
	strv_copy(&argv, words);
	kopia_environment(&p, &all);
	keep_terminal(&all, &env);
	execve(program, argv.v, env.v);
	fprintf(stderr, "cannot run %s: %s\n", program, strerror(errno));
	return EXIT_FAILED;
}

static int run_kopia(const struct verb *v, struct options *o)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)v;
	if (geteuid() != 0)
		return say("kopia's configuration and the repository's password are root's: run this as root", NULL);
	if (conf_load(o->config, &c, &f) < 0)
		return say(f.text, f.advice[0] ? f.advice : NULL);
	return become(c, &o->words);
}

static const struct verb verbs[] = {
	{ .name = "kopia", .words = "ARGS...", .words_max = SIZE_MAX, .raw = true,
		.summary = "run kopia with this configuration and password",
		.about = "All that follows goes to kopia as it is, options too. As root. What kopia changes or deletes there it\n"
			 "does at once, and the daemon is not asked.",
		.examples = "kopia repository status\nkopia snapshot list --all\nkopia snapshot verify --verify-files-percent=1",
		.run = run_kopia },
	{ 0 },
};

const struct verb_group verbs_kopia = { "kopia itself", verbs };
