/* SPDX-License-Identifier: MIT */
#include "client/prompt.h"
#include "client/wizard_internal.h"
#include "tests/unit/unit.h"

static void group(struct wizard *w, const char *text)
{
	*w = (struct wizard){ .reply.parameters = json_parse(text, strlen(text)) };
	assert_non_null(w->reply.parameters);
	wizard_group(w);
}

static void by_unit_and_newest_first(void **state)
{
	struct wizard w CLEANUP(wizard_done) = { 0 };

	(void)state;
	group(&w, "{\"restore_points\":["
		  "{\"unit\":\"shop\",\"backup_id\":\"20260101T000000Z\",\"time\":\"2026-01-01T00:00:00Z\",\"complete\":true},"
		  "{\"unit\":\"mail\",\"backup_id\":\"20260102T000000Z\"},"
		  "{\"unit\":\"shop\",\"backup_id\":\"20260103T000000Z\",\"time\":\"nonsense\"},"
		  "{\"unit\":\"shop\"},{\"backup_id\":\"x\"},5,null]}");
	assert_int_equal(w.n_units, 2);
	assert_string_equal(w.units[0].name, "mail");
	assert_int_equal(w.units[0].n, 1);
	assert_int_equal(w.units[1].n, 2);
	assert_string_equal(w.units[1].points[0].backup_id, "20260103T000000Z");
	assert_int_equal(w.units[1].points[0].time_ms, -1);
	assert_false(w.units[1].points[0].complete);
	assert_true(w.units[1].points[1].complete);
	assert_int_equal(w.units[1].points[1].time_ms, 1767225600000);
}

static void nothing_to_group(void **state)
{
	static const char *const replies[] = { "{}", "{\"restore_points\":[]}", "{\"restore_points\":5}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		struct wizard w CLEANUP(wizard_done) = { 0 };
		group(&w, replies[i]);
		assert_int_equal(w.n_units, 0);
	}
}

static void items_are_named_where_it_matters(void **state)
{
	struct wizard w CLEANUP(wizard_done) = { 0 };
	static const struct {
		bool all, complete, named;
	} rows[] = { { true, true, false }, { false, true, true }, { true, false, true }, { false, false, true } };

	(void)state;
	group(&w, "{\"restore_points\":[{\"unit\":\"shop\",\"backup_id\":\"20260101T000000Z\",\"items\":[\"volume:a\"]}]}");
	w.unit = &w.units[0];
	w.point = &w.units[0].points[0];
	strv_add(&w.items, "volume:a");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		w.all = rows[i].all;
		w.units[0].points[0].complete = rows[i].complete;
		struct json_object *p CLEANUP(json_putp) = wizard_parameters(&w);
		assert_string_equal(json_text(p, "unit"), "shop");
		assert_string_equal(json_text(p, "backup_id"), "20260101T000000Z");
		assert_int_equal(json_member(p, "items") != NULL, rows[i].named);
	}
}

static void numbers_of_a_list(void **state)
{
	(void)state;
	assert_int_equal(prompt_index("1", 3), 0);
	assert_int_equal(prompt_index("3", 3), 2);
	assert_int_equal(prompt_index("0", 3), -1);
	assert_int_equal(prompt_index("4", 3), -1);
	assert_int_equal(prompt_index("-1", 3), -1);
	assert_int_equal(prompt_index("+1", 3), -1);
	assert_int_equal(prompt_index(" 1", 3), -1);
	assert_int_equal(prompt_index("1x", 3), -1);
	assert_int_equal(prompt_index("", 3), -1);
	assert_int_equal(prompt_index("18446744073709551617", 3), -1);
	assert_int_equal(prompt_index("1", 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_unit_and_newest_first),
		cmocka_unit_test(nothing_to_group),
		cmocka_unit_test(items_are_named_where_it_matters),
		cmocka_unit_test(numbers_of_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
