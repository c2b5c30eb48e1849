/* SPDX-License-Identifier: MIT */
#include "daemon/domain/roots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/mech/child.h"

#define LOOK_DEADLINE_MS 10000

struct look {
	struct loop *loop;
	const struct unit *unit; /* borrowed */
	roots_lost_fn *lost;
	roots_done_fn *done;
	void *arg;
};

int roots_judge(const struct item *it, const char *line, size_t len, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(line, len);

	if (!o || !streq(json_text(o, "path"), it->path))
		return fault_set(f, FAULT_FAILED, -EPROTO, "%s cannot be looked at", it->path);
	bool missing = streq(json_text(o, "kind"), "missing");
	bool other = json_number(o, "device", -1) != it->device || json_number(o, "inode", -1) != it->inode;
	bool emptied = it->entries > 0 && json_flag(o, "empty", false);
	if (it->is_file || it->inode < 0 || !(missing || other || emptied))
		return 0;
	fault_set(f, FAULT_FAILED, -ENODATA, "%s had %" PRId64 " entries before the stop and is %s now: %s", it->id,
		it->entries, missing ? "not there" : emptied ? "empty" : "another directory",
		other || missing ? "its mount left with the container" : "something removed them while it stopped");
	fault_advise(f, "mount it on the host, so that it stays while its containers are down");
	return -ENODATA;
}

static void judge_lines(const struct look *k, const char *text, struct fault *f)
{
	size_t i = 0;

	for (; i < k->unit->n_items && *text; i++) {
		size_t len = strcspn(text, "\n");
		struct fault own = { 0 };
		if (roots_judge(&k->unit->items[i], text, len, &own) < 0)
			k->lost(k->arg, &k->unit->items[i], &own);
		text += len + (text[len] == '\n');
	}
	if (i < k->unit->n_items)
		fault_set(f, FAULT_FAILED, -EPROTO, "%s cannot be looked at", k->unit->items[i].path);
}

static void on_looked(void *arg, const struct child_result *r)
{
	struct look *k = arg;
	struct fault f = { 0 };

	if (r->timed_out)
		fault_set(&f, FAULT_FAILED, -ETIMEDOUT, "the items' paths do not answer: look for a dead mount");
	else if (!child_ok(r))
		child_explain(r, "looking at the items", &f);
	else
		judge_lines(k, r->out, &f);
	k->done(k->arg, f.code == FAULT_NONE ? NULL : &f);
	free(k);
}

static void on_nothing(void *arg)
{
	struct look *k = arg;

	k->done(k->arg, NULL);
	free(k);
}

void roots_look(struct loop *l, const struct unit *u, roots_lost_fn *lost, roots_done_fn *done, void *arg)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	struct look *k = xcalloc(1, sizeof(*k));

	*k = (struct look){ .loop = l, .unit = u, .lost = lost, .done = done, .arg = arg };
	if (u->n_items == 0) {
		loop_defer(l, on_nothing, k);
		return;
	}
	strv_take(&argv, path_helper("kopi-docka-pack"));
	strv_add(&argv, "look");
	strv_add(&argv, "--");
	for (size_t i = 0; i < u->n_items; i++)
		strv_add(&argv, u->items[i].path);
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = LOOK_DEADLINE_MS;
	o.out_max = (size_t)16 << 20;
	o.arg = k;
	child_start(l, &o, on_looked);
}
