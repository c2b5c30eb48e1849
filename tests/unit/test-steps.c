/* SPDX-License-Identifier: MIT */
#include "common/buf.h"
#include "daemon/mech/steps.h"
#include "tests/unit/unit.h"

/* A story that writes down what happens to it. */
struct story {
	struct loop *loop;
	struct steps *steps;
	struct buf log;
	const char *fail_at;
	bool cancel_at_b, over;
	struct fault fault;
};

static void note(void *owner, const char *text)
{
	struct story *s = owner;

	buf_printf(&s->log, "%s ", text);
}

static void step(struct story *s, const char *name)
{
	note(s, name);
	if (streq(s->fail_at, name)) {
		struct fault f = { 0 };
		fault_set(&f, FAULT_FAILED, -EIO, "%s", name);
		steps_fail(s->steps, &f);
	}
	steps_next(s->steps);
}

static void on_later(void *arg)
{
	step(arg, "b");
}

static void enter_a(void *o) { step(o, "a"); }
static void leave_a(void *o) { step(o, "-a"); }
static void enter_b(void *o)
{
	struct story *s = o;

	if (s->cancel_at_b) {
		steps_cancel(s->steps);
		steps_cancel(s->steps);
	} else {
		loop_defer(s->loop, on_later, s);
	}
}
static void leave_b(void *o) { step(o, "-b"); }
static void cancel_b(void *o)
{
	note(o, "cancel");
	step(o, "b");
}
static void enter_c(void *o) { step(o, "c"); }
static void leave_c(void *o) { step(o, "-c"); }

static const struct step table[] = {
	{ "a", "-a", enter_a, leave_a, NULL },
	{ "b", "-b", enter_b, leave_b, cancel_b },
	{ "nothing", NULL, NULL, NULL, NULL },
	{ "c", "-c", enter_c, leave_c, NULL },
};

static void on_done(void *owner, const struct fault *first)
{
	struct story *s = owner;

	s->over = true;
	s->fault = *first;
	loop_stop(s->loop);
}

static char *tell(const char *fail_at, bool cancel, struct fault *ret)
{
	struct story s = { .fail_at = fail_at, .cancel_at_b = cancel };

	assert_int_equal(loop_new(&s.loop), 0);
	s.steps = steps_start(s.loop, table, ARRAY_SIZE(table), &s, NULL, on_done);
	assert_false(s.over); /* never from inside */
	loop_run(s.loop);
	assert_true(s.over);
	assert_int_equal(loop_free(s.loop), 0);
	*ret = s.fault;
	return buf_steal(&s.log);
}

static void every_entered_step_is_left(void **state)
{
	static const struct {
		const char *fail_at;
		bool cancel;
		const char *log;
	} cases[] = {
		{ NULL, false, "a b c -c -b -a " },
		{ "a", false, "a -a " },
		{ "b", false, "a b -b -a " },
		{ "c", false, "a b c -c -b -a " },
		{ "-c", false, "a b c -c -b -a " }, /* a failure on the way back leaves the rest all the same */
		{ NULL, true, "a cancel b -b -a " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault f = { 0 };
		char *log CLEANUP(freep) = tell(cases[i].fail_at, cases[i].cancel, &f);
		assert_string_equal(log, cases[i].log);
		if (cases[i].fail_at)
			assert_string_equal(f.text, cases[i].fail_at);
		else
			assert_int_equal(f.code, cases[i].cancel ? FAULT_CANCELLED : FAULT_NONE);
	}
}

static void on_timer(void *arg)
{
	loop_stop(arg);
}

static void timers(void **state)
{
	struct loop *l;
	int before = open_fds();

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	struct timer *t = timer_new(l, on_timer, l);
	timer_set(t, 100000);
	assert_true(timer_armed(t));
	timer_clear(t);
	assert_false(timer_armed(t));
	timer_set(t, 1);
	loop_run(l);
	timer_freep(&t);
	assert_int_equal(loop_free(l), 0);
	assert_true(open_fds() >= before); /* libuv keeps a pipe for signals once it was used */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_entered_step_is_left), cmocka_unit_test(timers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
