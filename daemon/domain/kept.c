/* SPDX-License-Identifier: MIT */
/*
 * Record by record: old copies, rests of staging, safety snapshots, and last the record
 * itself. What cannot be removed (its disk is away) keeps its record and is tried again.
 *
 * Days are counted by a clock that may be wrong. Each look notes when it was; where the clock is
 * suddenly days ahead, nobody can tell a wrong one from a long pause, and what is there is
 * kept for as many days again.
 */
#include "daemon/domain/kept.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/leftovers.h"
#include "daemon/domain/swap.h"

#define DAY_MS   (24 * 60 * 60 * INT64_C(1000))
#define LEAP_MS  (2 * DAY_MS) /* nobody has looked for so long, or the clock is ahead */
#define CLOCK_MAX 4096

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

/* Not synced, so that the loop may do it: lost, one look knows less. */
static void note_look(const char *path, int64_t now, int64_t leap)
{
	int fd CLEANUP(closep) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	char *text CLEANUP(freep) = xasprintf("{\"looked_ms\":%lld,\"leap_ms\":%lld}\n", (long long)now, (long long)leap);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		log_debug("%s cannot be written", path);
}

/* Since when the days count anew: nothing is due by a clock alone that nobody has seen coming. */
static int64_t leap_of(int64_t looked_ms, int64_t leap_ms, int64_t now_ms, int64_t kept_ms)
{
	if (leap_ms && (leap_ms > now_ms || now_ms - leap_ms > kept_ms))
		leap_ms = 0; /* the clock is back, or the days have passed */
	return !leap_ms && looked_ms && now_ms - looked_ms > LEAP_MS ? now_ms : leap_ms;
}

/* When the clock leapt, and the days since count anew; 0: it did not. */
static int64_t look(const struct conf *c, int64_t now, int64_t kept_ms)
{
	char *path CLEANUP(freep) = path_clock(c);
	struct buf text CLEANUP(buf_done) = { 0 };
	struct json_object *o CLEANUP(json_putp) = file_read(path, CLOCK_MAX, &text) == 0 ? json_parse(text.data, text.len) : NULL;
	int64_t before = json_number(o, "leap_ms", 0), leap = leap_of(json_number(o, "looked_ms", 0), before, now, kept_ms);

	if (leap && !before)
		log_warning("the clock is days beyond our last look: what restores have kept stays for %lld days from now", (long long)(kept_ms / DAY_MS));
	note_look(path, now, leap);
	return leap;
}

static void find_due(const struct context *ctx, struct strv *ret)
{
	struct strv all CLEANUP(strv_done) = { 0 };
	int64_t kept_ms = ctx->conf->restore.kept_days * DAY_MS, now = wall_ms(), ms;

	if (kept_ms > 0)
		swaps_list(ctx->conf, &all);
	if (all.n == 0) { /* nobody looks for long now */
		char *path CLEANUP(freep) = path_clock(ctx->conf);
		IGNORE(unlink(path)); /* it was not there */
		return;
	}
	int64_t leap = look(ctx->conf, now, kept_ms);
	for (size_t i = 0; i < all.n; i++)
		if (restore_id_time(all.v[i], &ms) == 0 && now - (ms < leap ? leap : ms) > kept_ms && !open_in_ledger(ctx, all.v[i]))
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
		leftovers_of_restore(k->ctx->conf, k->swaps.id);
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
