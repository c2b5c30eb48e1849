/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RECIPE_H
#define KD_DOMAIN_RECIPE_H

#include "daemon/domain/context.h"
#include "daemon/pure/plan.h"

/*
 * The recipe of a unit, gathered into a staging directory (0700, ours) before the
 * window: compose files with overrides, env files and the configs they name, inspect
 * of every member with secrets redacted, networks, volume definitions, coverage, plan,
 * RESTORE.md. The directory becomes one tar, the commit of the restore point.
 */
struct recipe;

struct recipe_options {
	const struct context *ctx;
	const struct unit *unit;       /* borrowed until recipe_free() */
	const struct inventory *inv;   /* with raw inspects; borrowed likewise */
	const char *backup_id;
};

/* Called once, never from inside recipe_start(). A file of the user's that cannot be read is a
 * warning (and named in RESTORE.md), not a failure. */
typedef void recipe_done_fn(void *arg, const struct fault *f);
struct recipe *recipe_start(const struct recipe_options *o, recipe_done_fn *done, void *arg);
const char *recipe_directory(const struct recipe *r);
const struct strv *recipe_warnings(const struct recipe *r);
/* One more file, e.g. the unit's result, just before the commit. */
int recipe_add(struct recipe *r, const char *name, const char *text, struct fault *f) WARN_UNUSED;
/* Removes the directory. Only after done. NULL is fine. */
void recipe_free(struct recipe *r);

#endif
