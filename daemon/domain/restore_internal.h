/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RESTORE_INTERNAL_H
#define KD_DOMAIN_RESTORE_INTERNAL_H

#include "daemon/domain/planner.h"
#include "daemon/domain/restore.h"
#include "daemon/domain/service.h"
#include "daemon/mech/pipeline.h"
#include "daemon/mech/steps.h"
#include "daemon/pure/result.h"

/* Shared by restore.c (the table), restore_place.c (where each item goes, extraction, swap) and
 * restore_recipe.c (the recipe, and what has to be made from it) only. */
struct restore_item {
	struct restore *restore;        /* borrowed */
	const struct point_item *from;  /* borrowed from the point */
	char *dest;      /* the item's path on this host, or below the target */
	char *volume;    /* engine's name; NULL for binds and targets */
	bool is_file;
	char *staged, *kept, *mode; /* as kopi-docka-place said */
	char *kept_at;   /* where the old copy stands after the swap */
	bool extracted, swapped;
	int64_t bytes;
	struct pipeline *pipeline;
	struct fault fault;
};

struct restore {
	struct restore_options o;
	const struct context *ctx;
	char *unit, *backup_id, *host, *target, *recipe_dir;
	struct strv wanted, paths;
	struct steps *steps;
	restore_done_fn *done;
	char *restore_id;           /* names the kept copies: the time of this restore */

	struct point *points;
	size_t n_points;
	const struct point *point;
	struct restore_item *items;
	size_t n_items, next, running;

	struct json_object *recipe_volumes, *recipe_networks, *recipe_unit; /* owned, NULL unknown */
	struct strv redacted, compose; /* from the recipe: names of secrets; words of its docker compose command */
	struct planned *planned;    /* today's containers; NULL with a target */
	const struct unit *now;     /* the unit as it is today, NULL if it is gone */
	struct strv make;           /* engine requests to make what is missing: path, body, name by threes */
	struct service *service;
	bool engaged, cancelled, unhealthy;
	struct strv next_steps;
};

void restore_recipe_enter(void *owner);
void restore_create_enter(void *owner);
void restore_place_enter(void *owner);
void restore_extract_enter(void *owner);
void restore_extract_cancel(void *owner);
void restore_sweep_leave(void *owner);
void restore_swap_enter(void *owner);

/* Fail the step and go on to the leaving. */
void restore_step_failed(struct restore *r, const struct fault *f);
void restore_report(struct restore *r, const char *item, int64_t bytes, int64_t total);
/* Where a bind or volume item lies today; fills dest and volume. */
int restore_locate(struct restore *r, struct restore_item *it, struct fault *f) WARN_UNUSED;

#endif
