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

/* One question about all items; a mount behind which a server may be dead is looked at by a child of its own. */
struct question {
	size_t waiting;
	struct fault fault;
	roots_lost_fn *lost;
	roots_done_fn *done;
	void *arg;
};

struct look {
	struct question *question;
	const struct item **items; /* owned array of borrowed items, in the order of the answer's lines */
	size_t n;
};

int roots_judge(const struct item *it, const char *line, size_t len, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(line, len);

	if (!o || !streq(json_text(o, "path"), item_place(it)))
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
	const struct question *q = k->question;
	size_t i = 0;

	for (; i < k->n && *text; i++) {
		size_t len = strcspn(text, "\n");
		struct fault own = { 0 };
		if (roots_judge(k->items[i], text, len, &own) < 0)
			q->lost(q->arg, k->items[i], &own);
		text += len + (text[len] == '\n');
	}
	if (i < k->n)
		fault_set(f, FAULT_FAILED, -EPROTO, "%s cannot be looked at", k->items[i]->path);
}

static void over(struct question *q)
{
	if (--q->waiting > 0)
		return;
	q->done(q->arg, q->fault.code == FAULT_NONE ? NULL : &q->fault);
	free(q);
}

static bool may_be_dead(const struct item *it)
{
	return it->read_at || it->shared_fs;
}

static void on_looked(void *arg, const struct child_result *r)
{
	struct look *k = arg;
	struct question *q = k->question;
	struct fault f = { 0 };

	if (r->timed_out)
		fault_set(&f, FAULT_FAILED, -ETIMEDOUT, "the items' paths do not answer: look for a dead mount");
	else if (!child_ok(r))
		child_explain(r, "looking at the items", &f);
	else
		judge_lines(k, r->out, &f);
	if (f.code != FAULT_NONE && may_be_dead(k->items[0]))
		q->lost(q->arg, k->items[0], &f);
	else if (f.code != FAULT_NONE)
		fault_first(&q->fault, &f);
	free(k->items);
	free(k);
	over(q);
}

static void start(struct loop *l, struct question *q, const struct item **items /* taken */, size_t n)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	struct look *k = xcalloc(1, sizeof(*k));

	*k = (struct look){ .question = q, .items = items, .n = n };
	strv_take(&argv, path_helper("kopi-docka-pack"));
	strv_add(&argv, "look");
	strv_add(&argv, "--");
	for (size_t i = 0; i < n; i++)
		strv_add(&argv, item_place(items[i]));
	o.argv = (const char *const *)argv.v;
	o.deadline_ms = LOOK_DEADLINE_MS;
	o.out_max = (size_t)16 << 20;
	o.arg = k;
	q->waiting++;
	child_start(l, &o, on_looked);
}

static void on_asked(void *arg)
{
	over(arg);
}

void roots_look(struct loop *l, const struct unit *u, roots_lost_fn *lost, roots_done_fn *done, void *arg)
{
	struct question *q = xcalloc(1, sizeof(*q));
	const struct item **near = xcalloc(u->n_items + 1, sizeof(*near));
	size_t n = 0;

	*q = (struct question){ .waiting = 1, .lost = lost, .done = done, .arg = arg };
	for (size_t i = 0; i < u->n_items; i++) {
		const struct item *it = &u->items[i];
		if (it->lost || (it->on_demand && !it->read_at))
			continue; /* it is lost already */
		if (!may_be_dead(it)) {
			near[n++] = it;
			continue;
		}
		const struct item **one = xcalloc(1, sizeof(*one));
		*one = it;
		start(l, q, one, 1);
	}
	if (n)
		start(l, q, near, n);
	else
		free(near);
	loop_defer(l, on_asked, q);
}
