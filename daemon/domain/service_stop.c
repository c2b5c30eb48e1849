/* SPDX-License-Identifier: MIT */
/*
 * Stopping, level by level from the top. Only the engine's 204 makes a stop ours;
 * 304 means someone else was first and the container stays down after us. After
 * every answer, and after none, the container is inspected: on engines up to 28
 * the stop answers before the exit is handled, and a lost connection says nothing. An engine
 * that hangs (in the unmounting of a dead server's volume) is asked for so long and no longer.
 */
#include "daemon/domain/service_internal.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS 250
#define SLACK_S 30 /* engine's own kill phases after the grace, as docker_stop's deadline */

static void stop_level(struct service *s);
static void verify(void *arg);

static void member_over(struct service_member *m)
{
	struct service *s = m->service;

	if (--s->pending > 0)
		return;
	if (s->fault.code != FAULT_NONE || s->level == 0) {
		service_finish(s);
		return;
	}
	s->level--;
	stop_level(s);
}

static void stopped(struct service_member *m, const struct container *c)
{
	m->state = MEMBER_STOPPED;
	m->killed = c->exit_code == 137 && !c->oom_killed;
	member_over(m);
}

/* Still the run that we asked to end, though the engine has not said so. */
static void still_running(struct service_member *m, const struct container *c)
{
	struct fault f = { 0 };

	if (!streq(c->started_at, m->started_at)) {
		fault_set(&f, FAULT_FAILED, -EBUSY, "was started again by someone else while it was stopped");
	} else if (loop_now(m->service->o.loop) < m->deadline) {
		service_later(m, verify, RETRY_MS);
		return;
	} else {
		fault_set(&f, FAULT_FAILED, -ETIMEDOUT, "did not stop within %d s%s", m->grace_s + SLACK_S,
			m->unanswered ? ", and the engine does not answer its stop" : "");
	}
	service_problem(m, &f);
	member_over(m);
}

static void on_verified(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;
	struct fault own = { 0 };

	if (f && loop_now(m->service->o.loop) < m->deadline) {
		service_later(m, verify, RETRY_MS); /* dockerd restarts: reconnect, inspect, go on from what is true */
	} else if (f) {
		own = *f;
		if (m->unanswered)
			fault_wrap(&own, "the engine answers neither its stop nor an inspect");
		service_problem(m, &own);
		member_over(m);
	} else if (!c) {
		fault_set(&own, FAULT_FAILED, -ENOENT, "was removed by someone else");
		service_settle(m, MEMBER_GONE, "removed by someone else");
		service_problem(m, &own);
		member_over(m);
	} else if (c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
		c->state == CONTAINER_RESTARTING) {
		still_running(m, c);
	} else {
		stopped(m, c);
	}
	if (c) {
		container_done(c);
		free(c);
	}
}

static void verify(void *arg)
{
	struct service_member *m = arg;

	docker_inspect(m->service->o.docker, m->id, false, on_verified, m);
}

static void on_stop(void *arg, enum docker_outcome outcome, const struct fault *f)
{
	struct service_member *m = arg;
	struct fault own = { 0 };

	/* A lost connection: the stop goes on for its grace. No answer in time: that is over already. */
	m->unanswered = outcome == DOCKER_UNKNOWN && f && f->sys == -ETIMEDOUT;
	m->deadline = loop_now(m->service->o.loop) + (uint64_t)((m->unanswered ? 0 : m->grace_s) + SLACK_S) * 1000;
	switch (outcome) {
	case DOCKER_DONE:
	case DOCKER_UNKNOWN:
		verify(m);
		return;
	case DOCKER_ALREADY:
		if (m->owed) {
			verify(m);
			return;
		}
		service_settle(m, MEMBER_NOT_OURS, "was stopped by someone else");
		fault_set(&own, FAULT_FAILED, -EBUSY, "was stopped by someone else before us; it stays down");
		m->problem = xasprintf("%s: %s", m->name, own.text);
		break;
	case DOCKER_GONE:
		service_settle(m, MEMBER_GONE, "removed by someone else");
		fault_set(&own, FAULT_FAILED, -ENOENT, "was removed or recreated since it was planned");
		service_problem(m, &own);
		break;
	case DOCKER_FAILED:
		service_problem(m, f);
		break;
	}
	member_over(m);
}

static void send_stop(struct service_member *m)
{
	docker_stop(m->service->o.docker, m->id, m->grace_s, on_stop, m);
}

static void on_unpaused(void *arg, enum docker_outcome outcome, const struct fault *f)
{
	struct service_member *m = arg;

	if (outcome == DOCKER_FAILED || outcome == DOCKER_UNKNOWN) {
		service_problem(m, f);
		member_over(m);
		return;
	}
	send_stop(m);
}

static void stop_member(struct service_member *m)
{
	m->state = MEMBER_STOPPING;
	if (m->paused)
		docker_pause(m->service->o.docker, m->id, false, on_unpaused, m);
	else
		send_stop(m);
}

static bool at_level(const struct service *s, size_t i)
{
	return s->members[i].level == s->level && !s->members[i].over;
}

static void stop_level(struct service *s)
{
	if (s->cancelled) {
		fault_set(&s->fault, FAULT_CANCELLED, -ECANCELED, "cancelled while containers were being stopped");
		service_finish(s);
		return;
	}
	/* All of the level are counted before the first is sent. */
	for (size_t i = 0; i < s->n; i++)
		s->pending += at_level(s, i);
	if (!s->pending) {
		if (s->level == 0) {
			service_finish(s);
			return;
		}
		s->level--;
		stop_level(s);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (at_level(s, i))
			stop_member(&s->members[i]);
}

void service_stop(struct service *s, service_done_fn *done, void *arg)
{
	service_begin(s, done, arg);
	s->first_stop = loop_now(s->o.loop);
	s->level = s->levels ? s->levels - 1 : 0;
	if (s->n)
		stop_level(s);
	else {
		s->first_stop = 0;
		service_finish(s);
	}
}

void service_cancel_stop(struct service *s)
{
	s->cancelled = true;
}
