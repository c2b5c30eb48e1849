/* SPDX-License-Identifier: MIT */
/*
 * One way through for every verb: call, show what happens meanwhile, render the reply.
 * Ctrl-C during a job asks the daemon to cancel it, and its result is waited for: the containers
 * are started by then. Ctrl-C elsewhere ends the client; the daemon loses nothing by that.
 */
#include "client/ask.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/call.h"
#include "client/render.h"
#include "common/conf.h"
#include "common/iface.h"
#include "common/paths.h"

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
	char *last_phase; /* owned */
};

static void cancel(const struct live *l)
{
	struct json_object *p = json_object_new_object();
	struct varlink_reply r = { 0 };
	struct fault f = { 0 };

	json_put_number(p, "job", l->job);
	struct call_options o = { .socket = l->socket, .method = "Cancel", .parameters = p };
	if (call_method(&o, &r, &f) == 0)
		varlink_reply_done(&r);
	json_object_put(p);
}

static void on_signal(void *arg)
{
	struct live *l = arg;

	if (interrupted <= l->cancels)
		return;
	l->cancels = interrupted;
	if (l->cancels > 1 || l->job < 0) {
		fputs("\ncancelling: the containers are being started, please wait\n", stderr);
		return;
	}
	fputs("\ncancelling: what was stopped is started first\n", stderr);
	cancel(l);
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

int ask_for(const struct options *o, const char *method, struct json_object *parameters /* taken */, bool more,
	struct varlink_reply *ret)
{
	char *socket CLEANUP(freep) = socket_path(o);
	struct live live = { .socket = socket, .json = o->json, .terminal = isatty(STDERR_FILENO) && !o->json, .job = -1 };
	struct call_options c = {
		.socket = socket, .method = method, .parameters = parameters, .more = more, .on_progress = on_progress,
		.on_signal = on_signal, .arg = &live,
	};
	struct fault f = { 0 };
	struct sigaction sa = { .sa_handler = on_interrupt }; /* no SA_RESTART: the wait must notice */

	if (more) {
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
	}
	int r = call_method(&c, ret, &f);
	json_object_put(parameters);
	free(live.last_phase);
	if (live.terminal && live.job >= 0)
		fputs("\r\033[K", stderr);
	if (r < 0)
		return say_fault(&f, EXIT_UNREACHABLE);
	if (!ret->error)
		return EXIT_OK;
	if (o->json)
		puts(json_object_to_json_string_ext(ret->parameters, JSON_C_TO_STRING_PLAIN));
	r = render_error(stderr, ret);
	varlink_reply_done(ret);
	return r;
}

int ask(const struct verb *v, const struct options *o, struct json_object *parameters /* taken */, bool more)
{
	struct varlink_reply reply = { 0 };
	int status = ask_for(o, v->method, parameters, more, &reply);

	if (status != EXIT_OK)
		return status;
	/* With --json the renderer still says which exit status the reply means. */
	FILE *nowhere CLEANUP(fclosep) = o->json ? fopen("/dev/null", "we") : NULL;
	if (o->json)
		puts(json_object_to_json_string_ext(reply.parameters, JSON_C_TO_STRING_PLAIN));
	status = v->render(nowhere ? nowhere : stdout, reply.parameters);
	varlink_reply_done(&reply);
	return status;
}

int ask_plain(const struct verb *v, struct options *o)
{
	return ask(v, o, json_object_new_object(), v->more);
}
