/* SPDX-License-Identifier: MIT */
/*
 * A cursor over the table that moves down while entering and up while leaving. Every
 * move is made on a loop iteration of its own, so that a step may call steps_next()
 * from inside its enter() without the stack growing.
 */
#include "daemon/mech/steps.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct steps {
	struct loop *loop;
	const struct step *table;
	size_t n;
	void *owner;
	steps_phase_fn *on_phase;
	steps_done_fn *done;
	size_t at;         /* the step under way; leaving: entered steps are those below */
	bool leaving, cancelled, moving;
	const char *phase;
	struct fault fault;
};

static void advance(void *arg);

/* Only test builds die here: law 1's test is generated from the table. */
void steps_failpoint(const char *phase, const char *suffix)
{
#ifdef KD_FAILPOINTS
	const char *at = getenv("KOPI_DOCKA_KILL_AT");
	char *name CLEANUP(freep) = xasprintf("%s%s", phase, suffix);

	if (streq(at, name))
		kill(getpid(), SIGKILL);
#else
	(void)phase;
	(void)suffix;
#endif
}

static void begin(struct steps *s, const char *name)
{
	s->phase = name;
	if (s->on_phase)
		s->on_phase(s->owner, name, s->leaving);
	steps_failpoint(name, "");
}

static void end(struct steps *s)
{
	steps_done_fn *done = s->done;
	struct fault f = s->fault;
	void *owner = s->owner;

	free(s);
	done(owner, &f);
}

static void enter(struct steps *s)
{
	const struct step *step = &s->table[s->at];

	begin(s, step->name);
	if (step->enter)
		step->enter(s->owner);
	else
		steps_next(s);
}

static void leave(struct steps *s)
{
	const struct step *step = &s->table[s->at];

	if (!step->leave) {
		steps_next(s);
		return;
	}
	begin(s, step->leave_name);
	step->leave(s->owner);
}

static void advance(void *arg)
{
	struct steps *s = arg;

	s->moving = false;
	if (!s->leaving) {
		enter(s);
	} else if (s->at == 0) {
		end(s);
	} else {
		s->at--;
		leave(s);
	}
}

struct steps *steps_start(struct loop *l, const struct step *table, size_t n, void *owner,
	steps_phase_fn *on_phase, steps_done_fn *done)
{
	struct steps *s = xcalloc(1, sizeof(*s));

	*s = (struct steps){
		.loop = l, .table = table, .n = n, .owner = owner, .on_phase = on_phase, .done = done, .moving = true,
	};
	s->phase = n ? table[0].name : "";
	s->leaving = n == 0;
	loop_defer(l, advance, s);
	return s;
}

void steps_next(struct steps *s)
{
	if (s->moving)
		return; /* a second end of the same step counts for nothing */
	s->moving = true;
	steps_failpoint(s->phase, ".end");
	if (!s->leaving) {
		s->at++;
		s->leaving = s->at == s->n || s->fault.code != FAULT_NONE;
	}
	loop_defer(s->loop, advance, s);
}

void steps_fail(struct steps *s, const struct fault *f)
{
	fault_first(&s->fault, f);
}

void steps_cancel(struct steps *s)
{
	struct fault f = { 0 };

	if (s->cancelled)
		return;
	s->cancelled = true;
	fault_set(&f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	fault_first(&s->fault, &f);
	/* Between two steps nothing is to be hurried; the next advance sees the fault. */
	if (s->moving && !s->leaving && s->at > 0)
		s->leaving = true;
	else if (!s->moving && !s->leaving && s->table[s->at].cancel)
		s->table[s->at].cancel(s->owner);
}

bool steps_failed(const struct steps *s)
{
	return s->fault.code != FAULT_NONE;
}

const struct fault *steps_fault(const struct steps *s)
{
	return &s->fault;
}

const char *steps_phase(const struct steps *s)
{
	return s->phase;
}
