/* SPDX-License-Identifier: MIT */
/* A small JSON file, replaced as a whole: one write at a time, the newest state last. */
#include "daemon/domain/schedule_past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/varlink.h"

#define FILE_MAX ((size_t)1 << 20)

struct past {
	struct loop *loop;
	char *path;
	struct past_row *rows; /* owned */
	size_t n;
	bool writing, again;
	char *text; /* being written */
	struct fault fault;
};

void past_text(char **field, const char *text)
{
	char *copy = xstrdup(text);

	free(*field);
	*field = copy;
}

struct past_row *past_row(struct past *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->rows[i].key, key))
			return &p->rows[i];
	GROW(p->rows, p->n);
	struct past_row *r = &p->rows[p->n++];
	*r = (struct past_row){ .key = xstrdup(key) };
	return r;
}

struct past_row *past_rows(struct past *p, size_t *ret_n)
{
	*ret_n = p->n;
	return p->rows;
}

static void read_row(struct past *p, const char *key, struct json_object *o)
{
	struct past_row *r = past_row(p, key);

	past_text(&r->rule, json_text(o, "rule"));
	past_text(&r->backup_id, json_text(o, "backup_id"));
	past_text(&r->reason, json_text(o, "reason"));
	r->since_ms = json_number(o, "since_ms", 0);
	r->asked_ms = json_number(o, "asked_ms", 0);
	r->began_ms = json_number(o, "began_ms", 0);
}

struct past *past_open(struct loop *l, const char *path)
{
	struct past *p = xcalloc(1, sizeof(*p));
	struct buf text CLEANUP(buf_done) = { 0 };
	struct json_object *o CLEANUP(json_putp) = NULL;
	int r = file_read(path, FILE_MAX, &text);

	p->loop = l;
	p->path = xstrdup(path);
	if (r == 0)
		o = json_parse(text.data, text.len);
	if (r != -ENOENT && !json_object_is_type(o, json_type_object)) {
		log_warning("%s cannot be read: schedules begin anew", path);
		return p;
	}
	if (o) {
		json_object_object_foreach(o, key, row)
			read_row(p, key, row);
	}
	return p;
}

void past_free(struct past *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].key);
		free(p->rows[i].rule);
		free(p->rows[i].backup_id);
		free(p->rows[i].reason);
	}
	free(p->rows);
	free(p->path);
	free(p->text);
	free(p);
}

/* --- writing --------------------------------------------------------------------------- */

static char *format_rows(const struct past *p)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();

	for (size_t i = 0; i < p->n; i++) {
		const struct past_row *r = &p->rows[i];
		struct json_object *row = json_object_new_object();
		json_put_text(row, "rule", r->rule);
		json_put_number(row, "since_ms", r->since_ms);
		json_put_number(row, "asked_ms", r->asked_ms);
		json_put_number(row, "began_ms", r->began_ms);
		json_put_text(row, "backup_id", r->backup_id);
		json_put_text(row, "reason", r->reason);
		json_object_object_add(o, r->key, row); /* transfers */
	}
	return json_write(o, JSON_C_TO_STRING_PRETTY, NULL);
}

static int write_file(void *arg)
{
	struct past *p = arg;

	return file_replace(p->path, p->text, strlen(p->text), 0600, &p->fault);
}

static void on_written(void *arg, int result)
{
	struct past *p = arg;

	p->writing = false;
	if (result < 0)
		log_warning("after a restart a scheduled run may be begun once more: %s", p->fault.text);
	if (p->again)
		past_save(p);
}

void past_save(struct past *p)
{
	p->again = p->writing;
	if (p->writing)
		return;
	free(p->text);
	p->text = format_rows(p);
	p->writing = true;
	loop_work(p->loop, write_file, on_written, p);
}

bool past_pending(const struct past *p)
{
	return p->writing;
}
