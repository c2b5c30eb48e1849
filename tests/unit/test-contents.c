/* SPDX-License-Identifier: MIT */
/* What items had, what they have lost, and what of that is accepted. */
#include <errno.h>

#include "common/varlink.h"
#include "daemon/pure/contents.h"
#include "tests/unit/unit.h"

#define KIB 1024
#define DAY ((int64_t)24 * 3600 * 1000)

static void the_judgement(void **state)
{
	static const struct {
		struct content had, now;
		enum content_loss loss;
	} rows[] = {
		/* directories */
		{ { false, 0, 0 }, { false, 0, 0 }, LOSS_NONE },
		{ { false, 3, 100 }, { false, 0, 0 }, LOSS_ALL },
		{ { false, 1, 0 }, { false, 0, 0 }, LOSS_ALL },
		{ { false, 9, 5 << 20 }, { false, 2, 0 }, LOSS_ALL }, /* a skeleton */
		{ { false, 3, 100 }, { false, 2, 0 }, LOSS_NONE },    /* small things come and go */
		{ { false, 7, 100 }, { false, 1, 100 }, LOSS_NONE },
		{ { false, 8, 100 }, { false, 4, 100 }, LOSS_NONE },
		{ { false, 8, 100 }, { false, 3, 100 }, LOSS_MOST },
		{ { false, 1000, 5 << 20 }, { false, 1000, 2 << 20 }, LOSS_MOST },
		{ { false, 1000, 5 << 20 }, { false, 501, 3 << 20 }, LOSS_NONE },
		{ { false, 2, 64 * KIB }, { false, 2, 1 }, LOSS_MOST },
		{ { false, 10, 10 }, { false, 100, 5 << 20 }, LOSS_NONE },
		/* files */
		{ { true, 1, 10 }, { true, 1, 0 }, LOSS_ALL },
		{ { true, 1, 10 }, { true, 1, 1 }, LOSS_NONE },
		{ { true, 1, 128 * KIB }, { true, 1, 1 }, LOSS_MOST },
		{ { true, 1, 10 }, { false, 0, 0 }, LOSS_TURNED },
		{ { false, 0, 0 }, { true, 1, 10 }, LOSS_TURNED },
		/* what an older version wrote down, and what nobody knows */
		{ { false, -1, 100 }, { false, 0, 0 }, LOSS_ALL },
		{ { false, -1, 100 }, { true, 1, 100 }, LOSS_NONE },
		{ { false, -1, -1 }, { false, 0, 0 }, LOSS_NONE },
		{ { false, 5, 100 }, { false, -1, -1 }, LOSS_NONE },
		{ { false, INT64_MAX, INT64_MAX }, { false, 1, 1 }, LOSS_MOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (content_judge(&rows[i].had, &rows[i].now) != rows[i].loss)
			fail_msg("row %zu: %s", i, content_loss_name(content_judge(&rows[i].had, &rows[i].now)));
}

/* One unit with one item, as measured on a day. */
struct story {
	struct known_unit known;
	struct item item;
	struct unit unit;
	int64_t now_ms;
};

static void begin(struct story *s)
{
	*s = (struct story){ .now_ms = DAY * 1000 };
	s->item = (struct item){ .id = (char *)(uintptr_t)"volume:v", .path = (char *)(uintptr_t)"/v" };
	s->unit = (struct unit){ .name = (char *)(uintptr_t)"shop", .items = &s->item, .n_items = 1 };
}

static void end(struct story *s)
{
	known_unit_done(&s->known);
	strv_done(&s->unit.warnings);
	free(s->item.lost);
}

/* Through the file, as between two runs; what is lost is not saved. */
static enum content_loss night(struct story *s, int64_t entries, int64_t bytes)
{
	struct strv saved CLEANUP(strv_done) = { 0 };
	struct known_unit again;

	s->now_ms += DAY;
	s->item.entries = entries;
	s->item.size_bytes = bytes;
	strv_done(&s->unit.warnings);
	free(s->item.lost);
	s->item.lost = NULL;
	contents_compare(&s->known, &s->unit, s->now_ms);
	if (!s->item.lost)
		strv_add(&saved, "volume:v");
	contents_update(&s->known, &s->unit, &saved, "20260131T020000Z", s->now_ms);
	struct json_object *o CLEANUP(json_putp) = known_unit_json(&s->known);
	assert_int_equal(known_unit_parse(o, &again), 0);
	known_unit_done(&s->known);
	s->known = again;
	return s->item.lost ? LOSS_ALL : s->unit.warnings.n ? LOSS_MOST : LOSS_NONE;
}

static int accept(struct story *s)
{
	const struct acceptance a = { .reason = (char *)(uintptr_t)"meant", .time_ms = s->now_ms, .uid = 7 };

	return contents_accept(&s->known, &s->item, &a);
}

static size_t accepted(const struct story *s)
{
	struct json_object *list CLEANUP(json_putp) = json_object_new_array();

	known_unit_accepted(&s->known, list);
	return json_object_array_length(list);
}

static void emptied_until_accepted(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	assert_int_equal(night(&s, 3, 100), LOSS_NONE);
	assert_int_equal(accept(&s), -ENOENT); /* nothing is lost */
	for (int i = 0; i < 30; i++) /* an error does not wear off */
		assert_int_equal(night(&s, 0, 0), LOSS_ALL);
	assert_non_null(strstr(s.item.lost, "accept shop --item volume:v"));
	assert_int_equal(accept(&s), 0);
	assert_int_equal(accepted(&s), 1);
	assert_int_equal(night(&s, 0, 0), LOSS_NONE);
	assert_int_equal(accepted(&s), 1);
	/* it has data again: nothing is accepted any more */
	assert_int_equal(night(&s, 4, 200), LOSS_NONE);
	assert_int_equal(accepted(&s), 0);
	assert_int_equal(night(&s, 0, 0), LOSS_ALL);
	/* and it is back by itself */
	assert_int_equal(night(&s, 3, 100), LOSS_NONE);
	char *hold CLEANUP(freep) = contents_hold(&s.known, s.now_ms);
	assert_null(hold);
	end(&s);
}

static void most_is_told_for_two_weeks(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	assert_int_equal(night(&s, 100, 100), LOSS_NONE);
	for (int i = 0; i < 14; i++) {
		assert_int_equal(night(&s, 10, 10), LOSS_MOST);
		char *hold CLEANUP(freep) = contents_hold(&s.known, s.now_ms);
		assert_non_null(hold);
	}
	assert_int_equal(night(&s, 10, 10), LOSS_NONE);
	char *hold CLEANUP(freep) = contents_hold(&s.known, s.now_ms);
	assert_null(hold);
	/* the smaller is the measure now */
	assert_int_equal(night(&s, 4, 10), LOSS_MOST);
	assert_int_equal(accept(&s), 0);
	assert_int_equal(night(&s, 4, 10), LOSS_NONE);
	assert_int_equal(accepted(&s), 1);
	assert_int_equal(night(&s, 9, 10), LOSS_NONE);
	assert_int_equal(accepted(&s), 0);
	assert_int_equal(night(&s, 100, 10), LOSS_NONE);
	/* told, and back the next day */
	assert_int_equal(night(&s, 20, 10), LOSS_MOST);
	assert_int_equal(night(&s, 80, 10), LOSS_NONE);
	assert_int_equal(night(&s, 30, 10), LOSS_MOST);
	end(&s);
}

static void items_that_go(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	assert_int_equal(night(&s, 100, 100), LOSS_NONE);
	s.unit.n_items = 0;
	contents_update(&s.known, &s.unit, &s.unit.warnings, "x", s.now_ms);
	assert_int_equal(s.known.n_items, 0);
	s.unit.n_items = 1;
	assert_int_equal(night(&s, 0, 0), LOSS_NONE); /* the last point has no such item */
	end(&s);
}

static void what_is_no_file_of_ours(void **state)
{
	static const char *const texts[] = { "null", "[]", "{}", "{\"unit\":3}", "{\"unit\":\"a\",\"items\":3,\"gone\":[]}",
		"{\"unit\":\"a\",\"items\":[3,{},{\"id\":\"v\",\"entries\":\"x\",\"accepted\":{\"what\":\"w\",\"time\":3}}]}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json_object *o CLEANUP(json_putp) = json_parse(texts[i], strlen(texts[i]));
		struct known_unit k = { 0 };
		assert_int_equal(known_unit_parse(o, &k), i < 4 ? -EBADMSG : 0);
		known_unit_done(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_judgement),
		cmocka_unit_test(emptied_until_accepted),
		cmocka_unit_test(most_is_told_for_two_weeks),
		cmocka_unit_test(items_that_go),
		cmocka_unit_test(what_is_no_file_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
