/* SPDX-License-Identifier: MIT */
/*
 * Accept: what a run calls an error or a warning is known and meant. Of a unit that is gone its
 * name is enough; an item is measured first, for what is accepted is what it has now, and an
 * item that lost nothing must not be waved through for some later day.
 */
#include "daemon/domain/accept_call.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/daemon.h"
#include "daemon/domain/known.h"
#include "daemon/domain/planner.h"

struct accepting {
	struct request *request;
	char *unit, *item, *reason; /* item: NULL: the whole unit */
};

static void over(struct accepting *a, const struct fault *f)
{
	if (f)
		daemon_fail(a->request, f);
	else
		request_reply(a->request, NULL);
	free(a->unit);
	free(a->item);
	free(a->reason);
	free(a);
}

static void on_saved(void *arg, const struct fault *f)
{
	over(arg, f);
}

static struct acceptance acceptance_now(const struct accepting *a, const char *what)
{
	return (struct acceptance){
		.what = (char *)(uintptr_t)what, .reason = a->reason, .time_ms = wall_ms(), .uid = request_uid(a->request),
	};
}

/* --- a unit that is gone ---------------------------------------------------------------- */

/* It is there: what of it could be meant? */
static int is_there(const struct accepting *a, const struct known_unit *k, struct fault *f)
{
	struct buf items CLEANUP(buf_done) = { 0 };

	for (size_t i = 0; i < k->n_items; i++)
		if (k->items[i].lost || k->items[i].since_ms)
			buf_printf(&items, " --item %s", k->items[i].id);
	fault_set(f, FAULT_FAILED, -EEXIST, "unit %s is there: nothing of it can be accepted as a whole", a->unit);
	if (items.len)
		fault_advise(f, "name what is meant:%s", items.data);
	else
		fault_advise(f, "name what of it is meant with --item");
	return -EEXIST;
}

static int accept_unit(struct accepting *a, const struct planned *p, struct known_unit *k, struct fault *f)
{
	if (units_find(&p->units, a->unit))
		return is_there(a, k, f);
	if (!k->unit) {
		fault_set(f, FAULT_NO_SUCH_UNIT, -ENOENT, "no unit %s was ever backed up here", a->unit);
		fault_about(f, a->unit, 0, 0);
		fault_advise(f, "kopi-docka list --units names those that are gone");
		return -ENOENT;
	}
	const struct acceptance now = acceptance_now(a, "gone");
	acceptance_copy(&k->gone, &now);
	return 0;
}

/* --- an item that lost what it had ------------------------------------------------------- */

static const struct item *find_item(const struct unit *u, const char *id)
{
	for (size_t i = 0; i < u->n_items; i++)
		if (streq(u->items[i].id, id))
			return &u->items[i];
	return NULL;
}

static int accept_item(struct accepting *a, const struct planned *p, struct known_unit *k, struct fault *f)
{
	const struct unit *u = units_find(&p->units, a->unit);
	const struct item *it = find_item(u, a->item);
	const struct acceptance now = acceptance_now(a, NULL);

	if (!it) {
		fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "unit %s has no item %s", a->unit, a->item);
		fault_about(f, a->item, 0, 0);
		fault_advise(f, "kopi-docka list --units names its items");
		return -ENOENT;
	}
	if (it->entries < 0)
		return fault_set(f, FAULT_FAILED, -EIO, "%s of %s cannot be measured%s%s", a->item, a->unit, u->refused ? ": " : "",
			u->refused ? u->refused : "");
	if (contents_accept(k, it, &now) == 0)
		return 0;
	fault_set(f, FAULT_FAILED, -EINVAL, "%s of %s has what it had at its last restore point: nothing to accept", a->item, a->unit);
	fault_advise(f, "kopi-docka accept --list shows what is accepted already");
	return -EINVAL;
}

/* --- the call ------------------------------------------------------------------------------ */

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct accepting *a = arg;
	struct daemon *d = request_owner(a->request);
	struct known_unit k = { 0 };
	struct fault own = { 0 };

	IGNORE(known_load(d->conf, a->unit, &k)); /* not known: told below */
	if (!f && (a->item ? accept_item : accept_unit)(a, p, &k, &own) < 0)
		f = &own;
	planned_free(p);
	if (f) {
		over(a, f);
	} else {
		log_info("%s%s%s is as it is meant: accepted by uid %u", a->unit, a->item ? ", " : "", a->item ? a->item : "",
			(unsigned int)request_uid(a->request));
		known_save(d->ctx.loop, d->conf, &k, on_saved, a);
	}
	known_unit_done(&k);
}

void accept_call(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct accepting *a = xcalloc(1, sizeof(*a));
	struct strv units CLEANUP(strv_done) = { 0 };
	struct planner_options o = { .ctx = &d->ctx };

	*a = (struct accepting){
		.request = r, .unit = xstrdup(json_text(parameters, "unit")), .item = xstrdup(json_text(parameters, "item")),
		.reason = xstrdup(json_text(parameters, "reason")),
	};
	if (!a->unit)
		a->unit = xstrdup("");
	if (a->item) {
		strv_add(&units, a->unit);
		o.units = &units;
		o.measure = true;
	}
	planner_start(&o, on_planned, a);
}

void accept_call_list(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct json_object *o = json_object_new_object();

	(void)parameters;
	json_object_object_add(o, "accepted", known_accepted(d->conf));
	request_reply(r, o);
}
