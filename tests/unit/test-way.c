/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "common/fd.h"
#include "common/way.h"
#include "tests/unit/unit.h"

#define SOMEBODY 12345

static char directory[] = "/var/tmp/kd-test-way-XXXXXX";
static int before;

static char *at(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static void make(const char *name, uid_t owner, mode_t mode)
{
	char *path CLEANUP(freep) = at(name);
	struct fault f = { 0 };

	assert_int_equal(dir_make(path, 0755, &f), 0);
	assert_int_equal(chown(path, owner, owner), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void link_to(const char *name, const char *target, uid_t owner)
{
	char *path CLEANUP(freep) = at(name);

	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(lchown(path, owner, owner), 0);
}

static int set_up(void **state)
{
	(void)state;
	before = open_fds();
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (!mkdtemp(directory) || chmod(directory, 0755) < 0)
		return -1;
	make("roots", 0, 0755);
	make("roots/deep", 0, 0755);
	make("theirs", SOMEBODY, 0755);
	make("theirs/deep", 0, 0755);
	make("shared", 0, 0777);
	make("sticky", 0, 01777);
	make("sticky/mine", 0, 0755);
	make("sticky/other", SOMEBODY, 0755);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(open_fds(), before);
	return dir_remove(directory);
}

static int open_one(const char *name, struct fault *f)
{
	char *path CLEANUP(freep) = at(name);
	int fd = way_open(path, f);

	return fd < 0 ? fd : (close(fd), 0);
}

static void opens(void **state)
{
	struct fault f = { 0 };
	struct way_id a, b, c;

	(void)state;
	link_to("roots/link", "deep", 0);
	link_to("theirs/etc", "/etc", SOMEBODY);
	assert_int_equal(open_one("roots/deep", &f), 0);
	assert_int_equal(open_one("./roots//deep/", &f), 0);
	assert_int_equal(open_one("roots/../roots", &f), -EINVAL);
	assert_int_equal(open_one("roots/nothing/x", &f), -ENOENT);
	/* a link is named, wherever it stands and whoever put it there */
	f = (struct fault){ 0 };
	assert_int_equal(open_one("theirs/etc/ssl", &f), -ELOOP);
	assert_non_null(strstr(f.text, "/theirs/etc is a link"));
	assert_int_equal(open_one("roots/link", &f), -ELOOP);
	char *file CLEANUP(freep) = at("roots/file"), *missing CLEANUP(freep) = at("roots/new/deeper");
	assert_int_equal(file_replace(file, "x", 1, 0600, &f), 0);
	f = (struct fault){ 0 };
	assert_int_equal(open_one("roots/file/x", &f), -ENOTDIR);
	assert_non_null(strstr(f.text, "/roots/file is no directory"));
	assert_int_equal(way_open("relative", &f), -EINVAL);
	/* what is missing is made, and not through a link */
	int fd CLEANUP(closep) = way_make(missing, 0750, &f);
	assert_true(fd >= 0);
	assert_true(way_make("/proc/self/cwd/x", 0700, &f) < 0);
	/* identities */
	const char *name;
	int above CLEANUP(closep) = way_open_above(missing, &name, &f);
	assert_string_equal(name, "deeper");
	assert_int_equal(way_identify_at(above, name, &a), 0);
	assert_int_equal(way_identify(fd, &b), 0);
	assert_int_equal(way_identify(above, &c), 0);
	assert_true(way_same(&a, &b) && !way_same(&a, &c) && way_same_mount(&a, &c));
	char *text CLEANUP(freep) = way_id_format(&a);
	assert_int_equal(way_id_parse(text, &c), 0);
	assert_true(way_same(&a, &c));
	assert_int_equal(way_id_parse("1:", &c), -EINVAL);
	assert_int_equal(way_id_parse("1:2 ", &c), -EINVAL);
}

static void whose(void **state)
{
	static const struct {
		const char *path;
		bool roots;
	} cases[] = {
		{ "roots/deep", true }, { "theirs", false }, { "theirs/deep", false }, { "shared", false }, { "sticky", false },
		{ "sticky/mine", true }, { "sticky/other", false }, { "roots/link", false }, { "roots/nothing", false },
	};

	(void)state;
	link_to("roots/link", "deep", 0);
	assert_true(way_is_roots("/"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path CLEANUP(freep) = at(cases[i].path);
		assert_int_equal(way_is_roots(path), cases[i].roots);
	}
}

static void assert_resolved(const char *path, const char *wanted, const char *foreign, bool last)
{
	char *from CLEANUP(freep) = at(path), *to CLEANUP(freep) = at(wanted);
	char *link CLEANUP(freep) = foreign ? at(foreign) : NULL;
	struct way_links links;
	struct fault f = { 0 };
	char *real CLEANUP(freep) = way_resolve(from, &links, &f);

	assert_non_null(real);
	assert_string_equal(real, to);
	assert_int_equal(foreign != NULL, links.foreign != NULL);
	if (foreign)
		assert_string_equal(links.foreign, link);
	assert_int_equal(links.last, last);
	free(links.foreign);
}

static void resolves(void **state)
{
	char *deep CLEANUP(freep) = at("roots/deep"), *loop CLEANUP(freep) = at("roots/loop");
	struct way_links links;
	struct fault f = { 0 };

	(void)state;
	link_to("roots/link", "deep", 0);
	link_to("roots/up", "../theirs/./deep", 0);
	link_to("roots/loop", "loop", 0);
	link_to("theirs/link", deep, SOMEBODY);
	link_to("theirs/roots", "../roots", 0);
	link_to("sticky/link", "../roots", SOMEBODY);
	assert_resolved("roots/deep", "roots/deep", NULL, false);
	assert_resolved("roots/link", "roots/deep", NULL, true);
	assert_resolved("roots/link/new/x", "roots/deep/new/x", NULL, false);
	assert_resolved("roots/up", "theirs/deep", NULL, true);
	/* what somebody else may have put there is told; a link of root's in a directory of theirs, too: it can be moved */
	assert_resolved("theirs/link", "roots/deep", "theirs/link", true);
	assert_resolved("theirs/link/new", "roots/deep/new", "theirs/link", false);
	assert_resolved("theirs/roots/link", "roots/deep", "theirs/roots", true);
	assert_resolved("sticky/link/deep", "roots/deep", "sticky/link", false);
	assert_null(way_resolve(loop, &links, &f));
	assert_int_equal(f.sys, -ELOOP);
}

static void ours(void **state)
{
	char *theirs CLEANUP(freep) = at("theirs"), *trap CLEANUP(freep) = at("theirs/file");
	static const char acl[] = { 2, 0, 0, 0, 1, 0, 7, 0, -1, -1, -1, -1, 2, 0, 7, 0, 1, 0, 0, 0, 4, 0, 7, 0, -1, -1, -1, -1, 16, 0,
		7, 0, -1, -1, -1, -1, 32, 0, 7, 0, -1, -1, -1, -1 };
	struct fault f = { 0 };
	struct stat st;

	(void)state;
	int dir CLEANUP(closep) = way_open(theirs, &f);
	assert_int_equal(fsetxattr(dir, "system.posix_acl_default", acl, sizeof(acl), 0), 0);
	assert_int_equal(fchmod(dir, 02777), 0);
	assert_int_equal(way_private(dir, "ours", false, theirs, &f), -ENOENT);
	int fd CLEANUP(closep) = way_private(dir, "ours", true, theirs, &f);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(fgetxattr(fd, "system.posix_acl_default", NULL, 0) < 0 && fgetxattr(fd, "system.posix_acl_access", NULL, 0) < 0);
	closep(&fd);
	assert_true((fd = way_private(dir, "ours", true, theirs, &f)) >= 0); /* again */
	/* a link, a file, somebody's, open to others */
	link_to("theirs/link", "/etc", SOMEBODY);
	assert_int_equal(file_replace(trap, "x", 1, 0600, &f), 0);
	assert_int_equal(way_private(dir, "link", true, theirs, &f), -ELOOP);
	assert_int_equal(way_private(dir, "file", true, theirs, &f), -ENOTDIR);
	assert_int_equal(fchmod(fd, 0750), 0);
	assert_int_equal(way_private(dir, "ours", true, theirs, &f), -EPERM);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(fchown(fd, SOMEBODY, 0), 0);
	f = (struct fault){ 0 };
	assert_int_equal(way_private(dir, "ours", true, theirs, &f), -EPERM);
	assert_non_null(strstr(f.text, "/theirs/ours is there and is not ours"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whose, set_up, tear_down),
		cmocka_unit_test_setup_teardown(resolves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ours, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
