/* SPDX-License-Identifier: MIT */
/* Law 2: the consumer sees EOF only after a good producer; else it is dead before the pipe closes. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon/mech/pipeline.h"
#include "tests/unit/unit.h"

static char eof_file[64];

/* Writes the file when it has seen EOF. */
static const char consumer[] = "echo Snapshotting >&2; cat >/dev/null; : >\"$1\"";

struct seen {
	struct loop *loop;
	struct pipeline *p;
	const char *producer;
	bool ready, produced, abort_when_ready;
	int done;
	struct pipeline_result result;
};

static void produce(struct seen *s)
{
	const char *const argv[] = { "/bin/sh", "-c", s->producer, NULL };
	struct child_options o = CHILD_OPTIONS_INIT;

	o.argv = argv;
	pipeline_produce(s->p, &o);
}

static void on_ready(void *arg)
{
	struct seen *s = arg;

	s->ready = true;
	if (s->abort_when_ready)
		pipeline_abort(s->p);
	else
		produce(s);
}

static void on_produced(void *arg)
{
	struct seen *s = arg;

	s->produced = true;
}

static void on_done(void *arg, const struct pipeline_result *r)
{
	struct seen *s = arg;

	s->done++;
	s->result = *r;
	loop_stop(s->loop);
}

static struct seen run(const char *consume, const char *producer, bool abort_when_ready, bool may_end_first)
{
	struct seen s = { .producer = producer, .abort_when_ready = abort_when_ready };
	const char *const argv[] = { "/bin/sh", "-c", consume, "consume", eof_file, NULL };
	struct pipeline_options o = {
		.consumer = CHILD_OPTIONS_INIT, .ready_prefix = "Snapshotting", .on_ready = on_ready, .on_produced = on_produced,
		.consumer_may_end_first = may_end_first, .arg = &s,
	};
	static bool warm; /* libuv keeps a pipe for signals from its first child on */
	int before = open_fds();

	unlink(eof_file);
	assert_int_equal(loop_new(&s.loop), 0);
	o.consumer.argv = argv;
	o.consumer.die_with_parent = true;
	s.p = pipeline_start(s.loop, &o, on_done);
	loop_run(s.loop);
	assert_int_equal(s.done, 1);
	loop_drain(s.loop, 100);
	assert_int_equal(loop_free(s.loop), 0);
	if (warm)
		assert_int_equal(open_fds(), before);
	warm = true;
	return s;
}

static bool saw_eof(void)
{
	return access(eof_file, F_OK) == 0;
}

static void good(void **state)
{
	(void)state;
	struct seen s = run(consumer, "head -c 3000000 /dev/zero", false, false);
	assert_true(s.ready && s.produced && s.result.produced && saw_eof());
}

static void bad_producers(void **state)
{
	static const char *const bad[] = { "head -c 3000000 /dev/zero; exit 1", "exit 2", "kill -9 $$", "echo x; kill -11 $$" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct seen s = run(consumer, bad[i], false, false);
		assert_false(s.produced || s.result.produced);
		assert_false(saw_eof());
		assert_int_not_equal(s.result.producer_fault.code, FAULT_NONE);
	}
}

static void the_consumer_falls_first(void **state)
{
	(void)state;
	struct seen s = run("echo Snapshotting >&2; head -c 10 >/dev/null; exit 1", "cat /dev/zero", false, false);
	assert_false(s.result.produced);
	s = run("exit 1", "cat /dev/zero", false, false); /* before it was ready */
	assert_false(s.ready || s.result.produced);
	s = run("echo Snapshotting >&2; head -c 10 >/dev/null; exit 0", "echo 0123456789; sleep 0.05", false, true);
	assert_true(s.result.produced);
}

static void aborted(void **state)
{
	(void)state;
	struct seen s = run(consumer, "cat /dev/zero", true, false);
	assert_true(s.result.aborted);
	assert_false(saw_eof());
}

/* Our own death: the consumer must die while the producer still holds the pipe. */
static void our_own_death(void **state)
{
	int pipe_fds[2];

	(void)state;
	unlink(eof_file);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		run(consumer, "echo x; sleep 2", false, false);
		_exit(0);
	}
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	/* It is killed once the consumer runs: its command line is there to be seen. */
	char *find CLEANUP(freep) = xasprintf("for i in $(seq 500); do pgrep -f '[c]onsume %s' >/dev/null && exit 0; sleep 0.01; done; exit 1", eof_file);
	assert_int_equal(system(find), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	char *gone CLEANUP(freep) = xasprintf("for i in $(seq 1000); do pgrep -f '[c]onsume %s' >/dev/null || exit 0; sleep 0.01; done; exit 1", eof_file);
	assert_int_equal(system(gone), 0);
	assert_false(saw_eof());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(bad_producers), cmocka_unit_test(the_consumer_falls_first),
		cmocka_unit_test(aborted), cmocka_unit_test(our_own_death),
	};

	snprintf(eof_file, sizeof(eof_file), "/tmp/kd-test-eof-%d", (int)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
