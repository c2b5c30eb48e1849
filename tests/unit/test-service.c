/* SPDX-License-Identifier: MIT */
/*
 * Law 1 against an engine that is told what to do: the order of stops and starts, what
 * someone else did meanwhile, answers that are lost. The ledger and the loop are real.
 */
#include <pthread.h>

#include "common/fd.h"
#include "daemon/domain/service.h"
#include "tests/unit/fake-engine.h"
#include "tests/unit/unit.h"

#define CONTAINERS 3 /* db <- app <- web, levels 0, 1, 2 */

struct fake_container {
	const char *name;
	bool running, removed;
	int run;            /* StartedAt says which run it is */
	int start_failures; /* so many starts are refused */
	bool needs_gone;    /* a start says 404: of another container */
	enum fake_act stop_act, start_act; /* how the answer goes; the act itself happens */
	int stop_status;    /* 0: 204 */
	const char *health;
};

struct world {
	struct loop *loop;
	struct docker *docker;
	struct ledger *ledger;
	struct service *service;
	struct fake_engine *engine;
	char *directory, *socket, *ledger_path;
	pthread_mutex_t mutex; /* of containers: the engine has a thread of its own */
	struct fake_container containers[CONTAINERS];
	bool down;             /* the engine answers nothing */
	int calls;
	struct fault fault;
};

static char *inspect_text(const struct fake_container *c)
{
	char *health CLEANUP(freep) = c->health ? xasprintf(",\"Health\":{\"Status\":\"%s\"}", c->health) : xstrdup("");

	return xasprintf("{\"Id\":\"%s\",\"Name\":\"/%s\",\"RestartCount\":0,\"State\":{\"Status\":\"%s\",\"Running\":%s,"
			 "\"ExitCode\":0,\"StartedAt\":\"2026-01-01T00:00:%02dZ\",\"FinishedAt\":\"x\"%s},"
			 "\"Config\":{\"Image\":\"i\",\"Labels\":{}},\"HostConfig\":{},\"Mounts\":[]}",
		c->name, c->name, c->running ? "running" : "exited", c->running ? "true" : "false", c->run, health);
}

static void act(struct fake_container *c, const char *request, struct fake_reply *reply)
{
	if (c->removed) {
		*reply = (struct fake_reply){ .status = 404, .body = xstrdup("{\"message\":\"No such container\"}") };
	} else if (strstr(request, "/stop?")) {
		*reply = (struct fake_reply){ .act = c->stop_act, .status = c->running ? 204 : 304 };
		if (c->stop_status)
			*reply = (struct fake_reply){ .status = c->stop_status, .body = xstrdup("{\"message\":\"no\"}") };
		else
			c->running = false;
	} else if (strstr(request, "/start") && c->needs_gone) {
		*reply = (struct fake_reply){ .status = 404, .body = xstrdup("{\"message\":\"No such container: other\"}") };
	} else if (strstr(request, "/start")) {
		*reply = (struct fake_reply){ .act = c->start_act, .status = c->running ? 304 : 204 };
		if (c->start_failures > 0) {
			c->start_failures--;
			*reply = (struct fake_reply){ .status = 500, .body = xstrdup("{\"message\":\"port is taken\"}") };
		} else if (!c->running) {
			c->running = true;
			c->run++;
		}
	} else {
		*reply = (struct fake_reply){ .status = 200, .body = inspect_text(c) };
	}
}

static void handle(void *arg, const char *request, struct fake_reply *reply)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->mutex);
	if (w->down)
		reply->act = FAKE_CLOSE;
	for (size_t i = 0; i < CONTAINERS && !w->down; i++) {
		char *path CLEANUP(freep) = xasprintf("/containers/%s/", w->containers[i].name);
		if (strstr(request, path))
			act(&w->containers[i], request, reply);
	}
	pthread_mutex_unlock(&w->mutex);
}

static struct service *make_service(struct world *w)
{
	static const char *const names[] = { "db", "app", "web" };
	struct ledger_entry v[CONTAINERS];
	struct service_options o = { .loop = w->loop, .docker = w->docker, .ledger = w->ledger, .unit = "shop",
		.state_directory = w->directory, .stop_timeout_s = 1, .start_timeout_s = 5 };

	for (int i = 0; i < CONTAINERS; i++)
		v[i] = (struct ledger_entry){ .kind = LEDGER_CONTAINER, .key = (char *)(uintptr_t)names[i],
			.name = (char *)(uintptr_t)names[i], .unit = (char *)(uintptr_t)"shop",
			.started_at = (char *)(uintptr_t)"2026-01-01T00:00:01Z", .level = i, .grace_s = 1,
			.inspect = (char *)(uintptr_t)"{\"kept\":1}" };
	return service_from_ledger(&o, v, CONTAINERS);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fault f = { 0 };
	static const char *const names[] = { "db", "app", "web" };

	w->directory = xstrdup("/tmp/kd-test-service-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0 || pthread_mutex_init(&w->mutex, NULL) != 0)
		return -1;
	w->socket = xasprintf("%s/engine", w->directory);
	w->ledger_path = xasprintf("%s/ledger", w->directory);
	for (int i = 0; i < CONTAINERS; i++)
		w->containers[i] = (struct fake_container){ .name = names[i], .running = true, .run = 1 };
	w->engine = fake_engine_start(w->socket, handle, w);
	if (docker_new(w->loop, w->socket, &w->docker, &f) < 0 || ledger_open(w->loop, w->ledger_path, &w->ledger, &f) < 0)
		return -1;
	w->service = make_service(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	for (int i = 0; ledger_pending(w->ledger) && i < 100; i++)
		loop_drain(w->loop, 20);
	service_free(w->service);
	ledger_free(w->ledger);
	docker_free(w->docker);
	loop_drain(w->loop, 100);
	assert_int_equal(loop_free(w->loop), 0);
	fake_engine_stop(w->engine);
	pthread_mutex_destroy(&w->mutex);
	assert_int_equal(dir_remove(w->directory), 0);
	free(w->directory);
	free(w->socket);
	free(w->ledger_path);
	free(w);
	return 0;
}

static void on_done(void *arg, const struct fault *f)
{
	struct world *w = arg;

	w->calls++;
	w->fault = f ? *f : (struct fault){ 0 };
	loop_stop(w->loop);
}

typedef void verb_fn(struct service *s, service_done_fn *done, void *arg);

static enum fault_code go(struct world *w, verb_fn *verb)
{
	w->calls = 0;
	verb(w->service, on_done, w);
	assert_int_equal(w->calls, 0);
	loop_run(w->loop);
	assert_int_equal(w->calls, 1);
	return w->fault.code;
}

static const struct service_member *member(const struct world *w, size_t i)
{
	size_t n;
	const struct service_member *m = service_members(w->service, &n);

	assert_int_equal(n, CONTAINERS);
	return &m[i];
}

static size_t open_entries(const struct world *w)
{
	size_t n;

	IGNORE(ledger_entries(w->ledger, &n) == NULL);
	return n;
}

/* The verbs and names of the stops and starts, in their order. Caller's. */
static char *acts(const struct world *w)
{
	char *log CLEANUP(freep) = fake_engine_log(w->engine);
	struct buf b = { 0 };
	char *rest = log;

	for (char *line; (line = strsep(&rest, "\n"));) {
		char name[16], verb[8];
		if (sscanf(line, "POST /v1.41/containers/%15[^/]/%7[a-z]", name, verb) == 2)
			buf_printf(&b, "%s%s %s", b.len ? ", " : "", verb, name);
	}
	return buf_steal(&b);
}

static void happy(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(open_entries(w), CONTAINERS);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(go(w, service_prove), FAULT_NONE);
	assert_int_equal(open_entries(w), CONTAINERS);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_int_equal(go(w, service_healthy), FAULT_NONE);
	assert_int_equal(open_entries(w), 0);
	char *done CLEANUP(freep) = acts(w);
	assert_string_equal(done, "stop web, stop app, stop db, start db, start app, start web");
	for (size_t i = 0; i < CONTAINERS; i++)
		assert_int_equal(member(w, i)->state, MEMBER_STARTED);
	assert_true(service_window_ms(w->service) > 0);
}

/* The same members once more, also one that did not come up or went down by itself; who is gone is left alone. */
static void second_turn(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	w->containers[2].removed = true;
	assert_int_not_equal(go(w, service_start), FAULT_NONE);
	w->containers[0].running = false; /* ended by itself, after another start by its restart policy */
	w->containers[0].run = 9;
	service_renew(w->service);
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(open_entries(w), 2);
	size_t n;
	const struct ledger_entry *e = ledger_entries(w->ledger, &n);
	assert_true(e[0].owed && e[1].owed); /* also after a kill */
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_false(w->containers[0].running || w->containers[1].running);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_true(w->containers[0].running && w->containers[1].running);
	assert_int_equal(open_entries(w), 0);
}

/* Someone else was first: theirs, and it stays down. */
static void stopped_by_someone(void **state)
{
	struct world *w = *state;

	w->containers[1].running = false;
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(member(w, 1)->state, MEMBER_NOT_OURS);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_false(w->containers[1].running);
	assert_true(w->containers[0].running && w->containers[2].running);
	assert_int_equal(open_entries(w), 0);
}

static void started_by_someone(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	w->containers[0].running = true;
	w->containers[0].run = 9;
	assert_int_not_equal(go(w, service_prove), FAULT_NONE); /* law 4: not cold */
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_int_equal(member(w, 0)->state, MEMBER_LEFT);
	assert_int_equal(w->containers[0].run, 9);
	assert_int_equal(open_entries(w), 0);
}

/* Law 4, each half for itself: it ran in between though it is down now; it runs though nothing says since when. */
static void not_cold(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(go(w, service_prove), FAULT_NONE);
	w->containers[0].run = 2;
	assert_int_not_equal(go(w, service_prove), FAULT_NONE);
	w->containers[0].run = 1;
	w->containers[0].running = true;
	assert_int_not_equal(go(w, service_prove), FAULT_NONE);
	IGNORE(go(w, service_start) != FAULT_NONE);
}

static void started_and_stopped_by_someone(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	w->containers[0].run = 9; /* it ran since, and is down */
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_false(w->containers[0].running);
	assert_int_equal(member(w, 0)->state, MEMBER_NOT_OURS);
	assert_int_equal(open_entries(w), 0);
}

static void removed_by_someone(void **state)
{
	struct world *w = *state;
	char *kept CLEANUP(freep) = xasprintf("%s/removed/app-app.json", w->directory);
	struct buf text CLEANUP(buf_done) = { 0 };

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	w->containers[1].removed = true;
	assert_int_not_equal(go(w, service_start), FAULT_NONE);
	assert_int_equal(member(w, 1)->state, MEMBER_GONE);
	assert_true(w->containers[0].running && w->containers[2].running); /* the others all the same */
	assert_int_equal(file_read(kept, 4096, &text), 0);
	assert_string_equal(text.data, "{\"kept\":1}");
	assert_int_equal(open_entries(w), 0);
}

/* A 404 for its start is not its own absence: it is still ours, and down. */
static void what_it_needs_is_gone(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	w->containers[2].needs_gone = true;
	assert_int_not_equal(go(w, service_start), FAULT_NONE);
	assert_int_equal(member(w, 2)->state, MEMBER_FAILED);
	assert_non_null(strstr(w->fault.text, "what it needs is gone"));
	assert_int_equal(open_entries(w), 1);
}

/* The answer is lost, the act is not: what is true is looked at, and nothing is done twice. */
static void lost_answers(void **state)
{
	struct world *w = *state;

	w->containers[1].stop_act = FAKE_CLOSE;
	w->containers[1].start_act = FAKE_CLOSE;
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(member(w, 1)->state, MEMBER_STOPPED);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_true(w->containers[1].running);
	assert_int_equal(w->containers[1].run, 2);
	assert_int_equal(open_entries(w), 0);
}

/* dockerd hangs in a stop (a dead server's volume): after the grace and half a minute it is looked at, and goes on. */
static void hangs_in_stop(void **state)
{
	struct world *w = *state;

	w->containers[1].stop_act = FAKE_HANG;
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(member(w, 1)->state, MEMBER_STOPPED);
	assert_true(member(w, 1)->unanswered && !member(w, 0)->unanswered);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_true(w->containers[1].running);
}

/* A stop that the engine refuses ends the going down; what was stopped above it starts again. */
static void refuses_to_stop(void **state)
{
	struct world *w = *state;

	w->containers[1].stop_status = 500;
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_not_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(member(w, 0)->state, MEMBER_STOPPING); /* from a ledger: asked before */
	assert_true(w->containers[0].running);
	IGNORE(go(w, service_start) != FAULT_NONE);
	for (size_t i = 0; i < CONTAINERS; i++)
		assert_true(w->containers[i].running);
	assert_int_equal(w->containers[0].run, 1); /* never touched */
	char *done CLEANUP(freep) = acts(w);
	assert_string_equal(done, "stop web, stop app, start web");
}

static void start_fails_for_a_while(void **state)
{
	struct world *w = *state;

	w->containers[0].start_failures = 2;
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	assert_int_equal(member(w, 0)->state, MEMBER_STARTED);
	assert_int_equal(open_entries(w), 0);
}

/* One that will not start keeps its entry, and keeps nobody else down. */
static void start_fails_for_ever(void **state)
{
	struct world *w = *state;

	w->containers[0].start_failures = 1000;
	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	assert_int_not_equal(go(w, service_start), FAULT_NONE);
	assert_non_null(strstr(w->fault.text, "port is taken"));
	assert_int_equal(member(w, 0)->state, MEMBER_FAILED);
	assert_true(w->containers[1].running && w->containers[2].running);
	assert_int_equal(open_entries(w), 1);
}

static void engine_comes_back(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->mutex);
	w->down = false;
	pthread_mutex_unlock(&w->mutex);
}

/* dockerd restarts in the window: reconnect, and go on from what is true. */
static void engine_away(void **state)
{
	struct world *w = *state;
	struct timer *t = timer_new(w->loop, engine_comes_back, w);

	assert_int_equal(go(w, service_record), FAULT_NONE);
	assert_int_equal(go(w, service_stop), FAULT_NONE);
	w->down = true;
	timer_set(t, 700);
	assert_int_equal(go(w, service_start), FAULT_NONE);
	timer_free(t);
	for (size_t i = 0; i < CONTAINERS; i++)
		assert_true(w->containers[i].running);
	assert_int_equal(open_entries(w), 0);
}

static void cancel_while_stopping(void **state)
{
	struct world *w = *state;

	assert_int_equal(go(w, service_record), FAULT_NONE);
	service_cancel_stop(w->service);
	assert_int_equal(go(w, service_stop), FAULT_CANCELLED);
	IGNORE(go(w, service_start) != FAULT_NONE);
	for (size_t i = 0; i < CONTAINERS; i++)
		assert_true(w->containers[i].running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(happy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(second_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_by_someone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(started_by_someone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_cold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(started_and_stopped_by_someone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removed_by_someone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_it_needs_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hangs_in_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_to_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(start_fails_for_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(start_fails_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(engine_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancel_while_stopping, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
