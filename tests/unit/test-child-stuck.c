/* SPDX-License-Identifier: MIT */
/* A process that waits for a filesystem which does not answer, and that no signal ends: it is given up. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/mech/child.h"
#include "tests/unit/unit.h"

struct stuck {
	struct loop *loop;
	struct timer *timer;
	struct child *child;
	char directory[64];
	pid_t pid;
	int fuse, done;
	bool initialised, asked;
	struct child_result result;
	struct fault explained;
};

/* It answers that it is there, and then nothing. */
static void answer(struct stuck *s)
{
	char request[FUSE_MIN_READ_BUFFER + 4096];
	const struct fuse_in_header *in = (const void *)request;
	struct pollfd p = { .fd = s->fuse, .events = POLLIN };

	while (poll(&p, 1, 0) > 0 && read(s->fuse, request, sizeof(request)) > 0) {
		struct {
			struct fuse_out_header header;
			struct fuse_init_out init;
		} out = {
			.header = { .len = sizeof(out), .unique = in->unique },
			.init = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096 },
		};
		if (in->opcode == FUSE_INIT)
			s->initialised = write(s->fuse, &out, sizeof(out)) == (ssize_t)sizeof(out);
		else
			s->asked = true;
	}
}

static void on_timer(void *arg)
{
	struct stuck *s = arg;

	answer(s);
	if (s->asked && s->child && !s->pid) {
		s->pid = child_pid(s->child);
		child_kill(s->child); /* the server has the question: the kernel waits for its answer, whatever the signal */
	}
	timer_set(s->timer, 10);
}

static void on_done(void *arg, const struct child_result *r)
{
	struct stuck *s = arg;

	s->child = NULL;
	s->done++;
	s->result = *r;
	child_explain(r, "it", &s->explained);
	loop_stop(s->loop);
}

static bool mount_it(struct stuck *s)
{
	char options[128];

	snprintf(s->directory, sizeof(s->directory), "/tmp/test-child-stuck-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	s->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", s->fuse);
	return s->fuse >= 0 && mount("none", s->directory, "fuse", MS_NOSUID | MS_NODEV, options) == 0;
}

static void is_given_up(void **state)
{
	struct stuck s = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;

	(void)state;
	if (!mount_it(&s)) {
		rmdir(s.directory);
		closep(&s.fuse);
		skip(); /* no root, or no FUSE */
	}
	char *file CLEANUP(freep) = xasprintf("%s/file", s.directory);
	const char *const argv[] = { "/bin/cat", file, NULL };
	assert_int_equal(loop_new(&s.loop), 0);
	o.argv = argv;
	o.arg = &s;
	s.timer = timer_new(s.loop, on_timer, &s);
	timer_set(s.timer, 1);
	s.child = child_start(s.loop, &o, on_done);
	loop_run(s.loop);
	assert_int_equal(s.done, 1);
	assert_true(s.initialised && s.result.given_up && s.result.stopped && !child_ok(&s.result));
	assert_non_null(strstr(s.explained.text, "does not end"));
	assert_true(s.pid > 0);
	assert_int_equal(kill(s.pid, 0), 0); /* it is there all the same */
	timer_free(s.timer);
	loop_drain(s.loop, 100);
	assert_int_equal(loop_free(s.loop), 0); /* and holds nobody up */
	close(s.fuse);
	umount2(s.directory, MNT_DETACH);
	rmdir(s.directory);
	assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
