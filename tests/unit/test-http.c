/* SPDX-License-Identifier: MIT */
/* Every call answers exactly once, whatever the other side does. */
#include <sys/stat.h>

#include "daemon/mech/http.h"
#include "tests/unit/fake-engine.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct http *http;
	struct fake_engine *engine;
	char *directory, *socket;
	struct fake_reply reply; /* what the engine answers; its body is copied each time */
	int wanted;              /* answers to wait for */
};

struct seen {
	struct world *world;
	int calls, status;
	struct fault fault;
	char *body;
	char version[16];
};

static void handle(void *arg, const char *request, struct fake_reply *reply)
{
	const struct world *w = arg;

	(void)request;
	*reply = w->reply;
	reply->body = xstrdup(w->reply.body);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fault f = { 0 };

	w->directory = xstrdup("/tmp/kd-test-http-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0)
		return -1;
	w->socket = xasprintf("%s/engine", w->directory);
	w->reply = (struct fake_reply){ .status = 200 };
	w->engine = fake_engine_start(w->socket, handle, w);
	*state = w;
	return http_new(w->loop, w->socket, &w->http, &f);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	http_free(w->http);
	loop_drain(w->loop, 200);
	assert_int_equal(loop_free(w->loop), 0);
	if (w->engine)
		fake_engine_stop(w->engine);
	rmdir(w->directory);
	free(w->directory);
	free(w->socket);
	free(w);
	return 0;
}

static void on_done(void *arg, const struct http_reply *r)
{
	struct seen *s = arg;

	s->calls++;
	s->status = r->status;
	s->fault = r->fault;
	s->body = xstrndup(r->body, r->len);
	snprintf(s->version, sizeof(s->version), "%s", r->api_version);
	if (--s->world->wanted == 0)
		loop_stop(s->world->loop);
}

static struct seen ask(struct world *w, const struct http_request *r)
{
	struct seen s = { .world = w };

	w->wanted = 1;
	http_start(w->http, r, on_done, &s);
	assert_int_equal(s.calls, 0); /* never from inside */
	loop_run(w->loop);
	assert_int_equal(s.calls, 1);
	return s;
}

static void answers(void **state)
{
	struct world *w = *state;
	struct http_request get = { .method = "GET", .path = "/v1.41/info" };

	w->reply.body = (char *)(uintptr_t)"{\"ID\":\"x\"}";
	w->reply.version = "1.44";
	struct seen s = ask(w, &get);
	assert_int_equal(s.fault.code, FAULT_NONE);
	assert_int_equal(s.status, 200);
	assert_string_equal(s.body, "{\"ID\":\"x\"}");
	assert_string_equal(s.version, "1.44");
	free(s.body);
	w->reply = (struct fake_reply){ .status = 204 };
	struct http_request post = { .method = "POST", .path = "/containers/a/stop?t=5" };
	s = ask(w, &post);
	assert_int_equal(s.status, 204);
	free(s.body);
	w->reply = (struct fake_reply){ .status = 404, .body = (char *)(uintptr_t)"gone" };
	s = ask(w, &get);
	assert_int_equal(s.fault.code, FAULT_NONE);
	assert_int_equal(s.status, 404);
	assert_string_equal(s.body, "gone");
	free(s.body);
	char *log CLEANUP(freep) = fake_engine_log(w->engine);
	assert_string_equal(log, "GET /v1.41/info\nPOST /containers/a/stop?t=5\nGET /v1.41/info\n");
}

/* A connection that ends is FAULT_ENGINE with status 0: the outcome is not known. One POST is sent once. */
static void broken(void **state)
{
	struct world *w = *state;
	struct http_request post = { .method = "POST", .path = "/stop" };
	static const enum fake_act acts[] = { FAKE_CLOSE, FAKE_CUT };

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		w->reply = (struct fake_reply){ .act = acts[i], .status = 200, .body = (char *)(uintptr_t)"0123456789" };
		struct seen s = ask(w, &post);
		assert_int_equal(s.fault.code, FAULT_ENGINE);
		assert_int_equal(s.status, 0);
		free(s.body);
	}
	char *log CLEANUP(freep) = fake_engine_log(w->engine);
	assert_string_equal(log, "POST /stop\nPOST /stop\n");
}

static void deadline(void **state)
{
	struct world *w = *state;
	struct http_request get = { .method = "GET", .path = "/hangs", .deadline_ms = 50 };

	w->reply.act = FAKE_HANG;
	struct seen s = ask(w, &get);
	assert_int_equal(s.fault.code, FAULT_ENGINE);
	assert_int_equal(s.fault.sys, -ETIMEDOUT);
	free(s.body);
}

static void too_large(void **state)
{
	struct world *w = *state;
	struct http_request get = { .method = "GET", .path = "/large", .max_bytes = 8 };

	w->reply.body = (char *)(uintptr_t)"more than eight";
	struct seen s = ask(w, &get);
	assert_int_equal(s.fault.sys, -EMSGSIZE);
	free(s.body);
}

static void nobody_there(void **state)
{
	struct world *w = *state;
	struct http_request get = { .method = "GET", .path = "/x" };

	fake_engine_stop(w->engine);
	w->engine = NULL;
	struct seen s = ask(w, &get);
	assert_int_equal(s.fault.code, FAULT_ENGINE);
	free(s.body);
}

static void cancelled(void **state)
{
	struct world *w = *state;
	struct http_request get = { .method = "GET", .path = "/hangs" };
	struct seen s = { .world = w };

	w->reply.act = FAKE_HANG;
	w->wanted = 1;
	struct http_call *c = http_start(w->http, &get, on_done, &s);
	http_cancel(c);
	http_cancel(c);
	assert_int_equal(s.calls, 0);
	loop_run(w->loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.fault.code, FAULT_CANCELLED);
	free(s.body);
}

/* Many at once, and what is open when the whole ends. */
static void many_and_freed(void **state)
{
	struct world *w = *state;
	struct http_request get = { .method = "GET", .path = "/x" };
	struct seen s[40] = { 0 };

	w->reply.body = (char *)(uintptr_t)"y";
	w->wanted = ARRAY_SIZE(s);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i].world = w;
		http_start(w->http, &get, on_done, &s[i]);
	}
	loop_run(w->loop);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		assert_int_equal(s[i].calls, 1);
		assert_string_equal(s[i].body, "y");
		free(s[i].body);
	}
	struct seen open = { .world = w };
	w->wanted = 0;
	w->reply.act = FAKE_HANG;
	http_start(w->http, &get, on_done, &open);
	struct fault f = { 0 };
	http_free(w->http);
	assert_int_equal(open.calls, 1);
	assert_int_equal(open.fault.code, FAULT_CANCELLED);
	free(open.body);
	assert_int_equal(http_new(w->loop, w->socket, &w->http, &f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_and_freed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
