/* SPDX-License-Identifier: MIT */
/* Happy path: kopi-docka-report gets the text, and is done. It fails or hangs: a fault that names the path. */
#include "daemon/domain/report.h"

#include <stdlib.h>

#include "common/paths.h"
#include "daemon/mech/child.h"

#define DEADLINE_MS 10000

struct report {
	char *directory;
	after_done_fn *done;
	void *arg;
};

static void finish(struct report *r, const struct fault *f)
{
	r->done(r->arg, f);
	free(r->directory);
	free(r);
}

static void on_child(void *arg, const struct child_result *c)
{
	struct report *r = arg;
	struct fault f = { 0 };

	if (child_ok(c)) {
		finish(r, NULL);
		return;
	}
	child_explain(c, "writing it", &f);
	fault_wrap(&f, "no report in %s", r->directory);
	finish(r, &f);
}

static void on_nothing(void *arg)
{
	finish(arg, NULL);
}

void report_start(const struct context *ctx, struct run_result *result, after_done_fn *done, void *arg)
{
	struct report *r = xcalloc(1, sizeof(*r));
	struct child_options o = CHILD_OPTIONS_INIT;

	*r = (struct report){ .directory = xstrdup(ctx->conf->backup.base_path), .done = done, .arg = arg };
	if (!r->directory) {
		loop_defer(ctx->loop, on_nothing, r);
		return;
	}
	char *helper CLEANUP(freep) = path_helper("kopi-docka-report");
	char *name CLEANUP(freep) = xasprintf("%s.json", result->backup_id);
	char *text CLEANUP(freep) = run_result_text(result);
	const char *const argv[] = { helper, r->directory, name, NULL };
	o.argv = argv;
	o.stdin_text = text;
	o.deadline_ms = DEADLINE_MS;
	o.arg = r;
	child_start(ctx->loop, &o, on_child);
}
