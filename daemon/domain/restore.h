/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RESTORE_H
#define KD_DOMAIN_RESTORE_H

#include <json-c/json.h>

#include "daemon/domain/context.h"
#include "daemon/domain/progress.h"
#include "daemon/domain/recover.h"

/*
 * Bringing a restore point back as a table of steps. Law 6: everything is
 * extracted beside what it replaces before anything is stopped, or, where two copies have
 * no room, the old is saved elsewhere first; the old copy is kept. Leaving the table after
 * a failure is the way back.
 */
struct restore;

struct restore_options {
	const struct context *ctx;
	struct recover *recover;
	const char *unit, *backup_id, *host; /* backup_id NULL: the newest complete; host NULL: ours */
	const struct strv *items, *paths;    /* NULL or empty: all */
	const char *as;                      /* the unit whose items are replaced, if it is another; NULL: the same */
	const struct strv *map;              /* OLD=NEW, ids of items: where single ones go; NULL or empty: none */
	bool quoted;                         /* the paths have C escapes, for what JSON cannot say */
	const char *target;                  /* a directory to restore into instead of the place */
	const char *recipe_directory;        /* where the recipe is laid out; NULL: below the state directory */
	bool recipe_only;                    /* lay out the recipe and touch nothing else */
	bool foretell;                       /* only say what would be done: PlanRestore */
	const char *back;                    /* undo this restore: its id, or "last"; NULL: a normal restore */
	bool way_back;                       /* not healthy with the new data: the old comes back by itself */
	bool keep_owners;                    /* by number, though the engine maps users in another way than that of the point */
	bool in_place;                       /* no second copy beside the old, even where it has room */
	const char *safety_directory;        /* copies of the old go there; NULL: into the repository */
	progress_fn *on_progress;
	void *arg;
};

/* ${reply}: the parameters of Restore's reply (taken by the callee); NULL only with ${f}. */
typedef void restore_done_fn(void *arg, const struct fault *f, struct json_object *reply);
/* Copies what it needs of ${o}. done exactly once, never from inside. */
struct restore *restore_start(const struct restore_options *o, restore_done_fn *done);
/* What was there stays, or comes back. */
void restore_cancel(struct restore *r);

/* Names of all phases in the order of the table, entered and left; NULL-terminated. For tests and docs. */
const char *const *restore_phases(void);

#endif
