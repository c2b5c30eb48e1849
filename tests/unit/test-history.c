/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/history.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct conf conf;
	char *directory, *history;
};

struct outcome {
	int calls;
	struct fault fault;
};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fault f = { 0 };

	w->directory = xstrdup("/tmp/kd-test-history-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0)
		return -1;
	w->conf.paths.state = w->directory;
	w->history = path_history(&w->conf);
	*state = w;
	return dir_make(w->history, 0700, &f);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r = loop_free(w->loop);

	if (r == 0)
		r = dir_remove(w->directory);
	free(w->directory);
	free(w->history);
	free(w);
	return r;
}

static void on_written(void *arg, const struct fault *f)
{
	struct outcome *o = arg;

	o->calls++;
	if (f)
		o->fault = *f;
}

static struct outcome add(struct world *w, const char *id, const char *unit)
{
	struct unit_result u;
	struct run_result r = { .backup_id = xstrdup(id),
		.started_ms = 1000,
		.finished_ms = 2000,
		.units = &u,
		.n_units = 1 };
	struct outcome o = { 0 };

	unit_result_init(&u, unit);
	history_add(w->loop, &w->conf, &r, on_written, &o);
	assert_int_equal(o.calls, 0); /* never from inside */
	unit_result_done(&u);         /* it has what it needs */
	free(r.backup_id);
	for (int i = 0; i < 100 && o.calls == 0; i++)
		loop_drain(w->loop, 1000);
	assert_int_equal(o.calls, 1);
	return o;
}

static void put(const struct world *w, const char *name, const char *text)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", w->history, name);
	FILE *file CLEANUP(fclosep) = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

/* The ids of what is loaded, each followed by a blank. */
static void check(const struct world *w, const char *unit, size_t limit, const char *ids)
{
	struct json_object *list CLEANUP(json_putp) = history_load(&w->conf, unit, limit);
	struct buf b CLEANUP(buf_done) = { 0 };

	buf_puts(&b, "");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_printf(
			&b, "%s ", json_text(json_object_array_get_idx(list, i), "backup_id"));
	assert_string_equal(b.data ? b.data : "", ids);
}

static void check_next(const struct world *w, int64_t now_ms, const char *id)
{
	char *next CLEANUP(freep) = history_next_id(&w->conf, now_ms);

	assert_string_equal(next, id);
}

static void newest_first_and_by_unit(void **state)
{
	struct world *w = *state;
	char *path CLEANUP(freep) = xasprintf("%s/20260131T020000Z.json", w->history);
	struct stat st;

	check(w, NULL, 10, "");
	assert_int_equal(add(w, "20260131T020000Z", "shop").fault.code, FAULT_NONE);
	assert_int_equal(add(w, "20260201T020000Z", "blog").fault.code, FAULT_NONE);
	assert_int_equal(add(w, "20260130T020000Z", "shop").fault.code, FAULT_NONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	check(w, NULL, 10, "20260201T020000Z 20260131T020000Z 20260130T020000Z ");
	check(w, NULL, 2, "20260201T020000Z 20260131T020000Z ");
	check(w, "shop", 1, "20260131T020000Z ");
	check(w, "shop", 10, "20260131T020000Z 20260130T020000Z ");
	check(w, "none", 10, "");
	check(w, NULL, 0, "");
}

static void damaged_and_foreign_files(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, "20260131T020000Z", "shop").fault.code, FAULT_NONE);
	put(w, "20260201T020000Z.json", "{\"backup_id\":\"2026");
	put(w, "20260202T020000Z.json", "");
	put(w, "20260203T020000Z.json", "{\"backup_id\":\"odd\",\"units\":3}");
	put(w, "zzzzzzzzTzzzzzzZ.json", "{}");
	put(w, "20260131T020000Z.json.tmp", "{}");
	check(w, "shop", 10, "20260131T020000Z ");
	check(w, NULL, 10, "odd 20260131T020000Z ");
	check_next(w, 0, "20260203T020001Z");
}

static void keeps_the_newest_thousand(void **state)
{
	struct world *w = *state;
	struct stat st;

	for (int i = 0; i < 1005; i++) {
		char *name CLEANUP(freep) =
			xasprintf("20250101T%02d%02d%02dZ.json", i / 3600, i / 60 % 60, i % 60);
		put(w, name, "{}");
	}
	put(w, "README", "the operator's own");
	assert_int_equal(add(w, "20260131T020000Z", "shop").fault.code, FAULT_NONE);
	char *first CLEANUP(freep) = xasprintf("%s/20250101T000006Z.json", w->history);
	char *gone CLEANUP(freep) = xasprintf("%s/20250101T000005Z.json", w->history);
	char *own CLEANUP(freep) = xasprintf("%s/README", w->history);
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(stat(gone, &st), -1);
	assert_int_equal(stat(own, &st), 0);
	struct json_object *list CLEANUP(json_putp) = history_load(&w->conf, NULL, 5000);
	assert_int_equal(json_object_array_length(list), 1000);
}

static void a_directory_that_is_gone(void **state)
{
	struct world *w = *state;

	assert_int_equal(rmdir(w->history), 0);
	struct outcome o = add(w, "20260131T020000Z", "shop");
	assert_int_equal(o.fault.code, FAULT_FAILED);
	assert_true(o.fault.text[0] != 0);
	check(w, NULL, 10, "");
	check_next(w, 0, "19700101T000000Z");
}

static void ids_only_grow(void **state)
{
	struct world *w = *state;
	const int64_t at = 1769824800999; /* 2026-01-31T02:00:00.999Z */

	check_next(w, at, "20260131T020000Z");
	put(w, "20260131T020000Z.json", "{}");
	check_next(w, at, "20260131T020001Z"); /* within the second */
	check_next(w, at + 1, "20260131T020001Z");
	check_next(w, at + 60000, "20260131T020100Z");
	check_next(w, at - 3600 * 1000, "20260131T020001Z"); /* the clock stepped back */
	put(w, "20261231T235959Z.json", "{}");
	check_next(w, at, "20270101T000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(newest_first_and_by_unit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_and_foreign_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_the_newest_thousand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_directory_that_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_only_grow, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
