/* SPDX-License-Identifier: MIT */
#include "daemon/mech/walltimer.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct timer *guard;
	int64_t fired_ms; /* 0: not yet */
	int times;
};

static void on_fire(void *arg)
{
	struct world *w = arg;

	w->fired_ms = wall_ms();
	w->times++;
	loop_stop(w->loop);
}

static void on_guard(void *arg)
{
	struct world *w = arg;

	loop_stop(w->loop);
}

static void fires_when_it_is_time(void **state)
{
	struct world w = { 0 };
	struct walltimer *t = NULL;

	(void)state;
	assert_int_equal(loop_new(&w.loop), 0);
	w.guard = timer_new(w.loop, on_guard, &w);
	int fds = open_fds();
	assert_int_equal(walltimer_new(w.loop, on_fire, &w, &t), 0);
	int64_t when = wall_ms() + 50;
	walltimer_set(t, wall_ms() + 3600000); /* setting again replaces */
	walltimer_set(t, when);
	timer_set(w.guard, 30000);
	loop_run(w.loop);
	assert_true(w.fired_ms >= when);
	walltimer_set(t, 0); /* long past */
	loop_run(w.loop);
	assert_int_equal(w.times, 2);
	walltimer_set(t, wall_ms() - 1);
	loop_run(w.loop);
	assert_int_equal(w.times, 3);
	walltimer_set(t, -1); /* never by itself */
	timer_set(w.guard, 50);
	loop_run(w.loop);
	assert_int_equal(w.times, 3);
	walltimer_free(t);
	timer_free(w.guard);
	loop_drain(w.loop, 100);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(loop_free(w.loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fires_when_it_is_time) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
