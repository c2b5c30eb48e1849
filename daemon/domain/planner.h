/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_PLANNER_H
#define KD_DOMAIN_PLANNER_H

#include "daemon/domain/context.h"
#include "daemon/pure/plan.h"

/*
 * From the engine and the host to planned units: inventory, what is really mounted (sources.h), plan, and where it is
 * asked for, the items measured by a killable child and their methods chosen.
 */
struct planned {
	struct inventory *inv; /* owned; the units borrow from it */
	struct units units;
	/* what measuring taught beyond the engine's answers; a later plan without it is told */
	struct strv nested;  /* subvolumes and mounts that part what was planned as one item */
	struct strv nothing; /* paths of items that turned out to be sockets, fifos, devices */
};

struct planner_options {
	const struct context *ctx;
	const struct strv *units; /* only these are measured; NULL or empty: all. Borrowed for the call */
	bool measure;             /* sizes, nested mounts, methods, forecast */
	bool keep_raw;            /* raw inspects, for the recipe */
	const struct strv *paths; /* of the host, whose places are wanted too; borrowed for the call; may be NULL */
	const struct planned *before; /* an earlier, measured plan to compare with; borrowed until done; may be NULL */
};

/* Called once, never from inside planner_start(). ${p} is the callee's, NULL on failure. An unknown
 * name in units is FAULT_NO_SUCH_UNIT with suggestions. */
typedef void planner_done_fn(void *arg, const struct fault *f, struct planned *p);
struct planner; /* until ${done} was called */
struct planner *planner_start(const struct planner_options *o, planner_done_fn *done, void *arg);
/* Do not wait for what is being measured (a dead mount may hold it): ${done} follows with FAULT_CANCELLED. */
void planner_cancel(struct planner *p);
void planned_free(struct planned *p);

/* For planner.c alone: take kopi-docka-pack's lines into the items of the wanted units. */
void measure_apply(struct planned *p, const struct strv *units, const struct conf *c, const char *lines);
/* Subvolumes and mounts in ${lines} that part an item: another mount of the unit, planned into that item, lies
 * in them. Appended to p->nested; returns whether there are any. */
bool measure_parts(struct planned *p, const struct strv *units, const char *lines);
/* Paths in ${lines} that are no directory and no file: sockets, fifos, devices. Appended to p->nothing; returns
 * whether there are any that were not there. */
bool measure_nothing(struct planned *p, const char *lines);
/* Words of kopi-docka-pack: each path of the wanted units behind its exclude_patterns, on this host's own disks and what may
 * be behind a dead server. */
void measure_paths(const struct planned *p, const struct strv *units, const struct conf *c, struct strv *near, struct strv *apart);
/* The words that come before them: where restores keep things, which are no item's. */
void measure_ours(const struct conf *c, struct strv *words);

#endif
