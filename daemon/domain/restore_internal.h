/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RESTORE_INTERNAL_H
#define KD_DOMAIN_RESTORE_INTERNAL_H

#include "daemon/domain/extract.h"
#include "daemon/domain/planner.h"
#include "daemon/domain/restore.h"
#include "daemon/domain/service.h"
#include "daemon/domain/swap.h"
#include "daemon/domain/transfer.h"
#include "daemon/mech/pipeline.h"
#include "daemon/mech/steps.h"
#include "daemon/pure/result.h"

/*
 * Shared by restore.c (the table), restore_find.c (what is restored, and where to),
 * restore_hold.c (what is left as it is), restore_recipe.c (the recipe, and what has to be made from it), restore_place.c (staging,
 * room), restore_extract.c, restore_window.c (stop, start, health), restore_safety.c (copies
 * of what has no room), restore_swap.c (the exchange and the way back) and restore_reply.c only.
 */
struct restore_item {
	struct restore *restore; /* borrowed */
	char *id;                /* as it is called here */
	char *source_id;         /* as the point calls it, where that is another; NULL */
	bool mapped;             /* where it goes was said for it alone */
	struct archive from;     /* what is brought; nothing where ${reuse} is */
	char *reuse;             /* the old copy of an earlier restore that is brought back */
	char *path;              /* of ${reuse}: a single path in the item */
	char *dest;              /* the item's path on this host, or below the target; once it is staged, without its links */
	char *asked;             /* dest as it was located; NULL before it is staged */
	char *outer;             /* where the item is laid out that it lies in, which is exchanged before it; NULL */
	char *volume;            /* engine's name; NULL for binds and targets */
	char *kind;              /* the point's tag: a POINT_ word, NULL unknown */
	bool today, today_held;  /* an item of the unit as it is today; only read there, and outside of its own directory */
	bool is_file, in_place;
	bool nothing;            /* ${reuse} is what was not there */
	char *staged, *kept, *failed; /* as kopi-docka-place said */
	char *staged_is, *dest_is, *above_is; /* "DEVICE:INODE", "none" */
	bool unfit;              /* a file, and its container was made when a directory stood in its place: that cannot start with it */
	bool late;               /* a container can write to where it is staged: extracted when that is stopped */
	enum swap_mode mode;
	int64_t device, free, size, used; /* -1 unknown */
	bool extracted;
	size_t rounds;           /* of extracting, with what hard links lead to */
	struct strv lost;        /* what could not be made: its path is too long */
	struct strv also;        /* paths that were extracted for that alone */
	struct extract *extract;
	struct archive safety;
};

struct restore_left { /* what is not the unit's own, and was not named */
	char *id, *path, *reason;
};

struct restore {
	struct restore_options o; /* its texts are the owned copies below */
	const struct context *ctx;
	char *of;                /* whose point it is */
	char *unit;              /* where it goes: the same, or another (as) */
	char *backup_id, *host, *target, *recipe_dir, *recipe_end, *back, *safety_dir;
	struct strv wanted, paths, map; /* map: OLD=NEW */
	struct steps *steps;
	restore_done_fn *done;
	int64_t started_ms;
	int64_t number;             /* in history; 0: it is not there */
	struct fault outcome;       /* of the whole table */
	char *restore_id;           /* names the kept copies and the record: the time of this restore */

	struct point *points;
	size_t n_points;
	const struct point *point;  /* NULL with ${back} */
	struct restore_item *items;
	size_t n_items, next, running;
	struct restore_left *left;  /* is as it was */
	size_t n_left;

	struct json_object *recipe_volumes, *recipe_networks, *recipe_unit; /* owned, NULL unknown */
	struct strv redacted, compose; /* from the recipe: names of secrets; words of its docker compose command */
	struct extract *recipe;
	struct pipeline *listing;   /* of the item's archive, while patterns are compared with it */
	struct planned *planned;    /* today's containers; NULL with a target */
	const struct unit *now;     /* the unit as it is today, NULL if it is gone */
	struct strv make;           /* engine requests to make what is missing: path, body, name by threes */
	struct service *service;
	struct swaps swaps;
	struct swapper *swapper;
	struct transfer *transfer;  /* of a safety copy */
	struct pipeline *pipeline;  /* of a safety copy into a directory */
	bool untouched;             /* nobody is stopped: who has the items goes on with what it has, and must be made anew */
	bool late;                  /* of extracting: what had to wait for the stop */
	bool engaged, started, swapping, put_back, stuck, cancelled, unhealthy;
	struct fault verdict;       /* why the old came back */
	struct strv also;           /* what the restore that is undone had stopped */
	struct strv next_steps;
	struct json_object *foretold_stops; /* owned: of a plan alone, who would stop */
};

void restore_find_enter(void *owner);
void restore_recipe_enter(void *owner);
void restore_recipe_settle(struct restore *r, bool keep); /* at the end: to where the reply says, or away */
void restore_look_enter(void *owner);
void restore_paths_enter(void *owner);
void restore_paths_cancel(void *owner);
void restore_create_enter(void *owner);
void restore_place_enter(void *owner);
void restore_place_leave(void *owner);
void restore_extract_enter(void *owner);
void restore_extract_late_enter(void *owner);
void restore_extract_cancel(void *owner);
void restore_record_enter(void *owner);
void restore_record_leave(void *owner);
void restore_foretell_recipe_leave(void *owner);
void restore_foretell_enter(void *owner);
void restore_stop_enter(void *owner);
void restore_stop_leave(void *owner);
void restore_safety_enter(void *owner);
void restore_safety_cancel(void *owner);
void restore_swap_enter(void *owner);
void restore_swap_leave(void *owner);
void restore_swap_cancel(void *owner);
void restore_start_enter(void *owner);
void restore_start_leave(void *owner);
void restore_healthy_enter(void *owner);
void restore_healthy_cancel(void *owner);
void restore_healthy_again(void *owner);

/* kopi-docka-place ${words}, which are consumed. */
void restore_run_place(struct restore *r, struct strv *words, unsigned int deadline_ms, child_done_fn *done, void *arg);
/* The step is over, well or with ${f}. */
void restore_next(struct restore *r, const struct fault *f);
void restore_report(struct restore *r, const char *item, int64_t bytes, int64_t total);
struct restore_item *restore_add_item(struct restore *r, const char *id);
void restore_drop_item(struct restore *r, size_t index);
/* restore_hold.c: what is not the unit's own goes from the items to those left, unless it was named; ends the step. */
void restore_hold(struct restore *r);
/* Was this item asked for by its name, so that it goes back whatever it is? */
bool restore_is_named(const struct restore *r, const struct restore_item *it);
void restore_item_done(struct restore_item *it);
/* Into another unit or place: the items get the ids that they have there. */
int restore_map_items(struct restore *r, struct fault *f) WARN_UNUSED;
/* Where an item lies today; fills dest and volume. */
int restore_locate(struct restore *r, struct restore_item *it, struct fault *f) WARN_UNUSED;
/* Today's containers: the unit is found in them again. Takes ${p}. */
void restore_take_plan(struct restore *r, struct planned *p);
/* Who has to stop for it, as today's plan says; unit_done() it. */
int restore_users(struct restore *r, struct unit *ret, struct fault *f) WARN_UNUSED;
/* The tag backup_id of its safety copies: never that of a run. Caller's. */
char *restore_safety_id(const struct restore *r);
/* What will be put where, from the items. */
void restore_make_swaps(struct restore *r);
/* The ledger points to the record, which says what a kill leaves to do, until it is closed. */
void restore_open_swaps(struct restore *r, ledger_done_fn *done);
/* All is settled; the record stays only where there is something to go back to, or to remove. */
void restore_close_swaps(struct restore *r);
/* The whole restore undone, by hand: the exact command. */
void restore_offer_way_back(struct restore *r);
struct json_object *restore_reply(struct restore *r);
/* What history keeps of it, once it is over: type RestoreResult. Caller's. */
struct json_object *restore_record(struct restore *r);
/* "left": what stays as it is, into ${o}. */
void restore_put_left(struct json_object *o, const struct restore *r);
/* The same where it was only asked what would be done. */
struct json_object *restore_foretell_reply(struct restore *r);

#endif
