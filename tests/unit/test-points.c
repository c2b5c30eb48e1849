/* SPDX-License-Identifier: MIT */
#include "common/varlink.h"
#include "daemon/pure/kopia.h"
#include "daemon/pure/result.h"
#include "tests/unit/unit.h"

#define ITEM(id, run, item, path)                                                                                            \
	"{\"id\":\"" id "\",\"source\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"" path "\"},\"startTime\":\"2026-01-31T02:00:00Z\"," \
	"\"rootEntry\":{\"obj\":\"k" id "\",\"summ\":{\"size\":100,\"files\":1}},\"tags\":{\"tag:unit\":\"my%20shop\",\"tag:type\":\"volume\"," \
	"\"tag:backup_id\":\"" run "\",\"tag:item\":\"" item "\"}}"
#define RECIPE(id, run, items, ids)                                                                                          \
	"{\"id\":\"" id "\",\"source\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/recipes/my%20shop\"},\"startTime\":\"2026-01-31T02:00:00Z\"," \
	"\"rootEntry\":{\"obj\":\"k" id "\",\"summ\":{\"size\":1,\"files\":1}},\"tags\":{\"tag:unit\":\"my%20shop\",\"tag:type\":\"recipe\"," \
	"\"tag:backup_id\":\"" run "\",\"tag:items\":\"" items "\",\"tag:ids\":\"" ids "\",\"tag:window_ms\":\"520\"}}"

static const char snapshots[] = "[" ITEM("1", "20260131T020000Z", "volume%3Aa", "/volumes/my%20shop/a") ","
	ITEM("2", "20260131T020000Z", "volume%3Ab", "/volumes/my%20shop/b") ","
	RECIPE("3", "20260131T020000Z", "2", "volume%3Aa,volume%3Ab") ","
	ITEM("4", "20260201T020000Z", "volume%3Aa", "/volumes/my%20shop/a") ","
	RECIPE("5", "20260201T020000Z", "2", "volume%3Aa,volume%3Ab") ","
	ITEM("6", "20260202T020000Z", "volume%3Aa", "/volumes/my%20shop/a") ","
	"{\"id\":\"7\",\"source\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/other\"},\"rootEntry\":{\"obj\":\"k\"}},"
	"{\"id\":\"8\",\"source\":{},\"incomplete\":\"canceled\",\"rootEntry\":{\"obj\":\"k\"},\"tags\":{\"tag:unit\":\"x\",\"tag:type\":\"volume\",\"tag:backup_id\":\"y\"}}]";

static void groups(void **state)
{
	struct kopia_snapshot *v = NULL;
	struct point *p = NULL;
	size_t n = 0, points = 0;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(kopia_parse_list(snapshots, strlen(snapshots), &v, &n, &f), 0);
	points_from_snapshots(v, n, NULL, NULL, &p, &points);
	assert_int_equal(points, 3);
	assert_string_equal(p[0].backup_id, "20260202T020000Z"); /* newest first */
	assert_string_equal(p[0].unit, "my shop");
	assert_false(p[0].complete);
	assert_int_equal(p[0].expected, -1);
	assert_false(p[1].complete);
	assert_int_equal(p[1].missing.n, 1);
	assert_string_equal(p[1].missing.v[0], "volume:b");
	assert_true(p[2].complete);
	assert_int_equal(p[2].window_ms, 520);
	assert_int_equal(p[2].size_bytes, 200);
	assert_string_equal(p[2].items[0].file, "a.tar");
	assert_string_equal(p[2].recipe_file, "my%20shop.recipe.tar");
	assert_ptr_equal(point_find(p, points, "my shop", NULL), &p[2]); /* the newest complete one */
	assert_ptr_equal(point_find(p, points, "my shop", "20260201T020000Z"), &p[1]);
	assert_null(point_find(p, points, "other", NULL));
	struct json_object *o CLEANUP(json_putp) = point_json(&p[1]);
	assert_false(json_flag(o, "complete", true));
	assert_string_equal(json_text(o, "host"), "u@h");
	points_free(p, points);
	points_from_snapshots(v, n, "my shop", "u@elsewhere", &p, &points);
	assert_int_equal(points, 0);
	points_free(p, points);
	kopia_snapshots_free(v, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(groups) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
