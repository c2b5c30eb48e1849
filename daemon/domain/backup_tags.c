/* SPDX-License-Identifier: MIT */
/*
 * Where a unit's snapshots stand in the repository and what their tags say. Names are percent-encoded, so that any name the engine accepts is one
 * path segment and one tag value, and comes back the same.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/domain/backup_internal.h"
#include "daemon/domain/method.h"
#include "daemon/pure/result.h"

struct tags {
	struct kopia_tag v[18];
	size_t n;
};

static void tag(struct tags *t, const char *key, char *value /* taken */)
{
	t->v[t->n++] = (struct kopia_tag){ .key = xstrdup(key), .value = value };
}

static void tags_done(struct tags *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].key);
		free(t->v[i].value);
	}
}

static void common_tags(const struct backup *b, struct tags *t, const char *type)
{
	tag(t, "type", xstrdup(type));
	tag(t, "unit", name_encode(b->unit_name));
	tag(t, "backup_id", xstrdup(b->backup_id));
	tag(t, "timestamp", format_time(b->o.start_ms));
	if (repository_machine(b->ctx->repository))
		tag(t, "machine", xstrdup(repository_machine(b->ctx->repository)));
	if (repository_instance(b->ctx->repository))
		tag(t, "instance", xstrdup(repository_instance(b->ctx->repository)));
}

/* The item's place without its kind: VOLUME, /path, SERVICE:/destination. */
static const char *place(const struct item *it)
{
	const char *colon = strchr(it->id, ':');

	return colon ? colon + 1 : it->id;
}

static struct transfer *make(struct backup *b, struct transfer_options *o, struct tags *t, const char *method)
{
	o->loop = b->ctx->loop;
	o->conf = b->ctx->conf;
	o->repository = b->ctx->repository;
	o->arg = b;
	o->create.tags = t->v;
	o->create.n_tags = t->n;
	o->create.start_ms = b->o.start_ms;
	struct transfer *made = transfer_new(o, method_by_name(method));
	tags_done(t);
	return made;
}

struct transfer *backup_new_item_transfer(struct backup *b, const struct item *it)
{
	bool bind = it->kind == ITEM_BIND;
	char *name CLEANUP(freep) = name_encode(place(it));
	char *unit CLEANUP(freep) = name_encode(b->unit_name);
	char *file CLEANUP(freep) = xasprintf("%s.tar", name);
	char *source CLEANUP(freep) = xasprintf("%s:/%s/%s/%s", repository_identity(b->ctx->repository),
		bind ? "binds" : "volumes", unit, name);
	const struct conf_unit *own = conf_unit(b->ctx->conf, b->unit_name);
	struct tags t = { 0 };
	struct transfer_options o = {
		.path = it->path,
		.is_file = it->is_file,
		.no_xattrs = it->no_xattrs,
		.device = it->device,
		.inode = it->inode,
		.exclude = true,
		.unit_excludes = own ? &own->exclude_patterns : NULL,
		.ours = &it->ours,
		.reserve_bytes = it->tar_bytes,
		.measured_bytes = b->ctx->conf->backup.exclude_patterns.n || (own && own->exclude_patterns.n) ? 0 : it->size_bytes,
		.create = { .source = source, .file = file },
	};

	common_tags(b, &t, bind ? "bind" : "volume");
	tag(&t, bind ? "bind" : "volume", xstrdup(name));
	tag(&t, "item", name_encode(it->id));
	tag(&t, "restore", xstrdup(!it->hold ? POINT_OWN : streq(it->hold, PLAN_HOLD_READ_ONLY) ? POINT_READ_ONLY : POINT_HOST));
	tag(&t, "what", xstrdup(it->is_file ? "file" : "directory"));
	if (it->entries >= 0)
		tag(&t, "entries", xasprintf("%" PRId64, it->entries));
	if (it->shared_fs) /* other hosts can write there: cold on this host */
		tag(&t, "shared_fs", name_encode(it->shared_fs));
	if (it->size_bytes >= 0)
		tag(&t, "size_bytes", xasprintf("%" PRId64, it->size_bytes));
	if (it->too_long > 0)
		tag(&t, "too_long", xasprintf("%" PRId64, it->too_long));
	return make(b, &o, &t, it->method);
}

const struct item *backup_item_of(const struct backup *b, const struct transfer *t)
{
	for (size_t i = 0; i < b->unit->n_items; i++)
		if (streq(b->unit->items[i].path, t->path))
			return &b->unit->items[i];
	return NULL;
}

struct transfer *backup_new_recipe_transfer(struct backup *b)
{
	char *unit CLEANUP(freep) = name_encode(b->unit_name);
	char *file CLEANUP(freep) = xasprintf("%s.recipe.tar", unit);
	char *source CLEANUP(freep) = xasprintf("%s:/recipes/%s", repository_identity(b->ctx->repository), unit);
	struct buf ids CLEANUP(buf_done) = { 0 };
	struct tags t = { 0 };
	struct transfer_options o = {
		.path = recipe_directory(b->recipe),
		.reserve_bytes = 0,
		.create = { .source = source, .file = file },
	};

	for (size_t i = 0; i < b->unit->n_items; i++) {
		char *id CLEANUP(freep) = name_encode(b->unit->items[i].id);
		buf_printf(&ids, "%s%s", i ? "," : "", id);
	}
	common_tags(b, &t, "recipe");
	tag(&t, "items", xasprintf("%zu", b->unit->n_items));
	tag(&t, "ids", buf_steal(&ids));
	tag(&t, "window_ms", xasprintf("%" PRId64, b->result.window_ms < 0 ? 0 : b->result.window_ms));
	return make(b, &o, &t, "stream");
}

/* "volume:NAME": the kind is KOPI_DOCKA_BACKUP_TYPE, the rest KOPI_DOCKA_VOLUME. */
void backup_log_item(const struct backup *b, const struct item *it, enum log_event_id id, const char *fmt, ...)
{
	char *type CLEANUP(freep) = xstrdup(it ? it->id : "an item");
	char *name = strchr(type, ':');
	struct log_fields fields = { .unit = b->unit_name, .backup_id = b->backup_id };
	va_list ap;

	if (name) {
		*name++ = '\0';
		fields.backup_type = type;
		fields.volume = name;
	}
	va_start(ap, fmt);
	char *text CLEANUP(freep) = xvasprintf(fmt, ap);
	va_end(ap);
	log_event(id == EV_ITEM_FAILED ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, id, &fields, "%s of %s %s",
		it ? it->id : "an item", b->unit_name, text);
}
