/* SPDX-License-Identifier: MIT */
/* One file a restore, named by its number, so that the newest is the last by name. */
#include "daemon/domain/restore_past.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"

#define KEPT     1000
#define FILE_MAX ((size_t)4 << 20)
#define DIGITS   8

static bool is_name(const char *name)
{
	return strspn(name, "0123456789") == DIGITS && streq(name + DIGITS, ".json");
}

static void list(const char *directory, struct strv *ret)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_name(e->d_name))
			strv_add(ret, e->d_name);
	if (d)
		closedir(d);
	strv_sort_unique(ret);
}

/* --- adding ------------------------------------------------------------------------------------ */

struct addition {
	char *directory, *path, *text;
	struct strv names; /* that are there */
	struct fault fault;
	restore_past_fn *done;
	void *arg;
};

static int write_record(void *arg)
{
	struct addition *a = arg;
	int r = dir_make(a->directory, 0700, &a->fault);

	if (r == 0)
		r = file_replace(a->path, a->text, strlen(a->text), 0600, &a->fault);
	for (size_t i = 0; r == 0 && i + KEPT <= a->names.n; i++) {
		char *old CLEANUP(freep) = xasprintf("%s/%s", a->directory, a->names.v[i]);
		unlink(old);
	}
	return r;
}

static void on_written(void *arg, int result)
{
	struct addition *a = arg;

	if (a->done)
		a->done(a->arg, result < 0 ? &a->fault : NULL);
	free(a->directory);
	free(a->path);
	free(a->text);
	strv_done(&a->names);
	free(a);
}

int64_t restore_past_add(struct loop *l, const struct conf *c, struct json_object *record, restore_past_fn *done, void *arg)
{
	struct addition *a = xcalloc(1, sizeof(*a));

	a->directory = path_restore_history(c);
	list(a->directory, &a->names);
	int64_t number = a->names.n ? strtoll(a->names.v[a->names.n - 1], NULL, 10) + 1 : 1;
	json_put_number(record, "number", number);
	a->path = xasprintf("%s/%0*" PRId64 ".json", a->directory, DIGITS, number);
	a->text = json_write(record, JSON_C_TO_STRING_PRETTY, NULL);
	a->done = done;
	a->arg = arg;
	loop_work(l, write_record, on_written, a);
	return number;
}

/* --- looking ------------------------------------------------------------------------------------ */

static struct json_object *read_record(const char *directory, const char *name)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", directory, name);
	struct buf text CLEANUP(buf_done) = { 0 };

	return file_read(path, FILE_MAX, &text) == 0 ? json_parse(text.data, text.len) : NULL;
}

struct json_object *restore_past_load(const struct conf *c, const char *unit, size_t limit)
{
	char *directory CLEANUP(freep) = path_restore_history(c);
	struct json_object *found = json_object_new_array();
	struct strv names CLEANUP(strv_done) = { 0 };

	list(directory, &names);
	for (size_t i = names.n; i-- > 0 && json_object_array_length(found) < limit;) {
		struct json_object *o CLEANUP(json_putp) = read_record(directory, names.v[i]);
		if (o && (!unit || streq(json_text(o, "unit"), unit)))
			json_object_array_add(found, json_object_get(o));
	}
	return found;
}

struct json_object *restore_past_get(const struct conf *c, int64_t number)
{
	char *directory CLEANUP(freep) = path_restore_history(c), *name CLEANUP(freep) = xasprintf("%0*" PRId64 ".json", DIGITS, number);

	return is_name(name) ? read_record(directory, name) : NULL;
}

void restore_past_reverted(const struct conf *c, struct strv *ret)
{
	struct json_object *all CLEANUP(json_putp) = restore_past_load(c, NULL, KEPT);

	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i);
		if (json_flag(o, "put_back", false) && json_text(o, "restore_id"))
			strv_add(ret, json_text(o, "restore_id"));
	}
}
