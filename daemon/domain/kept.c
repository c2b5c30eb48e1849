/* SPDX-License-Identifier: MIT */
/*
 * Record by record: old copies, rests of staging, safety snapshots, and last the record
 * itself. What cannot be removed (its disk is away) keeps its record and is tried again.
 */
#include "daemon/domain/kept.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/domain/swap.h"

#define DAY_MS (24 * 60 * 60 * INT64_C(1000))

struct kept {
	const struct context *ctx;
	struct strv ids;
	size_t next;
	struct swaps swaps;
	kept_done_fn *done;
	void *arg;
	struct fault fault;
};

static void next_record(void *arg);

static bool open_in_ledger(const struct context *ctx, const char *id)
{
	char *key CLEANUP(freep) = swaps_key(id);
	size_t n;
	const struct ledger_entry *v = ledger_entries(ctx->ledger, &n);

	for (size_t i = 0; i < n; i++)
		if (streq(v[i].key, key))
			return true;
	return false;
}

static void find_due(const struct context *ctx, struct strv *ret)
{
	struct strv all CLEANUP(strv_done) = { 0 };
	int days = ctx->conf->restore.kept_days;
	int64_t ms;

	if (days > 0)
		swaps_list(ctx->conf, &all);
	for (size_t i = 0; i < all.n; i++)
		if (restore_id_time(all.v[i], &ms) == 0 && wall_ms() - ms > days * DAY_MS && !open_in_ledger(ctx, all.v[i]))
			strv_add(ret, all.v[i]);
}

bool kept_due(const struct context *ctx)
{
	struct strv due CLEANUP(strv_done) = { 0 };

	find_due(ctx, &due);
	return due.n > 0;
}

static void record_over(struct kept *k, const struct fault *f)
{
	char *path CLEANUP(freep) = swaps_path(k->ctx->conf, k->swaps.id);

	if (f) {
		log_warning("what restore %s of %s has kept cannot be removed yet: %s", k->swaps.id, k->swaps.unit, f->text);
		fault_first(&k->fault, f);
	} else {
		for (size_t i = 0; i < k->swaps.n; i++)
			if (k->swaps.v[i].kept)
				log_info("old copy of %s removed after %d days: %s", k->swaps.v[i].item, k->ctx->conf->restore.kept_days,
					k->swaps.v[i].kept);
		IGNORE(unlink(path)); /* listed again, it has nothing left to remove */
	}
	swaps_done(&k->swaps);
	next_record(k);
}

static void on_deleted(void *arg, const struct fault *f)
{
	record_over(arg, f);
}

static void on_forgotten(void *arg, const struct fault *f)
{
	struct kept *k = arg;

	if (f || !k->swaps.safety) {
		record_over(k, f);
		return;
	}
	repository_delete_run(k->ctx->repository, k->swaps.safety, k->swaps.unit, on_deleted, k);
}

static void on_swept(void *arg, const struct fault *f)
{
	struct kept *k = arg;

	if (f)
		record_over(k, f);
	else
		swapper_start(k->ctx, &k->swaps, SWAPS_FORGET, on_forgotten, k);
}

static void next_record(void *arg)
{
	struct kept *k = arg;
	struct fault f = { 0 };

	while (k->next < k->ids.n) {
		char *path CLEANUP(freep) = swaps_path(k->ctx->conf, k->ids.v[k->next++]);
		if (swaps_load(path, &k->swaps, &f) == 0) {
			swapper_start(k->ctx, &k->swaps, SWAPS_SWEEP, on_swept, k);
			return;
		}
		log_warning("%s; what it names is not removed", f.text);
		fault_first(&k->fault, &f);
	}
	k->done(k->arg, k->fault.code == FAULT_NONE ? NULL : &k->fault);
	strv_done(&k->ids);
	free(k);
}

void kept_expire(const struct context *ctx, kept_done_fn *done, void *arg)
{
	struct kept *k = xcalloc(1, sizeof(*k));

	*k = (struct kept){ .ctx = ctx, .done = done, .arg = arg };
	find_due(ctx, &k->ids);
	loop_defer(ctx->loop, next_record, k);
}
