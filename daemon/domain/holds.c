/* SPDX-License-Identifier: MIT */
/*
 * Happy path: a helper for each item says by which descriptor it has the mount, and runs until it is released.
 * Failure modes: it cannot hold it, or says nothing within its time (a dead server): that item is lost, the others
 * are read. It ends by itself: what reads from it fails, or finds another directory than was measured (roots.c).
 * On release: SIGKILL; a helper that the kernel does not let die keeps its own memory until it does.
 */
#include "daemon/domain/holds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/mech/child.h"

#define HOLD_DEADLINE_MS    15000
#define RELEASE_DEADLINE_MS 3000

struct hold {
	struct holds *holds; /* NULL: nobody waits for it any more */
	struct item *item;   /* borrowed */
	struct child *child;
	struct timer *deadline;
	bool said;
};

struct holds {
	struct loop *loop;
	struct hold **v; /* each owned by its child's end; NULL after it */
	size_t n, silent, running;
	struct timer *deadline; /* of the release */
	bool releasing;
	holds_lost_fn *lost;
	holds_done_fn *done;
	void *arg;
};

static void answer(void *arg)
{
	struct holds *h = arg;
	holds_done_fn *done = h->done;

	h->done = NULL;
	if (h->deadline)
		timer_clear(h->deadline);
	if (done)
		done(h->arg);
}

static void one_said(struct hold *o)
{
	struct holds *h = o->holds;

	o->said = true;
	timer_clear(o->deadline);
	if (--h->silent == 0)
		answer(h);
}

static void lose(struct hold *o, int sys, const char *why)
{
	struct fault f = { 0 };

	fault_set(&f, FAULT_FAILED, sys, "%s: its mount cannot be held while its containers are stopped: %s", o->item->id, why);
	fault_advise(&f, "look at the server behind it, or name it in exclude_mounts");
	o->holds->lost(o->holds->arg, o->item, &f);
	one_said(o);
}

static void on_line(void *arg, const char *line)
{
	struct hold *o = arg;
	struct json_object *j CLEANUP(json_putp) = json_parse(line, strlen(line));
	int64_t pid = json_number(j, "pid", -1), fd = json_number(j, "fd", -1);

	if (o->said || !o->holds || o->holds->releasing || pid < 0 || fd < 0)
		return;
	if (json_number(j, "inode", -1) != o->item->inode || json_number(j, "device", -1) != o->item->device) {
		lose(o, -ESTALE, "it is another directory than the one that was measured");
		return;
	}
	o->item->read_at = xasprintf("/proc/%lld/fd/%lld", (long long)pid, (long long)fd);
	one_said(o);
}

static void on_deadline(void *arg)
{
	struct hold *o = arg;

	child_kill(o->child);
	lose(o, -ETIMEDOUT, "it does not answer, and containers that use it could not start again");
}

static void on_end(void *arg, const struct child_result *r)
{
	struct hold *o = arg;
	struct holds *h = o->holds;
	struct fault f = { 0 };

	o->child = NULL;
	if (h && !o->said && !h->releasing) {
		child_explain(r, "kopi-docka-hold", &f);
		lose(o, -EIO, f.text);
	}
	timer_free(o->deadline);
	if (h) {
		for (size_t i = 0; i < h->n; i++)
			if (h->v[i] == o)
				h->v[i] = NULL;
		if (--h->running == 0 && h->deadline)
			answer(h);
	}
	free(o);
}

static void start(struct holds *h, struct item *it)
{
	struct hold *o = xcalloc(1, sizeof(*o));
	struct child_options c = CHILD_OPTIONS_INIT;
	char *helper CLEANUP(freep) = path_helper("kopi-docka-hold");
	const char *const argv[] = { helper, it->path, NULL };

	*o = (struct hold){ .holds = h, .item = it };
	h->v[h->n++] = o;
	h->silent++;
	h->running++;
	o->deadline = timer_new(h->loop, on_deadline, o);
	timer_set(o->deadline, HOLD_DEADLINE_MS);
	c.argv = argv;
	c.die_with_parent = true;
	c.on_out_line = on_line;
	c.arg = o;
	o->child = child_start(h->loop, &c, on_end);
}

struct holds *holds_start(struct loop *l, struct unit *u, holds_lost_fn *lost, holds_done_fn *done, void *arg)
{
	struct holds *h = xcalloc(1, sizeof(*h));

	*h = (struct holds){ .loop = l, .lost = lost, .done = done, .arg = arg };
	h->v = xcalloc(u->n_items + 1, sizeof(struct hold *));
	for (size_t i = 0; i < u->n_items; i++)
		if (u->items[i].on_demand && !u->items[i].lost)
			start(h, &u->items[i]);
	if (h->n == 0)
		loop_defer(l, answer, h);
	return h;
}

static void on_release_deadline(void *arg)
{
	struct holds *h = arg;

	log_warning("%zu held mounts do not go away yet: is a server dead?", h->running);
	answer(h);
}

void holds_release(struct loop *l, struct holds *h, holds_done_fn *done, void *arg)
{
	if (!h || h->running == 0) {
		loop_defer(l, done, arg);
		return;
	}
	h->releasing = true;
	h->done = done;
	h->arg = arg;
	if (!h->deadline)
		h->deadline = timer_new(l, on_release_deadline, h);
	timer_set(h->deadline, RELEASE_DEADLINE_MS);
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i] && h->v[i]->child)
			child_kill(h->v[i]->child);
}

void holds_free(struct holds *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i])
			h->v[i]->holds = NULL; /* it ends when the kernel lets it */
	timer_free(h->deadline);
	free(h->v);
	free(h);
}
