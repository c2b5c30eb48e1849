/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/stat.h>

#include "daemon/mech/child.h"
#include "tests/unit/unit.h"

struct seen {
	struct loop *loop;
	int done, lines;
	struct child_result result;
	char *out, *err;
	struct fault explained;
};

static void on_done(void *arg, const struct child_result *r)
{
	struct seen *s = arg;

	s->done++;
	s->result = *r;
	s->out = xstrdup(r->out);
	s->err = xstrdup(r->err);
	child_explain(r, "it", &s->explained);
	loop_stop(s->loop);
}

static void on_line(void *arg, const char *line)
{
	struct seen *s = arg;

	s->lines += streq(line, "ready");
}

static struct seen run(const char *script, struct child_options *o, void (*then)(struct child *c))
{
	struct seen s = { 0 };
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	static bool warm; /* libuv keeps a pipe for signals from its first child on */
	int before = open_fds();

	assert_int_equal(loop_new(&s.loop), 0);
	if (!o->argv)
		o->argv = argv;
	o->arg = &s;
	struct child *c = child_start(s.loop, o, on_done);
	assert_int_equal(s.done, 0);
	if (then)
		then(c);
	loop_run(s.loop);
	assert_int_equal(s.done, 1);
	loop_drain(s.loop, 100);
	assert_int_equal(loop_free(s.loop), 0);
	if (warm)
		assert_int_equal(open_fds(), before);
	warm = true;
	return s;
}

static void seen_done(struct seen *s)
{
	free(s->out);
	free(s->err);
}

static void output_and_exit(void **state)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	(void)state;
	o.on_err_line = on_line;
	o.stdin_text = "secret";
	struct seen s = run("cat; echo ready >&2; printf last >&2; exit 3", &o, NULL);
	assert_string_equal(s.out, "secret");
	assert_string_equal(s.err, "ready\nlast");
	assert_int_equal(s.result.exit_code, 3);
	assert_int_equal(s.lines, 1);
	assert_false(child_ok(&s.result));
	assert_string_equal(s.explained.text, "it ended with exit code 3: last");
	seen_done(&s);
}

static void much_output_is_drained(void **state)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	(void)state;
	o.out_max = 10;
	struct seen s = run("head -c 300000 /dev/zero | tr '\\0' x >&2; head -c 300000 /dev/zero | tr '\\0' y", &o, NULL);
	assert_true(child_ok(&s.result));
	assert_true(s.result.err_truncated && s.result.out_truncated);
	assert_string_equal(s.out, "yyyyyyyyyy");
	assert_int_equal(strlen(s.err), 16384);
	seen_done(&s);
}

static void cannot_be_run(void **state)
{
	static const char *const argv[] = { "/nonexistent/program", NULL };
	struct child_options o = CHILD_OPTIONS_INIT;

	(void)state;
	o.argv = argv;
	struct seen s = run("", &o, NULL);
	assert_int_equal(s.result.start.code, FAULT_FAILED);
	assert_non_null(strstr(s.explained.text, "/nonexistent/program"));
	seen_done(&s);
}

static void deadline(void **state)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	(void)state;
	o.deadline_ms = 50;
	struct seen s = run("sleep 600", &o, NULL);
	assert_true(s.result.timed_out);
	assert_non_null(strstr(s.explained.text, "did not end in time"));
	seen_done(&s);
}

static void kill_now(struct child *c)
{
	assert_true(child_pid(c) > 0);
	assert_true(child_bytes_read(c) >= 0 && child_bytes_written(c) >= 0);
	child_kill(c);
	child_kill(c);
}

static void stop_softly(struct child *c)
{
	child_stop(c, 20);
	child_stop(c, 20);
}

/* The group: the grandchild dies as well, so nothing holds the streams open. */
static void killed_with_its_children(void **state)
{
	struct child_options o = CHILD_OPTIONS_INIT, p = CHILD_OPTIONS_INIT;

	(void)state;
	struct seen s = run("sleep 600 & sleep 600", &o, kill_now);
	assert_int_equal(s.result.term_signal, SIGKILL);
	assert_true(s.result.stopped);
	seen_done(&s);
	s = run("trap '' TERM; while :; do sleep 0.01; done", &p, stop_softly);
	/* TERM when it came before the trap */
	assert_true(s.result.term_signal == SIGKILL || s.result.term_signal == SIGTERM);
	seen_done(&s);
}

static void through_the_helper(void **state)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	(void)state;
	o.die_with_parent = o.background = true;
	struct seen s = run("echo $PPID; nice", &o, NULL);
	if (!child_ok(&s.result))
		fail_msg("%s", s.explained.text);
	char *wanted CLEANUP(freep) = xasprintf("%d\n10\n", (int)getpid());
	assert_string_equal(s.out, wanted);
	seen_done(&s);
}

static struct seen run_in(const char *script, const char *path, bool is_file, ino_t inode)
{
	struct child_options o = CHILD_OPTIONS_INIT;
	struct stat st = { 0 };

	IGNORE(stat(path, &st));
	o.in = (struct child_place){
		.path = path, .is_file = is_file, .device = (int64_t)st.st_dev, .inode = (int64_t)(inode ? inode : st.st_ino),
	};
	return run(script, &o, NULL);
}

/* What was opened counts, not the path: through a link, and with the path exchanged after the start. */
static void starts_in_the_place_that_was_measured(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf /tmp/kd-test-in; mkdir -p /tmp/kd-test-in/d /tmp/kd-test-in/e; cd /tmp/kd-test-in; ln -s d l; echo d >d/w; "
		"echo e >e/w; echo f >f"), 0);
	struct seen s = run_in("mv /tmp/kd-test-in/d /tmp/kd-test-in/x; mv /tmp/kd-test-in/e /tmp/kd-test-in/d; cat w", "/tmp/kd-test-in/l", false, 0);
	assert_string_equal(s.out, "d\n");
	seen_done(&s);
	s = run_in("echo g >/tmp/kd-test-in/g; mv /tmp/kd-test-in/g /tmp/kd-test-in/f; cat ./3", "/tmp/kd-test-in/f", true, 0);
	assert_string_equal(s.out, "f\n");
	seen_done(&s);
	s = run_in("echo ran", "/tmp/kd-test-in/d", false, 1);
	assert_string_equal(s.out, "");
	assert_non_null(strstr(s.explained.text, "/tmp/kd-test-in/d is another directory than the one that was measured"));
	seen_done(&s);
	s = run_in("echo ran", "/tmp/kd-test-in/d", true, 0);
	assert_non_null(strstr(s.explained.text, "is another file"));
	seen_done(&s);
	s = run_in("echo ran", "/tmp/kd-test-in/none", false, 7);
	assert_non_null(strstr(s.explained.text, "cannot open /tmp/kd-test-in/none: No such file"));
	seen_done(&s);
	assert_int_equal(system("rm -r /tmp/kd-test-in"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_exit), cmocka_unit_test(much_output_is_drained), cmocka_unit_test(cannot_be_run),
		cmocka_unit_test(deadline), cmocka_unit_test(killed_with_its_children), cmocka_unit_test(through_the_helper),
		cmocka_unit_test(starts_in_the_place_that_was_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
