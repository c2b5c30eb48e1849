/* SPDX-License-Identifier: MIT */
/*
 * What a restore leaves as it is, because it is not the unit's own: what belongs to the host, by
 * its path or by what the path leads to, and binds that the containers can only read, unless they
 * lie in the project's directory. Named with items they are put back like any other; where nothing
 * is, a bind that is only read replaces nothing and comes back too. Whether it was only read says
 * today's unit, else the restore point.
 *
 * Failure modes: a path that does not answer (a dead mount) → the restore ends here, before
 * anything is touched.
 */
#include "daemon/domain/restore_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/host_path.h"
#include "common/varlink.h"
#include "daemon/domain/look.h"
#include "daemon/pure/path.h"

#define INSPECT_MAX      ((size_t)4 << 20)

/* --- was it only read? ------------------------------------------------------------------- */

/* One container's mounts: at or in ${path}, is any writable? ${any}: is there one at all? */
static bool writes_to(struct json_object *inspect, const char *path, bool *any)
{
	struct json_object *mounts = json_member(inspect, "Mounts");
	bool writes = false;

	for (size_t i = 0; json_object_is_type(mounts, json_type_array) && i < json_object_array_length(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i); /* borrowed */
		char *source CLEANUP(freep) = path_normal(json_text(m, "Source"));
		if (!source || !path_equal_or_inside(source, path))
			continue;
		*any = true;
		writes |= json_flag(m, "RW", true);
	}
	return writes;
}

/* From the inspects of a restore point that does not say it itself. */
static bool was_only_read(const struct restore *r, const char *path)
{
	struct json_object *members = json_member(r->recipe_unit, "members");
	bool any = false, writes = false;

	for (size_t i = 0; json_object_is_type(members, json_type_array) && i < json_object_array_length(members); i++) {
		const char *name = json_text(json_object_array_get_idx(members, i), "name");
		char *file CLEANUP(freep) = xasprintf("%s/inspect/%s.json", r->recipe_dir, name ? name : "");
		struct buf text CLEANUP(buf_done) = { 0 };
		if (!name || strchr(name, '/') || file_read(file, INSPECT_MAX, &text) < 0)
			continue;
		struct json_object *o CLEANUP(json_putp) = json_parse(text.data, text.len);
		writes |= writes_to(o, path, &any);
	}
	return any && !writes;
}

static bool was_in_own_directory(const struct restore *r, const char *path)
{
	struct unit then = { .working_dir = xstrdup(json_text(r->recipe_unit, "working_directory")) };

	json_read_list(r->recipe_unit, "compose_files", &then.compose_files);
	bool own = unit_owns_path(&then, path);
	unit_done(&then);
	return own;
}

static bool is_only_read(const struct restore *r, const struct restore_item *it, const char *path)
{
	if (!starts_with(it->id, "bind:"))
		return false;
	if (it->today) /* its containers are there: they count */
		return it->today_held;
	if (it->kind)
		return streq(it->kind, POINT_READ_ONLY);
	return r->recipe_dir && was_only_read(r, path) && !was_in_own_directory(r, path);
}

/* --- leaving it ---------------------------------------------------------------------------- */

static void leave(struct restore *r, size_t index, char *reason /* taken */)
{
	struct restore_item *it = &r->items[index];

	GROW(r->left, r->n_left);
	r->left[r->n_left++] = (struct restore_left){ .id = xstrdup(it->id), .path = xstrdup(it->dest), .reason = reason };
	restore_drop_item(r, index);
}

static char *reason_for(const struct restore *r, const struct restore_item *it, const char *lines)
{
	bool missing = false;
	char *path CLEANUP(freep) = path_normal(it->dest), *real CLEANUP(freep) = look_real(lines, it->dest, &missing);
	char *reason = path ? host_path_reason(path) : NULL;

	if (!reason && real && (reason = host_path_reason(real))) {
		char *whole = xasprintf("leads to %s, which %s", real, reason);
		free(reason);
		return whole;
	}
	if (!reason && path && !missing && is_only_read(r, it, path))
		reason = xstrdup(PLAN_HOLD_READ_ONLY);
	return reason;
}

/* Also by where it shall go, and by the restore that is undone. */
bool restore_is_named(const struct restore *r, const struct restore_item *it)
{
	return r->back || it->mapped || strv_has(&r->wanted, it->source_id ? it->source_id : it->id);
}

static int judge(struct restore *r, const char *lines, struct fault *f)
{
	for (size_t i = 0; i < r->n_items;) {
		struct restore_item *it = &r->items[i];
		char *reason = it->dest && !restore_is_named(r, it) ? reason_for(r, it, lines) : NULL;
		if (reason)
			leave(r, i, reason);
		else
			i++;
	}
	if (r->n_items || r->n_left == 0)
		return 0;
	fault_set(f, FAULT_FAILED, -EPERM, "nothing of restore point %s of %s was put back: %s %s", r->backup_id, r->unit,
		r->left[0].id, r->left[0].reason);
	fault_advise(f, "name what shall be put back all the same with --item, or look at it elsewhere with --target DIR");
	return -EPERM;
}

static void on_looked(void *arg, const struct fault *f, const char *lines)
{
	struct restore *r = arg;
	struct fault own = { 0 };

	if (!f && judge(r, lines, &own) < 0)
		f = &own;
	restore_next(r, f);
}

void restore_hold(struct restore *r)
{
	struct strv paths CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; !r->back && i < r->n_items; i++)
		if (r->items[i].dest && !restore_is_named(r, &r->items[i]))
			strv_add(&paths, r->items[i].dest);
	look_start(r->ctx->loop, &paths, on_looked, r);
}
