/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_PIPELINE_H
#define KD_MECH_PIPELINE_H

#include "daemon/mech/child.h"

/*
 * producer | consumer, under law 2: the consumer sees EOF only after the
 * producer's end was judged good. We keep a duplicate of the pipe's write end
 * until then. Bad producer, abort, or our own death: the consumer gets SIGKILL
 * before the pipe closes (die_with_parent on the consumer, never on the producer).
 *
 * Happy path: pipeline_start() starts the consumer; on_ready when it says that it
 * reads (${ready_prefix} on its stderr, at once if NULL); pipeline_produce() starts
 * the producer; on_produced when that was judged good and EOF was sent; done when
 * the consumer has ended as well.
 * Failure modes: consumer dies early → producer group is killed; producer judged bad
 * → consumer SIGKILLed, reaped, then the pipe closed. done follows always.
 */
struct pipeline;

struct pipeline_result {
	bool produced;                          /* producer good, EOF sent by us */
	struct fault producer_fault;            /* why not */
	const struct child_result *producer;    /* borrowed; NULL if never started */
	const struct child_result *consumer;    /* borrowed; never NULL */
	bool aborted;                           /* pipeline_abort() */
};

typedef void pipeline_done_fn(void *arg, const struct pipeline_result *r);
/* Judge a producer that ended: 0 good; else ${f} is filled. */
typedef int pipeline_judge_fn(void *arg, const struct child_result *r, struct fault *f);

struct pipeline_options {
	struct child_options consumer;  /* stdin_fd is ours to set; on_out_line gets ${arg} below */
	const char *ready_prefix;
	bool consumer_may_end_first;    /* tar -x ends at the archive's end, before kopia has said how it
					   ended: a consumer with exit code 0 does not end the producer */
	/* Did it end well? NULL: child_ok(). For a consumer that says by its exit what it could not do, and did the rest. */
	bool (*consumer_is_good)(void *arg, const struct child_result *r);
	pipeline_judge_fn *judge;       /* NULL: child_ok() */
	loop_fn *on_ready;              /* may be NULL */
	loop_fn *on_produced;           /* may be NULL; only after a good end */
	void *arg;
};

struct pipeline *pipeline_start(struct loop *l, const struct pipeline_options *o,
	pipeline_done_fn *done);
/* Once per pipeline. stdout_fd is ours to set. Before on_ready is fine too. */
void pipeline_produce(struct pipeline *p, const struct child_options *producer);
/* Consumer SIGKILLed, then the producer's group; done follows. Idempotent. */
void pipeline_abort(struct pipeline *p);
/* Bytes that went in so far, and bytes the consumer took; -1 unknown. */
int64_t pipeline_bytes(const struct pipeline *p);

#endif
