/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/kd-test-fd-XXXXXX";
static char calls[64]; /* what was done, in order: renamed, unlinked, a file or a directory synced */

static void note(char call)
{
	calls[strlen(calls)] = call;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	struct stat st;

	note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'd' : 'f');
	return __real_fsync(fd);
}

int __real_renameat2(int a, const char *from, int b, const char *to, unsigned int flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned int flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned int flags)
{
	note('r');
	return __real_renameat2(a, from, b, to, flags);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
	note('u');
	return __real_unlink(path);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return dir_remove(directory);
}

static void replaces(void **state)
{
	char *path CLEANUP(freep) = xasprintf("%s/file", directory);
	struct buf b CLEANUP(buf_done) = { 0 };
	struct fault f = { 0 };
	struct stat st;
	int before = open_fds();

	(void)state;
	assert_int_equal(file_replace(path, "one", 3, 0600, &f), 0);
	assert_int_equal(file_replace(path, "three", 5, 0640, &f), 0);
	assert_int_equal(file_read(path, 100, &b), 0);
	assert_string_equal(b.data, "three");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(file_read(path, 2, &b), -EFBIG);
	assert_int_equal(file_read("/nonexistent", 2, &b), -ENOENT);
	assert_true(file_replace("/nonexistent/x", "x", 1, 0600, &f) < 0);
	assert_int_equal(f.code, FAULT_FAILED);
	assert_int_equal(open_fds(), before);
}

static void directories(void **state)
{
	char *deep CLEANUP(freep) = xasprintf("%s/a/b/c", directory), *file CLEANUP(freep) = xasprintf("%s/a/b/c/f", directory);
	char *link CLEANUP(freep) = xasprintf("%s/a/link", directory), *top CLEANUP(freep) = xasprintf("%s/a", directory);
	char *outside CLEANUP(freep) = xasprintf("%s/outside", directory);
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(dir_make(deep, 0700, &f), 0);
	assert_int_equal(dir_make(deep, 0700, &f), 0);
	assert_int_equal(file_replace(file, "x", 1, 0600, &f), 0);
	assert_int_equal(file_replace(outside, "x", 1, 0600, &f), 0);
	assert_true(dir_make(file, 0700, &f) < 0);
	assert_int_equal(symlink(outside, link), 0);
	assert_int_equal(dir_remove(top), 0);
	assert_int_equal(access(outside, F_OK), 0); /* never through a symlink */
	assert_int_equal(dir_remove(top), -ENOENT);
}

static void a_full_pipe(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	char *much CLEANUP(freep) = xcalloc(1 << 20, 1);
	assert_int_equal(fd_write_all(fds[1], much, 1 << 20), -EAGAIN);
	close(fds[0]);
	close(fds[1]);
}

/* What returned is there after a power cut: whoever renames, removes or makes also syncs the directory, afterwards. */
static void durable(void **state)
{
	char *path CLEANUP(freep) = xasprintf("%s/p", directory), *to CLEANUP(freep) = xasprintf("%s/to", directory);
	char *deep CLEANUP(freep) = xasprintf("%s/x/y", directory);
	struct fault f = { 0 };
	(void)state;
	memset(calls, 0, sizeof(calls));
	assert_int_equal(file_replace(path, "x", 1, 0600, &f), 0);
	assert_string_equal(calls, "frd");
	memset(calls, 0, sizeof(calls));
	assert_int_equal(file_move(path, to, false, &f), 0);
	assert_string_equal(calls, "rd");
	assert_int_equal(file_create(path, "x", 1, 0600, &f), 0);
	assert_int_equal(file_move(path, to, false, &f), -EEXIST);
	memset(calls, 0, sizeof(calls));
	assert_int_equal(file_remove(to, &f), 0);
	assert_string_equal(calls, "ud");
	assert_int_equal(file_remove(to, &f), 0);
	memset(calls, 0, sizeof(calls));
	assert_int_equal(dir_make(deep, 0700, &f), 0);
	assert_string_equal(calls, "dd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces), cmocka_unit_test(directories), cmocka_unit_test(durable), cmocka_unit_test(a_full_pipe),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
