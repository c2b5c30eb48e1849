/* SPDX-License-Identifier: MIT */
/*
 * Who has to stop, stopping them, starting them, and whether they are healthy with what
 * they found; and the same once more on the way back. Law 1 is the service's.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/domain/restore_internal.h"
#include "daemon/pure/users.h"

static void on_step(void *arg, const struct fault *f)
{
	restore_next(arg, f);
}

/* --- record: who it is, as of now ----------------------------------------------------------- */

int restore_users(struct restore *r, struct unit *ret, struct fault *f)
{
	struct strv paths CLEANUP(strv_done) = { 0 };
	struct users_options o = {
		.inv = r->planned->inv,
		.units = &r->planned->units,
		.paths = &paths,
		.also = &r->also,
		.allow_autoremove = r->ctx->conf->backup.allow_autoremove,
	};

	*ret = (struct unit){ 0 };
	if (r->untouched)
		return 0;
	for (size_t i = 0; i < r->n_items; i++)
		for (size_t j = 0; j < 2; j++) {
			const char *path = j ? r->items[i].asked : r->items[i].dest; /* with its links and without */
			if (path)
				strv_add(&paths, path);
		}
	return users_find(&o, ret, f);
}

static int make_service(struct restore *r, struct fault *f)
{
	struct unit users = { 0 };
	struct service_options o = {
		.loop = r->ctx->loop,
		.docker = r->ctx->docker,
		.ledger = r->ctx->ledger,
		.unit = r->unit,
		.state_directory = r->ctx->conf->paths.state,
		.stop_timeout_s = r->ctx->conf->backup.stop_timeout_s,
		.start_timeout_s = r->ctx->conf->backup.start_timeout_s,
	};
	int ret = restore_users(r, &users, f);

	if (ret < 0)
		return ret;
	r->service = service_from_unit(&o, &users);
	unit_done(&users);
	return 0;
}

/* Extracting may have taken hours: is everything still where it was? */
static int still_there(struct restore *r, struct fault *f)
{
	for (size_t i = 0; i < r->n_items; i++) {
		struct restore_item now = { .id = r->items[i].id };
		int ret = restore_locate(r, &now, f);
		if (ret == 0 && !streq(now.dest, r->items[i].asked)) {
			fault_set(f, FAULT_FAILED, -EAGAIN, "%s was made anew while it was being extracted; nothing was stopped",
				now.id);
			fault_advise(f, "ask for the restore again");
			ret = -EAGAIN;
		}
		free(now.dest);
		free(now.volume);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct restore *r = arg;
	struct fault own = { 0 };

	if (f) {
		restore_next(r, f);
		return;
	}
	restore_take_plan(r, p);
	if (still_there(r, &own) < 0 || make_service(r, &own) < 0)
		restore_next(r, &own);
	else
		service_record(r->service, on_step, r);
}

void restore_record_enter(void *owner)
{
	struct restore *r = owner;
	struct strv paths CLEANUP(strv_done) = { 0 };
	struct planner_options o = { .ctx = r->ctx, .keep_raw = true, .paths = &paths };

	/* Where links led when it was staged: whoever has that mounted by another name must stop, too. */
	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].dest)
			strv_add(&paths, r->items[i].dest);
	if (r->target)
		steps_next(r->steps);
	else
		planner_start(&o, on_planned, r);
}

/* Members that were never asked to stop need no start. */
void restore_record_leave(void *owner)
{
	struct restore *r = owner;
	size_t n = 0;
	const struct service_member *m = r->service ? service_members(r->service, &n) : NULL;

	for (size_t i = 0; i < n; i++)
		if (m[i].state == MEMBER_UNTOUCHED)
			ledger_close(r->ctx->ledger, m[i].id, "never stopped", NULL, NULL);
	steps_next(r->steps);
}

/* --- stop, and start for whoever waits on the way back ------------------------------------------ */

void restore_stop_enter(void *owner)
{
	struct restore *r = owner;

	if (!r->service) {
		steps_next(r->steps);
		return;
	}
	r->engaged = true;
	service_stop(r->service, on_step, r);
}

void restore_stop_leave(void *owner)
{
	struct restore *r = owner;

	if (!r->engaged || r->started) {
		steps_next(r->steps);
	} else if (r->stuck) {
		log_error("the containers of %s stay down until the old data is back: recovery goes on with that", r->unit);
		steps_next(r->steps);
	} else {
		r->started = true;
		service_start(r->service, on_step, r);
	}
}

/* --- start with the new data, health, and the verdict -------------------------------------------- */

static void judge(struct restore *r, const struct fault *f)
{
	if (f) {
		r->unhealthy = true;
		r->verdict = *f;
	}
	if (f && r->o.way_back) {
		struct fault own = *f;
		fault_wrap(&own, "not healthy with the restored data");
		steps_fail(r->steps, &own);
	} else if (f) {
		strv_addf(&r->next_steps, "the service is not healthy: %s", f->text);
		restore_offer_way_back(r);
	}
	steps_next(r->steps);
}

static void on_started(void *arg, const struct fault *f)
{
	judge(arg, f);
}

static void on_healthy(void *arg, const struct fault *f)
{
	struct restore *r = arg;
	size_t n;
	const struct service_member *m = service_members(r->service, &n);

	for (size_t i = 0; i < n; i++)
		if (m[i].still_unhealthy)
			strv_addf(&r->next_steps, "%s was unhealthy before the restore, and has not become healthy yet: docker logs %s",
				m[i].name, m[i].name);
	judge(r, f);
}

void restore_start_enter(void *owner)
{
	struct restore *r = owner;

	r->started = true;
	if (r->engaged)
		service_start(r->service, on_started, r);
	else
		steps_next(r->steps);
}

void restore_healthy_enter(void *owner)
{
	struct restore *r = owner;

	if (r->engaged && !r->unhealthy)
		service_healthy(r->service, on_healthy, r);
	else
		steps_next(r->steps);
}

void restore_healthy_cancel(void *owner)
{
	struct restore *r = owner;

	if (r->engaged)
		service_cancel_healthy(r->service);
}

/* --- the way back: what runs with the new data is stopped again ------------------------------------ */

static void on_running_again(void *arg, const struct fault *f)
{
	(void)f; /* who is not up is in the ledger, and told */
	restore_next(arg, NULL);
}

/* One that cannot be stopped goes on with the new data, and so do all: nothing is exchanged under a container. */
static void on_stopped_again(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	r->started = f != NULL;
	if (!f) {
		restore_next(r, NULL);
		return;
	}
	log_error("the old data of %s is not put back: %s", r->unit, f->text);
	r->unhealthy = true;
	restore_offer_way_back(r);
	service_start(r->service, on_running_again, r);
}

static void on_recorded_again(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f) { /* nothing may be stopped: the new data stays, and the answer says so */
		r->unhealthy = true;
		restore_offer_way_back(r);
		restore_next(r, f);
		return;
	}
	service_stop(r->service, on_stopped_again, r);
}

static void on_condemned(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f) /* a kill from now on has them judged once more */
		log_warning("%s", f->text);
	service_renew(r->service);
	service_record(r->service, on_recorded_again, r);
}

void restore_start_leave(void *owner)
{
	struct restore *r = owner;

	if (!steps_failed(r->steps) || !r->engaged || !r->started) {
		steps_next(r->steps);
		return;
	}
	r->swaps.state = SWAPS_CONDEMNED;
	swaps_save(r->ctx, &r->swaps, on_condemned, r);
}

static void on_healthy_again(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	r->unhealthy = f != NULL;
	if (f)
		strv_addf(&r->next_steps, "the service is not healthy with the old data either: %s", f->text);
	steps_next(r->steps);
}

void restore_healthy_again(void *owner)
{
	struct restore *r = owner;

	if (r->put_back && r->engaged)
		service_healthy(r->service, on_healthy_again, r);
	else
		steps_next(r->steps);
}
