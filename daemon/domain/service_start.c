/* SPDX-License-Identifier: MIT */
/*
 * Starting, level by level from the bottom: law 1. A member is inspected before it
 * is started (someone else may have acted, and they win), started on a fresh
 * connection, and inspected again: only that confirmation closes its ledger entry.
 * A member that fails is tried again until start_timeout and never keeps the others
 * from being started. Only service_healthy edges wait for health in between.
 */
#include "daemon/domain/service_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/varlink.h"

#define RETRY_MS 500
#define CONFIRM_MS 100
#define HEALTH_POLL_MS 200

static void start_level(struct service *s);
static void look(void *arg);
static void confirm(void *arg);

static bool ours(const struct service_member *m)
{
	return m->state == MEMBER_STOPPING || m->state == MEMBER_STOPPED;
}

static void alarm_down(const struct service_member *m, const char *why)
{
	struct log_fields fields = { .unit = m->service->unit, .container = m->name };

	log_event(LOG_LEVEL_ERROR, EV_NOT_RESTARTED, &fields, "%s is not running again: %s", m->name, why);
}

/* The level's gate: members that a service_healthy edge leads to, until they are healthy. */
static void on_gate(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;
	bool wait = false;

	if (c)
		wait = c->state == CONTAINER_RUNNING && c->health == HEALTH_STARTING;
	else
		wait = f != NULL;
	if (c) {
		container_done(c);
		free(c);
	}
	struct service *s = m->service;
	if (wait && loop_now(s->o.loop) < m->deadline) {
		service_later(m, look, HEALTH_POLL_MS);
		return;
	}
	if (--s->pending == 0) {
		s->level++;
		start_level(s);
	}
}

static void gate_level(struct service *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_member *m = &s->members[i];
		if (m->level != s->level || !m->gates_health || !m->has_healthcheck ||
			!m->was_healthy || m->state != MEMBER_STARTED)
			continue;
		s->pending++;
		m->deadline = loop_now(s->o.loop) + (uint64_t)m->health_deadline_ms;
		service_later(m, look, CONFIRM_MS);
	}
	if (!s->pending) {
		s->level++;
		start_level(s);
	}
}

static void member_over(struct service_member *m)
{
	struct service *s = m->service;

	if (m->state == MEMBER_STARTED || m->state == MEMBER_LEFT || m->state == MEMBER_LINGERING)
		s->last_start = loop_now(s->o.loop);
	if (--s->pending == 0)
		gate_level(s);
}

static void give_up(struct service_member *m, const struct fault *f)
{
	m->state = MEMBER_FAILED;
	service_problem(m, f);
	alarm_down(m, f->text);
	member_over(m);
}

static void try_again(struct service_member *m, const struct fault *f)
{
	m->tries++;
	if (loop_now(m->service->o.loop) >= m->deadline || (f->code != FAULT_ENGINE && m->tries >= 4)) {
		give_up(m, f);
		return;
	}
	service_later(m, look, RETRY_MS);
}

/* Its full inspect is kept, 0600: what is needed to make it again by hand. */
static void keep_inspect(const struct service_member *m)
{
	if (!m->inspect)
		return;
	char *dir CLEANUP(freep) = xasprintf("%s/removed", m->service->state_directory);
	char *path CLEANUP(freep) = xasprintf("%s/%s-%.12s.json", dir, m->name, m->id);
	struct fault f = { 0 };
	if (dir_make(dir, 0700, &f) < 0 || file_replace(path, m->inspect, strlen(m->inspect), 0600, &f) < 0)
		log_error("cannot keep the inspect of %s: %s", m->name, f.text);
	else
		log_warning("the inspect of %s, which someone removed, is kept in %s", m->name, path);
}

static void removed(struct service_member *m)
{
	struct fault f = { 0 };

	fault_set(&f, FAULT_FAILED, -ENOENT, "was removed by someone else; it is not brought back");
	keep_inspect(m);
	alarm_down(m, f.text);
	service_settle(m, MEMBER_GONE, "removed by someone else");
	service_problem(m, &f);
	member_over(m);
}

static void on_image(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct service_member *m = arg;
	struct fault own = { 0 };

	(void)body;
	(void)len;
	if (!f) {
		removed(m);
		return;
	}
	if (status == 404)
		fault_set(&own, FAULT_FAILED, -ENOENT, "the engine knows neither it nor its image: is the disk of its data there?");
	give_up(m, status == 404 ? &own : f);
}

/*
 * The engine has no such container. Whoever removes one leaves its image; an engine that has come up without its
 * disk has neither, and what we stopped is still ours when the disk is back.
 */
static void gone(struct service_member *m)
{
	struct json_object *o CLEANUP(json_putp) = m->inspect ? json_parse(m->inspect, strlen(m->inspect)) : NULL;
	const char *image = json_text(o, "Image");

	if (!image) {
		removed(m);
		return;
	}
	char *escaped CLEANUP(freep) = docker_escape(image);
	char *path CLEANUP(freep) = xasprintf("/images/%s/json", escaped);
	docker_request(m->service->o.docker, "GET", path, NULL, on_image, m);
}

static void on_paused(void *arg, enum docker_outcome outcome, const struct fault *f)
{
	struct service_member *m = arg;

	if (outcome != DOCKER_DONE && f)
		m->problem = xasprintf("%s: could not be paused again: %s", m->name, f->text);
	service_settle(m, MEMBER_STARTED, "started and paused again");
	member_over(m);
}

static void started(struct service_member *m, const struct container *c)
{
	free(m->new_started_at);
	m->new_started_at = xstrdup(c->started_at);
	m->restart_count = c->restart_count;
	if (m->paused) {
		docker_pause(m->service->o.docker, m->id, true, on_paused, m);
		return;
	}
	service_settle(m, MEMBER_STARTED, "started");
	member_over(m);
}

static void on_confirmed(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;
	struct fault own = { 0 };

	if (f) {
		if (loop_now(m->service->o.loop) < m->deadline)
			service_later(m, confirm, RETRY_MS);
		else
			give_up(m, f);
	} else if (!c) {
		gone(m);
	} else if (c->state == CONTAINER_RUNNING || c->state == CONTAINER_RESTARTING ||
		c->state == CONTAINER_PAUSED) {
		started(m, c);
	} else {
		free(m->new_started_at);
		m->new_started_at = xstrdup(c->started_at); /* of our start: a second turn knows it */
		fault_set(&own, FAULT_FAILED, -EIO, "ended right after its start with exit code %d", c->exit_code);
		try_again(m, &own);
	}
	if (c) {
		container_done(c);
		free(c);
	}
}

static void confirm(void *arg)
{
	struct service_member *m = arg;

	docker_inspect(m->service->o.docker, m->id, false, on_confirmed, m);
}

/* The engine's 404 may speak of another container, whose namespace this one shares: look who is gone. */
static void on_gone_looked(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;
	struct fault own = { 0 };

	if (!f && !c) {
		gone(m);
		return;
	}
	fault_set(&own, FAULT_FAILED, -ENOENT, "cannot be started: what it needs is gone, a container whose network, "
		"pid or ipc namespace it shares");
	try_again(m, f ? f : &own);
	if (c) {
		container_done(c);
		free(c);
	}
}

static void on_start(void *arg, enum docker_outcome outcome, const struct fault *f)
{
	struct service_member *m = arg;

	switch (outcome) {
	case DOCKER_DONE:
	case DOCKER_ALREADY:
		confirm(m);
		break;
	case DOCKER_GONE:
		docker_inspect(m->service->o.docker, m->id, false, on_gone_looked, m);
		break;
	case DOCKER_FAILED:
	case DOCKER_UNKNOWN:
		try_again(m, f);
		break;
	}
}

static bool is_running(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED || c->state == CONTAINER_RESTARTING;
}

static void on_look(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;

	if (m->state == MEMBER_STARTED) { /* started before: this is the level's gate */
		on_gate(m, f, c);
		return;
	}
	if (f) {
		try_again(m, f);
	} else if (!c) {
		gone(m);
	} else if (is_running(c) && streq(c->started_at, m->started_at)) {
		m->state = MEMBER_LINGERING; /* the stop failed or is still in flight: recover watches */
		member_over(m);
	} else if (is_running(c)) {
		service_settle(m, MEMBER_LEFT, "started by someone else");
		member_over(m);
	} else if (!m->start_sent && !m->owed && !streq(c->started_at, m->started_at)) {
		/* Not the run that we ended: their last word was that it is down. */
		service_settle(m, MEMBER_NOT_OURS, "started and stopped again by someone else");
		member_over(m);
	} else {
		m->start_sent = true;
		docker_start(m->service->o.docker, m->id, on_start, m);
	}
	if (c) {
		container_done(c);
		free(c);
	}
}

static void look(void *arg)
{
	struct service_member *m = arg;

	docker_inspect(m->service->o.docker, m->id, false, on_look, m);
}

static void start_level(struct service *s)
{
	while (s->level < s->levels) {
		for (size_t i = 0; i < s->n; i++)
			s->pending += s->members[i].level == s->level && ours(&s->members[i]);
		if (s->pending)
			break;
		s->level++;
	}
	if (s->level >= s->levels) {
		service_finish(s);
		return;
	}
	uint64_t deadline = loop_now(s->o.loop) + (uint64_t)s->o.start_timeout_s * 1000;
	for (size_t i = 0; i < s->n; i++) {
		struct service_member *m = &s->members[i];
		if (m->level != s->level || !ours(m))
			continue;
		m->deadline = deadline;
		m->tries = 0;
		look(m);
	}
}

void service_start(struct service *s, service_done_fn *done, void *arg)
{
	service_begin(s, done, arg);
	/* What was never asked to stop needs no start: its entry has served. */
	for (size_t i = 0; i < s->n; i++)
		if (s->members[i].state == MEMBER_UNTOUCHED)
			service_settle(&s->members[i], MEMBER_UNTOUCHED, "never stopped");
	s->level = 0;
	start_level(s);
}
