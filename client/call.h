/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_CALL_H
#define KD_CLIENT_CALL_H

#include "common/varlink.h"

/* One varlink call, blocking. */
struct call_options {
	const char *socket, *method;      /* "Backup" */
	struct json_object *parameters;   /* borrowed */
	bool more;
	/* With more: each reply but the last. May be NULL. */
	void (*on_progress)(void *arg, struct json_object *parameters);
	/* Nothing was heard for ${seconds}: told once, and waited for. May be NULL. */
	void (*on_silence)(void *arg, int seconds);
	/* A signal was caught (interrupt.h). < 0 ends the waiting; the daemon goes on. May be NULL. */
	int (*on_signal)(void *arg);
	void *arg;
};

/* 0: ${ret} is the last reply (an error of the daemon's has ret->error). < 0: the daemon cannot be
 * reached or broke off; ${f} says what to do; what on_signal returned, with nothing in ${f}. */
int call_method(const struct call_options *o, struct varlink_reply *ret, struct fault *f) WARN_UNUSED;
/* Does someone listen on ${socket}? */
bool call_reachable(const char *socket);

#endif
