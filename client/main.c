/* SPDX-License-Identifier: MIT */
/*
 * kopi-dockactl(1): a table of verbs. Each says what it is for, which options it takes,
 * and which method answers it; the rest is one way through: parse, call, render.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/call.h"
#include "client/render.h"
#include "common/conf.h"
#include "common/iface.h"
#include "common/paths.h"

struct options {
	const char *socket, *config;
	bool json, help, version;
	struct strv units, items, words; /* words: without a flag */
	const char *target, *limit;
	bool list_units, list_points, dry_run, yes, script, full;
};

struct verb {
	const char *name, *usage, *help, *example;
	int (*run)(const struct verb *v, struct options *o);
	const char *method;
	int (*render)(FILE *to, struct json_object *reply);
};

/* --- signals: Ctrl-C asks for cancel, and the result is waited for ---------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
	(void)signum;
	interrupted++;
}

struct live {
	const char *socket;
	bool json, terminal;
	int job, cancels;
	char *last_phase;
};

static void on_signal(void *arg)
{
	struct live *l = arg;
	struct varlink_reply r = { 0 };
	struct fault f = { 0 };

	if (interrupted <= l->cancels)
		return;
	l->cancels = interrupted;
	if (l->cancels > 1 || l->job < 0) {
		fputs("\ncancelling: the containers are being started, please wait\n", stderr);
		return;
	}
	fputs("\ncancelling: what was stopped is started first\n", stderr);
	struct json_object *p = json_object_new_object();
	json_put_number(p, "job", l->job);
	struct call_options o = { .socket = l->socket, .method = "Cancel", .parameters = p };
	if (call_method(&o, &r, &f) == 0)
		varlink_reply_done(&r);
	json_object_put(p);
}

static void on_progress(void *arg, struct json_object *parameters)
{
	struct live *l = arg;
	struct json_object *p = json_member(parameters, "progress");

	l->job = (int)json_number(p, "job", l->job);
	on_signal(l);
	if (l->json) {
		puts(json_object_to_json_string_ext(parameters, JSON_C_TO_STRING_PLAIN));
		fflush(stdout);
		return;
	}
	char *text CLEANUP(freep) = render_progress(p);
	if (l->terminal) {
		fprintf(stderr, "\r\033[K%.200s", text);
	} else if (!streq(l->last_phase, json_text(p, "phase"))) {
		fprintf(stderr, "%s\n", text);
		free(l->last_phase);
		l->last_phase = xstrdup(json_text(p, "phase"));
	}
}

/* --- one way through ----------------------------------------------------------------------------------- */

static char *socket_path(const struct options *o)
{
	struct conf *c CLEANUP(conf_freep) = NULL;

	if (o->socket)
		return xstrdup(o->socket);
	/* A member of the group may talk to the daemon and not read its configuration. */
	return conf_load(o->config, &c, NULL) == 0 ? path_socket(c) : xstrdup(PATH_SOCKET);
}

static int say_fault(const struct fault *f, int status)
{
	fprintf(stderr, "%s\n", f->text);
	if (f->advice[0])
		fprintf(stderr, "%s\n", f->advice);
	return status;
}

static int finish(const struct verb *v, const struct options *o, struct varlink_reply *r)
{
	int status;

	if (r->error) {
		if (o->json)
			puts(json_object_to_json_string_ext(r->parameters, JSON_C_TO_STRING_PLAIN));
		status = render_error(stderr, r);
	} else if (o->json) {
		puts(json_object_to_json_string_ext(r->parameters, JSON_C_TO_STRING_PLAIN));
		status = streq(v->method, "Backup") ? render_run_status(json_member(r->parameters, "result"))
			: streq(v->method, "Restore") || streq(v->method, "Doctor") ? v->render(NULL, r->parameters) : EXIT_OK;
	} else {
		status = v->render(stdout, r->parameters);
	}
	varlink_reply_done(r);
	return status;
}

static int ask(const struct verb *v, const struct options *o, struct json_object *parameters /* taken */, bool more)
{
	char *socket CLEANUP(freep) = socket_path(o);
	struct live live = { .socket = socket, .json = o->json, .terminal = isatty(STDERR_FILENO) && !o->json, .job = -1 };
	struct call_options c = {
		.socket = socket, .method = v->method, .parameters = parameters, .more = more, .on_progress = on_progress,
		.on_signal = on_signal, .arg = &live,
	};
	struct varlink_reply r = { 0 };
	struct fault f = { 0 };
	struct sigaction sa = { .sa_handler = on_interrupt }; /* no SA_RESTART: the wait must notice */

	if (more) {
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
	}
	int ret = call_method(&c, &r, &f);
	json_object_put(parameters);
	free(live.last_phase);
	if (live.terminal && live.job >= 0)
		fputs("\r\033[K", stderr);
	return ret < 0 ? say_fault(&f, EXIT_UNREACHABLE) : finish(v, o, &r);
}

static int usage_error(const struct verb *v, const char *why)
{
	fprintf(stderr, "%s\nusage: kopi-docka %s %s\n", why, v->name, v->usage);
	return EXIT_USAGE;
}

static int no_words(const struct verb *v, const struct options *o)
{
	if (o->words.n == 0)
		return 0;
	char *why CLEANUP(freep) = xasprintf("unexpected word '%s'", o->words.v[0]);
	return usage_error(v, why);
}

/* --- verbs ------------------------------------------------------------------------------------------------ */

static int run_plain(const struct verb *v, struct options *o)
{
	return no_words(v, o) ? EXIT_USAGE : ask(v, o, json_object_new_object(), false);
}

static int run_job(const struct verb *v, struct options *o)
{
	struct json_object *p;

	if (no_words(v, o))
		return EXIT_USAGE;
	p = json_object_new_object();
	if (o->full)
		json_put_flag(p, "full", true);
	return ask(v, o, p, true);
}

static int run_list(const struct verb *v, struct options *o)
{
	static const struct verb units = { .name = "list", .method = "ListUnits", .render = render_units };
	static const struct verb points = { .name = "list", .method = "ListRestorePoints", .render = render_points };
	struct json_object *p;

	if (no_words(v, o))
		return EXIT_USAGE;
	if (o->list_units == o->list_points)
		return usage_error(v, "list needs --units or --restore-points");
	p = json_object_new_object();
	if (o->list_units && o->units.n)
		json_put_list(p, "units", &o->units);
	if (o->list_points && o->units.n)
		json_put_text(p, "unit", o->units.v[0]);
	return ask(o->list_units ? &units : &points, o, p, false);
}

static int run_backup(const struct verb *v, struct options *o)
{
	static const struct verb plan = { .name = "backup", .method = "Plan", .render = render_plan };
	struct json_object *p;

	if (no_words(v, o))
		return EXIT_USAGE;
	p = json_object_new_object();
	if (o->units.n)
		json_put_list(p, "units", &o->units);
	return o->dry_run ? ask(&plan, o, p, false) : ask(v, o, p, true);
}

static int render_script(FILE *to, struct json_object *reply)
{
	struct strv warnings CLEANUP(strv_done) = { 0 };
	const char *script = json_text(reply, "script");

	json_read_list(reply, "warnings", &warnings);
	for (size_t i = 0; i < warnings.n; i++)
		fprintf(stderr, "warning: %s\n", warnings.v[i]);
	fputs(script ? script : "", to);
	return EXIT_OK;
}

static bool confirmed(const struct options *o)
{
	char answer[16];

	fprintf(stderr, "This stops the containers of %s and replaces its %s by what is in the repository;\n"
			"what is there now is kept beside it. Go on? [y/N] ",
		o->words.v[0], o->items.n ? "named items" : "volumes and binds");
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

static int run_restore(const struct verb *v, struct options *o)
{
	static const struct verb script = { .name = "restore", .method = "RenderRestore", .render = render_script };

	if (o->words.n < 1 || o->words.n > 2)
		return usage_error(v, "restore needs UNIT, and may have a BACKUP_ID (the wizard is not built yet)");
	if (!o->yes && !o->script && !o->target) {
		if (!isatty(STDIN_FILENO))
			return usage_error(v, "without a terminal, --yes is needed to replace data");
		if (!confirmed(o)) {
			fputs("nothing was changed\n", stderr);
			return EXIT_FAILED;
		}
	}
	struct json_object *p = json_object_new_object();
	json_put_text(p, "unit", o->words.v[0]);
	json_put_text(p, "backup_id", o->words.n > 1 ? o->words.v[1] : NULL);
	json_put_text(p, "target", o->target);
	if (o->items.n)
		json_put_list(p, "items", &o->items);
	return o->script ? ask(&script, o, p, false) : ask(v, o, p, true);
}

static int run_history(const struct verb *v, struct options *o)
{
	struct json_object *p;

	if (no_words(v, o))
		return EXIT_USAGE;
	p = json_object_new_object();
	if (o->units.n)
		json_put_text(p, "unit", o->units.v[0]);
	if (o->limit)
		json_put_number(p, "limit", strtoll(o->limit, NULL, 10));
	return ask(v, o, p, false);
}

static int run_cancel(const struct verb *v, struct options *o)
{
	char *end = NULL;
	long job = o->words.n == 1 ? strtol(o->words.v[0], &end, 10) : -1;

	if (!end || *end || job < 0)
		return usage_error(v, "cancel needs the number of a job; kopi-docka status shows it");
	struct json_object *p = json_object_new_object();
	json_put_number(p, "job", job);
	return ask(v, o, p, false);
}

static const struct verb verbs[] = {
	{ "init", "", "create the repository, or connect to it", "kopi-docka init", run_job, "InitRepository", render_init },
	{ "list", "--units | --restore-points [--unit NAME]", "what can be backed up; what can be restored",
		"kopi-docka list --units", run_list, NULL, NULL },
	{ "backup", "[--unit NAME ...] [--dry-run]", "stop, read cold, start; all units or those named",
		"kopi-docka backup --unit shop", run_backup, "Backup", render_run },
	{ "restore", "UNIT [BACKUP_ID] [--item ID ...] [--target DIR] [--yes] [--script]", "bring a restore point back",
		"kopi-docka restore shop --yes", run_restore, "Restore", render_restore },
	{ "status", "", "what the daemon is doing", "kopi-docka status", run_plain, "Status", render_status },
	{ "history", "[--unit NAME] [--limit N]", "what past runs did", "kopi-docka history --limit 5", run_history, "History",
		render_history },
	{ "doctor", "", "look at everything a backup rests on", "kopi-docka doctor", run_plain, "Doctor", render_doctor },
	{ "cancel", "JOB", "end a job; its containers are started first", "kopi-docka cancel 3", run_cancel, "Cancel", render_cancel },
	{ "maintain", "[--full]", "run the repository's maintenance", "kopi-docka maintain --full", run_job, "Maintain", render_done },
	{ "reload", "", "read the configuration again", "kopi-docka reload", run_plain, "Reload", render_done },
};

static void usage(FILE *to)
{
	fputs("usage: kopi-docka [--socket PATH] [--config FILE] [--json] VERB ...\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  %-9s %s\n            %s\n", verbs[i].name, verbs[i].usage, verbs[i].help);
	fputs("\nkopi-docka VERB --help shows an example. See kopi-dockactl(1).\n", to);
}

enum { OPT_SOCKET = 256, OPT_CONFIG, OPT_JSON, OPT_HELP, OPT_VERSION, OPT_UNIT, OPT_UNITS, OPT_POINTS, OPT_DRY_RUN,
	OPT_ITEM, OPT_TARGET, OPT_YES, OPT_SCRIPT, OPT_LIMIT, OPT_FULL };

static void take_option(struct options *o, int opt, const char *value)
{
	switch (opt) {
	case OPT_SOCKET: o->socket = value; break;
	case OPT_CONFIG: o->config = value; break;
	case OPT_JSON: o->json = true; break;
	case OPT_HELP: o->help = true; break;
	case OPT_VERSION: o->version = true; break;
	case OPT_UNIT: strv_add(&o->units, value); break;
	case OPT_UNITS: o->list_units = true; break;
	case OPT_POINTS: o->list_points = true; break;
	case OPT_DRY_RUN: o->dry_run = true; break;
	case OPT_ITEM: strv_add(&o->items, value); break;
	case OPT_TARGET: o->target = value; break;
	case OPT_YES: o->yes = true; break;
	case OPT_SCRIPT: o->script = true; break;
	case OPT_LIMIT: o->limit = value; break;
	case OPT_FULL: o->full = true; break;
	default: break;
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option long_options[] = {
		{ "socket", required_argument, NULL, OPT_SOCKET }, { "config", required_argument, NULL, OPT_CONFIG },
		{ "json", no_argument, NULL, OPT_JSON }, { "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION }, { "unit", required_argument, NULL, OPT_UNIT },
		{ "units", no_argument, NULL, OPT_UNITS }, { "restore-points", no_argument, NULL, OPT_POINTS },
		{ "dry-run", no_argument, NULL, OPT_DRY_RUN }, { "item", required_argument, NULL, OPT_ITEM },
		{ "target", required_argument, NULL, OPT_TARGET }, { "yes", no_argument, NULL, OPT_YES },
		{ "script", no_argument, NULL, OPT_SCRIPT }, { "limit", required_argument, NULL, OPT_LIMIT },
		{ "full", no_argument, NULL, OPT_FULL }, { 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (opt == '?')
			return -1;
		take_option(o, opt, optarg);
	}
	for (int i = optind; i < argc; i++)
		strv_add(&o->words, argv[i]);
	return 0;
}

static int run(struct options *o)
{
	char *name CLEANUP(freep) = o->words.n ? xstrdup(o->words.v[0]) : NULL;

	if (o->version) {
		puts("kopi-dockactl " KD_VERSION);
		return EXIT_OK;
	}
	for (size_t i = 0; name && i < ARRAY_SIZE(verbs); i++) {
		if (!streq(verbs[i].name, name))
			continue;
		if (o->help) {
			printf("usage: kopi-docka %s %s\n%s\n\nexample: %s\n", name, verbs[i].usage, verbs[i].help, verbs[i].example);
			return EXIT_OK;
		}
		/* The verb's own words are what follows it. */
		free(o->words.v[0]);
		memmove(o->words.v, o->words.v + 1, o->words.n * sizeof(*o->words.v));
		o->words.n--;
		return verbs[i].run(&verbs[i], o);
	}
	if (name)
		fprintf(stderr, "there is no verb '%s'\n", name);
	usage(o->help ? stdout : stderr);
	return o->help ? EXIT_OK : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int status = EXIT_USAGE;

	signal(SIGPIPE, SIG_IGN);
	if (parse(argc, argv, &o) == 0)
		status = run(&o);
	else
		usage(stderr);
	strv_done(&o.units);
	strv_done(&o.items);
	strv_done(&o.words);
	return status;
}
