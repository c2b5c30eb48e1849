/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_ROOTS_H
#define KD_DOMAIN_ROOTS_H

#include "daemon/mech/loop.h"
#include "daemon/pure/plan.h"

/*
 * Law 5 in the window: are the items' roots still the directories that were measured
 * while the containers ran? A mount that left with its container leaves another one
 * behind, empty or with what lay below it. One killable child looks at all of them
 * (law 9); files are not compared, as editors replace them.
 */
typedef void roots_lost_fn(void *arg, const struct item *it, const struct fault *f);
typedef void roots_done_fn(void *arg, const struct fault *f); /* NULL: all were looked at */
/* ${lost} is called for each item that must not be archived, then ${done} once; neither from inside.
 * ${u} is borrowed until then. */
void roots_look(struct loop *l, const struct unit *u, roots_lost_fn *lost, roots_done_fn *done, void *arg);

/* What one line of kopi-docka-pack says about ${it}: 0, or -ENODATA with the fault. */
int roots_judge(const struct item *it, const char *line, size_t len, struct fault *f) WARN_UNUSED;

#endif
