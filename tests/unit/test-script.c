/* SPDX-License-Identifier: MIT */
#include <sys/wait.h>

#include "common/fd.h"
#include "daemon/pure/script.h"
#include "tests/unit/unit.h"

/* What a real sh makes of the word. */
static char *through_sh(const char *quoted)
{
	char *command CLEANUP(freep) = xasprintf("printf '%%s.' %s", quoted);
	struct buf out = { 0 };
	FILE *p = popen(command, "re");

	assert_non_null(p);
	assert_int_equal(fd_read_all(fileno(p), 1 << 20, &out), 0);
	assert_int_equal(pclose(p), 0);
	assert_int_equal(out.data[out.len - 1], '.');
	out.data[out.len - 1] = '\0';
	return out.data;
}

static void words_survive_sh(void **state)
{
	static const char *const hostile[] = { "", "a b", "a'b", "$(touch /tmp/x)", "`x`", "a\nb", "-rf", "\\", "'; rm -rf / #", "*", "\"", "\t\x01" };
	unsigned int seed = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		char *quoted CLEANUP(freep) = script_quote(hostile[i]), *back CLEANUP(freep) = through_sh(quoted);
		assert_string_equal(back, hostile[i]);
	}
	for (int i = 0; i < 40; i++) {
		char word[64] = { 0 };
		for (int j = 0; j < 60; j++)
			word[j] = (char)(1 + rand_r(&seed) % 255);
		char *quoted CLEANUP(freep) = script_quote(word), *back CLEANUP(freep) = through_sh(quoted);
		assert_string_equal(back, word);
	}
}

static struct script_options options(struct strv *names, struct strv *connect)
{
	static struct script_item items[] = {
		{ .id = "volume:a'b", .object = "k1", .file = "a.tar", .volume = "a'b" },
		{ .id = "bind:/srv/x y", .object = "k2", .file = "x.tar", .dest = "/srv/x y" },
		{ .id = "bind:/srv/f", .object = "k3", .file = "f.tar", .dest = "/srv/f", .is_file = true },
	};

	strv_add(names, "na'me\n$(x)");
	strv_add(connect, "filesystem");
	strv_add(connect, "--path=/r'x");
	return (struct script_options){
		.unit = "shop\nrm -rf /", .backup_id = "20260131T020000Z", .config_file = "/s/repository.config", .connect = connect,
		.identity = "u@h", .items = items, .n_items = ARRAY_SIZE(items), .stop = names, .start = names,
		.compose_files = names, .redacted = names, .working_dir = "/w", .coverage = "- all\n",
	};
}

static int run_with(const char *command, const char *text)
{
	FILE *p = popen(command, "we");

	assert_non_null(p);
	assert_true(fputs(text, p) >= 0);
	int status = pclose(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_script_is_clean(void **state)
{
	struct strv names CLEANUP(strv_done) = { 0 }, connect CLEANUP(strv_done) = { 0 };
	struct script_options o = options(&names, &connect);
	char *text CLEANUP(freep) = script_restore(&o);

	(void)state;
	assert_null(strstr(text, "\nrm -rf /")); /* the comment's line did not end */
	assert_int_equal(run_with("sh -n", text), 0);
	assert_int_equal(run_with("shellcheck -s sh -", text), 0);
	assert_non_null(strstr(text, "'na'\\''me\n$(x)'"));
}

static void restore_md_has_its_blocks(void **state)
{
	struct strv names CLEANUP(strv_done) = { 0 }, connect CLEANUP(strv_done) = { 0 };
	struct script_options o = options(&names, &connect);
	char *text CLEANUP(freep) = script_restore_md(&o);

	(void)state;
	assert_non_null(strstr(text, "kopia repository connect 'filesystem' '--path=/r'\\''x' '--override-username=u'"));
	assert_non_null(strstr(text, "extract \"$(object_of volume%3Aa%27b)/a%27b.tar\""));
	assert_non_null(strstr(text, "docker compose -p"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_survive_sh), cmocka_unit_test(the_script_is_clean), cmocka_unit_test(restore_md_has_its_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
