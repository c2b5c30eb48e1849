/* SPDX-License-Identifier: MIT */
#include "daemon/pure/ledger_record.h"
#include "tests/unit/unit.h"

static void fill(struct buf *b)
{
	struct ledger_entry c = { .kind = LEDGER_CONTAINER, .key = xstrdup("id1"), .name = xstrdup("db"), .unit = xstrdup("shop"),
		.started_at = xstrdup("2026"), .paused = true, .owed = true, .level = 2, .grace_s = 30, .inspect = xstrdup("{}") };
	struct ledger_entry r = { .kind = LEDGER_RUN, .key = xstrdup("b/shop"), .unit = xstrdup("shop"), .backup_id = xstrdup("b") };

	ledger_format_open(b, &c);
	ledger_format_open(b, &r);
	ledger_format_close(b, "id1", "started");
	ledger_entry_done(&c);
	ledger_entry_done(&r);
}

static size_t count(const char *text, size_t len)
{
	struct ledger_record r;
	size_t n = 0, at = 0, used;

	while ((used = ledger_parse(text + at, len - at, &r)) > 0) {
		at += used;
		n++;
		ledger_entry_done(&r.entry);
	}
	return n;
}

static void there_and_back(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	struct ledger_record r;

	(void)state;
	fill(&b);
	size_t used = ledger_parse(b.data, b.len, &r);
	assert_true(used > 0);
	assert_false(r.closes);
	assert_int_equal(r.entry.kind, LEDGER_CONTAINER);
	assert_true(r.entry.paused && r.entry.owed);
	assert_int_equal(r.entry.level, 2);
	assert_int_equal(r.entry.grace_s, 30);
	struct ledger_entry copy;
	ledger_entry_copy(&copy, &r.entry);
	assert_string_equal(copy.name, "db");
	ledger_entry_done(&copy);
	ledger_entry_done(&r.entry);
	assert_int_equal(count(b.data, b.len), 3);
}

static void torn_at_every_byte(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };

	(void)state;
	fill(&b);
	for (size_t len = 0; len < b.len; len++) {
		size_t whole = 0;
		for (size_t i = 0; i < len; i++)
			whole += b.data[i] == '\n';
		assert_int_equal(count(b.data, len), whole);
	}
}

static void flipped_at_every_byte(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };

	(void)state;
	fill(&b);
	size_t first = strcspn(b.data, "\n") + 1;
	for (size_t i = 0; i < first - 1; i++) {
		b.data[i] = (char)(b.data[i] ^ 4);
		struct ledger_record r = { 0 };
		/* A digit of the CRC may change its case only: that is the same number. */
		if (ledger_parse(b.data, b.len, &r) > 0 && i > 8)
			fail_msg("byte %zu was flipped and not noticed", i);
		ledger_entry_done(&r.entry);
		b.data[i] = (char)(b.data[i] ^ 4);
	}
	char zeros[512] = { 0 };
	assert_int_equal(count(zeros, sizeof(zeros)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(torn_at_every_byte), cmocka_unit_test(flipped_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
