/* SPDX-License-Identifier: MIT */
/* One runs, the others wait in order; the same call twice is one job with two listeners. */
#include "common/varlink.h"
#include "daemon/domain/queue.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct queue *queue;
	struct job *running; /* what was started and has not ended */
	struct buf log;
	int idle;
};

struct listener {
	struct world *world;
	int progress, over;
	char phase[16]; /* last told */
	enum fault_code code;
	int64_t value; /* of the result's "value", -1 */
};

static void on_idle(void *arg)
{
	struct world *w = arg;

	w->idle++;
}

static void begin(struct job *j)
{
	struct world *w = job_owner(j);

	assert_null(w->running);
	w->running = j;
	buf_printf(&w->log, "start %s;", json_text(job_parameters(j), "name"));
}

static void end(struct job *j)
{
	struct world *w = job_owner(j);

	buf_printf(&w->log, "cancel %s;", json_text(job_parameters(j), "name"));
}

static const struct operation work = { .name = "work", .start = begin, .cancel = end };

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	*state = w;
	if (loop_new(&w->loop) < 0)
		return -1;
	w->queue = queue_new(w->loop, on_idle, NULL, w);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	assert_true(queue_idle(w->queue));
	queue_free(w->queue);
	assert_int_equal(loop_free(w->loop), 0);
	buf_done(&w->log);
	free(w);
	return 0;
}

static void on_progress(void *arg, struct json_object *progress)
{
	struct listener *l = arg;

	assert_string_equal(json_text(progress, "operation"), "work");
	l->progress++;
	snprintf(l->phase, sizeof(l->phase), "%s", json_text(progress, "phase"));
}

static void on_over(void *arg, const struct fault *f, struct json_object *result)
{
	struct listener *l = arg;

	l->over++;
	l->code = f ? f->code : FAULT_NONE;
	l->value = json_number(result, "value", -1);
}

static unsigned int add(struct world *w, const char *name, struct listener *l)
{
	struct job_listener to = { .on_progress = on_progress, .on_over = on_over, .arg = l };
	struct json_object *p CLEANUP(json_putp) = json_object_new_object();
	struct fault f = { 0 };
	unsigned int job = 0;

	json_put_text(p, "name", name);
	assert_int_equal(queue_add(w->queue, &work, p, 0, &to, &job, &f), 0);
	return job;
}

static void finish(struct world *w, const struct fault *f, int64_t value)
{
	struct json_object *result = json_object_new_object();
	struct job *j = w->running;

	json_put_number(result, "value", value);
	w->running = NULL;
	job_over(j, f, result);
	loop_drain(w->loop, 20);
}

static void in_order(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 }, b = { 0 }, late = { 0 };
	struct progress p = PROGRESS_INIT;

	assert_true(add(w, "a", &a) < add(w, "b", &b));
	assert_string_equal(w->log.data, "start a;");
	assert_int_equal(a.progress, 0);
	assert_string_equal(b.phase, "queued"); /* who waits is told at once */
	p.phase = "read";
	job_progress(w->running, &p);
	assert_int_equal(a.progress, 1);
	assert_int_equal(b.progress, 1);
	add(w, "a", &late); /* who comes later is shown where it is */
	assert_string_equal(late.phase, "read");
	assert_string_equal(json_text(queue_progress(w->queue), "phase"), "read");
	struct json_object *list = queue_json(w->queue);
	assert_int_equal(json_object_array_length(list), 2);
	assert_string_equal(json_text(json_object_array_get_idx(list, 1), "state"), "queued");
	json_object_put(list);
	finish(w, NULL, 7);
	assert_true(a.over == 1 && a.code == FAULT_NONE && a.value == 7 && b.over == 0);
	assert_string_equal(w->log.data, "start a;start b;");
	assert_int_equal(w->idle, 0);
	struct fault f = { .code = FAULT_NO_SPACE };
	finish(w, &f, 0);
	assert_true(b.over == 1 && b.code == FAULT_NO_SPACE && w->idle == 1);
}

static void the_same_is_one(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 }, again = { 0 }, other = { 0 };

	unsigned int job = add(w, "a", &a);
	assert_int_equal(add(w, "a", &again), job);
	assert_int_not_equal(add(w, "other", &other), job);
	finish(w, NULL, 1);
	assert_true(a.over == 1 && again.over == 1 && other.over == 0);
	finish(w, NULL, 1);
	assert_string_equal(w->log.data, "start a;start other;");
}

static void cancelled(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 }, waiting = { 0 }, asker = { 0 };
	struct job_listener to = { .on_over = on_over, .arg = &asker };
	struct fault f = { .code = FAULT_CANCELLED };

	unsigned int job = add(w, "a", &a), second = add(w, "b", &waiting);
	assert_int_equal(queue_cancel(w->queue, 99, &to), -ENOENT);
	assert_int_equal(queue_cancel(w->queue, second, &to), 0);
	loop_drain(w->loop, 20);
	assert_true(waiting.over == 1 && waiting.code == FAULT_CANCELLED && asker.over == 1);
	assert_int_equal(queue_cancel(w->queue, job, &to), 0);
	assert_int_equal(queue_cancel(w->queue, job, &to), 0); /* hurried once */
	assert_string_equal(w->log.data, "start a;cancel a;");
	struct listener late = { 0 };
	assert_int_not_equal(add(w, "a", &late), job); /* a job that is being cancelled is not joined */
	finish(w, &f, 0);
	assert_true(a.code == FAULT_CANCELLED && asker.over == 3);
	queue_close(w->queue);
	finish(w, &f, 0);
	assert_int_equal(late.over, 1);
}

static void held(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 };

	queue_hold(w->queue, true);
	add(w, "a", &a);
	assert_null(w->running);
	queue_hold(w->queue, false);
	assert_non_null(w->running);
	finish(w, NULL, 0);
}

static void full(void **state)
{
	struct world *w = *state;
	struct listener l = { 0 };
	struct job_listener to = { .on_over = on_over, .arg = &l };
	struct fault f = { 0 };
	int n = 0, r;

	do {
		struct json_object *p CLEANUP(json_putp) = json_object_new_object();
		unsigned int job;
		char *name CLEANUP(freep) = xasprintf("%d", n++);
		json_put_text(p, "name", name);
		r = queue_add(w->queue, &work, p, 0, &to, &job, &f);
	} while (r == 0 && n < 1000);
	assert_int_equal(f.code, FAULT_BUSY);
	assert_true(n < 100);
	queue_close(w->queue);
	struct fault c = { .code = FAULT_CANCELLED };
	finish(w, &c, 0);
	assert_int_equal(l.over, n - 1);
}

static const struct operation humble = { .name = "work", .yields = true, .start = begin, .cancel = end };

/* What yields is cancelled when another job comes, and only then. */
static void makes_way(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 }, b = { 0 };
	struct job_listener to = { .on_over = on_over, .arg = &a };
	struct json_object *p CLEANUP(json_putp) = json_object_new_object();
	struct fault f = { 0 }, c = { .code = FAULT_CANCELLED };
	unsigned int job = 0;

	json_put_text(p, "name", "a");
	assert_int_equal(queue_add(w->queue, &humble, p, 0, &to, &job, &f), 0);
	assert_string_equal(w->log.data, "start a;");
	assert_false(job_yields(w->running));
	add(w, "b", &b);
	add(w, "c", &b);
	assert_string_equal(w->log.data, "start a;cancel a;"); /* once */
	assert_true(job_yields(w->running));
	finish(w, &c, 0);
	assert_int_equal(a.code, FAULT_CANCELLED);
	finish(w, NULL, 0);
	assert_int_equal(queue_add(w->queue, &humble, p, 0, &to, &job, &f), 0);
	assert_string_equal(w->log.data, "start a;cancel a;start b;start c;"); /* it waits like others */
	finish(w, NULL, 0);
	queue_close(w->queue);
	assert_false(job_yields(w->running));
	finish(w, &c, 0);
	assert_int_equal(w->idle, 1);
}

/* Between a job's end and that it is told: its operation has nothing left to cancel. */
static void cancelled_too_late(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 }, b = { 0 };
	struct job_listener to = { .on_over = on_over, .arg = &b };
	unsigned int job = add(w, "a", &a);

	job_over(w->running, NULL, NULL);
	w->running = NULL;
	assert_int_equal(queue_cancel(w->queue, job, &to), 0);
	loop_drain(w->loop, 20);
	assert_string_equal(w->log.data, "start a;");
	assert_true(a.over == 1 && b.over == 1 && b.code == FAULT_NONE);
}

/* Whoever cancels is answered: by the end, or at once when so many listen that nobody would tell them. */
static void one_listener_too_many(void **state)
{
	struct world *w = *state;
	struct listener a = { 0 }, asker = { 0 };
	struct job_listener to = { .on_over = on_over, .arg = &a }, last = { .on_over = on_over, .arg = &asker };
	struct json_object *p CLEANUP(json_putp) = json_object_new_object();
	struct fault f = { 0 }, c = { .code = FAULT_CANCELLED };
	unsigned int job = 0;
	int n = 0;

	json_put_text(p, "name", "a");
	while (queue_add(w->queue, &work, p, 0, &to, &job, &f) == 0 && n < 1000)
		n++;
	assert_int_equal(f.code, FAULT_BUSY);
	assert_int_equal(queue_cancel(w->queue, job, &last), -EBUSY);
	assert_string_equal(w->log.data, "start a;cancel a;");
	finish(w, &c, 0);
	assert_true(a.over == n && asker.over == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_is_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(makes_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled_too_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_listener_too_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
