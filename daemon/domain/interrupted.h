/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_INTERRUPTED_H
#define KD_DOMAIN_INTERRUPTED_H

#include "common/log.h"
#include "daemon/domain/context.h"

/*
 * What becomes of a restore that a kill interrupted, in two turns of a pass of the recovery:
 * before containers are started, where half of an exchange is put back; and after, where what
 * is all in place stays if its containers are healthy with it, and else is put back, or
 * offered to be.
 */
enum interrupted_end {
	INTERRUPTED_PUT_BACK, /* settled: what was there before is in place */
	INTERRUPTED_STAYS,    /* settled: what was restored is in place */
	INTERRUPTED_PLACED,   /* its containers may start, and are then to be judged */
	INTERRUPTED_CONDEMNED,/* its containers must not be started before interrupted_judge() has put back */
	INTERRUPTED_OPEN      /* not now; the reason is logged, and its containers stay down */
};

struct interrupted;
typedef void interrupted_done_fn(void *arg, enum interrupted_end end);

/* The restore that ${key} of the ledger names, of ${unit}: its first turn. ${done} once, never from inside. */
void interrupted_start(const struct context *ctx, const char *key, const char *unit, interrupted_done_fn *done, void *arg);
/* Its second, for PLACED and CONDEMNED. Ends with PUT_BACK, STAYS or OPEN. */
struct interrupted *interrupted_judge(const struct context *ctx, const char *key, const char *unit, interrupted_done_fn *done,
	void *arg);
/* Nothing is waited for any more: ends with OPEN where it is not known yet. */
void interrupted_hurry(struct interrupted *i);

/* Logged, and told to who subscribes: what an interrupted operation had left was put right. */
void interrupted_tell(const struct context *ctx, const struct log_fields *fields, const char *text);

#endif
