/* SPDX-License-Identifier: MIT */
/* The engine's answers that a real one does not give on demand: versions, lost connections, nonsense. */
#include "daemon/domain/docker.h"
#include "tests/unit/fake-engine.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct docker *docker;
	struct fake_engine *engine;
	char *directory, *socket;
	const char *version;     /* of the engine */
	const char *refuses;     /* a version prefix that is answered 400 */
	struct fake_reply reply; /* to all but pings */
	/* seen */
	int calls, status;
	enum docker_outcome outcome;
	struct fault fault;
};

static void handle(void *arg, const char *request, struct fake_reply *reply)
{
	struct world *w = arg;

	if (strcmp(request, "GET /_ping") == 0) {
		*reply = (struct fake_reply){ .status = 200, .body = xstrdup("OK"), .version = w->version };
		return;
	}
	if (w->refuses && strstr(request, w->refuses)) {
		*reply = (struct fake_reply){ .status = 400,
			.body = xstrdup("{\"message\":\"client version is too old. Minimum supported API version is 1.44\"}") };
		w->version = "1.44";
		return;
	}
	*reply = w->reply;
	reply->body = xstrdup(w->reply.body);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fault f = { 0 };

	w->directory = xstrdup("/tmp/kd-test-docker-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0)
		return -1;
	w->socket = xasprintf("%s/engine", w->directory);
	w->version = "1.41";
	w->reply.status = 204;
	w->engine = fake_engine_start(w->socket, handle, w);
	*state = w;
	return docker_new(w->loop, w->socket, &w->docker, &f);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	docker_free(w->docker);
	loop_drain(w->loop, 100);
	assert_int_equal(loop_free(w->loop), 0);
	if (w->engine)
		fake_engine_stop(w->engine);
	rmdir(w->directory);
	free(w->directory);
	free(w->socket);
	free(w);
	return 0;
}

static void on_outcome(void *arg, enum docker_outcome o, const struct fault *f)
{
	struct world *w = arg;

	w->calls++;
	w->outcome = o;
	w->fault = f ? *f : (struct fault){ 0 };
	loop_stop(w->loop);
}

static void on_reply(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct world *w = arg;

	(void)body;
	(void)len;
	w->calls++;
	w->status = status;
	w->fault = f ? *f : (struct fault){ 0 };
	loop_stop(w->loop);
}

static enum docker_outcome stop(struct world *w)
{
	w->calls = 0;
	docker_stop(w->docker, "a b", 5, on_outcome, w);
	assert_int_equal(w->calls, 0);
	loop_run(w->loop);
	assert_int_equal(w->calls, 1);
	return w->outcome;
}

static void outcomes(void **state)
{
	struct world *w = *state;

	assert_int_equal(stop(w), DOCKER_DONE);
	w->reply.status = 304;
	assert_int_equal(stop(w), DOCKER_ALREADY);
	w->reply = (struct fake_reply){ .status = 404, .body = (char *)(uintptr_t)"{\"message\":\"No such container\"}" };
	assert_int_equal(stop(w), DOCKER_GONE);
	w->reply = (struct fake_reply){ .status = 500,
		.body = (char *)(uintptr_t)"{\"message\":\"mount: o=password=hunter2,x failed\"}" };
	assert_int_equal(stop(w), DOCKER_FAILED);
	assert_null(strstr(w->fault.text, "hunter2"));
	assert_non_null(strstr(w->fault.text, "500"));
	w->reply = (struct fake_reply){ .act = FAKE_CLOSE };
	assert_int_equal(stop(w), DOCKER_UNKNOWN); /* the outcome is not known: inspect */
	char *log CLEANUP(freep) = fake_engine_log(w->engine);
	assert_true(starts_with(log, "POST /v1.41/containers/a%20b/stop?t=5\n"));
	assert_null(strstr(log, "signal="));
	size_t posts = 0;
	for (const char *p = log; (p = strstr(p, "POST")); p++)
		posts++;
	assert_int_equal(posts, 5); /* no request is ever sent twice */
}

static void negotiates(void **state)
{
	struct world *w = *state;

	w->version = "1.55";
	assert_int_equal(stop(w), DOCKER_DONE);
	char *log CLEANUP(freep) = fake_engine_log(w->engine);
	assert_true(starts_with(log, "POST /v1.51/"));
}

/* An engine that was upgraded: the version is asked for again, and the request sent once more. */
static void upgraded(void **state)
{
	struct world *w = *state;

	w->refuses = "/v1.41/";
	w->reply = (struct fake_reply){ .status = 200, .body = (char *)(uintptr_t)"{}" };
	docker_request(w->docker, "GET", "/info", NULL, on_reply, w);
	loop_run(w->loop);
	assert_int_equal(w->status, 200);
	assert_int_equal(w->fault.code, FAULT_NONE);
	char *log CLEANUP(freep) = fake_engine_log(w->engine);
	assert_string_equal(log, "GET /v1.41/info\nGET /v1.44/info\n");
}

static void refused(struct world *w, const char *version, const char *why)
{
	w->version = version;
	docker_request(w->docker, "GET", "/info", NULL, on_reply, w);
	loop_run(w->loop);
	assert_int_equal(w->fault.code, FAULT_ENGINE);
	assert_non_null(strstr(w->fault.text, why));
}

static void no_engine(void **state)
{
	struct world *w = *state;

	refused(w, "1.39", "too old");
	refused(w, "nonsense", "no docker engine");
	fake_engine_stop(w->engine);
	w->engine = NULL;
	docker_request(w->docker, "GET", "/info", NULL, on_reply, w);
	loop_run(w->loop);
	assert_int_equal(w->fault.code, FAULT_ENGINE);
	assert_non_null(strstr(w->fault.text, w->socket));
	assert_true(w->fault.advice[0] != '\0');
}

static void on_container(void *arg, const struct fault *f, struct container *c)
{
	struct world *w = arg;

	assert_null(c);
	w->calls++;
	w->fault = f ? *f : (struct fault){ 0 };
	loop_stop(w->loop);
}

static void inspects(void **state)
{
	struct world *w = *state;

	w->reply = (struct fake_reply){ .status = 404, .body = (char *)(uintptr_t)"{\"message\":\"No such container\"}" };
	docker_inspect(w->docker, "x", false, on_container, w);
	loop_run(w->loop);
	assert_int_equal(w->fault.code, FAULT_NONE); /* gone is no error */
	w->reply = (struct fake_reply){ .status = 200, .body = (char *)(uintptr_t)"<html>" };
	docker_inspect(w->docker, "x", false, on_container, w);
	loop_run(w->loop);
	assert_int_not_equal(w->fault.code, FAULT_NONE);
	w->reply = (struct fake_reply){ .act = FAKE_CUT, .status = 200, .body = (char *)(uintptr_t)"{\"Id\":\"x\",\"Name\":\"/x\"}" };
	docker_inspect(w->docker, "x", false, on_container, w);
	loop_run(w->loop);
	assert_int_equal(w->fault.code, FAULT_ENGINE);
	assert_int_equal(w->calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(outcomes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(negotiates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(upgraded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_engine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(inspects, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
