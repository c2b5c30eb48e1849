/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_HTTP_H
#define KD_MECH_HTTP_H

#include "daemon/mech/loop.h"

/*
 * HTTP requests over a unix socket on the loop (libcurl multi). Every request
 * has a deadline; ${done} is called exactly once, never from inside http_start().
 * Every POST/DELETE uses a fresh connection (curl repeats a request whose
 * reused connection died).
 */
struct http;
struct http_call;

struct http_request {
	const char *method;       /* GET, POST, DELETE, … */
	const char *path;         /* "/v1.41/containers/json?all=1" */
	const char *body;         /* NULL: none; JSON */
	unsigned int deadline_ms; /* 0: 30 s */
	size_t max_bytes;         /* of the reply; 0: 64 MiB */
};

struct http_reply {
	struct fault fault;       /* FAULT_ENGINE: no answer; status is 0 then */
	int status;
	const char *body;         /* borrowed, NUL-terminated, "" if none */
	size_t len;
	char api_version[16];     /* header Api-Version, "" if none */
};

typedef void http_done_fn(void *arg, const struct http_reply *r);

int http_new(struct loop *l, const char *socket_path, struct http **ret, struct fault *f) WARN_UNUSED;
struct http_call *http_start(struct http *h, const struct http_request *r, http_done_fn *done, void *arg);
void http_cancel(struct http_call *c); /* done follows with FAULT_CANCELLED, on the loop */
/* Ends all calls: their done fires with FAULT_CANCELLED inside this call. Handles close on the loop. */
void http_free(struct http *h);

#endif
