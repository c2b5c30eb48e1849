/* SPDX-License-Identifier: MIT */
/*
 * The engine's API at a version both sides know. No version fits all engines (20.10
 * knows 1.41 at most, 29.0 wants 1.44), so it is asked for once, and again after every
 * failure to connect and every refusal because of the version. Requests that come while
 * it is not known wait for it.
 */
#include "daemon/domain/docker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/varlink.h"

#define VERSION_OLDEST   40 /* 1.40 */
#define VERSION_NEWEST   51 /* 1.51 */
#define PING_DEADLINE_MS 10000
#define STOP_SLACK_S     30
#define START_DEADLINE_MS 120000
#define MESSAGE_MAX      300

struct docker {
	struct loop *loop;
	struct http *http;
	char *socket_path;
	int minor; /* negotiated 1.MINOR; 0: not known */
	bool pinging;
	struct pending *first, **end;
};

struct pending { /* one request of ours, from its asking to its answer */
	struct docker *docker;
	struct pending *next;
	char *method, *path, *body;
	unsigned int deadline_ms;
	bool retried;
	docker_reply_fn *done;
	void *arg;
};

static void send_pending(struct pending *p);

/* --- what the engine's answers mean ------------------------------------------------------------ */

/* dockerd puts a CIFS volume's password into its error text. */
static void redact_words(char *text)
{
	static const char *const keys[] = { "password=", "pass=", "secret=" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char *at = text;
		while ((at = strcasestr(at, keys[i]))) {
			at += strlen(keys[i]);
			for (; *at && !strchr(", \"'\n", *at); at++)
				*at = '*';
		}
	}
}

static char *engine_message(const char *body, size_t len)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(body, len);
	const char *said = json_text(o, "message");
	char *text = xstrndup(said ? said : body, MESSAGE_MAX);

	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	redact_words(text);
	return text;
}

static void explain_connection(const struct docker *d, struct fault *f)
{
	if (access(d->socket_path, F_OK) < 0) {
		fault_set(f, FAULT_ENGINE, -ENOENT, "there is no docker engine at %s", d->socket_path);
		fault_advise(f, "systemctl start docker, or set docker.socket");
	} else if (access(d->socket_path, R_OK | W_OK) < 0) {
		fault_set(f, FAULT_ENGINE, -EACCES, "no permission for the docker engine at %s", d->socket_path);
		fault_advise(f, "run as root, or as a member of the group docker");
	} else {
		fault_advise(f, "systemctl status docker");
	}
}

/* --- negotiation --------------------------------------------------------------------------------- */

static void release_waiting(struct docker *d, const struct fault *f)
{
	struct pending *p = d->first;

	d->first = NULL;
	d->end = &d->first;
	while (p) {
		struct pending *next = p->next;
		if (!f) {
			send_pending(p);
		} else {
			p->done(p->arg, f, 0, "", 0);
			free(p->method);
			free(p->path);
			free(p->body);
			free(p);
		}
		p = next;
	}
}

static int choose_version(struct docker *d, const char *server, struct fault *f)
{
	int major, minor;

	if (sscanf(server, "%d.%d", &major, &minor) != 2)
		return fault_set(f, FAULT_ENGINE, -EPROTO, "what listens at %s is no docker engine", d->socket_path);
	if (major == 1 && minor < VERSION_OLDEST)
		return fault_set(f, FAULT_ENGINE, -EPROTO, "the engine's API %s is too old: 1.%d is needed (Docker 19.03)",
			server, VERSION_OLDEST);
	d->minor = major > 1 || minor > VERSION_NEWEST ? VERSION_NEWEST : minor;
	return 0;
}

static void on_ping(void *arg, const struct http_reply *r)
{
	struct docker *d = arg;
	struct fault f = r->fault;

	d->pinging = false;
	if (f.code == FAULT_ENGINE)
		explain_connection(d, &f);
	else if (f.code == FAULT_NONE)
		IGNORE(choose_version(d, r->api_version, &f)); /* the fault tells */
	release_waiting(d, f.code == FAULT_NONE ? NULL : &f);
}

static void ping(struct docker *d)
{
	struct http_request r = { .method = "GET", .path = "/_ping", .deadline_ms = PING_DEADLINE_MS };

	if (d->pinging)
		return;
	d->pinging = true;
	http_start(d->http, &r, on_ping, d);
}

/* --- requests -------------------------------------------------------------------------------------- */

static bool version_refused(const struct http_reply *r)
{
	return r->status == 400 && (strstr(r->body, "is too old") || strstr(r->body, "is too new"));
}

static void wait_for_version(struct pending *p)
{
	struct docker *d = p->docker;

	p->next = NULL;
	*d->end = p;
	d->end = &p->next;
	ping(d);
}

static void pending_free(struct pending *p)
{
	free(p->method);
	free(p->path);
	free(p->body);
	free(p);
}

static void on_reply(void *arg, const struct http_reply *r)
{
	struct pending *p = arg;
	struct docker *d = p->docker;
	struct fault f = r->fault;

	if (f.code == FAULT_ENGINE) {
		d->minor = 0; /* another engine may answer next time */
		explain_connection(d, &f);
	} else if (version_refused(r) && !p->retried) {
		p->retried = true;
		d->minor = 0;
		wait_for_version(p);
		return;
	} else if (f.code == FAULT_NONE && r->status >= 400) {
		char *text CLEANUP(freep) = engine_message(r->body, r->len);
		fault_set(&f, FAULT_FAILED, -EIO, "the engine says %d: %s", r->status, text);
	}
	p->done(p->arg, f.code == FAULT_NONE ? NULL : &f, r->status, r->body, r->len);
	pending_free(p);
}

static void send_pending(struct pending *p)
{
	char *path CLEANUP(freep) = xasprintf("/v1.%d%s", p->docker->minor, p->path);
	struct http_request r = {
		.method = p->method, .path = path, .body = p->body, .deadline_ms = p->deadline_ms,
	};

	http_start(p->docker->http, &r, on_reply, p);
}

static void request(struct docker *d, const char *method, const char *path, const char *body,
	unsigned int deadline_ms, docker_reply_fn *done, void *arg)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	*p = (struct pending){
		.docker = d,
		.method = xstrdup(method),
		.path = xstrdup(path),
		.body = xstrdup(body),
		.deadline_ms = deadline_ms,
		.done = done,
		.arg = arg,
	};
	if (d->minor)
		send_pending(p);
	else
		wait_for_version(p);
}

void docker_request(struct docker *d, const char *method, const char *path, const char *body,
	docker_reply_fn *done, void *arg)
{
	request(d, method, path, body, 0, done, arg);
}

/* --- stop, start, pause ------------------------------------------------------------------------------ */

struct act {
	docker_outcome_fn *done;
	void *arg;
};

static void on_act(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct act *a = arg;
	enum docker_outcome o = DOCKER_FAILED;

	(void)body;
	(void)len;
	if (f && status == 0)
		o = f->code == FAULT_ENGINE ? DOCKER_UNKNOWN : DOCKER_FAILED;
	else if (status == 304)
		o = DOCKER_ALREADY;
	else if (status == 404)
		o = DOCKER_GONE;
	else if (!f)
		o = DOCKER_DONE;
	a->done(a->arg, o, f);
	free(a);
}

static void act(struct docker *d, const char *id, const char *verb, unsigned int deadline_ms,
	docker_outcome_fn *done, void *arg)
{
	char *escaped CLEANUP(freep) = docker_escape(id);
	char *path CLEANUP(freep) = xasprintf("/containers/%s/%s", escaped, verb);
	struct act *a = xcalloc(1, sizeof(*a));

	*a = (struct act){ .done = done, .arg = arg };
	request(d, "POST", path, NULL, deadline_ms, on_act, a);
}

void docker_stop(struct docker *d, const char *id, int t, docker_outcome_fn *done, void *arg)
{
	char *verb CLEANUP(freep) = xasprintf("stop?t=%d", t);

	act(d, id, verb, (unsigned int)(t + STOP_SLACK_S) * 1000, done, arg);
}

void docker_start(struct docker *d, const char *id, docker_outcome_fn *done, void *arg)
{
	act(d, id, "start", START_DEADLINE_MS, done, arg);
}

void docker_pause(struct docker *d, const char *id, bool pause, docker_outcome_fn *done, void *arg)
{
	act(d, id, pause ? "pause" : "unpause", 0, done, arg);
}

/* --- the object --------------------------------------------------------------------------------------- */

char *docker_escape(const char *segment)
{
	struct buf b = { 0 };

	for (const unsigned char *p = (const unsigned char *)segment; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			strchr("-_.~", *p);
		if (plain)
			buf_printf(&b, "%c", *p);
		else
			buf_printf(&b, "%%%02X", *p);
	}
	return buf_steal(&b);
}

int docker_api_minor(const struct docker *d)
{
	return d->minor;
}

const char *docker_socket_path(const struct docker *d)
{
	return d->socket_path;
}

int docker_new(struct loop *l, const char *socket_path, struct docker **ret, struct fault *f)
{
	struct docker *d = xcalloc(1, sizeof(*d));
	int r = http_new(l, socket_path, &d->http, f);

	if (r < 0) {
		free(d);
		return r;
	}
	d->loop = l;
	d->socket_path = xstrdup(socket_path);
	d->end = &d->first;
	*ret = d;
	return 0;
}

void docker_free(struct docker *d)
{
	if (!d)
		return;
	http_free(d->http);
	free(d->socket_path);
	free(d);
}
