/* SPDX-License-Identifier: MIT */
/*
 * Forecasts need figures of this very host: every run leaves its read rates and the
 * unit's stop and start times in one small file, and the next plan reads them.
 */
#include "daemon/domain/capacity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"

#define MIB               ((int64_t)1 << 20)
#define GIB               ((int64_t)1 << 30)
#define WORKER_MEMORY     (512 * MIB)
#define RESERVE           (5 * GIB)
#define GUESS_STREAM_BPS  (250 * MIB)
#define GUESS_SPOOL_BPS   (500 * MIB)
#define GUESS_FLOOR_MS    1000
#define SMALLEST_READ     (16 * MIB) /* below this a rate says nothing about the disk */

static int64_t memory_bytes(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
}

int capacity_workers(const struct conf *c)
{
	if (c->backup.parallel_workers > 0)
		return c->backup.parallel_workers;
	int64_t cores = sysconf(_SC_NPROCESSORS_ONLN), by_memory = memory_bytes() / WORKER_MEMORY;
	int64_t workers = cores < by_memory ? cores : by_memory;
	return workers < 1 ? 1 : workers > 64 ? 64 : (int)workers;
}

char *capacity_workers_text(const struct conf *c)
{
	int workers = capacity_workers(c);

	if (c->backup.parallel_workers > 0)
		return xasprintf("%d: backup.parallel_workers", workers);
	return xasprintf("%d: auto, from %ld cores and %" PRId64 " MiB of memory", workers, sysconf(_SC_NPROCESSORS_ONLN),
		memory_bytes() / MIB);
}

int64_t capacity_spool_share(const struct conf *c, int64_t free_bytes, int64_t total_bytes)
{
	int64_t room = free_bytes - (total_bytes / 10 > RESERVE ? total_bytes / 10 : RESERVE);

	if (c->spool.max_bytes > 0 && room > c->spool.max_bytes)
		room = c->spool.max_bytes;
	return room > 0 ? room : 0;
}

int64_t capacity_spool_room(const struct conf *c)
{
	char *dir CLEANUP(freep) = path_spool(c);
	struct statvfs v;

	if (statvfs(dir, &v) < 0)
		return 0;
	return capacity_spool_share(c, (int64_t)v.f_bavail * (int64_t)v.f_frsize, (int64_t)v.f_blocks * (int64_t)v.f_frsize);
}

static struct rates_unit *unit_entry(struct rates *r, const char *unit)
{
	for (size_t i = 0; i < r->n_units; i++)
		if (streq(r->units[i].unit, unit))
			return &r->units[i];
	GROW(r->units, r->n_units);
	struct rates_unit *u = &r->units[r->n_units++];
	*u = (struct rates_unit){ .unit = xstrdup(unit) };
	return u;
}

static void load_units(struct rates *r, struct json_object *units)
{
	if (!json_object_is_type(units, json_type_object))
		return;
	json_object_object_foreach(units, name, figures)
	{
		struct rates_unit *u = unit_entry(r, name);
		u->stop_ms = json_number(figures, "stop_ms", 0);
		u->start_ms = json_number(figures, "start_ms", 0);
	}
}

void rates_load(struct rates *r, const char *path)
{
	struct buf text CLEANUP(buf_done) = { 0 };

	*r = (struct rates){ .stream_bps = GUESS_STREAM_BPS, .spool_bps = GUESS_SPOOL_BPS };
	if (file_read(path, MIB, &text) < 0)
		return;
	struct json_object *o CLEANUP(json_putp) = json_parse(text.data, text.len);
	if (!o)
		return; /* a guess replaces what cannot be read; the next run writes it anew */
	r->stream_bps = json_number(o, "stream_bps", r->stream_bps);
	r->spool_bps = json_number(o, "spool_bps", r->spool_bps);
	if (r->stream_bps < MIB)
		r->stream_bps = MIB;
	if (r->spool_bps < MIB)
		r->spool_bps = MIB;
	load_units(r, json_member(o, "units"));
}

void rates_note_read(struct rates *r, const char *method, int64_t bytes, int64_t ms)
{
	if (bytes < SMALLEST_READ || ms <= 0)
		return;
	int64_t bps = bytes * 1000 / ms;
	if (streq(method, "spool"))
		r->spool_bps = bps;
	else
		r->stream_bps = bps;
}

void rates_note_unit(struct rates *r, const char *unit, int64_t stop_ms, int64_t start_ms)
{
	struct rates_unit *u = unit_entry(r, unit);

	u->stop_ms = stop_ms;
	u->start_ms = start_ms;
}

int rates_save(const struct rates *r, const char *path, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct json_object *units = json_object_new_object();

	json_put_number(o, "stream_bps", r->stream_bps);
	json_put_number(o, "spool_bps", r->spool_bps);
	for (size_t i = 0; i < r->n_units; i++) {
		struct json_object *u = json_object_new_object();
		json_put_number(u, "stop_ms", r->units[i].stop_ms);
		json_put_number(u, "start_ms", r->units[i].start_ms);
		json_object_object_add(units, r->units[i].unit, u); /* transfers */
	}
	json_object_object_add(o, "units", units); /* transfers */
	char *text CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PLAIN, NULL);
	return file_replace(path, text, strlen(text), 0600, f);
}

int64_t rates_floor_ms(const struct rates *r, const char *unit)
{
	for (size_t i = 0; i < r->n_units; i++)
		if (streq(r->units[i].unit, unit))
			return r->units[i].stop_ms + r->units[i].start_ms;
	return GUESS_FLOOR_MS;
}

void rates_done(struct rates *r)
{
	for (size_t i = 0; i < r->n_units; i++)
		free(r->units[i].unit);
	free(r->units);
	*r = (struct rates){ 0 };
}
