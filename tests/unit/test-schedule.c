/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "common/buf.h"
#include "common/varlink.h"
#include "daemon/domain/backup_call.h"
#include "daemon/domain/schedule.h"
#include "tests/unit/unit.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOON   INT64_C(1795521600000) /* 2026-11-24T12:00:00Z, a Tuesday */

static int64_t fake_now;

static int64_t get_now(void)
{
	return fake_now;
}

struct world {
	char directory[40], *path;
	struct loop *loop;
	struct conf *conf;
	struct schedule *schedule;
	struct buf log; /* what was begun */
	int refuse;
};

static int on_fire(void *arg, const char *unit)
{
	struct world *w = arg;

	buf_printf(&w->log, "%s ", unit ? unit : "all");
	return w->refuse;
}

static void open_it(struct world *w, const char *text, int interval)
{
	struct fault f = { 0 };

	conf_free(w->conf);
	if (conf_parse("f", text, &w->conf, &f) < 0)
		fail_msg("%s", f.text);
	struct schedule_options o = {
		.loop = w->loop, .conf = w->conf, .path = w->path, .interval_minutes = interval, .now_ms = get_now, .fire = on_fire,
		.arg = w,
	};
	assert_int_equal(schedule_new(&o, &w->schedule, &f), 0);
}

static void close_it(struct world *w)
{
	while (schedule_pending(w->schedule))
		loop_drain(w->loop, 5);
	schedule_free(w->schedule);
	w->schedule = NULL;
}

static void reload(struct world *w, const char *text)
{
	struct conf *old = w->conf;
	struct fault f = { 0 };

	assert_int_equal(conf_parse("f", text, &w->conf, &f), 0);
	schedule_set_conf(w->schedule, w->conf);
	conf_free(old);
}

/* What was begun since the last time. */
static const char *begun(struct world *w)
{
	static char text[200];

	schedule_look(w->schedule);
	snprintf(text, sizeof(text), "%s", w->log.data ? w->log.data : "");
	buf_done(&w->log);
	w->log = (struct buf){ 0 };
	return text;
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	setenv("TZ", "UTC", 1);
	tzset();
	strcpy(w->directory, "/tmp/kopi-docka-test-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	w->path = xasprintf("%s/schedule.json", w->directory);
	assert_int_equal(loop_new(&w->loop), 0);
	fake_now = NOON;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	if (w->schedule)
		close_it(w);
	conf_free(w->conf);
	buf_done(&w->log);
	loop_drain(w->loop, 100);
	assert_int_equal(loop_free(w->loop), 0);
	unlink(w->path);
	rmdir(w->directory);
	free(w->path);
	free(w);
	return 0;
}

static const char nightly[] = "[schedule]\ncalendar = 02:00\n";

static void each_night_once(void **state)
{
	struct world *w = *state;

	open_it(w, nightly, 0);
	assert_string_equal(begun(w), ""); /* new: what was at two is not its concern */
	assert_int_equal(schedule_next(w->schedule), NOON + 14 * HOUR);
	fake_now = NOON + 14 * HOUR - 1;
	assert_string_equal(begun(w), "");
	for (int i = 0; i < 3; i++) {
		fake_now = NOON + 14 * HOUR + i * DAY + 3;
		assert_string_equal(begun(w), "all ");
		assert_string_equal(begun(w), "");
		assert_int_equal(schedule_next(w->schedule), NOON + 14 * HOUR + (i + 1) * DAY);
	}
}

static void caught_up_once(void **state)
{
	struct world *w = *state;

	open_it(w, nightly, 0);
	close_it(w); /* down for five days, before it ever ran */
	fake_now += 5 * DAY;
	open_it(w, nightly, 0);
	assert_int_equal(schedule_next(w->schedule), fake_now);
	assert_string_equal(begun(w), "all ");
	assert_string_equal(begun(w), "");
	close_it(w); /* not down over two o'clock: nothing to catch up */
	fake_now += 13 * HOUR;
	open_it(w, nightly, 0);
	assert_string_equal(begun(w), "");
	close_it(w);
	fake_now += 5 * DAY;
	open_it(w, "[schedule]\ncalendar = 02:00\ncatch_up = false\n", 0);
	assert_string_equal(begun(w), "");
	assert_int_equal(schedule_next(w->schedule), NOON + 10 * DAY + 14 * HOUR);
}

static void changed_counts_from_now(void **state)
{
	struct world *w = *state;

	open_it(w, nightly, 0);
	fake_now += 14 * HOUR;
	assert_string_equal(begun(w), "all ");
	fake_now += 10 * HOUR;
	reload(w, "[schedule]\ncalendar = 11:00\n");
	assert_string_equal(begun(w), "");
	reload(w, "[backup]\n"); /* gone for a month */
	assert_int_equal(schedule_next(w->schedule), -1);
	fake_now += 30 * DAY;
	reload(w, "[schedule]\ncalendar = 11:00\n");
	assert_string_equal(begun(w), "");
}

static void clock_is_set(void **state)
{
	struct world *w = *state;

	fake_now = 5000; /* 1970: no battery */
	open_it(w, nightly, 0);
	assert_string_equal(begun(w), "");
	assert_int_equal(schedule_next(w->schedule), -1);
	fake_now = NOON;
	assert_string_equal(begun(w), "");
	assert_int_equal(schedule_next(w->schedule), NOON + 14 * HOUR);
	fake_now = NOON + 30 * DAY; /* too far, and run there */
	assert_string_equal(begun(w), "all ");
	fake_now = NOON; /* and back: not silent for a month */
	assert_string_equal(begun(w), "");
	assert_int_equal(schedule_next(w->schedule), NOON + 14 * HOUR);
}

static void units_of_their_own(void **state)
{
	struct world *w = *state;
	struct strv out CLEANUP(strv_done) = { 0 };

	open_it(w, "[schedule]\ncalendar = [\"02:00\", \"20:00\"]\n[unit:mail]\nschedule = 00/6:00\n[unit:cache]\nschedule = never\n"
		"[unit:shop]\nstop_timeout = 5\n", 0);
	schedule_left_out(w->conf, &out);
	assert_int_equal(out.n, 2);
	assert_true(strv_has(&out, "mail") && strv_has(&out, "cache"));
	assert_int_equal(schedule_next(w->schedule), NOON + 6 * HOUR);
	fake_now = NOON + 6 * HOUR;
	assert_string_equal(begun(w), "mail ");
	fake_now = NOON + 8 * HOUR;
	assert_string_equal(begun(w), "all ");
	fake_now = NOON + 14 * HOUR;
	assert_string_equal(begun(w), "all mail ");
}

static void intervals(void **state)
{
	struct world *w = *state;

	open_it(w, "[schedule]\ninterval_minutes = 90\n", 0);
	assert_int_equal(schedule_next(w->schedule), NOON + 90 * MINUTE);
	fake_now = NOON + 95 * MINUTE;
	assert_string_equal(begun(w), "all ");
	assert_int_equal(schedule_next(w->schedule), NOON + 185 * MINUTE);
	close_it(w);
	open_it(w, nightly, 30); /* --interval-minutes: instead of the file's */
	assert_int_equal(schedule_next(w->schedule), NOON + 125 * MINUTE);
}

static void delayed_by_chance(void **state)
{
	struct world *w = *state;
	bool differ = false;

	for (int i = 0; i < 20; i++) {
		open_it(w, "[schedule]\ncalendar = 02:00\nrandom_delay = 1h\n", 0);
		int64_t next = schedule_next(w->schedule);
		assert_in_range(next, NOON + 14 * HOUR, NOON + 15 * HOUR);
		differ |= next > NOON + 14 * HOUR + 1000;
		assert_string_equal(begun(w), "");
		assert_int_equal(schedule_next(w->schedule), next); /* not drawn anew by each look */
		close_it(w);
	}
	assert_true(differ);
}

static void tried_again(void **state)
{
	struct world *w = *state;

	open_it(w, nightly, 0);
	fake_now += 14 * HOUR;
	w->refuse = -EBUSY;
	assert_string_equal(begun(w), "all ");
	assert_int_equal(schedule_next(w->schedule), fake_now + 5 * MINUTE);
	assert_string_equal(begun(w), "");
	w->refuse = 0;
	fake_now += 5 * MINUTE;
	assert_string_equal(begun(w), "all ");
	assert_int_equal(schedule_next(w->schedule), NOON + 38 * HOUR);
}

static struct json_object *result(int64_t started)
{
	struct json_object *o = json_object_new_object();
	char *text CLEANUP(freep) = format_time(started);

	json_put_text(o, "backup_id", "20261124T120000Z");
	json_put_text(o, "started", text);
	return o;
}

static bool repeats(struct world *w, const struct strv *units, const char *reason)
{
	char *id CLEANUP(freep) = schedule_repeats(w->schedule, units, reason);

	return id != NULL;
}

static void one_run_for_two(void **state)
{
	struct world *w = *state;
	struct json_object *o CLEANUP(json_putp) = result(NOON);
	struct strv all = { 0 }, some CLEANUP(strv_done) = { 0 }, same CLEANUP(strv_done) = { 0 };

	strv_add(&some, "b");
	strv_add(&some, "a");
	strv_add(&same, "a");
	strv_add(&same, "b");
	open_it(w, nightly, 0);
	assert_false(repeats(w, &all, "timer"));
	schedule_asked(w->schedule, &all);
	schedule_succeeded(w->schedule, &all, "schedule", o);
	close_it(w); /* it is remembered */
	open_it(w, nightly, 0);
	fake_now = NOON + 10 * MINUTE;
	assert_true(repeats(w, &all, "timer"));
	assert_false(repeats(w, &all, "schedule")); /* an hourly schedule is not its own repetition */
	assert_false(repeats(w, &some, "timer"));
	fake_now = NOON + HOUR;
	assert_false(repeats(w, &all, "timer"));
	fake_now = NOON - 1; /* the clock was set back */
	assert_false(repeats(w, &all, "timer"));
	fake_now = NOON + 10 * MINUTE;
	schedule_succeeded(w->schedule, &some, "timer", o);
	assert_true(repeats(w, &same, "schedule"));
	assert_true(schedule_reason("timer") && schedule_reason("schedule") && !schedule_reason(NULL) && !schedule_reason("me"));
}

/* A timer's run is one of the schedule's: it counts on from there. */
static void timer_counts(void **state)
{
	struct world *w = *state;
	struct strv all = { 0 };

	open_it(w, "[schedule]\ninterval_minutes = 90\n", 0);
	fake_now = NOON + HOUR;
	schedule_asked(w->schedule, &all);
	assert_int_equal(schedule_next(w->schedule), NOON + HOUR + 90 * MINUTE);
}

static void damaged_memory(void **state)
{
	struct world *w = *state;
	FILE *f = fopen(w->path, "w");

	fputs("{ \"*\": [", f);
	fclose(f);
	open_it(w, nightly, 0);
	assert_int_equal(schedule_next(w->schedule), NOON + 14 * HOUR);
	assert_string_equal(begun(w), "");
}

/* Which run takes in whom. */
static bool covers(const char *have, const char *asked)
{
	struct json_object *a CLEANUP(json_putp) = json_parse(have, strlen(have));
	struct json_object *b CLEANUP(json_putp) = json_parse(asked, strlen(asked));

	return operation_backup.covers(a, b);
}

static void joining(void **state)
{
	(void)state;
	assert_true(covers("{}", "{}"));
	assert_true(covers("{}", "{\"units\":[\"a\"]}"));
	assert_true(covers("{\"units\":[\"a\",\"b\"]}", "{\"units\":[\"b\"]}"));
	assert_true(covers("{\"units\":[\"a\",\"b\"]}", "{\"units\":[\"b\",\"a\"]}"));
	assert_false(covers("{\"units\":[\"a\"]}", "{\"units\":[\"a\",\"b\"]}"));
	assert_false(covers("{\"units\":[\"a\"]}", "{}"));
	assert_true(covers("{}", "{\"except\":[\"a\"]}"));
	assert_false(covers("{\"except\":[\"a\"]}", "{}"));
	assert_true(covers("{\"except\":[\"a\"]}", "{\"except\":[\"a\",\"b\"]}"));
	assert_false(covers("{\"except\":[\"a\",\"b\"]}", "{\"except\":[\"a\"]}"));
	assert_false(covers("{\"except\":[\"a\"]}", "{\"units\":[\"a\"]}"));
	assert_true(covers("{\"except\":[\"a\"]}", "{\"units\":[\"b\"]}"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_night_once), T(caught_up_once), T(changed_counts_from_now), T(clock_is_set), T(units_of_their_own), T(intervals),
		T(delayed_by_chance), T(tried_again), T(one_run_for_two), T(timer_counts), T(damaged_memory), cmocka_unit_test(joining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
