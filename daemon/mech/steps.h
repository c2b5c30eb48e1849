/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_STEPS_H
#define KD_MECH_STEPS_H

#include "daemon/mech/loop.h"

/*
 * The runner of step tables. Steps are entered in order; after the last one, a
 * failure or a cancel, every entered step is left in reverse order. A step that
 * failed to enter is left too (its leave must cope with a half-made enter). So
 * "containers start whatever happens" is the table's shape, not discipline.
 *
 * enter() and leave() start something and return; they (or what they started)
 * call steps_next() once when done. steps_fail() records the first fault; an
 * entering step that fails calls steps_fail() and then still steps_next().
 * NULL enter or leave: nothing to do.
 */
struct steps;

struct step {
	const char *name;        /* of enter: "stop" */
	const char *leave_name;  /* of leave: "start"; NULL with leave NULL */
	void (*enter)(void *owner);
	void (*leave)(void *owner);
	void (*cancel)(void *owner); /* hurry what enter started; may be NULL */
};

typedef void steps_done_fn(void *owner, const struct fault *first); /* code FAULT_NONE: all good */
/* A phase begins: ${name} of enter or leave. For progress and timing. */
typedef void steps_phase_fn(void *owner, const char *name, bool leaving);

struct steps *steps_start(struct loop *l, const struct step *table, size_t n, void *owner,
	steps_phase_fn *on_phase, steps_done_fn *done); /* freed when done returns */
void steps_next(struct steps *s);
void steps_fail(struct steps *s, const struct fault *f);
/* Enter nothing more; the running enter's cancel() is called; fault FAULT_CANCELLED. Idempotent. */
void steps_cancel(struct steps *s);
bool steps_failed(const struct steps *s);
const struct fault *steps_fault(const struct steps *s);
const char *steps_phase(const struct steps *s);

/*
 * Test builds (-Dfailpoints=true): SIGKILL ourselves when the environment's
 * KOPI_DOCKA_KILL_AT equals "PHASE" at its begin or "PHASE.end" at its end. A step of many parts
 * names them itself: "PHASE.1".
 */
void steps_failpoint(const char *phase, const char *suffix);
#endif
