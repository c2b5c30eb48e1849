/* SPDX-License-Identifier: MIT */
/*
 * What a service is made of, its ledger entries, and the proof that it is down.
 * Stopping stands in service_stop.c, starting in service_start.c,
 * health in service_health.c.
 * Every member is its own small story driven by the engine's answers; the
 * operation (one at a time) is over when no member is waited for.
 */
#include "daemon/domain/service_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void service_begin(struct service *s, service_done_fn *done, void *arg)
{
	s->done = done;
	s->arg = arg;
	s->pending = 0;
	memset(&s->fault, 0, sizeof(s->fault));
}

static void on_finish(void *arg)
{
	struct service *s = arg;
	struct fault f = s->fault;

	s->done(s->arg, f.code == FAULT_NONE ? NULL : &f);
}

void service_finish(struct service *s)
{
	loop_defer(s->o.loop, on_finish, s);
}

void service_problem(struct service_member *m, const struct fault *f)
{
	free(m->problem);
	m->problem = xasprintf("%s: %s", m->name, f->text);
	struct fault own = *f;
	fault_wrap(&own, "%s", m->name);
	fault_first(&m->service->fault, &own);
}

void service_settle(struct service_member *m, enum member_state state, const char *why)
{
	m->state = state;
	ledger_close(m->service->o.ledger, m->id, why, NULL, NULL);
}

void service_later(struct service_member *m, loop_fn *fn, unsigned int ms)
{
	timer_free(m->timer);
	m->timer = timer_new(m->service->o.loop, fn, m);
	timer_set(m->timer, ms);
}

static struct service *service_new(const struct service_options *o, size_t n)
{
	struct service *s = xcalloc(1, sizeof(*s));

	s->o = *o;
	s->unit = xstrdup(o->unit);
	s->state_directory = xstrdup(o->state_directory);
	s->members = xcalloc(n ? n : 1, sizeof(*s->members));
	return s;
}

static struct service_member *add_member(struct service *s, size_t level)
{
	struct service_member *m = &s->members[s->n++];

	m->service = s;
	m->level = level;
	if (level >= s->levels)
		s->levels = level + 1;
	return m;
}

/* The longest of what we, the operator and the container's author ask for. */
static int grace(const struct service *s, const struct container *c)
{
	int own = c->stop_timeout_s;

	return own > s->o.stop_timeout_s ? own : s->o.stop_timeout_s;
}

static bool gates_health(const struct unit *u, size_t index)
{
	for (size_t i = 0; i < u->n_edges; i++)
		if (u->edges[i].to == index && u->edges[i].healthy)
			return true;
	return false;
}

struct service *service_from_unit(const struct service_options *o, const struct unit *u)
{
	struct service *s = service_new(o, u->n_members);

	for (size_t i = 0; i < u->n_members; i++) {
		const struct member *from = &u->members[i];
		const struct container *c = from->c;
		if (!from->stop)
			continue;
		struct service_member *m = add_member(s, from->level);
		m->id = xstrdup(c->id);
		m->name = xstrdup(c->name);
		m->compose_service = xstrdup(c->service);
		m->started_at = xstrdup(c->started_at);
		m->inspect = xstrdup(c->raw);
		m->grace_s = grace(s, c);
		m->paused = from->paused;
		m->owed = c->state != CONTAINER_RUNNING && c->state != CONTAINER_PAUSED;
		m->has_healthcheck = c->has_healthcheck;
		m->was_healthy = c->health != HEALTH_UNHEALTHY;
		m->health_deadline_ms = c->health_deadline_ms;
		m->gates_health = gates_health(u, i);
		m->restart_count = c->restart_count;
	}
	return s;
}

struct service *service_from_ledger(const struct service_options *o, const struct ledger_entry *v, size_t n)
{
	struct service *s = service_new(o, n);

	for (size_t i = 0; i < n; i++) {
		const struct ledger_entry *e = &v[i];
		if (e->kind != LEDGER_CONTAINER || !streq(e->unit, o->unit))
			continue;
		struct service_member *m = add_member(s, e->level < 0 ? 0 : (size_t)e->level);
		m->id = xstrdup(e->key);
		m->name = xstrdup(e->name ? e->name : e->key);
		m->compose_service = xstrdup(e->service);
		m->started_at = xstrdup(e->started_at);
		m->inspect = xstrdup(e->inspect);
		m->grace_s = e->grace_s;
		m->paused = e->paused;
		m->owed = e->owed;
		m->state = MEMBER_STOPPING;
	}
	return s;
}

void service_free(struct service *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct service_member *m = &s->members[i];
		timer_free(m->timer);
		free(m->id);
		free(m->name);
		free(m->compose_service);
		free(m->started_at);
		free(m->inspect);
		free(m->problem);
		free(m->new_started_at);
	}
	free(s->members);
	free(s->unit);
	free(s->state_directory);
	free(s);
}

static void on_recorded(void *arg, const struct fault *f)
{
	struct service *s = arg;

	if (f)
		s->fault = *f;
	service_finish(s);
}

void service_record(struct service *s, service_done_fn *done, void *arg)
{
	service_begin(s, done, arg);
	struct ledger_entry *v = xcalloc(s->n ? s->n : 1, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct service_member *m = &s->members[i];
		if (m->over)
			continue;
		v[n++] = (struct ledger_entry){
			.kind = LEDGER_CONTAINER,
			.key = m->id,
			.name = m->name,
			.unit = s->unit,
			.service = m->compose_service,
			.started_at = m->started_at,
			.paused = m->paused,
			.owed = m->owed,
			.level = (int)m->level,
			.grace_s = m->grace_s,
			.inspect = m->inspect,
		};
	}
	if (n)
		ledger_add(s->o.ledger, v, n, on_recorded, s);
	else
		service_finish(s);
	free(v); /* the strings are the members' */
}

static void on_proved(void *arg, const struct fault *f, struct container *c)
{
	struct service_member *m = arg;
	struct service *s = m->service;
	struct fault own = { 0 };

	if (f)
		own = *f;
	else if (!c)
		fault_set(&own, FAULT_FAILED, -ENOENT, "was removed by someone else in the window");
	else if (c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
		c->state == CONTAINER_RESTARTING || !streq(c->started_at, m->started_at))
		fault_set(&own, FAULT_FAILED, -EBUSY, "was started by someone else in the window");
	if (own.code != FAULT_NONE)
		service_problem(m, &own);
	if (c) {
		container_done(c);
		free(c);
	}
	if (--s->pending == 0)
		service_finish(s);
}

void service_prove(struct service *s, service_done_fn *done, void *arg)
{
	service_begin(s, done, arg);
	for (size_t i = 0; i < s->n; i++) {
		s->pending++;
		docker_inspect(s->o.docker, s->members[i].id, false, on_proved, &s->members[i]);
	}
	if (!s->pending)
		service_finish(s);
}

void service_renew(struct service *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_member *m = &s->members[i];
		m->over = m->state != MEMBER_STARTED && m->state != MEMBER_FAILED && m->state != MEMBER_LEFT;
		if (m->over)
			continue;
		if (m->new_started_at) {
			free(m->started_at);
			m->started_at = TAKE_PTR(m->new_started_at);
		}
		m->state = MEMBER_UNTOUCHED;
		m->owed = true;
		m->start_sent = false;
		m->unhealthy = m->unanswered = m->killed = false;
		m->tries = 0;
	}
	s->cancelled = false;
}

void service_adopt(struct service *s, const struct strv *started, const struct strv *unhealthy, int64_t max_ms)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_member *m = &s->members[i];
		if (!strv_has(started, m->id))
			continue;
		m->state = MEMBER_STARTED;
		m->was_healthy = !strv_has(unhealthy, m->id);
		if (m->health_deadline_ms > max_ms)
			m->health_deadline_ms = max_ms;
	}
}

const struct service_member *service_members(const struct service *s, size_t *ret_n)
{
	*ret_n = s->n;
	return s->members;
}

int64_t service_window_ms(const struct service *s)
{
	if (!s || !s->first_stop)
		return 0;
	uint64_t end = s->last_start ? s->last_start : loop_now(s->o.loop);
	return (int64_t)(end - s->first_stop);
}
