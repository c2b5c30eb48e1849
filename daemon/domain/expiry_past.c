/* SPDX-License-Identifier: MIT */
/* One small file, replaced whole by each pass; passes are jobs, so there is one at a time. */
#include "daemon/domain/expiry_past.h"

#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"

#define FILE_MAX ((size_t)16 << 20)

struct json_object *expiry_past_load(const struct conf *c)
{
	char *path CLEANUP(freep) = path_retention(c);
	struct buf text CLEANUP(buf_done) = { 0 };
	struct json_object *o = file_read(path, FILE_MAX, &text) == 0 ? json_parse(text.data, text.len) : NULL;

	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return json_object_new_object();
}

struct retention_past expiry_past_of(struct json_object *past, const char *unit, const struct point *v, size_t n)
{
	struct json_object *o = json_member(past, unit);
	const char *seen = json_text(o, "seen");
	struct retention_past r = { .added = seen ? 0 : -1, .alone = json_flag(o, "alone", false), .owed = json_number(o, "owed", 0) };

	for (size_t i = 0; seen && i < n; i++)
		r.added += v[i].complete && streq(v[i].unit, unit) && strcmp(v[i].backup_id, seen) > 0;
	return r;
}

void expiry_past_note(struct json_object *past, const char *unit, const char *backup_id, const struct retention_past *left,
	const char *waits)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "seen", backup_id);
	if (left->alone)
		json_put_flag(o, "alone", true);
	if (left->owed > 0)
		json_put_number(o, "owed", left->owed);
	json_put_text(o, "waits", waits);
	json_object_object_add(past, unit, o);
}

void expiry_past_only(struct json_object *past, const struct strv *units)
{
	struct strv gone CLEANUP(strv_done) = { 0 };

	json_object_object_foreach(past, unit, o)
	{
		(void)o;
		if (!strv_has(units, unit))
			strv_add(&gone, unit);
	}
	for (size_t i = 0; i < gone.n; i++)
		json_object_object_del(past, gone.v[i]);
}

struct save {
	char *path, *text;
	struct fault fault;
	expiry_past_fn *done;
	void *arg;
};

static int save_work(void *arg)
{
	struct save *s = arg;

	return file_replace(s->path, s->text, strlen(s->text), 0600, &s->fault);
}

static void on_saved(void *arg, int result)
{
	struct save *s = arg;

	s->done(s->arg, result < 0 ? &s->fault : NULL);
	free(s->path);
	free(s->text);
	free(s);
}

void expiry_past_save(struct loop *l, const struct conf *c, struct json_object *past, expiry_past_fn *done, void *arg)
{
	struct save *s = xcalloc(1, sizeof(*s));

	s->path = path_retention(c);
	s->text = xstrdup(json_object_to_json_string_ext(past, JSON_C_TO_STRING_PRETTY));
	s->done = done;
	s->arg = arg;
	loop_work(l, save_work, on_saved, s);
}

void expiry_past_waiting(const struct conf *c, struct strv *ret)
{
	struct json_object *past CLEANUP(json_putp) = expiry_past_load(c);

	json_object_object_foreach(past, unit, o)
	{
		const char *waits = json_text(o, "waits");
		if (waits)
			strv_addf(ret, "unit %s: %s", unit, waits);
	}
}
