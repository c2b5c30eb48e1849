/* SPDX-License-Identifier: MIT */
/*
 * Real files, the real loop and its pool. A full and a read-only disk are a tmpfs in a
 * mount namespace of our own, which needs root; a limit on the file's size does not.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "daemon/domain/ledger.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct ledger *ledger;
	char *directory, *path;
};

/* What the done functions said, in their order. */
struct outcome {
	size_t calls, faults;
	char order[16];
	struct fault last;
	struct ledger *ledger;
};

struct expected {
	struct outcome *outcome;
	char letter;
};

static void on_durable(void *arg, const struct fault *f)
{
	struct expected *e = arg;

	e->outcome->order[e->outcome->calls++] = e->letter;
	if (f) {
		e->outcome->faults++;
		e->outcome->last = *f;
	}
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->directory = xstrdup("/tmp/kd-test-ledger-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0)
		return -1;
	w->path = xasprintf("%s/ledger", w->directory);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r = loop_free(w->loop);

	ledger_free(w->ledger);
	if (r == 0)
		r = dir_remove(w->directory);
	free(w->directory);
	free(w->path);
	free(w);
	return r;
}

static void reopen(struct world *w)
{
	struct fault f = { 0 };

	ledger_free(w->ledger);
	w->ledger = NULL;
	assert_int_equal(ledger_open(w->loop, w->path, &w->ledger, &f), 0);
}

static void settle(struct world *w)
{
	for (int i = 0; i < 100 && ledger_pending(w->ledger); i++)
		loop_drain(w->loop, 1000);
	assert_int_equal(ledger_pending(w->ledger), 0);
}

static struct ledger_entry container(char *key, int level)
{
	static char name[] = "shop-db-1", unit[] = "shop", service[] = "db",
		    at[] = "2026-01-31T02:00:00.123456789Z";
	static char inspect[] = "{\"Id\":\"a\\nb\",\"Name\":\"\xc3\xa4\"}";

	return (struct ledger_entry){ .kind = LEDGER_CONTAINER,
		.key = key,
		.name = name,
		.unit = unit,
		.service = service,
		.started_at = at,
		.paused = true,
		.level = level,
		.grace_s = 30,
		.inspect = inspect };
}

static void add(struct world *w, const char *key, int level)
{
	char *owned CLEANUP(freep) = xstrdup(key);
	struct ledger_entry e = container(owned, level);
	struct outcome o = { 0 };
	struct expected done = { &o, 'a' };

	ledger_add(w->ledger, &e, 1, on_durable, &done);
	settle(w);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.faults, 0);
}

static void check_keys(struct world *w, const char *keys)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	size_t n;
	const struct ledger_entry *v = ledger_entries(w->ledger, &n);

	buf_puts(&b, "");
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, v[i].key);
	assert_string_equal(b.data ? b.data : "", keys);
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void overwrite(const char *path, const char *data, size_t len)
{
	struct fault f = { 0 };

	assert_int_equal(file_replace(path, data, len, 0600, &f), 0);
}

/* --- the life of entries
 * ---------------------------------------------------------------------- */

static void keeps_every_field(void **state)
{
	struct world *w = *state;
	struct ledger_entry run = { .kind = LEDGER_RUN,
		.key = xstrdup("20260131T020000Z/shop"),
		.unit = xstrdup("shop"),
		.backup_id = xstrdup("20260131T020000Z") };
	struct ledger_entry temporary = { .kind = LEDGER_TEMP,
		.key = xstrdup("/var/cache/x \"y\"\n") };
	struct ledger_entry wanted = container(run.key, 7);
	struct stat st;
	size_t n;

	reopen(w);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	add(w, "c", 7);
	ledger_add(w->ledger, &run, 1, NULL, NULL);
	ledger_add(w->ledger, &temporary, 1, NULL, NULL);
	settle(w);
	reopen(w);
	const struct ledger_entry *v = ledger_entries(w->ledger, &n);
	assert_int_equal(n, 3);
	assert_int_equal(v[0].kind, LEDGER_CONTAINER);
	assert_string_equal(v[0].key, "c");
	assert_string_equal(v[0].name, wanted.name);
	assert_string_equal(v[0].unit, wanted.unit);
	assert_string_equal(v[0].service, wanted.service);
	assert_string_equal(v[0].started_at, wanted.started_at);
	assert_string_equal(v[0].inspect, wanted.inspect);
	assert_true(v[0].paused);
	assert_int_equal(v[0].level, 7);
	assert_int_equal(v[0].grace_s, 30);
	assert_int_equal(v[1].kind, LEDGER_RUN);
	assert_string_equal(v[1].backup_id, run.backup_id);
	assert_int_equal(v[2].kind, LEDGER_TEMP);
	assert_string_equal(v[2].key, temporary.key);
	ledger_entry_done(&run);
	ledger_entry_done(&temporary);
}

static void closes_and_becomes_empty(void **state)
{
	struct world *w = *state;
	struct outcome o = { 0 };
	struct expected done = { &o, 'c' };

	reopen(w);
	add(w, "a", 0);
	add(w, "b", 0);
	add(w, "c", 0);
	ledger_close(w->ledger, "b", "started", on_durable, &done);
	check_keys(w, "ac"); /* at once */
	settle(w);
	assert_int_equal(o.calls, 1);
	reopen(w);
	check_keys(w, "ac");
	ledger_close(w->ledger, "unknown", "started", on_durable, &done);
	ledger_close(w->ledger, "a", "started", NULL, NULL);
	ledger_close(w->ledger, "c", "started", on_durable, &done);
	settle(w);
	assert_int_equal(o.calls, 3);
	assert_int_equal(o.faults, 0);
	assert_int_equal(size_of(w->path), 0);
	add(w, "d", 0);
	reopen(w);
	check_keys(w, "d");
}

static void closes_many(void **state)
{
	struct world *w = *state;
	struct ledger_entry v[300];
	struct outcome o = { 0 };
	struct expected done = { &o, 'a' };
	size_t n;

	reopen(w);
	for (int i = 0; i < 300; i++)
		v[i] = container(xasprintf("container-%d", i), i);
	ledger_add(w->ledger, v, 300, on_durable, &done);
	settle(w);
	reopen(w);
	const struct ledger_entry *open = ledger_entries(w->ledger, &n);
	assert_int_equal(n, 300);
	for (int i = 0; i < 300; i++)
		assert_int_equal(open[i].level, i); /* the order they were added in */
	for (int i = 0; i < 300; i++)
		if (i % 2)
			ledger_close(w->ledger, v[i].key, "started", NULL, NULL);
	settle(w);
	reopen(w);
	ledger_entries(w->ledger, &n);
	assert_int_equal(n, 150);
	for (int i = 0; i < 300; i++) {
		ledger_close(w->ledger, v[i].key, "started", NULL, NULL);
		free(v[i].key);
	}
	settle(w);
	assert_int_equal(size_of(w->path), 0);
	assert_int_equal(o.calls, 1);
}

static void the_same_key_again_replaces(void **state)
{
	struct world *w = *state;
	size_t n;

	reopen(w);
	add(w, "a", 1);
	add(w, "b", 1);
	add(w, "a", 2);
	reopen(w);
	check_keys(w, "ba");
	assert_int_equal(ledger_entries(w->ledger, &n)[1].level, 2);
}

/* Writes follow each other as they were asked for, also around the cut to nothing. */
static void writes_in_flight_keep_their_order(void **state)
{
	struct world *w = *state;
	char a[] = "a", b[] = "b";
	struct ledger_entry first = container(a, 0), second = container(b, 0);
	struct outcome o = { 0 };
	struct expected e[] = { { &o, '1' }, { &o, '2' }, { &o, '3' }, { &o, '4' } };

	reopen(w);
	ledger_add(w->ledger, &first, 1, on_durable, &e[0]);
	ledger_close(w->ledger, "a", "started", on_durable, &e[1]); /* nothing is open: a cut */
	ledger_add(w->ledger, &second, 1, on_durable, &e[2]);
	ledger_add(w->ledger, &first, 1, on_durable, &e[3]);
	assert_int_equal(o.calls, 0); /* never from inside */
	assert_int_equal(ledger_pending(w->ledger), 4);
	settle(w);
	assert_string_equal(o.order, "1234");
	assert_int_equal(o.faults, 0);
	reopen(w);
	check_keys(w, "ba");
}

/* What the callback does counts: it may add and close again. */
static void on_first(void *arg, const struct fault *f)
{
	struct outcome *o = arg;
	char b[] = "b";
	struct ledger_entry next = container(b, 0);

	assert_null(f);
	o->calls++;
	ledger_add(o->ledger, &next, 1, NULL, NULL);
	ledger_close(o->ledger, "a", "started", NULL, NULL);
}

static void done_may_write(void **state)
{
	struct world *w = *state;
	char a[] = "a";
	struct ledger_entry first = container(a, 0);
	struct outcome o = { 0 };

	reopen(w);
	o.ledger = w->ledger;
	ledger_add(w->ledger, &first, 1, on_first, &o);
	settle(w);
	assert_int_equal(o.calls, 1);
	reopen(w);
	check_keys(w, "b");
}

/* --- damage
 * ------------------------------------------------------------------------------------- */

/* Three entries; ${ret_ends} is where each line ends. */
static void make_three(struct world *w, struct buf *text, size_t ends[3])
{
	const char *keys[] = { "a", "b", "c" };

	reopen(w);
	for (size_t i = 0; i < 3; i++) {
		add(w, keys[i], 0);
		ends[i] = (size_t)size_of(w->path);
	}
	assert_int_equal(file_read(w->path, 1 << 20, text), 0);
	assert_int_equal(text->len, ends[2]);
}

static void torn_at_every_byte(void **state)
{
	struct world *w = *state;
	struct buf text CLEANUP(buf_done) = { 0 };
	size_t ends[3];

	make_three(w, &text, ends);
	for (size_t len = 0; len <= text.len; len++) {
		overwrite(w->path, text.data, len);
		reopen(w);
		check_keys(w, len < ends[0]   ? ""
			      : len < ends[1] ? "a"
			      : len < ends[2] ? "ab"
					      : "abc");
		size_t kept = len < ends[0]   ? 0
			      : len < ends[1] ? ends[0]
			      : len < ends[2] ? ends[1]
					      : ends[2];
		assert_int_equal(size_of(w->path), kept);
	}
	/* What is added behind a cut is found again. */
	overwrite(w->path, text.data, ends[1] + 5);
	reopen(w);
	add(w, "d", 0);
	reopen(w);
	check_keys(w, "abd");
}

static void every_flipped_bit_is_found(void **state)
{
	struct world *w = *state;
	struct buf text CLEANUP(buf_done) = { 0 };
	struct ledger_record whole, r;
	size_t ends[3];

	make_three(w, &text, ends);
	assert_int_equal(ledger_parse(text.data, text.len, &whole), ends[0]);
	for (size_t bit = 0; bit < ends[0] * 8; bit++) {
		text.data[bit / 8] = (char)(text.data[bit / 8] ^ (1 << bit % 8));
		size_t len = ledger_parse(text.data, text.len, &r);
		if (len) { /* a digit of the sum that is a capital now */
			assert_true(bit / 8 < 8 && bit % 8 == 5);
			assert_string_equal(r.entry.key, whole.entry.key);
			assert_string_equal(r.entry.inspect, whole.entry.inspect);
			ledger_entry_done(&r.entry);
		}
		text.data[bit / 8] = (char)(text.data[bit / 8] ^ (1 << bit % 8));
	}
	ledger_entry_done(&whole.entry);
	/* In the second line: the first still counts, the third cannot be trusted. */
	text.data[ends[0] + 20] ^= 1;
	overwrite(w->path, text.data, text.len);
	reopen(w);
	check_keys(w, "a");
}

static void garbage_behind(void **state)
{
	static const char zeros[4096];
	static const char *const garbage[] = { "\n", "\n\n\n", "00000000 {}\n",
		"deadbeef {\"open\":\"container\",\"key\":\"x\"}\n", "        \n",
		"zzzzzzzz {}\n", "\xff\xfe\xfd\n", "00000000 \n" };
	struct world *w = *state;
	struct buf text CLEANUP(buf_done) = { 0 }, more CLEANUP(buf_done) = { 0 };
	size_t ends[3];

	make_three(w, &text, ends);
	for (size_t i = 0; i <= ARRAY_SIZE(garbage); i++) {
		buf_done(&more);
		more = (struct buf){ 0 };
		assert_int_equal(buf_add(&more, text.data, text.len), 0);
		if (i < ARRAY_SIZE(garbage))
			buf_puts(&more, garbage[i]);
		else
			assert_int_equal(buf_add(&more, zeros, sizeof(zeros)), 0);
		overwrite(w->path, more.data, more.len);
		reopen(w);
		check_keys(w, "abc");
		assert_int_equal(size_of(w->path), ends[2]);
	}
	overwrite(w->path, zeros, sizeof(zeros));
	reopen(w);
	check_keys(w, "");
	assert_int_equal(size_of(w->path), 0);
}

static void newer_records_are_passed_over(void **state)
{
	/* Sums over the texts, as a newer version would have written them. */
	static const char *const lines[] = {
		"{\"open\":\"container\",\"key\":\"a\",\"name\":\"n\",\"unit\":\"u\",\"mood\":[1,{\"x\":null}]}",
		"{\"open\":\"freeze\",\"key\":\"f\"}",
		"{\"note\":\"something else\"}",
		"{\"open\":\"container\"}",
		"{\"close\":\"f\",\"why\":\"thawed\",\"by\":3}",
		"{\"open\":\"container\",\"key\":\"b\",\"name\":\"n\",\"unit\":\"u\"}",
	};
	struct world *w = *state;
	struct buf b CLEANUP(buf_done) = { 0 };
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		uint32_t crc = 0xffffffffu;
		for (const char *p = lines[i]; *p; p++) {
			crc ^= (unsigned char)*p;
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
		}
		buf_printf(&b, "%08x %s\n", ~crc, lines[i]);
	}
	overwrite(w->path, b.data, b.len);
	reopen(w);
	check_keys(w, "ab");
	assert_int_equal(ledger_entries(w->ledger, &n)[0].grace_s, 10);
	assert_int_equal(size_of(w->path), b.len); /* kept until nothing is open */
	add(w, "c", 0);
	reopen(w);
	check_keys(w, "abc");
}

/* --- disks that fail
 * ------------------------------------------------------------------------------ */

static void cannot_be_opened(void **state)
{
	struct world *w = *state;
	struct fault f = { 0 };

	assert_int_equal(mkdir(w->path, 0700), 0);
	assert_true(ledger_open(w->loop, w->path, &w->ledger, &f) < 0);
	assert_int_equal(f.code, FAULT_FAILED);
	assert_non_null(strstr(f.text, w->path));
	assert_null(w->ledger);
	assert_int_equal(rmdir(w->path), 0);
	assert_int_equal(symlink("/dev/null", w->path), 0); /* never through a symlink */
	assert_true(ledger_open(w->loop, w->path, &w->ledger, &f) < 0);
}

/* With "a" durable, this one is not, and whoever asked is told. */
static void add_must_fail(struct world *w, const char *key, int expected)
{
	char *owned CLEANUP(freep) = xstrdup(key);
	struct ledger_entry e = container(owned, 0);
	struct outcome o = { 0 };
	struct expected done = { &o, 'x' };
	char *inspect CLEANUP(freep) = xcalloc(1, 100001);

	memset(inspect, 'i', 100000);
	e.inspect = inspect;
	ledger_add(w->ledger, &e, 1, on_durable, &done);
	settle(w);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.faults, 1);
	assert_int_equal(o.last.sys, expected);
	assert_int_equal(o.last.code, expected == -ENOSPC ? FAULT_NO_SPACE : FAULT_FAILED);
	assert_non_null(strstr(o.last.text, w->path));
	ledger_close(w->ledger, key, "never stopped", NULL, NULL);
	settle(w);
}

static void a_write_that_fails_damages_nothing(void **state)
{
	struct world *w = *state;
	struct rlimit before, limit;

	reopen(w);
	add(w, "a", 0);
	off_t size = size_of(w->path);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	add_must_fail(w, "b", -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(
		size_of(w->path) >= size); /* half a line is cut, the closing stands behind */
	reopen(w);
	check_keys(w, "a");
	add(w, "c", 0);
	reopen(w);
	check_keys(w, "ac");
}

/* A disk of 64 KiB in a mount namespace of our own; false without the right to. */
static bool own_disk(struct world *w)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", w->directory, "tmpfs", 0, "size=64k,mode=0700") < 0) {
		print_message("no right to mount: not tested\n");
		return false;
	}
	return true;
}

static void a_full_disk(void **state)
{
	struct world *w = *state;

	if (!own_disk(w)) {
		skip();
		return;
	}
	reopen(w);
	add(w, "a", 0);
	add_must_fail(w, "b", -ENOSPC);
	reopen(w);
	check_keys(w, "a");
	ledger_close(w->ledger, "a", "started", NULL, NULL);
	settle(w);
	assert_int_equal(size_of(w->path), 0);
	ledger_free(TAKE_PTR(w->ledger));
	assert_int_equal(umount(w->directory), 0);
}

static void a_read_only_disk(void **state)
{
	struct world *w = *state;

	if (!own_disk(w)) {
		skip();
		return;
	}
	reopen(w);
	add(w, "a", 0);
	ledger_free(TAKE_PTR(w->ledger));
	assert_int_equal(mount(NULL, w->directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	/* What an interrupted run left must be started all the same. */
	reopen(w);
	check_keys(w, "a");
	add_must_fail(w, "b", -EROFS);
	ledger_close(w->ledger, "a", "started", NULL, NULL);
	settle(w);
	check_keys(w, "");
	reopen(w);
	check_keys(w, "a");
	ledger_free(TAKE_PTR(w->ledger));
	assert_int_equal(umount(w->directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_every_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes_and_becomes_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_key_again_replaces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			writes_in_flight_keep_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(done_may_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(torn_at_every_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(garbage_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			newer_records_are_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cannot_be_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_write_that_fails_damages_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_read_only_disk, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
