/* SPDX-License-Identifier: MIT */
#include "daemon/pure/swaps.h"

#include "common/varlink.h"
#include "tests/unit/unit.h"

static void fill(struct swaps *s)
{
	*s = (struct swaps){ .id = xstrdup("20260131T020000Z"), .unit = xstrdup("shop \"x\""), .backup_id = xstrdup("20260130T020000Z"),
		.safety = xstrdup("safety-1") };
	struct swap *one = swaps_add(s);
	*one = (struct swap){ .item = xstrdup("volume:a"), .mode = SWAP_PATH, .root = xstrdup("/v"), .dest = xstrdup("a/b\n\xff\\"),
		.new = xstrdup("/s/a/b\n"), .kept = xstrdup("/k"), .failed = xstrdup("/k.put-back"), .marker = xstrdup("/s.swap1"),
		.staged = xstrdup("/s") };
	struct swap *two = swaps_add(s);
	*two = (struct swap){ .item = xstrdup("bind:/x"), .mode = SWAP_IN_PLACE, .dest = xstrdup("/x"), .marker = xstrdup("/m"), .is_file = true };
	struct archive from = { .object = (char *)(uintptr_t)"k1", .file = (char *)(uintptr_t)"x.tar" };
	archive_copy(&two->from, &from);
	strv_add(&s->containers, "abc");
	strv_add(&s->unhealthy, "abc");
	s->state = SWAPS_CONDEMNED;
	s->way_back = true;
}

static void round_trip(void **state)
{
	struct swaps a, b;

	(void)state;
	fill(&a);
	struct json_object *o CLEANUP(json_putp) = swaps_json(&a);
	const char *text = json_object_to_json_string(o);
	assert_int_equal(swaps_parse(text, strlen(text), &b), 0);
	struct json_object *again CLEANUP(json_putp) = swaps_json(&b);
	assert_true(json_object_equal(o, again));
	char *place CLEANUP(freep) = swap_place(&b.v[0]), *whole CLEANUP(freep) = swap_place(&b.v[1]);
	assert_string_equal(place, "/v/a/b\n\xff\\");
	assert_string_equal(whole, "/x");
	assert_int_equal(b.v[1].mode, SWAP_IN_PLACE);
	assert_true(b.state == SWAPS_CONDEMNED && b.way_back);
	archive_done(&b.v[1].from);
	assert_null(b.v[1].from.object);
	swaps_done(&a);
	swaps_done(&b);
}

static void refuses(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"restore_id\":\"../../x\",\"unit\":\"u\"}",
		"{\"restore_id\":\"20260131T020000Z\"}",
		"{\"restore_id\":\"20260131T020000Z\",\"unit\":\"u\",\"swaps\":[{\"mode\":\"other\",\"item\":\"i\",\"dest\":\"/d\"}]}",
		"{\"restore_id\":\"20260131T020000Z\",\"unit\":\"u\",\"swaps\":[{\"mode\":\"rename\",\"item\":\"i\",\"dest\":\"/d\"}]}",
		"{\"restore_id\":\"20260131T020000Z\",\"unit\":\"u\",\"swaps\":[{\"mode\":\"in-place\",\"item\":\"i\",\"dest\":\"/d\"}]}" };
	struct swaps s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(swaps_parse(bad[i], strlen(bad[i]), &s) < 0);
	assert_int_equal(swap_mode_by_name("nothing"), SWAP_MODES);
	assert_string_equal(swap_mode_name(SWAP_CONTENTS), "contents");
}

static void ids(void **state)
{
	int64_t ms = 0;
	char *id CLEANUP(freep) = restore_id_format(1769824800000), *key CLEANUP(freep) = swaps_key(id);

	(void)state;
	assert_string_equal(id, "20260131T020000Z");
	assert_int_equal(restore_id_time(id, &ms), 0);
	assert_int_equal(ms, 1769824800000);
	assert_string_equal(swaps_key_id(key), id);
	assert_null(swaps_key_id("0123"));
	static const char *const bad[] = { "", "x", "20260131T020000Zx", "20261331T020000Z", "20260131T020000", "2026/131T020000Z" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(restore_id_time(bad[i], &ms) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip), cmocka_unit_test(refuses), cmocka_unit_test(ids) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
