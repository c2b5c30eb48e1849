/* SPDX-License-Identifier: MIT */
/* The point from the repository, today's containers from the engine; the text is daemon/pure/script's. */
#include "daemon/domain/restore_script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/host_path.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/look.h"
#include "daemon/domain/planner.h"
#include "daemon/pure/path.h"
#include "daemon/pure/result.h"
#include "daemon/pure/script.h"
#include "daemon/pure/users.h"

struct rendering {
	const struct context *ctx;
	char *unit, *backup_id, *host, *target;
	struct strv wanted;
	struct planned *planned;
	struct point *points;
	size_t n_points;
	const struct point *point; /* of them */
	restore_script_fn *done;
	void *arg;
};

static void over(struct rendering *r, const struct fault *f, struct json_object *reply)
{
	r->done(r->arg, f, reply);
	planned_free(r->planned);
	points_free(r->points, r->n_points);
	strv_done(&r->wanted);
	free(r->unit);
	free(r->backup_id);
	free(r->host);
	free(r->target);
	free(r);
}

static const struct item *item_now(const struct unit *u, const char *id)
{
	for (size_t i = 0; u && i < u->n_items; i++)
		if (streq(u->items[i].id, id))
			return &u->items[i];
	return NULL;
}

/* What is not the unit's own (restore_hold.c has the whole story) is in the script only when it was named. */
static void hold(struct script_item *to, const struct item *now, const char *kind, const char *lines)
{
	bool missing = false;
	char *path CLEANUP(freep) = path_normal(to->dest), *real CLEANUP(freep) = look_real(lines, to->dest, &missing);
	char *reason = path ? host_path_reason(path) : NULL;

	to->left = reason ? reason : real ? host_path_reason(real) : NULL;
	to->only_missing = !to->left && (now ? now->read_only && now->hold : streq(kind, POINT_READ_ONLY));
}

/* Where it goes: today's place, or what its id says. */
static int place(const struct rendering *r, const struct point_item *from, const char *lines, struct script_item *to, struct fault *f)
{
	const struct item *now = item_now(units_find(&r->planned->units, r->unit), from->id);
	const char *colon = strchr(from->id, ':');

	*to = (struct script_item){ .id = from->id, .object = from->object, .file = from->file };
	if (r->target) {
		char *name CLEANUP(freep) = name_encode(from->id);
		to->dest = xasprintf("%s/%s", r->target, name);
	} else if (now) {
		to->dest = xstrdup(now->path);
		to->volume = now->volume;
	} else if (starts_with(from->id, "volume:")) {
		to->volume = colon + 1;
	} else if (starts_with(from->id, "bind:")) {
		to->dest = xstrdup(colon + 1);
	} else {
		return fault_set(f, FAULT_FAILED, -ENOENT, "the container of anonymous volume %s is not there", from->id);
	}
	if (!r->target && to->volume && volume_check_in_place(inventory_volume(r->planned->inv, to->volume), f) < 0)
		return f->sys;
	if (!r->target && to->dest && !strv_has(&r->wanted, from->id))
		hold(to, now, from->kind, lines);
	return 0;
}

/* Whom the daemon's own restore would stop: who uses what is replaced. */
static int order(const struct rendering *r, const struct script_item *items, size_t n, struct strv *stop, struct strv *start,
	struct fault *f)
{
	struct strv paths CLEANUP(strv_done) = { 0 };
	struct users_options o = {
		.inv = r->planned->inv, .units = &r->planned->units, .paths = &paths,
		.allow_autoremove = r->ctx->conf->backup.allow_autoremove,
	};
	struct unit u = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (items[i].left || items[i].only_missing)
			continue; /* nobody has to stop for it */
		const struct volume *v = items[i].dest || !items[i].volume ? NULL : inventory_volume(o.inv, items[i].volume);
		if (items[i].dest || v)
			strv_add(&paths, v ? v->mountpoint : items[i].dest);
	}
	if (users_find(&o, &u, f) < 0)
		return f->sys;
	for (size_t level = 0; level < u.n_levels; level++)
		for (size_t i = 0; i < u.n_members; i++)
			if (u.members[i].level == level)
				strv_add(start, u.members[i].c->name);
	for (size_t i = start->n; i-- > 0;)
		strv_add(stop, start->v[i]);
	unit_done(&u);
	return 0;
}

/* Outer items first: what lies in one comes after it. A volume's place that is not known yet lies in none. */
static int outer_first(const void *a, const void *b)
{
	const struct script_item *x = a, *y = b;
	size_t n = x->dest ? strlen(x->dest) : 0, m = y->dest ? strlen(y->dest) : 0;

	return n != m ? (n > m) - (n < m) : strcmp(x->id, y->id);
}

static char *render(struct rendering *r, const struct point *p, struct script_item *items, size_t n, struct fault *f)
{
	struct strv stop CLEANUP(strv_done) = { 0 }, start CLEANUP(strv_done) = { 0 }, connect CLEANUP(strv_done) = { 0 };
	char *config CLEANUP(freep) = path_kopia_config(r->ctx->conf);

	if (!r->target && order(r, items, n, &stop, &start, f) < 0)
		return NULL;
	qsort(items, n, sizeof(*items), outer_first);
	strv_add(&connect, repository_name(r->ctx->repository));
	struct script_options o = {
		.unit = r->unit,
		.backup_id = p->backup_id,
		.config_file = config,
		.connect = &connect,
		.identity = repository_identity(r->ctx->repository),
		.items = items,
		.n_items = n,
		.target = r->target,
		.stop = &stop,
		.start = &start,
	};
	return script_restore(&o);
}

static bool has_item(const struct point *p, const char *id)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (streq(p->items[i].id, id))
			return true;
	return false;
}

static void no_such_item(struct fault *f, const struct point *p, const char *id)
{
	fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "restore point %s of %s has no item %s", p->backup_id, p->unit, id);
	fault_about(f, id, 0, 0);
	fault_advise(f, "kopi-docka ls %s %s shows its items", p->unit, p->backup_id);
}

static void answer(struct rendering *r, const char *lines)
{
	const struct point *p = r->point;
	struct script_item *items = xcalloc(p->n_items ? p->n_items : 1, sizeof(*items));
	size_t n = 0;
	struct fault f = { 0 };

	for (size_t i = 0; i < p->n_items && f.code == FAULT_NONE; i++)
		if (!r->wanted.n || strv_has(&r->wanted, p->items[i].id))
			n += place(r, &p->items[i], lines, &items[n], &f) == 0;
	for (size_t i = 0; i < r->wanted.n && f.code == FAULT_NONE; i++)
		if (!has_item(p, r->wanted.v[i]))
			no_such_item(&f, p, r->wanted.v[i]);
	if (f.code == FAULT_NONE && n == 0)
		fault_set(&f, FAULT_NO_SUCH_POINT, -ENOENT, "restore point %s of %s has no items", p->backup_id, p->unit);
	struct json_object *reply = NULL;
	char *text CLEANUP(freep) = f.code == FAULT_NONE ? render(r, p, items, n, &f) : NULL;
	if (text) {
		struct strv left CLEANUP(strv_done) = { 0 };
		for (size_t i = 0; i < n; i++)
			if (items[i].left)
				strv_addf(&left, "%s is not in the script: %s; name it with --item to have it there", items[i].id, items[i].left);
		reply = json_object_new_object();
		json_put_text(reply, "backup_id", p->backup_id);
		json_put_text(reply, "script", text);
		json_put_list(reply, "warnings", &left);
	}
	for (size_t i = 0; i < n; i++) { /* made by place() */
		free((void *)(uintptr_t)items[i].dest);
		free((void *)(uintptr_t)items[i].left);
	}
	free(items);
	over(r, f.code == FAULT_NONE ? NULL : &f, reply);
}

static void on_looked(void *arg, const struct fault *f, const char *lines)
{
	if (f)
		over(arg, f, NULL);
	else
		answer(arg, lines);
}

/* Where links lead: a script that puts back the host's own is no better than a restore that does. */
static void look(struct rendering *r)
{
	const struct unit *now = units_find(&r->planned->units, r->unit);
	struct strv paths CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; !r->target && i < r->point->n_items; i++) {
		const char *id = r->point->items[i].id;
		const struct item *it = item_now(now, id);
		if (it || starts_with(id, "bind:"))
			strv_add(&paths, it ? it->path : id + strlen("bind:"));
	}
	look_start(r->ctx->loop, &paths, on_looked, r);
}

static void on_list(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct rendering *r = arg;
	struct fault own = { 0 };

	if (f) {
		over(r, f, NULL);
		return;
	}
	points_from_snapshots(v, n, r->unit, r->host ? r->host : repository_identity(r->ctx->repository), &r->points, &r->n_points);
	struct point_question q = { r->unit, r->backup_id, r->host, repository_identity(r->ctx->repository), "restore" };
	r->point = point_choose(v, n, r->points, r->n_points, &q, &own);
	if (r->point)
		look(r);
	else
		over(r, &own, NULL);
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct rendering *r = arg;

	if (f) {
		over(r, f, NULL);
		return;
	}
	r->planned = p;
	repository_list(r->ctx->repository, NULL, on_list, r);
}

void restore_script_start(const struct context *ctx, struct json_object *parameters, restore_script_fn *done, void *arg)
{
	struct rendering *r = xcalloc(1, sizeof(*r));
	const char *unit = json_text(parameters, "unit");
	struct planner_options o = { .ctx = ctx };

	r->ctx = ctx;
	r->unit = xstrdup(unit ? unit : "");
	r->backup_id = xstrdup(json_text(parameters, "backup_id"));
	r->host = xstrdup(json_text(parameters, "host"));
	r->target = xstrdup(json_text(parameters, "target"));
	json_read_list(parameters, "items", &r->wanted);
	r->done = done;
	r->arg = arg;
	planner_start(&o, on_planned, r);
}
