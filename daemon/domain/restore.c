/* SPDX-License-Identifier: MIT */
/*
 * A restore as a table: find the point, lay out its recipe, make what is missing,
 * extract every item beside what it replaces, and only then stop, swap and start.
 * Whatever fails, what was stopped is started, and staging directories are removed.
 *
 * Failure modes: anything before "stop" leaves the host as it was. A swap that fails
 * leaves the items swapped so far in place with their old copies kept, says which, and
 * starts the containers. Cancel counts until "stop" is over.
 */
#include "daemon/domain/restore_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/varlink.h"

static void find_enter(void *owner);
static void look_enter(void *owner);
static void record_enter(void *owner);
static void record_leave(void *owner);
static void stop_enter(void *owner);
static void start_leave(void *owner);
static void health_leave(void *owner);

static const struct step table[] = {
	{ "find", NULL, find_enter, NULL, NULL },
	{ "recipe", NULL, restore_recipe_enter, NULL, NULL },
	{ "look", "healthy", look_enter, health_leave, NULL },
	{ "create", NULL, restore_create_enter, NULL, NULL },
	{ "place", "sweep", restore_place_enter, restore_sweep_leave, NULL },
	{ "extract", NULL, restore_extract_enter, NULL, restore_extract_cancel },
	{ "record", "settle", record_enter, record_leave, NULL },
	{ "stop", "start", stop_enter, start_leave, NULL },
	{ "swap", NULL, restore_swap_enter, NULL, NULL },
};

static const struct step recipe_table[] = {
	{ "find", NULL, find_enter, NULL, NULL },
	{ "recipe", NULL, restore_recipe_enter, NULL, NULL },
};

void restore_report(struct restore *r, const char *item, int64_t bytes, int64_t total)
{
	struct progress p = PROGRESS_INIT;

	p.unit = r->unit;
	p.backup_id = r->backup_id;
	p.phase = r->steps ? steps_phase(r->steps) : "find";
	p.item = item;
	p.bytes = bytes;
	p.total_bytes = total;
	if (r->engaged)
		p.window_ms = service_window_ms(r->service);
	if (r->o.on_progress)
		r->o.on_progress(r->o.arg, &p);
}

static void on_phase(void *owner, const char *name, bool leaving)
{
	struct restore *r = owner;

	(void)leaving;
	log_debug("restore of %s: %s", r->unit, name);
	if (r->steps)
		restore_report(r, NULL, -1, -1);
}

void restore_step_failed(struct restore *r, const struct fault *f)
{
	steps_fail(r->steps, f);
	steps_next(r->steps);
}

/* --- find ---------------------------------------------------------------------------- */

static const struct point_item *point_item(const struct point *p, const char *id)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (streq(p->items[i].id, id))
			return &p->items[i];
	return NULL;
}

static void add_item(struct restore *r, const struct point_item *from)
{
	GROW(r->items, r->n_items);
	r->items[r->n_items++] = (struct restore_item){ .from = from, .bytes = from->size };
}

static int choose_items(struct restore *r, struct fault *f)
{
	if (r->o.recipe_only)
		return 0;
	for (size_t i = 0; i < r->wanted.n; i++) {
		const struct point_item *from = point_item(r->point, r->wanted.v[i]);
		if (!from) {
			fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has no item %s", r->point->backup_id,
				r->unit, r->wanted.v[i]);
			fault_advise(f, "kopi-docka list --restore-points --unit %s shows its items", r->unit);
			return -ENOENT;
		}
		add_item(r, from);
	}
	for (size_t i = 0; !r->wanted.n && i < r->point->n_items; i++)
		add_item(r, &r->point->items[i]);
	if (!r->wanted.n && !r->point->complete) {
		fault_set(f, FAULT_NO_SUCH_POINT, -EUCLEAN, "restore point %s of %s is partial", r->point->backup_id, r->unit);
		fault_advise(f, "name what is wanted of it with --item, or take a complete one");
		return -EUCLEAN;
	}
	for (size_t i = 0; i < r->n_items; i++)
		r->items[i].restore = r;
	return 0;
}

static void on_list(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct restore *r = arg;
	struct fault own = { 0 };
	const char *host = r->host ? r->host : repository_identity(r->ctx->repository);

	if (f) {
		restore_step_failed(r, f);
		return;
	}
	points_from_snapshots(v, n, r->unit, host, &r->points, &r->n_points);
	r->point = point_find(r->points, r->n_points, r->unit, r->backup_id);
	if (!r->point) {
		fault_set(&own, FAULT_NO_SUCH_POINT, -ENOENT, "there is no %srestore point %s%sof unit %s",
			r->backup_id ? "" : "complete ", r->backup_id ? r->backup_id : "", r->backup_id ? " " : "", r->unit);
		fault_advise(&own, "kopi-docka list --restore-points shows what there is");
	} else if (choose_items(r, &own) == 0) {
		free(r->backup_id);
		r->backup_id = xstrdup(r->point->backup_id);
	}
	if (own.code != FAULT_NONE)
		steps_fail(r->steps, &own);
	steps_next(r->steps);
}

static void on_checked(void *arg, const struct fault *f, const struct kopia_status *status)
{
	struct restore *r = arg;

	(void)status;
	if (f)
		restore_step_failed(r, f);
	else
		repository_list(r->ctx->repository, NULL, on_list, r);
}

static void find_enter(void *owner)
{
	struct restore *r = owner;
	struct fault f = { 0 };

	if (r->paths.n && !r->target) {
		fault_set(&f, FAULT_FAILED, -ENOSYS, "single paths can be restored only into a directory so far");
		fault_advise(&f, "add --target DIR");
		restore_step_failed(r, &f);
		return;
	}
	repository_check(r->ctx->repository, on_checked, r);
}

/* --- look: what runs today, and where the items lie ----------------------------------- */

static void locate_all(struct restore *r, struct fault *f)
{
	for (size_t i = 0; i < r->n_items; i++)
		if (restore_locate(r, &r->items[i], f) < 0)
			return;
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct restore *r = arg;
	struct fault own = { 0 };

	if (f) {
		restore_step_failed(r, f);
		return;
	}
	r->planned = p;
	r->now = units_find(&p->units, r->unit);
	locate_all(r, &own);
	if (own.code != FAULT_NONE)
		steps_fail(r->steps, &own);
	steps_next(r->steps);
}

static void look_enter(void *owner)
{
	struct restore *r = owner;
	struct planner_options o = { .ctx = r->ctx, .keep_raw = true };

	if (!r->target) {
		planner_start(&o, on_planned, r);
		return;
	}
	for (size_t i = 0; i < r->n_items; i++) {
		char *name CLEANUP(freep) = name_encode(r->items[i].from->id);
		r->items[i].dest = xasprintf("%s/%s", r->target, name);
	}
	steps_next(r->steps);
}

static void on_healthy(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	r->unhealthy = f != NULL;
	if (f) {
		strv_addf(&r->next_steps, "the service is not healthy: %s", f->text);
		for (size_t i = 0; i < r->n_items; i++)
			if (r->items[i].kept_at)
				strv_addf(&r->next_steps, "the way back of %s: stop its containers, put %s in the place of %s, start them",
					r->items[i].from->id, r->items[i].kept_at, r->items[i].dest);
	}
	steps_next(r->steps);
}

static void health_leave(void *owner)
{
	struct restore *r = owner;

	if (r->engaged)
		service_healthy(r->service, on_healthy, r);
	else
		steps_next(r->steps);
}

/* --- record, stop, start --------------------------------------------------------------- */

static void on_recorded(void *arg, const struct fault *f)
{
	struct restore *r = arg;

	if (f)
		steps_fail(r->steps, f);
	steps_next(r->steps);
}

static void record_enter(void *owner)
{
	struct restore *r = owner;
	struct service_options o = {
		.loop = r->ctx->loop,
		.docker = r->ctx->docker,
		.ledger = r->ctx->ledger,
		.unit = r->unit,
		.state_directory = r->ctx->conf->paths.state,
		.stop_timeout_s = r->ctx->conf->backup.stop_timeout_s,
		.start_timeout_s = r->ctx->conf->backup.start_timeout_s,
	};

	if (r->target || !r->now) {
		steps_next(r->steps);
		return;
	}
	r->service = service_from_unit(&o, r->now);
	service_record(r->service, on_recorded, r);
}

/* Members that were never asked to stop need no start. */
static void record_leave(void *owner)
{
	struct restore *r = owner;
	size_t n = 0;
	const struct service_member *m = r->service ? service_members(r->service, &n) : NULL;

	for (size_t i = 0; i < n; i++)
		if (m[i].state == MEMBER_UNTOUCHED)
			ledger_close(r->ctx->ledger, m[i].id, "never stopped", NULL, NULL);
	steps_next(r->steps);
}

static void stop_enter(void *owner)
{
	struct restore *r = owner;

	if (!r->service) {
		steps_next(r->steps);
		return;
	}
	r->engaged = true;
	service_stop(r->service, on_recorded, r);
}

static void start_leave(void *owner)
{
	struct restore *r = owner;

	if (r->engaged)
		service_start(r->service, on_recorded, r);
	else
		steps_next(r->steps);
}

/* --- the reply ------------------------------------------------------------------------ */

static const char *service_word(const struct restore *r)
{
	size_t n = 0;
	const struct service_member *m = r->service ? service_members(r->service, &n) : NULL;

	if (!r->engaged)
		return "untouched";
	for (size_t i = 0; i < n; i++)
		if (m[i].state == MEMBER_FAILED || m[i].state == MEMBER_GONE)
			return "down";
	return r->unhealthy ? "degraded" : "up";
}

static struct json_object *items_json(const struct restore *r)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < r->n_items; i++) {
		const struct restore_item *it = &r->items[i];
		struct json_object *o = json_object_new_object();
		json_put_text(o, "id", it->from->id);
		json_put_text(o, "path", it->dest ? it->dest : "");
		json_put_number(o, "bytes", it->bytes);
		json_put_text(o, "kept", it->kept_at);
		if (it->fault.code != FAULT_NONE)
			json_put_text(o, "error", it->fault.text);
		else if (!it->swapped)
			json_put_text(o, "error", "not restored");
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *reply(struct restore *r)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "backup_id", r->backup_id);
	json_object_object_add(o, "restored", items_json(r));
	json_put_text(o, "recipe_directory", r->recipe_dir);
	json_put_text(o, "service", service_word(r));
	json_put_list(o, "next_steps", &r->next_steps);
	json_put_list(o, "redacted", &r->redacted);
	if (r->compose.n)
		json_put_list(o, "compose", &r->compose);
	return o;
}

static void item_done(struct restore_item *it)
{
	free(it->dest);
	free(it->volume);
	free(it->staged);
	free(it->kept);
	free(it->mode);
	free(it->kept_at);
}

static void on_done(void *owner, const struct fault *first)
{
	struct restore *r = owner;
	bool good = first->code == FAULT_NONE;
	struct log_fields fields = { .unit = r->unit, .backup_id = r->backup_id };

	recover_hold(r->o.recover, NULL);
	log_event(good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, EV_RESTORED, &fields, "restore of %s: %s", r->unit,
		good ? "done" : first->text);
	r->done(r->o.arg, good ? NULL : first, good ? reply(r) : NULL);
	service_free(r->service);
	planned_free(r->planned);
	json_object_put(r->recipe_volumes);
	json_object_put(r->recipe_networks);
	json_object_put(r->recipe_unit);
	for (size_t i = 0; i < r->n_items; i++)
		item_done(&r->items[i]);
	free(r->items);
	points_free(r->points, r->n_points);
	char *owned[] = { r->unit, r->backup_id, r->host, r->target, r->recipe_dir, r->restore_id };
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	strv_done(&r->wanted);
	strv_done(&r->paths);
	strv_done(&r->make);
	strv_done(&r->next_steps);
	strv_done(&r->redacted);
	strv_done(&r->compose);
	free(r);
}

static char *time_name(void)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
	return xstrdup(text);
}

struct restore *restore_start(const struct restore_options *o, restore_done_fn *done)
{
	struct restore *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	r->ctx = o->ctx;
	r->done = done;
	r->unit = xstrdup(o->unit ? o->unit : "");
	r->backup_id = xstrdup(o->backup_id);
	r->host = xstrdup(o->host);
	r->target = xstrdup(o->target);
	r->recipe_dir = xstrdup(o->recipe_directory);
	r->restore_id = time_name();
	if (o->items)
		strv_copy(&r->wanted, o->items);
	if (o->paths)
		strv_copy(&r->paths, o->paths);
	recover_hold(o->recover, r->unit);
	r->steps = o->recipe_only ? steps_start(o->ctx->loop, recipe_table, ARRAY_SIZE(recipe_table), r, on_phase, on_done)
		: steps_start(o->ctx->loop, table, ARRAY_SIZE(table), r, on_phase, on_done);
	return r;
}

void restore_cancel(struct restore *r)
{
	r->cancelled = true;
	steps_cancel(r->steps);
}
