/* SPDX-License-Identifier: MIT */
/* What kopi-docka-pack counts as left out is what tar leaves out, whatever the pattern; and what of restores is ours. */
#include <sys/stat.h>

#include "common/fd.h"
#include "common/shell.h"
#include "common/varlink.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/kd-test-exclude-XXXXXX";

static const char *const names[] = { "a", "b.tmp", "ab", "d", "d/a", "d/b.tmp", "d/e", "d/e/a", "d/e/ab.cache", "x[1]", "x1", "a*b", "a\\b",
	"lost+found", "lost+found/x", "d.tmp", "d.tmp/a", "d.tmp/e", ".a", "d/.a", "?", "d/e/a.tmp", "e", "*", "b.tmp.x", "d/a b", "d/\xC3\xA4" };

static char *below(const char *name)
{
	return xasprintf("%s/tree/%s", directory, name);
}

static int set_up(void **state)
{
	struct fault f = { 0 };

	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	char *tree CLEANUP(freep) = xasprintf("%s/tree", directory);
	if (mkdir(tree, 0755) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path CLEANUP(freep) = below(names[i]);
		bool dir = i + 1 < ARRAY_SIZE(names) && starts_with(names[i + 1], names[i]) && names[i + 1][strlen(names[i])] == '/';
		if (streq(names[i], "d/e"))
			dir = true;
		if (dir ? mkdir(path, 0755) < 0 : file_replace(path, "12345", 5, 0644, &f) < 0)
			return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return dir_remove(directory);
}

static char *output(const char *fmt, ...) PRINTF(1, 2);
static char *output(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	char *command CLEANUP(freep) = xvasprintf(fmt, ap);
	va_end(ap);
	FILE *p = popen(command, "re");
	assert_non_null(p);
	assert_int_equal(fd_read_all(fileno(p), 1 << 20, &b), 0);
	pclose(p);
	return buf_steal(&b);
}

static int64_t tar_members(const char *pattern)
{
	char *word CLEANUP(freep) = xasprintf("--exclude=%s", pattern), *quoted CLEANUP(freep) = shell_quote(word);
	char *text CLEANUP(freep) = output("cd %s/tree && LC_ALL=C tar -cf - --no-unquote --sort=name %s . 2>/dev/null | LC_ALL=C tar -tf - | wc -l", directory, quoted);

	return strtoll(text ? text : "0", NULL, 10);
}

static struct json_object *measure(const char *options)
{
	const char *helpers = getenv("KOPI_DOCKA_HELPERS");
	char *text CLEANUP(freep) = output("LC_ALL=C %s/kopi-docka-pack measure -- %s %s/tree", helpers ? helpers : ".", options, directory);
	struct json_object *o = json_parse(text, strlen(text));

	assert_non_null(o);
	return o;
}

static void check(const char *pattern)
{
	char *word CLEANUP(freep) = xasprintf("--exclude=%s", pattern), *quoted CLEANUP(freep) = shell_quote(word);
	struct json_object *o CLEANUP(json_putp) = measure(quoted);
	int64_t all = ARRAY_SIZE(names), in = json_number(o, "entries", -1), out = json_number(o, "excluded_entries", -1);
	int64_t tar = tar_members(pattern);

	/* tar's top is a member and no entry */
	if (in != (tar > 0 ? tar - 1 : 0) || in + out != all)
		fail_msg("'%s': tar has %lld, the walk %lld and left out %lld of %lld", pattern, (long long)tar, (long long)in, (long long)out, (long long)all);
}

static void known_patterns(void **state)
{
	static const char *const patterns[] = { "*.tmp", "*.cache", "lost+found", "d", "./d", "d/", "d/a", "e/a", "./a", "a", ".", "*", "?", "./*", "",
		"x[1]", "x\\[1\\]", "a\\*b", "a\\\\b", "[!a]", "[a", "d/*", "*/a", "d*a", "/a", "e/*.cache", ".a", "b.tmp", "\\a", "d\\", "*\\", "\xC3\xA4" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		check(patterns[i]);
}

static void random_patterns(void **state)
{
	static const char letters[] = "aabbdde.//**??[]\\1x!-t";
	unsigned int seed = 20260131;

	(void)state;
	for (int round = 0; round < 200; round++) {
		char pattern[8] = { 0 };
		size_t len = 1 + (size_t)rand_r(&seed) % (sizeof(pattern) - 1);
		for (size_t i = 0; i < len; i++)
			pattern[i] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		check(pattern);
	}
}

/* Known by a record and root's alone; a directory that somebody else calls so is data. */
static void what_restores_keep(void **state)
{
	char *ours CLEANUP(freep) = below("d/.kopi-docka-kept"), *theirs CLEANUP(freep) = below("d/e/.kopi-docka-kept"), *open CLEANUP(freep) = below(".kopi-docka-kept");
	char *options CLEANUP(freep) = xasprintf("--ours=%s --ours=%s --ours=%s/nowhere", ours, open, directory);

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(ours, 0700) | mkdir(theirs, 0700) | mkdir(open, 0755), 0);
	char *inside CLEANUP(freep) = xasprintf("%s/x", ours);
	assert_int_equal(mkdir(inside, 0755), 0);
	struct json_object *o CLEANUP(json_putp) = measure(options);
	struct strv own CLEANUP(strv_done) = { 0 };
	json_read_list(o, "ours", &own);
	assert_int_equal(own.n, 1);
	assert_string_equal(own.v[0], "./d/.kopi-docka-kept");
	assert_int_equal(json_number(o, "entries", -1), ARRAY_SIZE(names) + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known_patterns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_patterns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_restores_keep, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
