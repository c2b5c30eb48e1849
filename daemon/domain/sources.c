/* SPDX-License-Identifier: MIT */
/*
 * Happy path: the question is written to the child, its lines are taken into the inventory.
 * Failure modes: the child hangs on a dead mount and is killed at its deadline; it may not look. Either is the fault:
 * what is not known must not pass for "nobody else writes".
 */
#include "daemon/domain/sources.h"

#include <errno.h>
#include <stdlib.h>

#include "common/paths.h"
#include "daemon/pure/sources.h"

#define DEADLINE_MS 20000
#define LINES_MAX   ((size_t)64 << 20)

struct look {
	struct inventory *inv;
	sources_done_fn *done;
	void *arg;
};

static void on_lines(void *arg, const struct child_result *r)
{
	struct look *k = arg;
	struct fault f = { 0 };

	if (!child_ok(r) || r->out_truncated) {
		child_explain(r, "kopi-docka-sources", &f);
		fault_wrap(&f, "what the containers have mounted could not be looked at");
		fault_advise(&f, "look for a dead network mount among the paths that containers mount");
	} else {
		IGNORE(sources_take(k->inv, r->out, &f)); /* the fault tells */
	}
	k->done(k->arg, f.code == FAULT_NONE ? NULL : &f);
	free(k);
}

static void on_nothing(void *arg)
{
	struct look *k = arg;

	k->done(k->arg, NULL);
	free(k);
}

struct child *sources_look(const struct sources_options *o, sources_done_fn *done)
{
	char *program CLEANUP(freep) = path_helper("kopi-docka-sources");
	char *question CLEANUP(freep) = sources_request(o->inv, o->paths, o->also);
	const char *const argv[] = { program, NULL };
	struct child_options c = CHILD_OPTIONS_INIT;
	struct look *k = xcalloc(1, sizeof(*k));

	*k = (struct look){ .inv = o->inv, .done = done, .arg = o->arg };
	if (!question) {
		loop_defer(o->loop, on_nothing, k);
		return NULL;
	}
	c.argv = argv;
	c.stdin_text = question;
	c.out_max = LINES_MAX;
	c.deadline_ms = DEADLINE_MS;
	c.arg = k;
	return child_start(o->loop, &c, on_lines);
}
