/* SPDX-License-Identifier: MIT */
/* The results of past runs, in a directory of them (runfiles). */
#include "daemon/domain/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/runfiles.h"
#include "common/varlink.h"
#include "daemon/domain/made.h"

#define FILE_MAX ((size_t)16 << 20)

struct addition {
	char *directory, *path, *text;
	struct fault fault;
	history_done_fn *done;
	void *arg;
};

static int write_result(void *arg)
{
	struct addition *a = arg;
	int r = file_replace(a->path, a->text, strlen(a->text), 0600, &a->fault);

	runfiles_prune(a->directory, RUNFILES_KEPT);
	return r;
}

static void on_written(void *arg, int result)
{
	struct addition *a = arg;

	a->done(a->arg, result < 0 ? &a->fault : NULL);
	free(a->directory);
	free(a->path);
	free(a->text);
	free(a);
}

void history_add(struct loop *l, const struct conf *c, const struct run_result *r, history_done_fn *done, void *arg)
{
	struct addition *a = xcalloc(1, sizeof(*a));
	a->directory = path_history(c);
	a->path = xasprintf("%s/%s.json", a->directory, r->backup_id);
	a->text = run_result_text(r);
	a->done = done;
	a->arg = arg;
	loop_work(l, write_result, on_written, a);
}

static bool names_unit(struct json_object *o, const char *unit)
{
	struct json_object *units = json_member(o, "units");

	if (!unit)
		return true;
	for (size_t i = 0; json_object_is_type(units, json_type_array) && i < json_object_array_length(units); i++)
		if (streq(json_text(json_object_array_get_idx(units, i), "unit"), unit))
			return true;
	return false;
}

static struct json_object *read_result(const char *directory, const char *name)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", directory, name);
	struct buf text CLEANUP(buf_done) = { 0 };
	struct json_object *o = file_read(path, FILE_MAX, &text) == 0 ? json_parse(text.data, text.len) : NULL;

	if (!o)
		log_warning("%s cannot be read and is left out", path);
	return o;
}

struct json_object *history_load(const struct conf *c, const char *unit, size_t limit)
{
	char *directory CLEANUP(freep) = path_history(c);
	struct json_object *list = json_object_new_array();
	struct strv names CLEANUP(strv_done) = { 0 };

	runfiles_list(directory, &names);
	for (size_t i = names.n; i-- > 0 && json_object_array_length(list) < limit;) {
		struct json_object *o CLEANUP(json_putp) = read_result(directory, names.v[i]);
		if (o && names_unit(o, unit))
			json_object_array_add(list, json_object_get(o));
	}
	return list;
}

struct json_object *history_get(const struct conf *c, const char *backup_id)
{
	char *directory CLEANUP(freep) = path_history(c), *name CLEANUP(freep) = xasprintf("%s.json", backup_id);

	return runfiles_is(name) ? read_result(directory, name) : NULL;
}

static void format_id(int64_t ms, char *text, size_t size)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, size, "%Y%m%dT%H%M%SZ", &tm);
}

int history_parse_id(const char *name, int64_t *ret_ms)
{
	struct tm tm = { 0 };

	if (!strptime(name, "%Y%m%dT%H%M%SZ", &tm))
		return -EINVAL;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

char *history_next_id(const struct conf *c, int64_t now_ms)
{
	char *directory CLEANUP(freep) = path_history(c);
	struct strv names CLEANUP(strv_done) = { 0 }, made CLEANUP(strv_done) = { 0 };
	char id[32];
	int64_t newest = 0;

	runfiles_list(directory, &names);
	made_list(c, &made);
	if (made.n && history_parse_id(made.v[made.n - 1], &newest) == 0 && newest / 1000 >= now_ms / 1000)
		now_ms = newest + 1000;
	/* One a second at the most, and on from the newest when the clock has stepped back. */
	if (names.n && history_parse_id(names.v[names.n - 1], &newest) == 0 && newest / 1000 >= now_ms / 1000)
		now_ms = newest + 1000;
	format_id(now_ms, id, sizeof(id));
	return xstrdup(id);
}
