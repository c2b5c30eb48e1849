/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_CONTROL_H
#define KD_DOMAIN_CONTROL_H

#include <json-c/json.h>

#include "common/conf.h"
#include "daemon/mech/listen.h"

/*
 * The control socket's calls: framing by listen, codec by varlink, the methods by a
 * table. A request lives from its call to its last reply; when its connection goes
 * first, replies go nowhere and on_gone tells the method's owner.
 */
struct control;
struct request;

struct method_row {
	const char *name; /* without the interface: "Backup" */
	bool acts;        /* root and access.uids only; else whoever can connect */
	bool asks;        /* a question that starts children: few at a time (control_questions.c) */
	bool lasts;       /* a job, or events: nothing for a connection of the reserve */
	void (*call)(struct request *r, struct json_object *parameters); /* borrowed */
};

struct control_options {
	struct loop *loop;
	const char *path, *group;
	int fd;                       /* inherited socket, -1 */
	const struct method_row *methods;
	size_t n_methods;
	const struct strv *acting_uids; /* access.uids; borrowed, may change between calls */
	void (*on_gone)(void *arg, struct request *r);
	void *arg;
};

int control_start(const struct control_options *o, struct control **ret, struct fault *f) WARN_UNUSED;
void control_stop(struct control *c);
/* Begin no more questions while held. NULL is fine. */
void control_hold_questions(struct control *c, bool hold);
void control_retire(struct control *c); /* as listener_retire() */
/* Something happened: a question that was asked before is not answered together with one that comes now. NULL is fine. */
void control_changed(struct control *c);
void control_set_acting_uids(struct control *c, const struct strv *uids);
size_t control_requests(const struct control *c); /* not answered yet; none may be left at control_stop */
uint64_t control_calls(const struct control *c);  /* that ever came */
size_t control_connections(const struct control *c);

/* Of a request. ${parameters} are taken; NULL is an empty object. What is larger than a message may be: ReplyTooLarge
 * instead of the last, and one before it is left out, logged. */
void request_reply(struct request *r, struct json_object *parameters);    /* the last */
void request_continue(struct request *r, struct json_object *parameters); /* only with more */
/* The fault's Varlink error; ${details} (taken, may be NULL) are its own parameters; text and advice
 * are added. */
void request_fail(struct request *r, const struct fault *f, struct json_object *details);
struct json_object *request_parameters(const struct request *r); /* of its call; borrowed */
bool request_more(const struct request *r);
bool request_gone(const struct request *r); /* nobody waits for the answer: not whoever asked the same either */
/* Call ${fn} once, before the answer, if nobody waits for it any more. */
void request_give_up(struct request *r, loop_fn *fn, void *arg);
uid_t request_uid(const struct request *r);
void *request_owner(const struct request *r); /* control_options.arg */

#endif
