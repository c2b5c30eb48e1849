/* SPDX-License-Identifier: MIT */
/* kopi-docka-copy on real files: what it takes, what it only names, and where it does not go. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/kd-test-copy-XXXXXX";

static char *below(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	char *command CLEANUP(freep) = xasprintf(
		"cd %s && mkdir -p in/sub out to && printf one >in/file && chmod 640 in/file && printf two >out/file && "
		"ln -s file in/near && ln -s ../out/file in/far && ln -s ../out in/door && ln -s ../in/sub in/loop && mkfifo in/fifo && ln -s /dev/null in/device && "
		"mkdir theirs && printf own >out/own && ln -s ../out/file theirs/led && ln -s ../out/own theirs/own && ln -s ../out theirs/project && "
		"printf x >theirs/x && ln -s x theirs/near && chown -h 12345:12345 theirs theirs/* out/own && "
		"printf deep >in/sub/deep && head -c 5000 /dev/zero >in/big && printf n >\"$(printf 'in/a\\nb')\"", directory);
	return system(command) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return dir_remove(directory);
}

/* What it says about one file called /as. */
static struct json_object *copy(const char *mode, const char *root, const char *rest)
{
	const char *helpers = getenv("KOPI_DOCKA_HELPERS");
	char *program CLEANUP(freep) = xasprintf("%s/kopi-docka-copy", helpers ? helpers : ".");
	char *to CLEANUP(freep) = below("to");
	const char *const words[] = { program, to, "4096", mode, "/as/is", root, rest, NULL };
	struct buf out CLEANUP(buf_done) = { 0 };
	int ends[2], status;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execv(program, (char *const *)(uintptr_t)words);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(fd_read_all(ends[0], 1 << 16, &out), 0);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct json_object *o = json_parse(out.data, out.len - 1);
	assert_string_equal(json_text(o, "as"), "/as/is");
	return o;
}

static void every_kind(void **state)
{
	static const struct {
		const char *mode, *root, *rest, *state, *reason, *content;
	} table[] = {
		{ "c", "in", "in/file", "copied", NULL, "one" }, { "c", "in", "in/far", "copied", "by a link to ", "two" }, { "c", "in", "in/a\nb", "copied", NULL, "n" },
		{ "c", "in", "in/none", "missing", "not there", NULL }, { "c", "in", "in/file/x", "missing", "not there", NULL },
		{ "c", "in", "in", "refused", "a directory", NULL }, { "c", "in", "in/fifo", "refused", "a fifo", NULL },
		{ "c", "in", "in/big", "refused", "larger than 4 KiB", NULL }, { "l", "in", "in/near", "copied", NULL, "one" },
		{ "l", "in", "in/loop/deep", "copied", NULL, "deep" }, { "l", "in", "in/far", "refused", "out/file, which lies elsewhere", NULL },
		{ "l", "in", "in/door/file", "refused", "out/file, which lies elsewhere", NULL }, { "l", "/", "in/far", "copied", NULL, "two" },
		{ "c", "in", "in/device", "refused", "no regular file", NULL }, { "l", "in", "in/device", "refused", "/dev/null, which lies elsewhere", NULL },
		{ "l", "in", "in/none", "missing", "not there", NULL }, { "sl", "in", "in/file", "seen", NULL, NULL }, { "sl", "in", "in/big", "seen", NULL, NULL },
		{ "sl", "in", "in/fifo", "refused", "a fifo", NULL }, { "b", "in", "/file", "copied", NULL, "one" },
		{ "b", "in", "/sub/deep", "copied", NULL, "deep" }, { "b", "in", "/near", "refused", "a link", NULL },
		{ "b", "in", "/loop/deep", "missing", "not there", NULL }, { "b", "in", "/../out/file", "missing", "not there", NULL },
		{ "b", "in", "/", "missing", "not there", NULL }, { "b", "none", "/file", "missing", "not there", NULL },
		{ "b", "in", "/fifo", "refused", "a fifo", NULL }, { "sb", "in", "/file", "seen", NULL, NULL },
		/* what others can set never leads root to what is not theirs */
		{ "c", "theirs", "theirs/led", "refused", "theirs/led, which others than root can set, leads to ", NULL },
		{ "c", "theirs", "theirs/own", "copied", "by a link to ", "own" }, { "c", "theirs", "theirs/near", "copied", NULL, "x" },
		{ "l", "theirs", "theirs/near", "copied", NULL, "x" }, { "c", "theirs/project", "theirs/project/file", "refused", "not theirs", NULL },
		{ "l", "theirs/project", "theirs/project/file", "refused", "not theirs", NULL },
		{ "b", "theirs/project", "/file", "refused", "not theirs", NULL }, { "b", "theirs", "/x", "copied", NULL, "x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool within = table[i].mode[strlen(table[i].mode) - 1] == 'b';
		char *root CLEANUP(freep) = *table[i].root == '/' || *table[i].root == '\0' ? xstrdup(table[i].root) : below(table[i].root);
		char *rest CLEANUP(freep) = within ? xstrdup(table[i].rest) : below(table[i].rest);
		char *copied CLEANUP(freep) = below("to/as/is");
		unlink(copied);
		struct json_object *o CLEANUP(json_putp) = copy(table[i].mode, root, rest);
		const char *reason = json_text(o, "reason");
		struct buf content CLEANUP(buf_done) = { 0 };
		if (!streq(json_text(o, "state"), table[i].state) || (table[i].reason ? !reason || !strstr(reason, table[i].reason) : reason != NULL))
			fail_msg("%s %s: %s", table[i].mode, table[i].rest, json_object_to_json_string(o));
		assert_int_equal(file_read(copied, 1 << 16, &content), table[i].content ? 0 : -ENOENT);
		if (table[i].content)
			assert_string_equal(content.data, table[i].content);
	}
}

static void size_and_mode(void **state)
{
	char *file CLEANUP(freep) = below("in/file"), *in CLEANUP(freep) = below("in"), *copied CLEANUP(freep) = below("to/as/is");
	struct json_object *o CLEANUP(json_putp) = copy("l", in, file);
	struct stat st;

	(void)state;
	assert_int_equal(json_number(o, "size", -1), 3);
	assert_string_equal(json_text(o, "mode"), "0640");
	assert_int_equal(stat(copied, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(size_and_mode, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
