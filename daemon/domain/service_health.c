/* SPDX-License-Identifier: MIT */
/*
 * Health, outside the window: each member that was started is looked at until it is
 * healthy, or has run for a moment where there is no healthcheck. One that was
 * unhealthy before needs only run.
 */
#include "daemon/domain/service_internal.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS       500
#define HEALTH_POLL_MS 200
#define SETTLE_MS      1500 /* without a healthcheck: it must still run after this */

static void poll_health(void *arg);

static void health_unknown(struct service_member *m, const struct fault *f)
{
	struct service *s = m->service;

	if (f) {
		m->unhealthy = true;
		service_problem(m, f);
	}
	if (--s->pending == 0)
		service_finish(s);
}

static void health_over(struct service_member *m, const char *problem)
{
	struct fault f = { 0 };

	if (problem)
		fault_set(&f, FAULT_FAILED, -EIO, "%s", problem);
	health_unknown(m, problem ? &f : NULL);
}

static void judge_health(struct service_member *m, const struct container *c)
{
	bool late = loop_now(m->service->o.loop) >= m->deadline;

	if (m->service->cancelled) {
		health_over(m, NULL);
		return;
	}

	if (c->state == CONTAINER_PAUSED && m->paused) {
		health_over(m, NULL);
	} else if (c->state != CONTAINER_RUNNING || c->restart_count > m->restart_count) {
		health_over(m, "ended again after its start");
	} else if (m->has_healthcheck && m->was_healthy) {
		if (c->health == HEALTH_HEALTHY)
			health_over(m, NULL);
		else if (c->health == HEALTH_UNHEALTHY)
			health_over(m, "is unhealthy after its start");
		else if (late)
			health_over(m, "did not become healthy in time");
		else
			service_later(m, poll_health, HEALTH_POLL_MS);
	} else if (late) {
		m->still_unhealthy = m->has_healthcheck && c->health != HEALTH_HEALTHY;
		health_over(m, NULL);
	} else {
		service_later(m, poll_health, HEALTH_POLL_MS);
	}
}

static void on_health(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;

	if (f && loop_now(m->service->o.loop) < m->deadline)
		service_later(m, poll_health, RETRY_MS);
	else if (f)
		health_unknown(m, f);
	else if (!c)
		health_over(m, "was removed after its start");
	else
		judge_health(m, c);
	if (c) {
		container_done(c);
		free(c);
	}
}

static void poll_health(void *arg)
{
	struct service_member *m = arg;

	docker_inspect(m->service->o.docker, m->id, false, on_health, m);
}

void service_cancel_healthy(struct service *s)
{
	s->cancelled = true;
}

void service_healthy(struct service *s, service_done_fn *done, void *arg)
{
	service_begin(s, done, arg);
	for (size_t i = 0; i < s->n; i++) {
		struct service_member *m = &s->members[i];
		if (m->state != MEMBER_STARTED)
			continue;
		bool checked = m->has_healthcheck && m->was_healthy;
		m->deadline = loop_now(s->o.loop) + (checked ? (uint64_t)m->health_deadline_ms : SETTLE_MS);
		s->pending++;
		poll_health(m);
	}
	if (!s->pending)
		service_finish(s);
}
