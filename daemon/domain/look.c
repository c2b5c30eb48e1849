/* SPDX-License-Identifier: MIT */
/* One child for all paths; a dead mount among them ends it, and the caller, before anything is touched. */
#include "daemon/domain/look.h"

#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/mech/child.h"

#define DEADLINE_MS 60000

struct look {
	look_done_fn *done;
	void *arg;
};

static void on_looked(void *arg, const struct child_result *c)
{
	struct look *k = arg;
	struct fault f = { 0 };

	if (!child_ok(c)) {
		child_explain(c, "kopi-docka-pack", &f);
		fault_wrap(&f, "the items' places cannot be looked at");
		fault_advise(&f, "look for a dead network mount below the units' volumes and binds");
	}
	k->done(k->arg, f.code == FAULT_NONE ? NULL : &f, c->out);
	free(k);
}

static void on_nothing(void *arg)
{
	struct look *k = arg;

	k->done(k->arg, NULL, "");
	free(k);
}

void look_start(struct loop *l, const struct strv *paths, look_done_fn *done, void *arg)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	struct look *k = xcalloc(1, sizeof(*k));

	*k = (struct look){ done, arg };
	if (paths->n == 0) {
		loop_defer(l, on_nothing, k);
		return;
	}
	strv_take(&argv, path_helper("kopi-docka-pack"));
	strv_add(&argv, "look");
	strv_add(&argv, "--");
	strv_copy(&argv, paths);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = DEADLINE_MS;
	o.out_max = (size_t)16 << 20;
	o.arg = k;
	child_start(l, &o, on_looked);
}

char *look_real(const char *lines, const char *path, bool *missing)
{
	for (const char *line = lines; *line;) {
		size_t len = strcspn(line, "\n");
		struct json_object *o CLEANUP(json_putp) = json_parse(line, len);
		if (streq(json_text(o, "path"), path)) {
			*missing = streq(json_text(o, "kind"), "missing");
			return xstrdup(json_text(o, "real"));
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}
