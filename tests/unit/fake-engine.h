/* SPDX-License-Identifier: MIT */
#ifndef KD_TESTS_FAKE_ENGINE_H
#define KD_TESTS_FAKE_ENGINE_H

#include "common/base.h"

/*
 * An engine that misbehaves on demand: HTTP on a unix socket, in a thread of its own, one
 * request a connection. For what a real dockerd cannot be made to do at a chosen moment;
 * everything else is tested on the real one (tests/e2e).
 */
struct fake_engine;

enum fake_act {
	FAKE_ANSWER, /* status and body */
	FAKE_HANG,   /* no answer until the client has gone */
	FAKE_CLOSE,  /* the connection ends without a byte */
	FAKE_CUT     /* half of the body, then the end */
};

struct fake_reply {
	enum fake_act act;
	int status;
	char *body;          /* taken, NULL: none */
	const char *version; /* header Api-Version, NULL: "1.41" */
};

/* Called in the engine's thread for each request: "POST /v1.41/containers/x/stop?t=5". */
typedef void fake_handler_fn(void *arg, const char *request, struct fake_reply *reply);

struct fake_engine *fake_engine_start(const char *socket_path, fake_handler_fn *handler, void *arg);
/* Everything that was asked, a line each, without "GET /_ping". Caller's. */
char *fake_engine_log(struct fake_engine *e);
/* Waits for the thread; removes the socket. */
void fake_engine_stop(struct fake_engine *e);

#endif
