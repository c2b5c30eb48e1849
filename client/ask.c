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
#include "client/start.h"
#include "common/conf.h"
#include "common/iface.h"
#include "common/paths.h"

struct live {
	const char *socket;
	bool json, terminal;
	int job; /* -1: not known yet */
	bool wanted, cancelled; /* Ctrl-C came; the daemon was told */
	bool joined;            /* others asked for it too: it is not ours to cancel */
	char *last_phase; /* owned */
};

static void cancel(struct live *l)
{
	if (!l->wanted || l->cancelled || l->joined || l->job < 0)
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

	if (l->joined) {
		fprintf(stderr, "\nothers had asked for this job: it goes on; cancel %d ends it\n", l->job);
		return -EINTR;
	}
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

static void on_silence(void *arg, int seconds)
{
	(void)arg;
	fprintf(stderr, "the daemon took the call and has not answered for %d s; waiting (Ctrl-C ends that)\n", seconds);
}

static void on_progress(void *arg, struct json_object *parameters)
{
	struct live *l = arg;
	struct json_object *p = json_member(parameters, "progress");

	l->job = (int)json_number(p, "job", l->job);
	l->joined |= json_flag(p, "joined", false);
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

static bool answers(void *arg)
{
	const char *socket = arg;

	return call_reachable(socket);
}

/* The call itself; where no daemon is found, one may be started for it. An exit status; EXIT_OK: there is a reply. */
static int call_or_start(const struct options *o, const struct call_options *c, struct varlink_reply *ret)
{
	struct fault f = { 0 };
	int r = call_method(c, ret, &f);

	if (r < 0 && start_wanted(o, r)) {
		char *socket CLEANUP(freep) = xstrdup(c->socket);
		int status = start_daemon(o, answers, socket);
		if (status != EXIT_OK)
			return status;
		r = call_method(c, ret, &f);
	}
	if (r == -EINTR)
		return EXIT_INTERRUPTED;
	return r < 0 ? say_fault(&f, EXIT_UNREACHABLE) : EXIT_OK;
}

static int say_error(const struct options *o, struct varlink_reply *reply)
{
	if (o->json)
		puts(json_object_to_json_string_ext(reply->parameters, JSON_C_TO_STRING_PLAIN));
	int status = render_error(stderr, reply);
	varlink_reply_done(reply);
	return status;
}

int ask_for(const struct options *o, const char *method, struct json_object *parameters /* taken */, bool more,
	struct varlink_reply *ret)
{
	char *socket CLEANUP(freep) = ask_socket(o);
	struct live live = { .socket = socket, .json = o->json, .terminal = isatty(STDERR_FILENO) && !o->json, .job = -1 };
	struct call_options c = {
		.socket = socket, .method = method, .parameters = parameters, .more = more, .on_progress = on_progress,
		.on_silence = on_silence, .on_signal = more ? on_signal : on_signal_alone, .arg = &live,
	};

	interrupt_catch(more);
	int status = call_or_start(o, &c, ret);
	json_object_put(parameters);
	free(live.last_phase);
	if (live.terminal && live.job >= 0)
		fputs("\r\033[K", stderr);
	return status == EXIT_OK && ret->error ? say_error(o, ret) : status;
}

int ask_stream(const struct options *o, const char *method, void (*on_reply)(void *arg, struct json_object *parameters), void *arg)
{
	char *socket CLEANUP(freep) = ask_socket(o);
	struct json_object *none CLEANUP(json_putp) = json_object_new_object();
	struct call_options c = {
		.socket = socket, .method = method, .parameters = none, .more = true, .on_progress = on_reply,
		.on_silence = on_silence, .on_signal = on_signal_alone, .arg = arg,
	};
	struct varlink_reply reply = { 0 };

	interrupt_catch(false);
	int status = call_or_start(o, &c, &reply);
	if (status != EXIT_OK)
		return status;
	if (reply.error)
		return say_error(o, &reply);
	on_reply(arg, reply.parameters);
	varlink_reply_done(&reply);
	return EXIT_OK;
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
