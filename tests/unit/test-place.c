/* SPDX-License-Identifier: MIT */
/*
 * The built kopi-docka-place: the exchange, and the way back from wherever it was killed. Where a
 * kill may stop it is made by hand: each rename that it does is undone or done here.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "tests/unit/unit.h"

static char directory[] = "/var/tmp/kd-test-place-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return dir_remove(directory);
}

static char *at(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static void put(const char *name, const char *text)
{
	char *path CLEANUP(freep) = at(name), *parent CLEANUP(freep) = xstrdup(path);
	struct fault f = { 0 };

	*strrchr(parent, '/') = '\0';
	assert_int_equal(dir_make(parent, 0755, &f), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, &f), 0);
}

static bool has(const char *name, const char *text)
{
	char *path CLEANUP(freep) = at(name);
	struct buf b CLEANUP(buf_done) = { 0 };

	return file_read(path, 4096, &b) == 0 && streq(b.data ? b.data : "", text);
}

static bool there(const char *name)
{
	char *path CLEANUP(freep) = at(name);
	struct stat st;

	return lstat(path, &st) == 0;
}

static void rename_to(const char *from, const char *to)
{
	char *a CLEANUP(freep) = at(from), *b CLEANUP(freep) = at(to), *parent CLEANUP(freep) = at(to);
	struct fault f = { 0 };

	*strrchr(parent, '/') = '\0';
	assert_int_equal(dir_make(parent, 0755, &f), 0);
	assert_int_equal(rename(a, b), 0);
}

/* The words with @ in them stand below the directory. Its exit status; ${ret_out}: what it printed, caller's. */
static int run(char **ret_out, const char *const *words)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	int fds[2];
	struct buf out = { 0 };

	strv_take(&argv, path_helper("kopi-docka-place"));
	for (; *words; words++) {
		if (**words == '@')
			strv_addf(&argv, "%s/%s", directory, *words + 1);
		else
			strv_add(&argv, *words);
	}
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execv(argv.v[0], argv.v);
		_exit(127);
	}
	close(fds[1]);
	assert_int_equal(fd_read_all(fds[0], 1 << 16, &out), 0);
	close(fds[0]);
	int status;
	waitpid(pid, &status, 0);
	if (ret_out)
		*ret_out = buf_steal(&out);
	else
		buf_done(&out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run(NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define WHOLE(verb, mode)                                                                                                       \
	RUN(verb, "--mode", mode, "--new", "@staging/x", "--dest", "@item", "--kept", "@kept/1/item", "--failed", "@kept/1/item.put-back", \
		"--marker", "@staging/x.swap")
#define PATH(verb, path)                                                                                                        \
	RUN(verb, "--mode", "path", "--new", "@staging/x/" path, "--dest", path, "--kept", "@kept/1/item/" path, "--failed",          \
		"@kept/1/item.put-back/" path, "--marker", "@staging/x.swap1", "--root", "@item", "--below", "@staging/x")

static void old_and_new(void)
{
	put("item/f", "old");
	put("staging/x/f", "new");
}

static void assert_old(void)
{
	assert_true(has("item/f", "old"));
	assert_false(there("kept/1/item/f"));
}

static void there_and_back(void **state)
{
	static const char *const modes[] = { "rename", "contents" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		old_and_new();
		assert_int_equal(WHOLE("swap", modes[i]), 0);
		assert_true(has("item/f", "new") && has("kept/1/item/f", "old"));
		assert_int_equal(WHOLE("undo", modes[i]), 0);
		assert_old();
		assert_true(has("kept/1/item.put-back/f", "new"));
		assert_int_equal(WHOLE("undo", modes[i]), 0); /* any number of times */
		assert_old();
		tear_down(NULL);
		set_up(NULL);
	}
}

static void killed_while_renaming(void **state)
{
	(void)state;
	/* nothing had begun: no marker */
	old_and_new();
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	assert_true(has("staging/x/f", "new"));
	/* exchanged, and the old not at its place yet */
	assert_int_equal(WHOLE("swap", "rename"), 0);
	rename_to("kept/1/item", "staging/x");
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	/* on the way back: exchanged, and the new not at its place yet */
	assert_int_equal(dir_remove(directory), 0);
	mkdir(directory, 0700);
	old_and_new();
	assert_int_equal(WHOLE("swap", "rename"), 0);
	rename_to("item", "elsewhere");
	rename_to("kept/1/item", "item");
	rename_to("elsewhere", "kept/1/item");
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	assert_true(has("kept/1/item.put-back/f", "new"));
}

/* A filesystem without exchange: dest is missing for a moment. */
static void killed_without_exchange(void **state)
{
	(void)state;
	old_and_new();
	assert_int_equal(WHOLE("swap", "rename"), 0);
	rename_to("item", "staging/x");
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
}

static void killed_while_moving_contents(void **state)
{
	(void)state;
	put("item/a", "old a");
	put("item/b", "old b");
	put("staging/x/a", "new a");
	put("staging/x/c", "new c");
	/* one of two old entries had left */
	rename_to("item/a", "kept/1/item.part/a");
	assert_int_equal(WHOLE("undo", "contents"), 0);
	assert_true(has("item/a", "old a") && has("item/b", "old b") && !there("kept/1/item.part"));
	/* all had left, one of the new ones had come */
	assert_int_equal(WHOLE("swap", "contents"), 0);
	rename_to("item/c", "staging/x/c");
	assert_int_equal(WHOLE("undo", "contents"), 0);
	assert_true(has("item/a", "old a") && has("item/b", "old b") && !there("item/c"));
	assert_true(has("kept/1/item.put-back/a", "new a"));
}

static void single_paths(void **state)
{
	char *link CLEANUP(freep) = at("item/link");
	char *out = NULL;

	(void)state;
	put("item/d/f", "old");
	put("staging/x/d/f", "new");
	put("staging/x/n/m/g", "new");
	chmod((char *)(uintptr_t)directory, 0755);
	char *model CLEANUP(freep) = at("staging/x/n");
	assert_int_equal(chmod(model, 02751), 0);
	assert_int_equal(PATH("swap", "d/f"), 0);
	assert_true(has("item/d/f", "new") && has("kept/1/item/d/f", "old"));
	assert_int_equal(PATH("undo", "d/f"), 0);
	assert_true(has("item/d/f", "old"));
	/* what is not there now comes with its directories as they were, and goes again */
	assert_int_equal(PATH("swap", "n/m/g"), 0);
	struct stat st;
	char *made CLEANUP(freep) = at("item/n");
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02751);
	assert_true(has("item/n/m/g", "new"));
	assert_int_equal(PATH("undo", "n/m/g"), 0);
	assert_false(there("item/n/m/g"));
	/* a link on the way leads nowhere */
	assert_int_equal(symlink("/etc", link), 0);
	put("staging/x/link/passwd", "new");
	const char *const words[] = { "swap", "--mode", "path", "--new", "@staging/x/link/passwd", "--dest", "link/passwd", "--kept", "@k",
		"--failed", "@fl", "--marker", "@staging/x.swap2", "--root", "@item", "--below", "@staging/x", NULL };
	assert_int_equal(run(&out, words), 1);
	assert_non_null(strstr(out, "is no directory now"));
	free(out);
}

static void stages(void **state)
{
	char *out = NULL;

	(void)state;
	put("item/f", "old");
	const char *const words[] = { "stage", "--id", "1", "--name", "n", "@item", NULL };
	assert_int_equal(run(&out, words), 0);
	struct json_object *o CLEANUP(json_putp) = json_parse(out, strlen(out));
	assert_string_equal(json_text(o, "mode"), "rename");
	assert_true(json_number(o, "free", -1) > 0);
	char *prefix CLEANUP(freep) = at(".kopi-docka-staging/");
	assert_true(starts_with(json_text(o, "staged"), prefix));
	free(out);
	/* missing is made, a link is followed, a file is no directory */
	assert_int_equal(RUN("stage", "--id", "1", "--name", "n", "@new/deep"), 0);
	assert_true(there("new/deep"));
	char *link CLEANUP(freep) = at("link"), *target CLEANUP(freep) = at("item");
	assert_int_equal(symlink(target, link), 0);
	const char *const by_link[] = { "stage", "--id", "1", "--name", "n", "@link", NULL };
	assert_int_equal(run(&out, by_link), 0);
	struct json_object *l CLEANUP(json_putp) = json_parse(out, strlen(out));
	assert_string_equal(json_text(l, "dest"), target);
	free(out);
	assert_int_equal(RUN("stage", "--id", "1", "--name", "n", "@item/f"), 1);
	assert_int_equal(RUN("stage", "--file", "--id", "1", "--name", "n", "@item"), 1);
	/* where others can write, they may have made our directory first */
	put("theirs/item/f", "x");
	char *trap CLEANUP(freep) = at("theirs/.kopi-docka-staging");
	assert_int_equal(symlink("/tmp", trap), 0);
	assert_int_equal(RUN("stage", "--id", "1", "--name", "n", "@theirs/item"), 1);
}

static void forgets(void **state)
{
	char *link CLEANUP(freep) = at("other/.kopi-docka-kept"), *real CLEANUP(freep) = at(".kopi-docka-kept");

	(void)state;
	put(".kopi-docka-kept/1/a/f", "old");
	put(".kopi-docka-kept/1/b/f", "old");
	put(".kopi-docka-kept/2/a/f", "old");
	put("other/x", "x");
	put("precious/f", "x");
	char *inside CLEANUP(freep) = at(".kopi-docka-kept/1/a/link"), *precious CLEANUP(freep) = at("precious");
	assert_int_equal(symlink(precious, inside), 0);
	assert_int_equal(symlink(real, link), 0);
	assert_int_equal(RUN("forget", "2", "@other/.kopi-docka-kept/2/a"), 1); /* through a link */
	assert_int_equal(RUN("forget", "1", "@precious/f"), 1);                /* not our name */
	assert_int_equal(RUN("forget", "..", "@.kopi-docka-kept/../precious"), 1);
	assert_int_equal(RUN("forget", "1", "@.kopi-docka-kept/2/a"), 1);      /* another restore's */
	assert_int_equal(RUN("forget", "1", "@.kopi-docka-kept/1/a/deep/path", "@.kopi-docka-kept/1/gone"), 0);
	assert_true(!there(".kopi-docka-kept/1/a") && there(".kopi-docka-kept/1/b") && has("precious/f", "x"));
	assert_int_equal(RUN("forget", "1", "@.kopi-docka-kept/1/b"), 0);
	assert_true(!there(".kopi-docka-kept/1") && has(".kopi-docka-kept/2/a/f", "old"));
	assert_int_equal(RUN("forget", "2", "@.kopi-docka-kept/2/a"), 0);
	assert_false(there(".kopi-docka-kept"));
}

static void small_ones(void **state)
{
	char *out = NULL;

	(void)state;
	put("item/d/f", "old");
	put("item/.kopi-docka-kept/1/x", "kept");
	put(".kopi-docka-staging/x/f", "new");
	put(".kopi-docka-staging/x.swap1", "1:2");
	put(".kopi-docka-staging/y/f", "new");
	assert_int_equal(RUN("sweep", "@.kopi-docka-staging/x"), 0);
	assert_true(!there(".kopi-docka-staging/x") && !there(".kopi-docka-staging/x.swap1") && there(".kopi-docka-staging/y"));
	assert_int_equal(RUN("sweep", "@item"), 1);
	assert_int_equal(RUN("clear", "--marker", "@begun", "@item"), 0);
	assert_true(there("begun") && !there("item/d") && there("item/.kopi-docka-kept/1/x"));
	const char *const room[] = { "room", "@room", "@item", NULL };
	assert_int_equal(run(&out, room), 0);
	assert_non_null(strstr(out, "\"free\":"));
	free(out);
	/* only the last directory is made, and none where everything is emptied */
	static const char *const bad[][4] = { { "room", "@missing/room", NULL }, { "room", "@item", "@item", NULL },
		{ "room", "@item/room", "@item", NULL } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(run(&out, bad[i]), 1);
		free(out);
	}
	const char *const used[] = { "used", "@item", NULL };
	assert_int_equal(run(&out, used), 0);
	assert_non_null(strstr(out, "\"used\":"));
	free(out);
	assert_int_equal(RUN("used", "@nowhere"), 1);
	assert_int_equal(RUN("save", "@s/copy.tar"), 0); /* whatever our input is: it ends */
	assert_true(there("s/copy.tar") && !there("s/copy.tar.part"));
	assert_int_equal(RUN("save", "@s/copy.tar"), 1); /* never over another */
	assert_int_equal(RUN("nothing"), 2);
	assert_int_equal(RUN("swap", "--mode", "rename"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_while_renaming, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_without_exchange, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_while_moving_contents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(single_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(small_ones, set_up, tear_down),
	};

	if (!freopen("/dev/null", "r", stdin))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
