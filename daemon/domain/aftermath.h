/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_AFTERMATH_H
#define KD_DOMAIN_AFTERMATH_H

#include "daemon/domain/context.h"
#include "daemon/domain/progress.h"
#include "daemon/pure/result.h"

/*
 * What happens to a run once its units are over, outside every window: the stages of the
 * table in aftermath.c, one after another, each whatever became of the earlier ones.
 *
 * To add a row: a name (the phase that progress shows) and a function of type
 * after_start_fn. It finds the run as far as it is known in ${result}: the units are
 * final, state and finished_ms are those of this moment (a cancelled run enters the
 * stages too: look at the state), and warnings and errors may be added to. It ends by
 * calling ${done} exactly once, never from inside, when it has nothing open any more;
 * a fault becomes an error of the run under the stage's name, and with an error or a
 * warning the run's state is no longer ok (law 7). A stage is not cancelled: all that
 * it waits for has a deadline. History is the last row, so that it has everything.
 */
typedef void after_done_fn(void *arg, const struct fault *f); /* NULL: it went well */
typedef void after_start_fn(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg);

struct aftermath_options {
	const struct context *ctx;
	struct run_result *result; /* borrowed until done; its state is judged here */
	progress_fn *on_progress;
	void *arg;
};

/* ${done} gets the options' ${arg} once, never from inside; the result is final then. */
void aftermath_start(const struct aftermath_options *o, void (*done)(void *arg));

#endif
