/* SPDX-License-Identifier: MIT */
/*
 * When maintenance is due. A day is a little shorter here: a nightly run that ends some
 * minutes earlier than yesterday's must not put the full one off to every other night.
 */
#include "daemon/pure/maintenance.h"

#include <stdlib.h>

#include "common/varlink.h"

#define HOUR_MS    ((int64_t)3600 * 1000)
#define QUICK_MS   HOUR_MS
#define FULL_MS    (22 * HOUR_MS)
#define ATTEMPT_MS HOUR_MS

static int64_t ago(int64_t then_ms, int64_t now_ms)
{
	return then_ms <= 0 || then_ms > now_ms ? INT64_MAX : now_ms - then_ms;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum maintenance_kind maintenance_due(const struct maintenance *m, int64_t since_ms, int64_t now_ms)
{
	int64_t full = least(ago(m->full_ms, now_ms), ago(since_ms, now_ms));
	int64_t quick = least(ago(m->quick_ms, now_ms), full);

	if (ago(m->tried_ms, now_ms) < ATTEMPT_MS)
		return MAINTENANCE_NONE;
	if (full >= FULL_MS)
		return MAINTENANCE_FULL;
	return quick >= QUICK_MS ? MAINTENANCE_QUICK : MAINTENANCE_NONE;
}

static int64_t read_time(struct json_object *o, const char *key)
{
	int64_t ms;

	return parse_time(json_text(o, key), &ms) == 0 ? ms : 0;
}

void maintenance_parse(const char *text, size_t len, struct maintenance *ret)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(text, len);

	*ret = (struct maintenance){
		.quick_ms = read_time(o, "quick"),
		.full_ms = read_time(o, "full"),
		.tried_ms = read_time(o, "tried"),
		.owner = xstrdup(json_text(o, "owner")),
		.error = xstrdup(json_text(o, "error")),
	};
}

static void put_time(struct json_object *o, const char *key, int64_t ms)
{
	char *text CLEANUP(freep) = format_time(ms);

	if (ms > 0)
		json_put_text(o, key, text);
}

char *maintenance_format(const struct maintenance *m)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();

	put_time(o, "quick", m->quick_ms);
	put_time(o, "full", m->full_ms);
	put_time(o, "tried", m->tried_ms);
	json_put_text(o, "owner", m->owner);
	json_put_text(o, "error", m->error);
	return json_write(o, JSON_C_TO_STRING_PRETTY, NULL);
}

void maintenance_done(struct maintenance *m)
{
	free(m->owner);
	free(m->error);
	*m = (struct maintenance){ 0 };
}
