/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface on libuv: curl says which descriptors it watches and when
 * its timer is due, we say what happened. Completions are drained after every action,
 * or one that ends by its timeout would be lost.
 *
 * curl may close a descriptor while our uv_poll on it is still closing and open another
 * with the same number: so curl's close goes through us, and the descriptor is closed
 * only in the poll handle's close callback.
 */
#include "daemon/mech/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "daemon/mech/loop_internal.h"

#define DEADLINE_MS 30000
#define REPLY_MAX   ((size_t)64 << 20)

struct watched { /* one descriptor of curl's */
	struct http *http;
	uv_poll_t poll;
	curl_socket_t fd;
	bool close_fd;
	struct watched *next;
};

struct http {
	struct loop *loop;
	CURLM *multi;
	uv_timer_t *timer; /* heap: it outlives us while it closes */
	char *socket_path;
	struct watched *watched;
	struct http_call *calls;
};

struct http_call {
	struct http *http;
	struct http_call *next;
	CURL *easy;
	struct curl_slist *headers;
	char *body_out, *url;
	struct buf body;
	bool too_large, cancelled;
	struct http_reply reply;
	char error[CURL_ERROR_SIZE];
	http_done_fn *done;
	void *arg;
};

/* --- the end of a call ------------------------------------------------------------------ */

static void unlink_call(struct http_call *c)
{
	for (struct http_call **p = &c->http->calls; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			return;
		}
}

static void describe(struct http_call *c, CURLcode code)
{
	struct fault *f = &c->reply.fault;
	const char *why = *c->error ? c->error : curl_easy_strerror(code);

	if (c->cancelled)
		fault_set(f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	else if (c->too_large)
		fault_set(f, FAULT_ENGINE, -EMSGSIZE, "the answer is too large");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		fault_set(f, FAULT_ENGINE, -ETIMEDOUT, "no answer in time from %s", c->http->socket_path);
	else if (code != CURLE_OK)
		fault_set(f, FAULT_ENGINE, -EIO, "no answer from %s: %s", c->http->socket_path, why);
}

static void finish(struct http_call *c, CURLcode code)
{
	long status = 0;

	unlink_call(c);
	describe(c, code);
	if (c->reply.fault.code == FAULT_NONE)
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	c->reply.status = (int)status;
	c->reply.body = c->body.data ? c->body.data : "";
	c->reply.len = c->body.len;
	curl_multi_remove_handle(c->http->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	c->done(c->arg, &c->reply);
	buf_done(&c->body);
	free(c->body_out);
	free(c->url);
	free(c);
}

static void drain(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		finish(c, code);
	}
}

/* --- curl's descriptors and timer --------------------------------------------------------- */

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watched *w = p->data;
	struct http *h = w->http;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, w->fd, flags, &running);
	drain(h);
}

static void on_watched_closed(uv_handle_t *p)
{
	struct watched *w = p->data;

	if (w->close_fd)
		close(w->fd);
	free(w);
}

static struct watched *find(struct http *h, curl_socket_t fd)
{
	for (struct watched *w = h->watched; w; w = w->next)
		if (w->fd == fd)
			return w;
	return NULL;
}

static void unwatch(struct http *h, struct watched *w, bool close_fd)
{
	for (struct watched **p = &h->watched; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	w->close_fd = close_fd;
	uv_close((uv_handle_t *)&w->poll, on_watched_closed);
}

static struct watched *watch(struct http *h, curl_socket_t fd)
{
	struct watched *w = xcalloc(1, sizeof(*w));

	w->http = h;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init(loop_uv(h->loop), &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	w->next = h->watched;
	h->watched = w;
	return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http *h = arg;
	struct watched *w = find(h, fd);
	int events = 0;

	(void)easy;
	(void)socket_arg;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			uv_poll_stop(&w->poll); /* kept until curl closes the descriptor */
		return 0;
	}
	if (!w && !(w = watch(h, fd)))
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_poll) < 0 ? -1 : 0;
}

static int on_close_socket(void *arg, curl_socket_t fd)
{
	struct http *h = arg;
	struct watched *w = find(h, fd);

	if (w)
		unwatch(h, w, true);
	else
		close(fd);
	return 0;
}

static void on_due(uv_timer_t *t)
{
	struct http *h = t->data;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(h);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(h->timer);
	else
		uv_timer_start(h->timer, on_due, (uint64_t)ms, 0);
	return 0;
}

/* --- one request -------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	if (buf_add(&c->body, data, size * n) < 0) {
		c->too_large = true;
		return 0;
	}
	return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "api-version:";
	struct http_call *c = arg;
	size_t len = size * n, at = sizeof(name) - 1, out = 0;

	if (len <= at || strncasecmp(data, name, at) != 0)
		return len;
	for (; at < len && out + 1 < sizeof(c->reply.api_version); at++)
		if ((data[at] >= '0' && data[at] <= '9') || data[at] == '.')
			c->reply.api_version[out++] = data[at];
	c->reply.api_version[out] = '\0';
	return len;
}

/* setopt is variadic: each value has exactly the type its option wants. */
static void set_options(struct http_call *c, const struct http_request *r)
{
	struct http *h = c->http;
	CURL *e = c->easy;
	bool get = streq(r->method, "GET");

	curl_easy_setopt(e, CURLOPT_URL, c->url);
	curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, h->socket_path);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(r->deadline_ms ? r->deadline_ms : DEADLINE_MS));
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, h);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (get)
		return;
	/* A request that was sent twice would be answered 304: "was not ours". */
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	if (streq(r->method, "POST") || r->body) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body_out);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)strlen(c->body_out));
	}
	c->headers = curl_slist_append(NULL, "Expect:");
	c->headers = curl_slist_append(c->headers, r->body ? "Content-Type: application/json" : "Content-Type:");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
}

static void on_cancelled(void *arg)
{
	finish(arg, CURLE_ABORTED_BY_CALLBACK);
}

struct http_call *http_start(struct http *h, const struct http_request *r, http_done_fn *done, void *arg)
{
	struct http_call *c = xcalloc(1, sizeof(*c));

	c->http = h;
	c->done = done;
	c->arg = arg;
	c->url = xasprintf("http://docker%s", r->path);
	c->body_out = xstrdup(r->body ? r->body : "");
	c->body.max = r->max_bytes ? r->max_bytes : REPLY_MAX;
	c->easy = curl_easy_init();
	if (!c->easy)
		abort(); /* UNTESTED: out of memory */
	set_options(c, r);
	c->next = h->calls;
	h->calls = c;
	if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
		abort(); /* UNTESTED: out of memory */
	return c;
}

void http_cancel(struct http_call *c)
{
	if (c->cancelled)
		return;
	c->cancelled = true;
	loop_defer(c->http->loop, on_cancelled, c);
}

/* --- the whole ---------------------------------------------------------------------------- */

int http_new(struct loop *l, const char *socket_path, struct http **ret, struct fault *f)
{
	struct http *h = xcalloc(1, sizeof(*h));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(h->multi = curl_multi_init())) {
		free(h);
		return fault_set(f, FAULT_FAILED, -ENOMEM, "libcurl cannot be initialised");
	}
	h->loop = l;
	h->socket_path = xstrdup(socket_path);
	h->timer = xcalloc(1, sizeof(*h->timer));
	h->timer->data = h;
	if (uv_timer_init(loop_uv(l), h->timer) < 0)
		abort(); /* UNTESTED: cannot fail on an open loop */
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->calls) {
		h->calls->cancelled = true;
		finish(h->calls, CURLE_ABORTED_BY_CALLBACK);
	}
	curl_multi_cleanup(h->multi); /* closes kept connections through on_close_socket */
	while (h->watched)
		unwatch(h, h->watched, false);
	uv_timer_stop(h->timer);
	uv_close((uv_handle_t *)h->timer, (uv_close_cb)free);
	free(h->socket_path);
	free(h);
}
