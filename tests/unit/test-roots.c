/* SPDX-License-Identifier: MIT */
/* Law 5: a root that is not what was measured is not archived; the real helper looks. */
#include <sys/stat.h>

#include "common/fd.h"
#include "daemon/domain/roots.h"
#include "tests/unit/unit.h"

static int judged(const struct item *it, const char *line)
{
	struct fault f = { 0 };

	return roots_judge(it, line, strlen(line), &f);
}

static void judges(void **state)
{
	struct item it = { .id = (char *)(uintptr_t)"volume:x", .path = (char *)(uintptr_t)"/x", .entries = 3, .device = 8, .inode = 5 };

	(void)state;
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"directory\",\"device\":8,\"inode\":5,\"empty\":false}"), 0);
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"directory\",\"device\":8,\"inode\":5,\"empty\":true}"), -ENODATA);
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"directory\",\"device\":9,\"inode\":5,\"empty\":false}"), -ENODATA);
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"directory\",\"device\":8,\"inode\":6,\"empty\":false}"), -ENODATA);
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"missing\"}"), -ENODATA);
	assert_int_equal(judged(&it, "{\"path\":\"/y\"}"), -EPROTO);
	assert_int_equal(judged(&it, "nonsense"), -EPROTO);
	it.entries = 0; /* it was empty before: it may be */
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"directory\",\"device\":8,\"inode\":5,\"empty\":true}"), 0);
	it.is_file = true; /* editors replace files */
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"file\",\"device\":8,\"inode\":6}"), 0);
	it.is_file = false;
	it.inode = -1; /* never measured: nothing to compare with */
	assert_int_equal(judged(&it, "{\"path\":\"/x\",\"kind\":\"directory\",\"device\":8,\"inode\":6}"), 0);
}

struct seen {
	struct loop *loop;
	struct buf lost;
	int done;
	struct fault fault;
};

static void on_lost(void *arg, const struct item *it, const struct fault *f)
{
	struct seen *s = arg;

	buf_printf(&s->lost, "%s|%s;", it->id, f->text);
}

static void on_done(void *arg, const struct fault *f)
{
	struct seen *s = arg;

	s->done++;
	s->fault = f ? *f : (struct fault){ 0 };
	loop_stop(s->loop);
}

static struct item directory_item(const char *id, const char *base, const char *name)
{
	struct item it = { .id = xstrdup(id), .path = xasprintf("%s/%s", base, name), .entries = 1 };
	struct stat st;

	assert_int_equal(mkdir(it.path, 0700), 0);
	char *file CLEANUP(freep) = xasprintf("%s/f", it.path);
	fclose(fopen(file, "we"));
	assert_int_equal(stat(it.path, &st), 0);
	it.device = (int64_t)st.st_dev;
	it.inode = (int64_t)st.st_ino;
	return it;
}

static void looks(void **state)
{
	char base[] = "/tmp/kd-test-roots-XXXXXX";
	struct seen s = { 0 };

	(void)state;
	assert_non_null(mkdtemp(base));
	struct item items[] = { directory_item("volume:good", base, "a\nb"), directory_item("volume:emptied", base, "e"),
		directory_item("volume:gone", base, "g") };
	struct unit u = { .items = items, .n_items = ARRAY_SIZE(items) };
	char *file CLEANUP(freep) = xasprintf("%s/f", items[1].path);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(dir_remove(items[2].path), 0);
	assert_int_equal(loop_new(&s.loop), 0);
	roots_look(s.loop, &u, on_lost, on_done, &s);
	assert_int_equal(s.done, 0);
	loop_run(s.loop);
	assert_int_equal(s.done, 1);
	assert_int_equal(s.fault.code, FAULT_NONE);
	assert_non_null(strstr(s.lost.data, "volume:emptied|"));
	assert_non_null(strstr(s.lost.data, "empty now"));
	assert_non_null(strstr(s.lost.data, "volume:gone|"));
	assert_null(strstr(s.lost.data, "volume:good|"));
	u.n_items = 0;
	roots_look(s.loop, &u, on_lost, on_done, &s);
	loop_run(s.loop);
	assert_int_equal(s.done, 2);
	loop_drain(s.loop, 50);
	assert_int_equal(loop_free(s.loop), 0);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		free(items[i].id);
		free(items[i].path);
	}
	buf_done(&s.lost);
	assert_int_equal(dir_remove(base), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(judges), cmocka_unit_test(looks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
