/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_CAPACITY_H
#define KD_DOMAIN_CAPACITY_H

#include "common/conf.h"

/*
 * What this host can bear, and what was measured on it: parallel reads, room for
 * spools, and the rates that forecasts rest on. All of it from our own directories.
 */
struct rates {
	int64_t stream_bps, spool_bps; /* bytes per second of the last reads */
	struct rates_unit {
		char *unit;
		int64_t stop_ms, start_ms;
	} *units;
	size_t n_units;
};

/* parallel_workers, or from cores and memory: one kopia and one tar need some 512 MiB. */
int capacity_workers(const struct conf *c);
/* The same and why, for people: "2: auto, from 2 cores and 7.7 GiB of memory". Caller's. */
char *capacity_workers_text(const struct conf *c);
/* Bytes that spools may take now: free room less the reserve of 10 % or 5 GiB (the larger one),
 * at most spool.max; 0 when the directory is not there. */
int64_t capacity_spool_room(const struct conf *c);
/* The same of figures that someone else has asked for. */
int64_t capacity_spool_share(const struct conf *c, int64_t free_bytes, int64_t total_bytes);

void rates_load(struct rates *r, const char *path); /* defaults where nothing was measured */
void rates_note_read(struct rates *r, const char *method, int64_t bytes, int64_t ms);
void rates_note_unit(struct rates *r, const char *unit, int64_t stop_ms, int64_t start_ms);
int rates_save(const struct rates *r, const char *path, struct fault *f) WARN_UNUSED;
/* Stop and start alone, as last measured; a guess for an unknown unit. */
int64_t rates_floor_ms(const struct rates *r, const char *unit);
void rates_done(struct rates *r);

#endif
