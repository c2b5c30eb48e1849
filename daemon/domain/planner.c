/* SPDX-License-Identifier: MIT */
/*
 * Happy path: inventory → sources → units → (measure → methods) → done.
 * Failure modes: engine unreachable, unknown unit, the measuring of this host's own disks hangs and
 * is killed: each is the one fault of done. What else does not answer is that item's.
 */
#include "daemon/domain/planner.h"

#include <errno.h>
#include <stdlib.h>

#include "common/fd.h"
#include "common/paths.h"
#include "daemon/domain/known.h"
#include "daemon/domain/measuring.h"
#include "daemon/domain/method.h"
#include "daemon/domain/sources.h"

#define LOOK_DEADLINE_MS    10000
#define LOOK_MAX            ((size_t)16 << 20)
#define MOUNTINFO_MAX       ((size_t)16 << 20)

struct planner {
	struct planner_options o;
	struct strv units, paths;
	struct planned *planned;
	struct measuring *measuring; /* while it goes on */
	struct child *child; /* while it looks at sources */
	bool cancelled;
	planner_done_fn *done;
	void *arg;
};

static void finish(struct planner *p, const struct fault *f)
{
	if (f) {
		planned_free(p->planned);
		p->planned = NULL;
	}
	p->done(p->arg, f, p->planned);
	strv_done(&p->units);
	strv_done(&p->paths);
	free(p);
}

static int choose_methods(struct planner *p, struct fault *f)
{
	const struct context *ctx = p->o.ctx;

	for (size_t i = 0; i < p->planned->units.n; i++) {
		struct unit *u = &p->planned->units.v[i];
		if (u->refused || u->skipped || (p->units.n && !strv_has(&p->units, u->name)))
			continue;
		struct fault own = { 0 };
		if (method_choose(u, ctx->conf, ctx->rates, &own) == 0)
			continue;
		if (p->units.n == 1) {
			*f = own;
			return own.sys;
		}
		u->refused = xstrdup(own.text);
	}
	return 0;
}

static int plan(struct planner *p, struct fault *f);
static void plan_again(struct planner *p);

/* With what the items had at their last points. */
static void compare_contents(struct planner *p)
{
	for (size_t i = 0; i < p->planned->units.n; i++) {
		struct unit *u = &p->planned->units.v[i];
		struct known_unit k = { 0 };
		if (u->skipped || (p->units.n && !strv_has(&p->units, u->name)) || known_load(p->o.ctx->conf, u->name, &k) < 0)
			continue;
		contents_compare(&k, u, wall_ms());
		known_unit_done(&k);
	}
}

static void on_measured(void *arg, const struct fault *f, const char *lines)
{
	struct planner *p = arg;
	struct fault own = { 0 };

	p->measuring = NULL;
	if (f) {
		finish(p, f);
		return;
	}
	bool parted = measure_parts(p->planned, &p->units, lines);
	if (measure_nothing(p->planned, lines) || parted) {
		plan_again(p);
		return;
	}
	measure_apply(p->planned, &p->units, p->o.ctx->conf, lines);
	compare_contents(p);
	finish(p, choose_methods(p, &own) < 0 ? &own : NULL);
}

static void measure(struct planner *p)
{
	p->measuring = measuring_start(p->o.ctx, p->planned, &p->units, on_measured, p);
	if (p->cancelled)
		measuring_cancel(p->measuring);
}

/* --- without measuring -------------------------------------------------------------------- */

/* The child's command line; what it is to look at is appended. */
static void pack_words(struct strv *argv, const char *verb)
{
	strv_take(argv, path_helper("kopi-docka-pack"));
	strv_add(argv, verb);
	strv_add(argv, "--");
}

static void start_child(struct planner *p, const struct strv *argv, unsigned int deadline_ms, child_done_fn *done)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	o.argv = (const char *const *)argv->v;
	o.out_max = LOOK_MAX;
	o.deadline_ms = deadline_ms;
	o.arg = p;
	p->child = child_start(p->o.ctx->loop, &o, done);
	if (p->cancelled)
		child_kill(p->child);
}

/* What does not answer is planned as it was: only measuring needs to know. */
static void on_looked(void *arg, const struct child_result *r)
{
	struct planner *p = arg;
	struct fault f = { 0 };

	p->child = NULL;
	if (p->cancelled)
		fault_set(&f, FAULT_CANCELLED, -ECANCELED, "cancelled");
	else if (child_ok(r) && measure_nothing(p->planned, r->out)) {
		units_done(&p->planned->units);
		IGNORE(plan(p, &f)); /* the fault tells; it could be planned before */
	}
	finish(p, f.code == FAULT_NONE ? NULL : &f);
}

/* A name says what to look at, never what it is: a socket that is taken for an item would have guests. */
static void look_at_sockets(struct planner *p)
{
	struct strv argv CLEANUP(strv_done) = { 0 };

	pack_words(&argv, "look");
	size_t fixed = argv.n;
	for (size_t i = 0; i < p->planned->units.n; i++) {
		const struct unit *u = &p->planned->units.v[i];
		for (size_t j = 0; j < u->n_items; j++) {
			const char *path = u->items[j].path;
			if ((ends_with(path, ".sock") || ends_with(path, ".socket")) && !strv_has(&argv, path))
				strv_add(&argv, path);
		}
	}
	if (argv.n == fixed || p->o.before)
		finish(p, NULL);
	else
		start_child(p, &argv, LOOK_DEADLINE_MS, on_looked);
}

/* --- planning ------------------------------------------------------------------------------ */

/* What goes with another item is told there. */
static void add_reason(struct coverage *c, const char *text)
{
	if (!c->saved || starts_with(c->reason ? c->reason : "", "with "))
		return;
	char *both = c->reason ? xasprintf("%s; %s", c->reason, text) : xstrdup(text);
	free(c->reason);
	c->reason = both;
}

/* Nothing is left out silently: what exclude_patterns take from an item stands in its coverage. */
static void note_excludes(struct units *units, const struct conf *c)
{
	for (size_t i = 0; i < units->n; i++) {
		struct unit *u = &units->v[i];
		const struct conf_unit *own = conf_unit(c, u->name);
		struct strv all CLEANUP(strv_done) = { 0 };
		struct buf text CLEANUP(buf_done) = { 0 };
		strv_copy(&all, &c->backup.exclude_patterns);
		if (own)
			strv_copy(&all, &own->exclude_patterns);
		for (size_t j = 0; j < all.n; j++)
			buf_printf(&text, "%s%s", j ? ", " : "without what matches: ", all.v[j]);
		for (size_t j = 0; j < u->n_coverage && text.len; j++)
			add_reason(&u->coverage[j], text.data);
	}
}

static int plan(struct planner *p, struct fault *f)
{
	const struct conf *c = p->o.ctx->conf;
	struct buf mountinfo CLEANUP(buf_done) = { 0 };
	struct plan_options o = { .allow_autoremove = c->backup.allow_autoremove, .conf = c };

	/* Without it nested mounts are found by measuring alone. */
	if (file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo) == 0)
		o.mountinfo = mountinfo.data;
	strv_copy(&o.nested, &p->planned->nested);
	strv_copy(&o.nothing, &p->planned->nothing);
	strv_copy(&o.trusted_writers, &c->backup.trusted_writers);
	const char *const ours[] = { c->paths.state, c->paths.cache, c->paths.runtime, c->spool.directory,
		c->kopia.cache_directory, c->kopia.repository_path };
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i])
			strv_add(&o.forbidden, ours[i]);
	int ret = plan_units(p->planned->inv, &o, &p->planned->units, f);
	strv_done(&o.forbidden);
	strv_done(&o.trusted_writers);
	strv_done(&o.nested);
	strv_done(&o.nothing);
	if (ret == 0)
		note_excludes(&p->planned->units, c);
	return ret;
}

/* A subvolume parts an item, and a container mounts it too: it is an item of its own. */
static void plan_again(struct planner *p)
{
	struct fault f = { 0 };

	units_done(&p->planned->units);
	if (plan(p, &f) < 0)
		finish(p, &f); /* UNTESTED: it could be planned before */
	else
		measure(p);
}

static void on_sources(void *arg, const struct fault *f)
{
	struct planner *p = arg;
	struct fault own = { 0 };

	p->child = NULL;
	if (p->cancelled) {
		fault_set(&own, FAULT_CANCELLED, -ECANCELED, "cancelled");
		f = &own;
	}
	if (f) {
		finish(p, f);
		return;
	}
	if (p->o.before) {
		strv_copy(&p->planned->nested, &p->o.before->nested);
		strv_copy(&p->planned->nothing, &p->o.before->nothing);
	}
	if (plan(p, &own) < 0) {
		finish(p, &own);
		return;
	}
	for (size_t i = 0; i < p->units.n; i++) {
		if (units_find(&p->planned->units, p->units.v[i]))
			continue;
		units_suggest(&p->planned->units, p->units.v[i], &own);
		finish(p, &own);
		return;
	}
	if (p->o.measure)
		measure(p);
	else
		look_at_sockets(p);
}

static void on_inventory(void *arg, const struct fault *f, struct inventory *inv)
{
	struct planner *p = arg;

	if (f) {
		finish(p, f);
		return;
	}
	p->planned = xcalloc(1, sizeof(*p->planned));
	p->planned->inv = inv;
	struct sources_options o = { .loop = p->o.ctx->loop, .inv = inv, .paths = true, .also = &p->paths, .arg = p };
	p->child = sources_look(&o, on_sources);
	if (p->cancelled && p->child)
		child_kill(p->child);
}

struct planner *planner_start(const struct planner_options *o, planner_done_fn *done, void *arg)
{
	struct planner *p = xcalloc(1, sizeof(*p));

	p->o = *o;
	if (o->units)
		strv_copy(&p->units, o->units);
	if (o->paths)
		strv_copy(&p->paths, o->paths);
	p->done = done;
	p->arg = arg;
	docker_inventory(o->ctx->docker, o->keep_raw, on_inventory, p);
	return p;
}

void planner_cancel(struct planner *p)
{
	p->cancelled = true;
	if (p->child)
		child_kill(p->child);
	if (p->measuring)
		measuring_cancel(p->measuring);
}

void planned_free(struct planned *p)
{
	if (!p)
		return;
	units_done(&p->units);
	inventory_free(p->inv);
	strv_done(&p->nested);
	strv_done(&p->nothing);
	free(p);
}
