/* SPDX-License-Identifier: MIT */
#include "common/buf.h"
#include "common/shell.h"
#include "daemon/pure/tar.h"
#include "tests/unit/unit.h"

static void creates(void **state)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, file CLEANUP(strv_done) = { 0 }, ex CLEANUP(strv_done) = { 0 };

	(void)state;
	strv_add(&ex, "*.tmp");
	struct tar_read dir = { .clamp_mtime = true, .excludes = &ex };
	tar_argv_create(&dir, &argv);
	assert_false(strv_has(&argv, "-C"));
	assert_string_equal(argv.v[argv.n - 1], ".");
	assert_true(strv_has(&argv, "--exclude=*.tmp"));
	assert_true(strv_has(&argv, "--clamp-mtime"));
	assert_true(strv_has(&argv, "--one-file-system"));
	struct tar_read one = { .file = "/a/-f&", .excludes = &ex };
	tar_argv_create(&one, &file);
	assert_string_equal(file.v[file.n - 3], "-h");
	assert_string_equal(file.v[file.n - 2], "--transform=s/3$/-f\\&/");
	assert_string_equal(file.v[file.n - 1], "./3");
	assert_false(strv_has(&file, "--clamp-mtime"));
	assert_false(strv_has(&file, "--exclude=*.tmp"));
}

static void extracts(void **state)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, paths CLEANUP(strv_done) = { 0 };

	(void)state;
	strv_add(&paths, "etc/a/x");
	strv_add(&paths, "-y");
	struct tar_extract some = { .paths = &paths };
	tar_argv_extract(&some, &argv);
	assert_false(strv_has(&argv, "-C")); /* where it is started, and nowhere else */
	/* the directories above, without what else is in them */
	static const char *const end[] = { "--no-unquote", "--no-recursion", "./etc", "./etc/a", "--recursion", "./etc/a/x", "./-y" };
	for (size_t i = 0; i < ARRAY_SIZE(end); i++)
		assert_string_equal(argv.v[argv.n - ARRAY_SIZE(end) + i], end[i]);
	assert_true(strv_has(&argv, "--xattrs-include=*"));
	assert_true(strv_has(&argv, "--delay-directory-restore"));
	struct strv env CLEANUP(strv_done) = { 0 };
	tar_environment(&env);
	assert_true(strv_has(&env, "LC_ALL=C"));
}

static void reads_paths(void **state)
{
	static const char *const cases[][2] = { { "/etc//x/", "etc/x" }, { "./a/./b", "a/b" }, { "", "" }, { "/", "" },
		{ ".", "" }, { "..x/y..", "..x/y.." }, { "a\nb", "a\nb" } };
	struct fault f = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path CLEANUP(freep) = tar_path(cases[i][0], &f);
		assert_string_equal(path, cases[i][1]);
	}
	assert_null(tar_path("a/../../etc/passwd", &f));
	assert_string_equal(f.text, "path 'a/../../etc/passwd' leads out of the item");
}

static void judges(void **state)
{
	struct strv notes CLEANUP(strv_done) = { 0 };
	struct fault f = { 0 };
	int64_t bytes = -1;

	(void)state;
	assert_int_equal(tar_judge("/bin/tar: ./s: socket ignored\nTotal bytes written: 10240 (10KiB, 1GiB/s)\n", &bytes, &notes, &f), 0);
	assert_int_equal(bytes, 10240);
	assert_int_equal(notes.n, 1);
	static const char *const bad[] = { "", "/bin/tar: ./s: socket ignored\n",
		"/bin/tar: ./x: file changed as we read it\nTotal bytes written: 10240 (x)\n",
		"/bin/tar: Warning: Cannot llistxattrat: x\nTotal bytes written: 1\n" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(tar_judge(bad[i], &bytes, &notes, &f) < 0);
}

static int run(const char *before, const struct strv *argv, const char *redirect)
{
	struct buf b CLEANUP(buf_done) = { 0 };

	buf_puts(&b, before);
	for (size_t i = 0; i < argv->n; i++) {
		char *word CLEANUP(freep) = shell_quote(argv->v[i]);
		buf_printf(&b, "%s ", word);
	}
	buf_puts(&b, redirect);
	return system(b.data);
}

/* tar reads \\n in its operands, in a replacement and in -C as a newline, unless told not to. */
static void backslashes_are_names(void **state)
{
	static const char file[] = "/tmp/kd-test-tar\\n/f\\t";
	const struct tar_read all = { 0 }, one = { .file = file };
	struct strv create CLEANUP(strv_done) = { 0 }, single CLEANUP(strv_done) = { 0 }, extract CLEANUP(strv_done) = { 0 };

	(void)state;
	assert_int_equal(system("rm -rf '/tmp/kd-test-tar\\n' && mkdir -p '/tmp/kd-test-tar\\n/to\\t' && echo x >'/tmp/kd-test-tar\\n/f\\t'"), 0);
	tar_argv_create(&all, &create);
	tar_argv_create(&one, &single);
	tar_argv_extract(NULL, &extract);
	assert_int_equal(run("cd '/tmp/kd-test-tar\\n'; ", &create, ">/tmp/kd-test-tar.a 2>/dev/null"), 0);
	assert_int_equal(run("exec 3<'/tmp/kd-test-tar\\n/f\\t'; cd /proc/self/fd; exec ", &single, ">'/tmp/kd-test-tar\\n/b.tar'"
		" 2>/dev/null"), 0);
	assert_int_equal(run("cd '/tmp/kd-test-tar\\n/to\\t'; ", &extract, "<'/tmp/kd-test-tar\\n/b.tar'"), 0);
	assert_int_equal(system("grep -qx x '/tmp/kd-test-tar\\n/to\\t/f\\t' && tar -tf /tmp/kd-test-tar.a | grep -q f"), 0);
	assert_int_equal(system("rm -r '/tmp/kd-test-tar\\n' /tmp/kd-test-tar.a"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creates), cmocka_unit_test(extracts), cmocka_unit_test(reads_paths), cmocka_unit_test(judges),
		cmocka_unit_test(backslashes_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
