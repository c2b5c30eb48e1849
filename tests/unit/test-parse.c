/* SPDX-License-Identifier: MIT */
#include "client/verb.h"
#include "tests/unit/unit.h"

static const struct verb verb = {
	.name = "cook", .words = "DISH [TABLE]", .words_min = 1, .words_max = 2,
	.options = OPTIONS(LIST("unit", "NAME", units, "one unit"), FLAG("dry-run", dry_run, "only look"),
		TEXT("target", "DIR", target, "where to"), NUMBER("limit", "N", limit, "at most")),
};
static const struct verb raw = { .name = "raw", .raw = true };

static int parse(const struct verb *v, struct options *o, const char *line)
{
	char *copy CLEANUP(freep) = xstrdup(line), *rest = copy, *word;
	static char *argv[16]; /* what is parsed points into it */
	static char text[256];
	int argc = 0;

	snprintf(text, sizeof(text), "%s", copy);
	rest = text;
	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	return parse_options(argc, argv, v, o);
}

static void every_kind_in_every_place(void **state)
{
	struct options o CLEANUP(options_done) = { .limit = -1 };

	(void)state;
	assert_int_equal(parse(&verb, &o, "soup --unit a --unit=b --dry-run --target /x --json --limit 7 four"), 11);
	assert_int_equal(o.words.n, 2);
	assert_string_equal(o.words.v[1], "four");
	assert_int_equal(o.units.n, 2);
	assert_string_equal(o.units.v[1], "b");
	assert_true(o.dry_run && o.json && !o.help && o.own);
	assert_string_equal(o.target, "/x");
	assert_int_equal(o.limit, 7);
	assert_int_equal(parse_words(&verb, &o), 0);
}

static void before_the_verb_it_stops_at_the_first_word(void **state)
{
	struct options o CLEANUP(options_done) = { 0 };

	(void)state;
	assert_int_equal(parse(NULL, &o, "--socket /s --json cook --dry-run"), 3);
	assert_string_equal(o.socket, "/s");
	assert_int_equal(o.words.n, 0);
}

static void words_that_look_like_options(void **state)
{
	struct options o CLEANUP(options_done) = { 0 }, p CLEANUP(options_done) = { 0 }, q CLEANUP(options_done) = { 0 };

	(void)state;
	assert_int_equal(parse(&verb, &o, "-- --dry-run -x"), 3);
	assert_int_equal(o.words.n, 2);
	assert_false(o.dry_run);
	assert_int_equal(parse(&raw, &p, "snapshot list --all --help"), 4);
	assert_int_equal(p.words.n, 4);
	assert_false(p.help);
	assert_int_equal(parse_words(&raw, &p), 0);
	assert_int_equal(parse(&verb, &q, "- --target="), 2);
	assert_string_equal(q.words.v[0], "-");
	assert_string_equal(q.target, "");
}

static void help_has_a_short_form(void **state)
{
	struct options o CLEANUP(options_done) = { 0 };

	(void)state;
	assert_int_equal(parse(&verb, &o, "-h --socket /x"), 3);
	assert_true(o.help && !o.own);
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const lines[] = {
		"--nonsense", "--dry", "--dry-run=1", "--unit", "--limit many", "--limit -1", "--limit 1x", "--limit=", "-x", "--", "--=x", "---",
		"--limit 99999999999999999999", "--list-units",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct options o CLEANUP(options_done) = { 0 };
		assert_int_equal(parse(&verb, &o, lines[i]), streq(lines[i], "--") ? 1 : -1);
	}
}

static void words_are_counted(void **state)
{
	struct options none CLEANUP(options_done) = { 0 }, many CLEANUP(options_done) = { 0 };

	(void)state;
	assert_int_equal(parse_words(&verb, &none), -1);
	assert_int_equal(parse(&verb, &many, "a b c"), 3);
	assert_int_equal(parse_words(&verb, &many), -1);
}

static void near_and_far(void **state)
{
	(void)state;
	assert_int_equal(help_distance("backup", "backup"), 0);
	assert_int_equal(help_distance("bakup", "backup"), 1);
	assert_int_equal(help_distance("bcakup", "backup"), 1); /* swapped neighbours */
	assert_int_equal(help_distance("BACKUP", "backup"), 0);
	assert_int_equal(help_distance("disaster", "disaster-recovery"), 1); /* its beginning */
	assert_int_equal(help_distance("restroe", "restore"), 1);
	assert_int_equal(help_distance("status", "restore"), -1);
	assert_int_equal(help_distance("", "init"), -1);
	assert_int_equal(help_distance("a", "init"), -1);
	assert_int_equal(help_distance("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "init"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_in_every_place),
		cmocka_unit_test(before_the_verb_it_stops_at_the_first_word),
		cmocka_unit_test(words_that_look_like_options),
		cmocka_unit_test(help_has_a_short_form),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(words_are_counted),
		cmocka_unit_test(near_and_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
