/* SPDX-License-Identifier: MIT */
/*
 * A list of requests. A connection may break while it is written to, and its subscriber
 * is forgotten in the middle of the telling: so everyone is looked up once more before
 * they are told.
 */
#include "daemon/domain/events.h"

#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"

struct events {
	struct request **v; /* borrowed: control's */
	size_t n;
};

struct events *events_new(void)
{
	return xcalloc(1, sizeof(struct events));
}

void events_free(struct events *e)
{
	if (!e)
		return;
	free(e->v);
	free(e);
}

static bool take_out(struct events *e, const struct request *r)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i] != r)
			continue;
		memmove(&e->v[i], &e->v[i + 1], (e->n - i - 1) * sizeof(*e->v));
		e->n--;
		return true;
	}
	return false;
}

static struct json_object *make(const char *event, struct json_object *fields)
{
	struct json_object *o = fields ? fields : json_object_new_object();
	char *time CLEANUP(freep) = format_time(wall_ms());

	json_put_text(o, "event", event);
	json_put_text(o, "time", time);
	return o;
}

void events_subscribe(struct events *e, struct request *r)
{
	GROW(e->v, e->n);
	e->v[e->n++] = r;
	if (request_more(r))
		request_continue(r, make("subscribed", NULL));
}

void events_forget(struct events *e, struct request *r)
{
	if (take_out(e, r))
		request_reply(r, NULL); /* to nobody: this only ends it */
}

size_t events_subscribers(const struct events *e)
{
	return e->n;
}

static void tell_one(struct events *e, struct request *r, struct json_object *o, bool last)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i] != r)
			continue;
		if (request_more(r) && !last) {
			request_continue(r, json_object_get(o));
		} else {
			IGNORE(take_out(e, r)); /* it is there */
			request_reply(r, json_object_get(o));
		}
		return;
	}
}

static void tell_all(struct events *e, struct json_object *o, bool last)
{
	size_t n = e->n;
	struct request **v = n ? xcalloc(n, sizeof(struct request *)) : NULL;

	if (n)
		memcpy(v, e->v, n * sizeof(struct request *));
	for (size_t i = 0; i < n; i++)
		tell_one(e, v[i], o, last);
	free(v);
}

void events_tell(struct events *e, const char *event, struct json_object *fields)
{
	struct json_object *o CLEANUP(json_putp) = make(event, fields);

	if (e)
		tell_all(e, o, false);
}

void events_end(struct events *e)
{
	struct json_object *o CLEANUP(json_putp) = make("ended", NULL);

	if (e)
		tell_all(e, o, true);
}
