/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_BACKUP_INTERNAL_H
#define KD_DOMAIN_BACKUP_INTERNAL_H

#include "common/log.h"
#include "daemon/domain/backup.h"
#include "daemon/domain/holds.h"
#include "daemon/domain/planner.h"
#include "daemon/domain/recipe.h"
#include "daemon/domain/service.h"
#include "daemon/domain/transfer.h"
#include "daemon/mech/steps.h"

/* Shared by backup.c (the table and the way in), backup_hold.c (mounts that would leave), backup_window.c (record, stop, prove,
 * start), backup_read.c (the reading) and
 * backup_finish.c (what happens outside, after it) only. */
struct backup {
	struct backup_options o;
	char *unit_name, *backup_id;
	const struct context *ctx;
	struct steps *steps;
	backup_done_fn *done;

	struct planner *planner;  /* while it plans */
	struct planned *planned;  /* owned: the plan all steps work by */
	const struct unit *unit;  /* borrowed from planned */
	struct recipe *recipe;
	struct service *service;
	struct holds *holds;      /* of mounts that leave with the containers */
	struct transfer **transfers; /* one an item, in the plan's order */
	size_t n_transfers;
	struct transfer *commit;  /* the recipe's */

	size_t next, running;     /* of preparing, reading, uploading */
	int workers;
	bool window_open, cold_lost, recorded, restarted_all, engaged, cancelled, committed, discard_failed;
	struct timer *watch;
	int64_t last_motion, last_bytes;
	uint64_t last_moved, last_tick;
	uint64_t phase_begin, upload_begin;
	size_t waiting;           /* what goes on at the same time, in prove and in finish */
	int64_t forecast_ms;
	bool retry;
	struct unit_result result;
};

/* Steps of the other files. */
void backup_hold_enter(void *owner);
void backup_hold_leave(void *owner);
void backup_record_enter(void *owner);
void backup_record_leave(void *owner);
void backup_stop_enter(void *owner);
void backup_stop_leave(void *owner);
void backup_stop_cancel(void *owner);
void backup_prove_enter(void *owner);
void backup_prove_leave(void *owner);
void backup_read_enter(void *owner);
void backup_read_leave(void *owner);
void backup_read_cancel(void *owner);
void backup_finish_leave(void *owner);

struct transfer *backup_new_item_transfer(struct backup *b, const struct item *it);
/* What the plan says cannot be read fails now, and alone. */
void backup_mark_lost(struct backup *b, size_t index);
/* One item fails with ${f}; the others are read. */
void backup_lose(struct backup *b, const struct item *it, const struct fault *f);
/* The mounts are let go as soon as all is read and proved; ${done} is called with ${b}. */
void backup_release(struct backup *b, holds_done_fn *done);
/* The item that ${t} carries; NULL for the recipe. */
const struct item *backup_item_of(const struct backup *b, const struct transfer *t);
struct transfer *backup_new_recipe_transfer(struct backup *b);
/* An event of the item, with all its fields: "ID ${fmt}". */
void backup_log_item(const struct backup *b, const struct item *it, enum log_event_id id, const char *fmt, ...)
	PRINTF(4, 5);
void backup_report(struct backup *b, const struct progress *p);
/* The unit's own part of the configuration, NULL if it has none. */
const struct conf_unit *backup_own_settings(const struct backup *b);
int64_t backup_max_window_ms(const struct backup *b); /* 0: none */
/* The step is over, well or with ${f}. */
void backup_next_or_fail(struct backup *b, const struct fault *f);
/* The end of a phase's time into the result. */
void backup_phase_took(struct backup *b, int phase, uint64_t since);

#endif
