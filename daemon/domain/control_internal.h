/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_CONTROL_INTERNAL_H
#define KD_DOMAIN_CONTROL_INTERNAL_H

#include "daemon/domain/control.h"

/* Shared by control.c and control_questions.c only. */
struct request {
	struct control *control; /* borrowed */
	struct conn *conn;       /* borrowed; NULL when it has gone */
	bool more, oneway;
	uid_t uid;
	struct json_object *parameters; /* of the call, shared */
	loop_fn *give_up; /* request_give_up() */
	bool given_up;    /* and that was done */
	void *give_up_arg;
	/* of a question */
	const struct method_row *row; /* NULL: it is none */
	struct request *next;         /* of those that are asked, or of the followers of the same */
	struct request *followers;    /* who asked the same and gets this one's answer */
	struct request *leader;       /* whose answer it gets; NULL: its own */
	bool waits;     /* for others to be answered */
	uint64_t stamp; /* of the world when it was begun */
};

struct control {
	struct control_options o;
	struct listener *listener;
	size_t requests; /* that were not answered yet */
	uint64_t calls;  /* that ever came */
	struct request *asked; /* questions that run or wait, the oldest first */
	bool held;             /* none of them is begun */
	uint64_t stamp;        /* moves when an answer of before may be wrong */
};

void request_free(struct request *r); /* without an answer */
/* Ask ${r}, a question of ${row}: now, later, or together with one who asks the same. */
void question_ask(struct request *r, const struct method_row *row);
/* ${r} is being answered: nobody joins it any more. */
void question_end(struct request *r);
/* Its connection has gone: ${r} may be freed with this, or what it asks for is given up when nobody is left. */
void question_left(struct request *r);
/* Something has ended: whoever waits goes on. */
void questions_begin(struct control *c);

#endif
