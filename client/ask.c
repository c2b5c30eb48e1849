/* SPDX-License-Identifier: MIT */
/*
 * One way through for every verb: call, show what happens meanwhile, render the reply.
 * Ctrl-C during a job asks the daemon to cancel it, and its result is waited for: the containers
 * are started by then. Ctrl-C elsewhere ends the client; the daemon loses nothing by that.
 */
#include "client/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/call.h"
#include "client/interrupt.h"
#include "client/render.h"
#include "client/screen.h"
#include "common/conf.h"
#include "common/iface.h"
#include "common/paths.h"

struct live {
	const char *socket;
	bool json, terminal;
	int job; /* -1: not known yet */
	bool wanted, cancelled; /* Ctrl-C came; the daemon was told */
	char *last_phase; /* owned */
};

static void cancel(struct live *l)
{
	if (!l->wanted || l->cancelled || l->job < 0)
		return;
	l->cancelled = true;
	struct json_object *p = json_object_new_object();
	struct varlink_reply r = { 0 };
	struct fault f = { 0 };

	json_put_number(p, "job", l->job);
	struct call_options o = { .socket = l->socket, .method = "Cancel", .parameters = p };
	if (call_method(&o, &r, &f) == 0)
		varlink_reply_done(&r);
	json_object_put(p);
}

static int on_signal(void *arg)
{
	struct live *l = arg;

	fprintf(stderr, "\ncancelling: %s\n", l->wanted ? "the containers are being started, please wait" : "what was stopped is started first");
	l->wanted = true;
	cancel(l);
	return 0;
}

/* Nothing to cancel: the daemon finishes its answer without us. */
static int on_signal_alone(void *arg)
{
	(void)arg;
	return -EINTR;
}

static void on_progress(void *arg, struct json_object *parameters)
{
	struct live *l = arg;
	struct json_object *p = json_member(parameters, "progress");

	l->job = (int)json_number(p, "job", l->job);
	cancel(l);
	if (l->json) {
		puts(json_object_to_json_string_ext(parameters, JSON_C_TO_STRING_PLAIN));
		fflush(stdout);
		return;
	}
	char *text CLEANUP(freep) = render_progress(p);
	if (l->terminal) {
		char *cut CLEANUP(freep) = screen_cut(text, screen_width() - 1); /* a wrapped line cannot be overwritten */
		fprintf(stderr, "\r\033[K%s", cut);
	} else if (!streq(l->last_phase, json_text(p, "phase"))) {
		fprintf(stderr, "%s\n", text);
		free(l->last_phase);
		l->last_phase = xstrdup(json_text(p, "phase"));
	}
}

char *ask_socket(const struct options *o)
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
	char *socket CLEANUP(freep) = ask_socket(o);
	struct live live = { .socket = socket, .json = o->json, .terminal = isatty(STDERR_FILENO) && !o->json, .job = -1 };
	struct call_options c = {
		.socket = socket, .method = method, .parameters = parameters, .more = more, .on_progress = on_progress,
		.on_signal = more ? on_signal : on_signal_alone, .arg = &live,
	};
	struct fault f = { 0 };

	interrupt_catch(more);
	int r = call_method(&c, ret, &f);
	json_object_put(parameters);
	free(live.last_phase);
	if (live.terminal && live.job >= 0)
		fputs("\r\033[K", stderr);
	if (r == -EINTR)
		return EXIT_INTERRUPTED;
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
