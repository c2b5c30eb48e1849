/* SPDX-License-Identifier: MIT */
/*
 * The table of methods in the order they are tried, and the choice among them.
 */
#include "daemon/domain/method.h"

#include <errno.h>
#include <stdlib.h>

static const struct method *const methods[] = { &method_spool, &method_stream };

const struct method *method_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (streq(methods[i]->name, name))
			return methods[i];
	return NULL;
}

static enum conf_method wanted(const struct conf *c, const char *unit)
{
	const struct conf_unit *own = conf_unit(c, unit);

	return own && own->has_method ? own->method : c->backup.method;
}

static int choose(struct item *it, struct method_question *q, enum conf_method want, struct fault *f)
{
	char *why CLEANUP(freep) = NULL;

	if (it->lost) { /* it will not be read: any row will do */
		it->method = method_stream.name;
		it->forecast_ms = 0;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		const struct method *m = methods[i];
		char *reason CLEANUP(freep) = NULL;
		if (want != CONF_METHOD_AUTO && m->conf != want)
			continue;
		if (m->can(q, &reason)) {
			it->method = m->name;
			it->forecast_ms = m->forecast_ms(q);
			free(it->method_reason);
			it->method_reason = why ? xasprintf("%s; %s", reason, why) : TAKE_PTR(reason);
			return 0;
		}
		free(why);
		why = xasprintf("no %s: %s", m->name, reason);
	}
	fault_set(f, FAULT_NO_SPACE, -ENOSPC, "the configured method cannot be used for %s: %s", it->id,
		why ? why : "no such method");
	fault_advise(f, "set backup.method = auto, or make room for the spool");
	return -ENOSPC;
}

int method_choose(struct unit *u, const struct conf *c, const struct rates *r, struct fault *f)
{
	int64_t room = capacity_spool_room(c);
	enum conf_method want = wanted(c, u->name);

	for (size_t i = 0; i < u->n_items; i++) {
		struct method_question q = {
			.item = &u->items[i], .conf = c, .rates = r, .spool_room = &room,
		};
		int ret = choose(&u->items[i], &q, want, f);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int64_t method_forecast_window(const struct unit *u, const struct conf *c, const struct rates *r)
{
	int64_t sum = 0, longest = 0;
	int workers = capacity_workers(c);
	size_t stops = 0;

	for (size_t i = 0; i < u->n_members; i++)
		stops += u->members[i].stop;
	if (stops == 0)
		return 0; /* nothing runs: there is no downtime */

	for (size_t i = 0; i < u->n_items; i++) {
		sum += u->items[i].forecast_ms;
		if (u->items[i].forecast_ms > longest)
			longest = u->items[i].forecast_ms;
	}
	int64_t spread = sum / workers;
	return rates_floor_ms(r, u->name) + (spread > longest ? spread : longest);
}
