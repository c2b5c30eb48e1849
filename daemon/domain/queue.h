/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_QUEUE_H
#define KD_DOMAIN_QUEUE_H

#include <json-c/json.h>

#include "daemon/domain/events.h"
#include "daemon/domain/progress.h"
#include "daemon/mech/loop.h"

/*
 * Long calls are jobs: one runs, the others wait in order. The same call asked for
 * twice (operation and parameters), or one that a job covers, is one job with two
 * listeners. A listener whose connection goes cancels nothing, and is told the end all the same.
 */
struct queue;
struct job;

/* What kind of long call. start() begins it and ends with one job_over(), never from inside. */
struct operation {
	const char *name; /* backup, restore, init, maintain */
	void (*start)(struct job *j);
	bool yields; /* cancelled as soon as another job waits: what can be done again at any time */
	void (*cancel)(struct job *j); /* hurry: job_over() follows, with FAULT_CANCELLED or its end */
	/* Does a job with the parameters ${have} do what ${asked} asks for? NULL: only if they are the same. */
	bool (*covers)(struct json_object *have, struct json_object *asked);
};

struct job_listener {
	void (*on_progress)(void *arg, struct json_object *progress); /* borrowed; may be NULL */
	/* Last call. ${f} NULL: success. ${result}: reply's parameters, borrowed, may be NULL. */
	void (*on_over)(void *arg, const struct fault *f, struct json_object *result);
	void *arg;
};

/* ${on_idle} after every job when none runs or waits; ${on_change} whenever the job or its phase
 * changes (status line). Both may be NULL. */
struct queue *queue_new(struct loop *l, loop_fn *on_idle, loop_fn *on_change, void *arg);
void queue_set_events(struct queue *q, struct events *e); /* whom to tell of jobs and phases; borrowed */
struct numbers;
void queue_set_numbers(struct queue *q, struct numbers *n); /* who numbers the jobs; borrowed; without: from 1 */
void queue_free(struct queue *q); /* only when idle */
/* Nothing is started while held (recovery first, shutdown). */
void queue_hold(struct queue *q, bool hold);
bool queue_idle(const struct queue *q);
/* Returns the job's number; fault FAULT_BUSY when the queue is full. ${parameters} is borrowed. */
int queue_add(struct queue *q, const struct operation *op, struct json_object *parameters, uid_t uid,
	const struct job_listener *l, unsigned int *ret_job, struct fault *f) WARN_UNUSED;
/* -ENOENT: no such job. The listener's on_over tells the end; -EBUSY: it is cancelled, but ${l} is one too
 * many and is told nothing. */
int queue_cancel(struct queue *q, unsigned int job, const struct job_listener *l) WARN_UNUSED;
void queue_close(struct queue *q); /* the end: all are cancelled, and nothing is taken any more */
struct json_object *queue_json(const struct queue *q);          /* []Job, caller's */
/* Who is in the way: "job 3, backup", and since when (wall clock). NULL: nobody. Caller's. */
char *queue_holder(const struct queue *q, int64_t *ret_since_ms);
struct json_object *queue_progress(const struct queue *q);      /* of the running job; borrowed, NULL */

/* For operations. */
struct json_object *job_parameters(const struct job *j);
void *job_data(const struct job *j);
void job_set_units(struct job *j, const struct strv *units); /* which they are, once it is known; copied */
void job_set_data(struct job *j, void *data);
bool job_yields(const struct job *j); /* its cancel is for another job's sake */
void *job_owner(const struct job *j); /* queue_new's ${arg} */
void job_progress(struct job *j, const struct progress *p);
void job_over(struct job *j, const struct fault *f, struct json_object *result /* taken, may be NULL */);

#endif
