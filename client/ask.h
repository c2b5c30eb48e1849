/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_ASK_H
#define KD_CLIENT_ASK_H

#include "client/verb.h"

/*
 * One way through: ask ${v}'s method with ${parameters} (taken), with live progress and Ctrl-C as
 * Cancel if ${more}, render the reply (--json: print it) and return the exit status.
 */
int ask(const struct verb *v, const struct options *o, struct json_object *parameters, bool more);
/* The run of verbs without parameters. */
int ask_plain(const struct verb *v, struct options *o);
/* Where the daemon listens: --socket, the configuration, or the usual place. Caller's. */
char *ask_socket(const struct options *o);
/*
 * The same without rendering: 0 and the reply's parameters (an error is said on stderr and is its
 * exit status). ${ret} is the caller's, varlink_reply_done(). For what asks more than once.
 */
int ask_for(const struct options *o, const char *method, struct json_object *parameters, bool more,
	struct varlink_reply *ret) WARN_UNUSED;
/* A call with many replies: each is given to ${on_reply} (borrowed), the last one too. Ctrl-C ends the client. */
int ask_stream(const struct options *o, const char *method, void (*on_reply)(void *arg, struct json_object *parameters),
	void *arg);

#endif
