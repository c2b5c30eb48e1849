/* SPDX-License-Identifier: MIT */
/* The built program on real trees. A nested mount needs the right to make one. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/kd-test-pack-XXXXXX";

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

static char *below(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static void make_file(const char *name, const void *data, size_t len)
{
	char *path CLEANUP(freep) = below(name);
	struct fault f = { 0 };

	assert_int_equal(file_replace(path, data, len, 0644, &f), 0);
}

static void make_directory(const char *name)
{
	char *path CLEANUP(freep) = below(name);

	assert_int_equal(mkdir(path, 0755), 0);
}

/* Run the program with ${argv} behind its name; returns its exit, ${out} has what it printed.
 */
static int run(const char *const *argv, struct buf *out)
{
	const char *helpers = getenv("KOPI_DOCKA_HELPERS");
	char *program CLEANUP(freep) = xasprintf("%s/kopi-docka-pack", helpers ? helpers : ".");
	const char *words[16] = { program };
	int ends[2], status;

	for (size_t i = 0; argv[i]; i++)
		words[i + 1] = argv[i];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execv(program, (char *const *)(uintptr_t)words);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(fd_read_all(ends[0], 1 << 20, out), 0);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What it says about one path, which comes back as it was given. */
static struct json_object *measure(const char *path)
{
	struct buf out CLEANUP(buf_done) = { 0 };
	const char *const argv[] = { "measure", "--", path, NULL };

	assert_int_equal(run(argv, &out), 0);
	assert_true(out.len > 1 && out.data[out.len - 1] == '\n');
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1); /* one line */
	struct json_object *o = json_parse(out.data, out.len - 1);
	assert_non_null(o);
	assert_string_equal(json_text(o, "path"), path);
	return o;
}

static struct json_object *measure_below(const char *name)
{
	char *path CLEANUP(freep) = below(name);

	return measure(path);
}

static void check_kind(const char *path, const char *kind)
{
	struct json_object *o CLEANUP(json_putp) = measure(path);

	assert_string_equal(json_text(o, "kind"), kind);
}

/* Bytes that GNU tar really writes, with the options the daemon gives it. */
static int64_t tar_size(void)
{
	char *command CLEANUP(freep) = xasprintf(
		"tar -cf - --numeric-owner --xattrs --xattrs-include='*' --one-file-system"
		" --sort=name --sparse --format=posix -C %s . 2>/dev/null | wc -c",
		directory);
	long long n = -1;
	FILE *p = popen(command, "re");

	assert_non_null(p);
	assert_int_equal(fscanf(p, "%lld", &n), 1);
	assert_int_equal(pclose(p), 0);
	return n;
}

static void kinds(void **state)
{
	char *fifo CLEANUP(freep) = below("fifo"), *link CLEANUP(freep) = below("link"),
		   *dangling CLEANUP(freep) = below("dangling");
	char *file CLEANUP(freep) = below("file"), *missing CLEANUP(freep) = below("missing"),
		   *under CLEANUP(freep) = below("file/x");
	char *sock CLEANUP(freep) = below("socket"), *loop CLEANUP(freep) = below("loop");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd CLEANUP(closep) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	make_file("file", "x", 1);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink(directory, link), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_int_equal(symlink("loop", loop), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	check_kind(directory, "directory");
	check_kind(file, "file");
	check_kind(fifo, "fifo");
	check_kind(sock, "socket");
	check_kind("/dev/null", "device");
	check_kind(missing, "missing");
	check_kind(under, "missing");
	check_kind(dangling, "missing");
	check_kind(link, "directory"); /* the root is resolved, as the engine does */
	struct json_object *o CLEANUP(json_putp) = measure(loop);
	assert_string_equal(json_text(o, "kind"), "other");
	assert_non_null(json_text(o, "error"));
}

static void figures_of_a_tree(void **state)
{
	char *fifo CLEANUP(freep) = below("a/fifo"), *link CLEANUP(freep) = below("a/up"),
		   *sock CLEANUP(freep) = below("a/s");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd CLEANUP(closep) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	(void)state;
	make_directory("a");
	make_directory("a/b");
	make_file("one", "1234567", 7);
	make_file("a/b/two", "12345", 5);
	make_file("a/odd \"name\"\n\xff", "1", 1);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("/", link), 0); /* never followed */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	struct json_object *o CLEANUP(json_putp) = measure(directory);
	assert_int_equal(json_number(o, "entries", -1), 8);
	assert_int_equal(json_number(o, "size_bytes", -1), 13);
	assert_int_equal(json_number(o, "sockets", -1), 1);
	assert_int_equal(json_number(o, "too_long", -1), 0);
	assert_int_equal(json_number(o, "files_unreadable", -1), 0);
	assert_false(json_flag(o, "empty", true));
	assert_int_equal(json_object_array_length(json_member(o, "nested")), 0);
	assert_true(json_number(o, "tar_bytes", -1) >= tar_size());
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(json_number(o, "device", -1), st.st_dev);
	assert_int_equal(json_number(o, "inode", -1), st.st_ino);
}

static void empty_and_hidden(void **state)
{
	(void)state;
	struct json_object *o CLEANUP(json_putp) = measure(directory);
	assert_true(json_flag(o, "empty", false));
	assert_int_equal(json_number(o, "entries", -1), 0);
	make_file(".hidden", "", 0);
	struct json_object *o2 CLEANUP(json_putp) = measure(directory);
	assert_false(json_flag(o2, "empty", true));
	assert_int_equal(json_number(o2, "entries", -1), 1);
	assert_true(json_number(o2, "tar_bytes", -1) >= tar_size());
}

static void holes_do_not_count(void **state)
{
	char *hole CLEANUP(freep) = below("hole"), *partly CLEANUP(freep) = below("partly");
	int fd CLEANUP(closep) = open(partly, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	make_file("hole", "", 0);
	assert_int_equal(truncate(hole, 1 << 30), 0);
	assert_int_equal(pwrite(fd, "data", 4, 1 << 29), 4);
	assert_int_equal(fsync(fd), 0);
	struct json_object *o CLEANUP(json_putp) = measure_below("hole");
	assert_int_equal(json_number(o, "size_bytes", -1), 0);
	struct json_object *o2 CLEANUP(json_putp) = measure_below("partly");
	assert_in_range(json_number(o2, "size_bytes", -1), 4, 1 << 20);
	struct json_object *o3 CLEANUP(json_putp) = measure(directory);
	assert_in_range(json_number(o3, "size_bytes", -1), 4, 1 << 20);
	assert_true(json_number(o3, "tar_bytes", -1) >= tar_size());
}

/* Below the directory that stands in ${fd}, ${n} directories deep; ${fd} is taken. */
static void dig(int fd, const char *name, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(mkdirat(fd, name, 0700), 0);
		int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

static void long_paths(void **state)
{
	char name[201] = { 0 };

	(void)state;
	memset(name, 'n', 200);
	dig(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name, 25);
	struct json_object *o CLEANUP(json_putp) = measure(directory);
	assert_int_equal(json_number(o, "entries", -1), 25);
	assert_int_equal(json_number(o, "too_long", -1),
		5);
	assert_true(starts_with(json_text(o, "first_too_long"), "/nnn"));
	/* 2 + 20 × 201 bytes is the last that fits */
	assert_true(json_number(o, "tar_bytes", -1) >= tar_size());
}

static void deep_trees(void **state)
{
	(void)state;
	dig(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "d", 1500);
	struct json_object *o CLEANUP(json_putp) = measure(directory);
	assert_int_equal(json_number(o, "entries", -1), 1500);
	assert_int_equal(json_number(o, "files_unreadable", -1), 0);
}

static void nested_mounts(void **state)
{
	char *mnt CLEANUP(freep) = below("a/mnt");

	(void)state;
	make_directory("a");
	make_directory("a/mnt");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", mnt, "tmpfs", 0, "size=64k") < 0) {
		print_message("no right to mount: not tested\n");
		skip();
		return;
	}
	make_file("a/mnt/inside", "not counted", 11);
	struct json_object *o CLEANUP(json_putp) = measure(directory);
	struct json_object *nested = json_member(o, "nested");
	assert_int_equal(json_object_array_length(nested), 1);
	assert_string_equal(json_text(json_object_array_get_idx(nested, 0), "path"), mnt);
	assert_string_equal(json_text(json_object_array_get_idx(nested, 0), "kind"), "mount");
	assert_int_equal(json_number(o, "size_bytes", -1), 0);
	assert_int_equal(json_number(o, "entries", -1), 2);
	struct json_object *o2 CLEANUP(json_putp) = measure(mnt); /* as the root it is walked */
	assert_int_equal(json_number(o2, "size_bytes", -1), 11);
	assert_int_equal(umount(mnt), 0);
}

static void many_and_wrong_calls(void **state)
{
	struct buf out CLEANUP(buf_done) = { 0 }, none CLEANUP(buf_done) = { 0 };
	const char *const many[] = { "measure", "/dev/null", directory, "-x", NULL };
	const char *const wrong[] = { "weigh", "/", NULL };
	const char *const nothing[] = { "measure", NULL };
	size_t lines = 0;

	(void)state;
	assert_int_equal(run(many, &out), 0);
	for (const char *p = out.data; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3);
	assert_int_equal(run(wrong, &none), 2);
	assert_int_equal(run(nothing, &none), 2);
	assert_int_equal(none.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kinds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(figures_of_a_tree, set_up, tear_down),
		cmocka_unit_test_setup_teardown(empty_and_hidden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holes_do_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deep_trees, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nested_mounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_and_wrong_calls, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
