/* SPDX-License-Identifier: MIT */
/* Which units had restore points, kept over restarts and hostile names. */
#include <sys/stat.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/known.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct conf conf;
	char *directory;
	int calls;
	struct fault fault;
};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->directory = xstrdup("/tmp/kd-test-known-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0)
		return -1;
	w->conf.paths.state = w->directory;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r = loop_free(w->loop);

	if (r == 0)
		r = dir_remove(w->directory);
	free(w->directory);
	free(w);
	return r;
}

static void on_done(void *arg, const struct fault *f)
{
	struct world *w = arg;

	w->calls++;
	if (f)
		w->fault = *f;
}

static void add(struct world *w, const char *unit, const char *gone)
{
	struct known_unit k = { .unit = (char *)(uintptr_t)unit, .backup_id = (char *)(uintptr_t)"20260101T000000Z",
		.gone = { .what = (char *)(uintptr_t)gone } };

	known_save(w->loop, &w->conf, &k, on_done, w);
}

static void finish(struct world *w, int calls)
{
	assert_int_equal(w->calls, 0); /* never from inside */
	loop_drain(w->loop, 5000);
	assert_int_equal(w->calls, calls);
	w->calls = 0;
}

static void check_missing(const struct world *w, const struct units *there, const char *const *want, size_t n)
{
	struct strv missing CLEANUP(strv_done) = { 0 };

	known_missing(&w->conf, there, &missing);
	assert_int_equal(missing.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(missing.v[i], want[i]);
}

static void known_until_forgotten(void **state)
{
	static const char *const names[] = { ".", "../out", ".hidden", "a", "b c@\n%", "shop" };
	struct world *w = *state;
	struct unit unit = { .name = (char *)(uintptr_t)"shop" };
	struct units none = { 0 }, one = { .v = &unit, .n = 1 };

	check_missing(w, &none, NULL, 0);
	assert_false(known_learned(&w->conf));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add(w, names[i], NULL);
	finish(w, ARRAY_SIZE(names));
	assert_int_equal(w->fault.code, FAULT_NONE);
	char *half CLEANUP(freep) = xasprintf("%s/units/half=unit.AbCdEf", w->directory);
	assert_int_equal(file_replace(half, "", 0, 0600, &w->fault), 0); /* as a crash leaves it */
	check_missing(w, &none, names, ARRAY_SIZE(names));
	check_missing(w, &one, names, ARRAY_SIZE(names) - 1);
	assert_true(known_has(&w->conf, "b c@\n%"));
	add(w, "a", "gone");
	finish(w, 1);
	assert_int_equal(w->fault.code, FAULT_NONE);
	assert_true(known_has(&w->conf, "a"));
	check_missing(w, &one, (const char *const[]){ ".", "../out", ".hidden", "b c@\n%" }, 4);
	struct json_object *accepted CLEANUP(json_putp) = known_accepted(&w->conf);
	assert_int_equal(json_object_array_length(accepted), 1);
	assert_string_equal(json_text(json_object_array_get_idx(accepted, 0), "unit"), "a");
	char *sentence CLEANUP(freep) = known_sentence("x");
	assert_non_null(strstr(sentence, "kopi-docka accept x"));
	add(w, "a", NULL); /* backed up again: it is there again */
	finish(w, 1);
	check_missing(w, &one, names, ARRAY_SIZE(names) - 1);
}

static void what_cannot_be_written_says_so(void **state)
{
	struct world *w = *state;
	char *path CLEANUP(freep) = path_units(&w->conf);
	struct fault f = { 0 };

	assert_int_equal(file_replace(path, "", 0, 0600, &f), 0);
	add(w, "a", NULL);
	finish(w, 1);
	assert_int_not_equal(w->fault.code, FAULT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known_until_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_says_so, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
