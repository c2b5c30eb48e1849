/* SPDX-License-Identifier: MIT */
/*
 * Happy path: every child has printed its lines, and they are handed on together.
 * Failure modes: the one for this host's disks fails or takes too long → the one fault of done; one for
 * an item behind a server does → a line that says so, as the child itself would have.
 */
#include "daemon/domain/measuring.h"

#include <errno.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/mech/child.h"

#define LOOK_DEADLINE_MS    10000
#define MEASURE_DEADLINE_MS (10 * 60 * 1000)
#define MEASURE_MAX         ((size_t)64 << 20)
#define APART_AT_A_TIME     8

struct part { /* one path that is looked at apart, or all the others */
	struct measuring *measuring;
	char *path; /* owned; NULL: all the others */
	struct strv words; /* of the child, the paths among them */
	bool looked;
	struct child *child;
};

struct measuring {
	struct loop *loop;
	struct strv ours; /* words before those of each part */
	struct part *parts;
	size_t n, next, running;
	struct buf lines;
	struct fault fault;
	bool cancelled;
	measuring_done_fn *done;
	void *arg;
};

static void next(struct measuring *m);

static void finish(void *arg)
{
	struct measuring *m = arg;

	if (m->cancelled)
		fault_set(&m->fault, FAULT_CANCELLED, -ECANCELED, "cancelled");
	bool bad = m->fault.code != FAULT_NONE;
	m->done(m->arg, bad ? &m->fault : NULL, bad || !m->lines.data ? "" : m->lines.data);
	for (size_t i = 0; i < m->n; i++) {
		free(m->parts[i].path);
		strv_done(&m->parts[i].words);
	}
	free(m->parts);
	strv_done(&m->ours);
	buf_done(&m->lines);
	free(m);
}

/* What the child would have said, had it been able to. */
static void add_error(struct measuring *m, const char *path, const char *why, bool dead)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();

	json_put_text(o, "path", path);
	json_put_text(o, "kind", "other");
	json_put_text(o, "error", why);
	if (dead)
		json_put_flag(o, "dead", true);
	buf_puts(&m->lines, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	buf_puts(&m->lines, "\n");
}

static void take_failure(struct part *p, const struct child_result *r)
{
	struct measuring *m = p->measuring;
	struct fault f = { 0 };

	child_explain(r, "kopi-docka-pack", &f);
	if (p->path) {
		add_error(m, p->path, r->timed_out ? "it does not answer" : f.text, r->timed_out);
		return;
	}
	fault_wrap(&f, "the items could not be measured");
	fault_advise(&f, "look for a dead network mount below the units' volumes and binds");
	fault_first(&m->fault, &f);
}

static void start(struct part *p);

static void on_end(void *arg, const struct child_result *r)
{
	struct part *p = arg;
	struct measuring *m = p->measuring;
	bool good = child_ok(r) && !r->out_truncated;

	p->child = NULL;
	if (good && p->path && !p->looked && !m->cancelled) {
		p->looked = true;
		start(p);
		return;
	}
	if (!good && !m->cancelled)
		take_failure(p, r);
	else if (good && buf_add(&m->lines, r->out, r->out_len) < 0)
		fault_set(&m->fault, FAULT_FAILED, -ENOMEM, "the items could not be measured: no memory");
	m->running--;
	next(m);
}

static void start(struct part *p)
{
	struct measuring *m = p->measuring;
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	bool look = p->path && !p->looked;

	strv_take(&argv, path_helper("kopi-docka-pack"));
	strv_add(&argv, look ? "look" : "measure");
	strv_add(&argv, "--");
	if (look) {
		strv_add(&argv, p->path);
	} else {
		strv_copy(&argv, &m->ours);
		strv_copy(&argv, &p->words);
	}
	o.argv = (const char *const *)argv.v;
	o.out_max = MEASURE_MAX;
	o.deadline_ms = look ? LOOK_DEADLINE_MS : MEASURE_DEADLINE_MS;
	o.arg = p;
	p->child = child_start(m->loop, &o, on_end);
}

static void next(struct measuring *m)
{
	while (m->next < m->n && m->running < APART_AT_A_TIME && !m->cancelled) {
		m->running++;
		start(&m->parts[m->next++]);
	}
	if (m->running == 0)
		finish(m);
}

static void on_begin(void *arg)
{
	next(arg);
}

/* ${words} is taken. */
static void add_part(struct measuring *m, const char *path, struct strv *words)
{
	GROW(m->parts, m->n);
	m->parts[m->n++] = (struct part){ .measuring = m, .path = xstrdup(path), .words = *words };
	*words = (struct strv){ 0 };
}

struct measuring *measuring_start(const struct context *ctx, struct planned *p, const struct strv *units, measuring_done_fn *done, void *arg)
{
	struct measuring *m = xcalloc(1, sizeof(*m));
	struct strv near = { 0 }, apart CLEANUP(strv_done) = { 0 }, one = { 0 };

	*m = (struct measuring){ .loop = ctx->loop, .done = done, .arg = arg };
	measure_paths(p, units, ctx->conf, &near, &apart);
	measure_ours(ctx->conf, &m->ours);
	if (near.n)
		add_part(m, NULL, &near);
	for (size_t i = 0; i < apart.n; i++) {
		strv_add(&one, apart.v[i]);
		if (*apart.v[i] == '/') /* the path ends its words */
			add_part(m, apart.v[i], &one);
	}
	loop_defer(ctx->loop, on_begin, m);
	return m;
}

void measuring_cancel(struct measuring *m)
{
	m->cancelled = true;
	for (size_t i = 0; i < m->n; i++)
		if (m->parts[i].child)
			child_kill(m->parts[i].child);
}
