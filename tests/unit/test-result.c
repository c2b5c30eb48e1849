/* SPDX-License-Identifier: MIT */
#include "common/varlink.h"
#include "daemon/pure/result.h"
#include "tests/unit/unit.h"

static void there_and_back(void **state)
{
	struct run_result r = { .backup_id = xstrdup("20260131T020000Z"), .started_ms = 1769824800000, .finished_ms = 1769824805000 }, again;

	(void)state;
	GROW(r.units, 0);
	r.n_units = 1;
	struct unit_result *u = &r.units[0];
	unit_result_init(u, "shop");
	u->data = DATA_COMPLETE;
	u->service = SERVICE_UP;
	u->window_ms = 520;
	u->phase_ms[PHASE_STOP] = 200;
	GROW(u->items, 0);
	u->n_items = 1;
	u->items[0] = (struct item_result){ .id = xstrdup("volume:a"), .method = xstrdup("spool"), .cold = 1, .bytes = 10, .uploaded_bytes = -1 };
	assert_int_equal(run_result_judge(&r), RUN_OK);
	strv_add(&u->warnings, "w");
	strv_add(&r.warnings, "of the run");
	strv_add(&r.errors, "history: full");
	r.state = run_result_judge(&r);
	assert_int_equal(r.state, RUN_WARNINGS);
	struct json_object *o CLEANUP(json_putp) = run_result_json(&r);
	assert_int_equal(run_result_parse(o, &again), 0);
	assert_int_equal(again.state, RUN_WARNINGS);
	assert_int_equal(again.finished_ms, r.finished_ms);
	assert_int_equal(again.units[0].phase_ms[PHASE_STOP], 200);
	assert_int_equal(again.units[0].phase_ms[PHASE_READ], -1);
	assert_int_equal(again.units[0].items[0].cold, 1);
	assert_string_equal(again.warnings.v[0], "of the run");
	assert_string_equal(again.errors.v[0], "history: full");
	struct json_object *p CLEANUP(json_putp) = run_result_json(&again);
	assert_true(json_object_equal(o, p));
	run_result_done(&again);
	run_result_done(&r);
}

static void no_success_with_errors_inside(void **state)
{
	struct run_result r = { 0 };

	(void)state;
	GROW(r.units, 0);
	r.n_units = 1;
	unit_result_init(&r.units[0], "x");
	assert_int_equal(run_result_judge(&r), RUN_FAILED); /* no data */
	r.units[0].data = DATA_COMPLETE;
	r.units[0].service = SERVICE_DEGRADED;
	assert_int_equal(run_result_judge(&r), RUN_WARNINGS);
	r.units[0].service = SERVICE_UP;
	assert_int_equal(run_result_judge(&r), RUN_OK);
	strv_add(&r.errors, "retention: no answer"); /* the data is safe, and yet it is no success */
	assert_int_equal(run_result_judge(&r), RUN_WARNINGS);
	r.units[0].service = SERVICE_DOWN;
	assert_int_equal(run_result_judge(&r), RUN_FAILED);
	r.units[0].service = SERVICE_UP;
	strv_add(&r.units[0].not_restarted, "c");
	assert_int_equal(run_result_judge(&r), RUN_FAILED);
	struct run_result none = { 0 };
	strv_add(&none.errors, "there is no engine");
	assert_int_equal(run_result_judge(&none), RUN_FAILED); /* it could not begin */
	run_result_done(&none);
	r.state = RUN_CANCELLED;
	assert_int_equal(run_result_judge(&r), RUN_CANCELLED);
	run_result_done(&r);
}

static void bad_json(void **state)
{
	static const char *const bad[] = { "{}", "{\"backup_id\":\"x\",\"state\":\"ok\",\"started\":\"x\",\"units\":[]}",
		"{\"backup_id\":\"x\",\"state\":\"fine\",\"started\":\"2026-01-31T02:00:00Z\",\"units\":[]}",
		"{\"backup_id\":\"x\",\"state\":\"ok\",\"started\":\"2026-01-31T02:00:00Z\",\"units\":[{}]}" };
	struct run_result r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct json_object *o CLEANUP(json_putp) = json_parse(bad[i], strlen(bad[i]));
		assert_int_equal(run_result_parse(o, &r), -EBADMSG);
	}
	assert_string_equal(run_state_name(RUN_STATES), "failed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(no_success_with_errors_inside), cmocka_unit_test(bad_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
