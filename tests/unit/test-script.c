/* SPDX-License-Identifier: MIT */
/*
 * The texts are run: by sh, with a docker and a kopia that are short scripts over
 * directories, and with the real tar. Names are as hostile as names can be.
 */
#include <sys/stat.h>

#include "common/fd.h"
#include "common/shell.h"
#include "daemon/pure/script.h"
#include "tests/unit/unit.h"

#define HOSTILE "o'dd \"x\" $(touch pwned) `touch pwned` \\ * -n\n#"

struct world {
	char *directory, *path_before;
};

/*
 * Volumes are directories below volumes/, archives files below archives/. What is asked
 * of docker is written to log; a file fail-NAME makes that command fail.
 */
static const char fake_docker[] =
	"#!/bin/sh\n"
	"case $1 in\n"
	"stop|start) printf '%s %s\\n' \"$1\" \"$3\" >>\"$WORLD/log\"; [ \"$2\" = -- ] && [ ! -e \"$WORLD/fail-$1\" ];;\n"
	"inspect) for name do :; done; [ ! -e \"$WORLD/state-$name\" ] && echo running || cat \"$WORLD/state-$name\";;\n"
	"pause) printf '%s %s\\n' \"$1\" \"$3\" >>\"$WORLD/log\";;\n"
	"volume)\n"
	"\tfor name do :; done\n"
	"\tcase $2 in\n"
	"\tinspect) [ -d \"$WORLD/volumes/$name\" ] && printf '%s\\n' \"$WORLD/volumes/$name/_data\";;\n"
	"\tcreate) printf '%s\\n' \"$*\" >>\"$WORLD/log\"; mkdir -p \"$WORLD/volumes/$name/_data\";;\n"
	"\tesac;;\n"
	"esac\n";
static const char fake_kopia[] =
	"#!/bin/sh\n"
	"[ \"$KOPIA_PASSWORD\" = secret ] || exit 9\n"
	"for last do :; done\n"
	"case \" $* \" in\n"
	"*' show '*) cat \"$WORLD/archives/${last#*/}\" || exit 1; [ ! -e \"$WORLD/fail-kopia\" ];;\n"
	"*' list '*) printf '[{\"id\":\"1\",\"rootEntry\":{\"name\":\"x\",\"obj\":\"k1\"}}]\\n';;\n"
	"*' connect '*) printf '%s\\n' \"$*\" >>\"$WORLD/log\";;\n"
	"esac\n";
static const char fake_id[] = "#!/bin/sh\necho 0\n";

static char *below(const struct world *w, const char *name)
{
	return xasprintf("%s/%s", w->directory, name);
}

static void put(const struct world *w, const char *name, const char *text, mode_t mode)
{
	char *path CLEANUP(freep) = below(w, name);
	struct fault f = { 0 };

	assert_int_equal(file_replace(path, text, strlen(text), mode, &f), 0);
}

static void check_file(const struct world *w, const char *name, const char *text)
{
	char *path CLEANUP(freep) = below(w, name);
	struct buf b CLEANUP(buf_done) = { 0 };

	if (file_read(path, 1 << 16, &b) < 0 || !streq(b.data ? b.data : "", text))
		fail_msg("%s: '%s' instead of '%s'", name, b.data ? b.data : "", text);
}

static bool exists(const struct world *w, const char *name)
{
	char *path CLEANUP(freep) = below(w, name);

	return access(path, F_OK) == 0;
}

static int run(const char *fmt, ...) PRINTF(1, 2);
static int run(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *command CLEANUP(freep) = xvasprintf(fmt, ap);
	va_end(ap);
	int status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->directory = xstrdup("/tmp/kd-test-script-XXXXXX");
	if (!mkdtemp(w->directory) || chdir(w->directory) < 0)
		return -1;
	w->path_before = xstrdup(getenv("PATH"));
	char *path CLEANUP(freep) = xasprintf("%s/bin:%s", w->directory, w->path_before);
	char *safety CLEANUP(freep) = below(w, "safety");
	if (setenv("PATH", path, 1) < 0 || setenv("WORLD", w->directory, 1) < 0 ||
		setenv("KOPIA_PASSWORD", "secret", 1) < 0 || setenv("SAFETY", safety, 1) < 0 ||
		unsetenv("KOPIA_CONFIG") < 0)
		return -1;
	if (run("mkdir bin archives volumes from; mkdir -p 'volumes/data/_data' && echo old >volumes/data/_data/file") !=
		0)
		return -1;
	put(w, "bin/docker", fake_docker, 0755);
	put(w, "bin/kopia", fake_kopia, 0755);
	put(w, "bin/id", fake_id, 0755);
	put(w, "it's a config", "", 0600);
	put(w, "from/file", "new", 0640);
	put(w, "from/.hidden", "also", 0600);
	put(w, "single.conf", "old", 0644);
	if (run("tar -cf archives/data.tar -C from . && tar -cf archives/single.tar -C from ./.hidden") !=
		0)
		return -1;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r = chdir("/") < 0 || setenv("PATH", w->path_before, 1) < 0
			? -1
			: dir_remove(w->directory);

	free(w->directory);
	free(w->path_before);
	free(w);
	return r;
}

/* --- quoting
 * ------------------------------------------------------------------------------------ */

static void check_quoted(const char *word, const char *quoted)
{
	char *command CLEANUP(freep) = xasprintf("printf '%%s' %s", quoted);
	struct buf b CLEANUP(buf_done) = { 0 };
	FILE *p = popen(command, "re");

	assert_non_null(p);
	assert_int_equal(fd_read_all(fileno(p), 1 << 16, &b), 0);
	assert_int_equal(pclose(p), 0);
	assert_string_equal(b.data ? b.data : "", word);
}

static void check_quoting(const char *word)
{
	char *quoted CLEANUP(freep) = shell_quote(word), *read CLEANUP(freep) = shell_word(word);

	check_quoted(word, quoted);
	check_quoted(word, read);
}

static void plain_words_are_left_as_they_are(void **state)
{
	char *plain CLEANUP(freep) = shell_word("/srv/shop/compose.yml"), *other CLEANUP(freep) = shell_word("a b");

	(void)state;
	assert_string_equal(plain, "/srv/shop/compose.yml");
	assert_string_equal(other, "'a b'");
}

static void every_word_comes_through_sh(void **state)
{
	static const char *const words[] = { "", "'", "''", "a b", "-n", "--", "$HOME", "`id`",
		"$(id)", "\\", "\n", "\\\n", "*", "~", "!", "a'\"'\"b", HOSTILE, "\xff\xfe",
		"{a,b}" };
	unsigned int seed = 20260131;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		check_quoting(words[i]);
	for (int round = 0; round < 150; round++) {
		char word[64] = { 0 };
		for (size_t i = 0; i < sizeof(word) - 1; i++)
			word[i] = (char)(1 + rand_r(&seed) % 255);
		check_quoting(word);
	}
}

/* --- the script
 * ------------------------------------------------------------------------------------- */

/* A volume that is there, one that is not, a directory, a single file. */
static char *make_script(const struct world *w)
{
	struct strv stop CLEANUP(strv_done) = { 0 }, start CLEANUP(strv_done) = { 0 },
			 create CLEANUP(strv_done) = { 0 };
	struct strv connect CLEANUP(strv_done) = { 0 };
	char *config CLEANUP(freep) = below(w, "it's a config"),
		     *single CLEANUP(freep) = below(w, "single.conf");
	char *bind CLEANUP(freep) = below(w, "bind " HOSTILE);

	strv_add(&stop, "web");
	strv_add(&stop, HOSTILE);
	strv_add(&start, HOSTILE);
	strv_add(&start, "web");
	strv_add(&create, "--label=x=" HOSTILE);
	strv_add(&connect, "filesystem");
	strv_add(&connect, "--path=/x\ntouch pwned");
	const struct script_item items[] = {
		{ .id = "volume:data", .object = "k1", .file = "data.tar", .volume = "data" },
		{ .id = "volume:gone",
			.object = "k1",
			.file = "data.tar",
			.volume = "gone",
			.create = &create },
		{ .id = "bind:x", .object = "k1", .file = "data.tar", .dest = bind },
		{ .id = "bind:y",
			.object = "k1",
			.file = "single.tar",
			.dest = single },
	};
	const struct script_options o = { .unit = "shop\ntouch pwned",
		.backup_id = "20260131T020000Z",
		.config_file = config,
		.connect = &connect,
		.items = items,
		.n_items = ARRAY_SIZE(items),
		.stop = &stop,
		.start = &start };
	return script_restore(&o);
}

static int run_script(const struct world *w)
{
	char *text CLEANUP(freep) = make_script(w);

	put(w, "restore.sh", text, 0700);
	int exit_status = run("sh restore.sh >out 2>&1 </dev/null");
	assert_false(exists(w, "pwned"));
	return exit_status;
}

static void check_services(const struct world *w)
{
	check_file(w, "log",
		"volume create --label=x=" HOSTILE " -- gone\nstop web\nstop " HOSTILE
		"\nstart " HOSTILE "\nstart web\n");
}

static void restores_in_safe_order(void **state)
{
	struct world *w = *state;

	if (run_script(w) != 0) {
		IGNORE(run("cat out")); /* for whoever reads the failure */
		fail();
	}
	check_services(w);
	check_file(w, "volumes/data/_data/file", "new");
	check_file(w, "volumes/data/_data/.hidden", "also");
	check_file(w, "volumes/gone/_data/file", "new");
	check_file(w, "bind " HOSTILE "/file", "new");
	check_file(w, "single.conf", "also");
	assert_int_equal(run("tar -xOf safety/item-1.tar ./_data/file | grep -qx old"), 0);
	assert_int_equal(run("tar -xOf safety/item-4.tar ./single.conf | grep -qx old"), 0);
	assert_int_equal(run("grep -qx old volumes/data/.kopi-docka-old.*/data/file"), 0);
	assert_int_equal(run("ls -A volumes/data | grep -q new"), 1);
	/* A second time it does not write over the safety copies of the first. */
	assert_int_equal(run_script(w), 1);
	assert_int_equal(run("tar -xOf safety/item-1.tar ./_data/file | grep -qx old"), 0);
}

static void kopia_that_fails_changes_nothing(void **state)
{
	struct world *w = *state;

	put(w, "fail-kopia", "",
		0600); /* at the end, with every byte written: tar is content */
	assert_int_equal(run_script(w), 1);
	check_services(w);
	check_file(w, "volumes/data/_data/file", "old\n");
	check_file(w, "single.conf", "old");
	assert_int_equal(run("ls -A volumes/data | grep -q kopi-docka"), 1);
}

static void a_damaged_archive_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		run("head -c 100000 /dev/zero >from/big && tar -cf archives/data.tar -C from . &&"
		    " truncate -s 20000 archives/data.tar"),
		0);
	assert_int_equal(run_script(w), 1);
	check_services(w);
	check_file(w, "volumes/data/_data/file", "old\n");
	check_file(w, "single.conf", "old"); /* all or none */
	assert_int_equal(run("ls -A . volumes/data | grep -q kopi-docka"), 1);
}

static void starts_what_it_stopped(void **state)
{
	struct world *w = *state;

	put(w, "fail-stop", "", 0600);
	assert_int_equal(run_script(w), 1);
	check_services(w);
	check_file(w, "volumes/data/_data/file", "old\n");
	assert_int_equal(run("rm -rf fail-stop log volumes/gone"), 0);
	put(w, "fail-start", "", 0600);
	assert_int_equal(run_script(w), 1); /* and says so when that fails */
	check_services(w);
	check_file(w, "volumes/data/_data/file", "new");
}

static void refuses_before_stopping(void **state)
{
	struct world *w = *state;

	put(w, "bin/df", "#!/bin/sh\necho 'x 1 1 3 1% /'\n", 0755);
	assert_int_equal(run_script(w), 1);
	assert_int_equal(run("grep -q 'KiB free' out"), 0);
	assert_int_equal(run("grep -q stop log"), 1);
	assert_int_equal(run("rm bin/df"), 0);
	assert_int_equal(unsetenv("KOPIA_PASSWORD"), 0);
	assert_int_equal(run_script(w), 1);
	assert_int_equal(run("grep -q KOPIA_PASSWORD out"), 0);
	assert_int_equal(setenv("KOPIA_PASSWORD", "secret", 1), 0);
	assert_int_equal(setenv("KOPIA_CONFIG", "/nonexistent", 1), 0);
	assert_int_equal(run_script(w), 1);
	assert_int_equal(run("grep -q /nonexistent out"), 0);
	put(w, "bin/id", "#!/bin/sh\necho 1000\n", 0755);
	assert_int_equal(run_script(w), 1);
	assert_int_equal(run("grep -q root out"), 0);
	assert_int_equal(run("grep -q stop log"), 1);
}

static void nothing_to_stop(void **state)
{
	struct world *w = *state;
	char *config CLEANUP(freep) = below(w, "it's a config"),
		     *to CLEANUP(freep) = below(w, "to/here");
	const struct script_item item = {
		.id = "bind:/x", .object = "k1", .file = "data.tar", .dest = to
	};
	const struct script_options o = { .unit = "u",
		.backup_id = "b",
		.config_file = config,
		.items = &item,
		.n_items = 1 };
	char *text CLEANUP(freep) = script_restore(&o);

	put(w, "restore.sh", text, 0700);
	assert_int_equal(run("sh restore.sh >out 2>&1 </dev/null"), 0);
	check_file(w, "to/here/file", "new");
	assert_false(exists(w, "log"));
	/* Through a link, as the engine does: what it leads to is kept and replaced. */
	assert_int_equal(
		run("mv to/here elsewhere && ln -s ../elsewhere to/here && echo old >elsewhere/file"),
		0);
	assert_int_equal(run("sh restore.sh >out 2>&1 </dev/null"), 0);
	check_file(w, "elsewhere/file", "new");
	assert_int_equal(
		run("[ -L to/here ] && tar -xOf safety/item-1.tar ./elsewhere/file | grep -qx old"),
		0);
}

/* What is not the unit's own stays, and is named; nobody looks at it, and nothing is copied from it. */
static void leaves_what_is_not_the_units(void **state)
{
	struct world *w = *state;
	struct strv none CLEANUP(strv_done) = { 0 };
	char *config CLEANUP(freep) = below(w, "it's a config"), *there CLEANUP(freep) = below(w, "single.conf");
	char *gone CLEANUP(freep) = below(w, "gone.conf"), *host CLEANUP(freep) = below(w, "passwd");
	const struct script_item items[] = {
		{ .id = "bind:" HOSTILE, .object = "k1", .file = "single.tar", .dest = host, .left = "it's " HOSTILE },
		{ .id = "bind:there", .object = "k1", .file = "single.tar", .dest = there, .only_missing = true },
		{ .id = "bind:gone", .object = "k1", .file = "single.tar", .dest = gone, .only_missing = true },
	};
	char *text CLEANUP(freep) = script_restore(&(const struct script_options){ .unit = "shop", .backup_id = "20260131T020000Z",
		.config_file = config, .connect = &none, .identity = "u@h", .items = items, .n_items = ARRAY_SIZE(items), .stop = &none, .start = &none });

	put(w, "passwd", "host's", 0644);
	put(w, "restore.sh", text, 0700);
	assert_int_equal(run("sh ./restore.sh >out 2>&1"), 0);
	check_file(w, "passwd", "host's");
	check_file(w, "single.conf", "old");
	check_file(w, "gone.conf", "also");
	assert_false(exists(w, "pwned"));
	assert_int_equal(run("grep -c 'not put back' out | grep -qx 2"), 0);
	assert_int_equal(run("! command -v shellcheck >/dev/null || shellcheck -s sh restore.sh"), 0);
}

static void shellcheck_is_content(void **state)
{
	struct world *w = *state;
	char *text CLEANUP(freep) = make_script(w);

	if (run("command -v shellcheck >/dev/null") != 0) {
		assert_null(getenv("CI")); /* there it must be installed */
		skip();
		return;
	}
	put(w, "restore.sh", text, 0700);
	assert_int_equal(run("shellcheck -s sh restore.sh"), 0);
	assert_null(strstr(text, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_comes_through_sh),
		cmocka_unit_test(plain_words_are_left_as_they_are),
		cmocka_unit_test_setup_teardown(restores_in_safe_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			kopia_that_fails_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_damaged_archive_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(starts_what_it_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_before_stopping, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_to_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaves_what_is_not_the_units, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shellcheck_is_content, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
