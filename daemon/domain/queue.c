/* SPDX-License-Identifier: MIT */
/*
 * A list of jobs, of which the first may be running. Ending a job is deferred by one
 * loop iteration, so that an operation may end itself from any of its callbacks.
 */
#include "daemon/domain/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/numbers.h"

#define QUEUE_MAX     32
#define LISTENERS_MAX 64

struct job {
	struct queue *queue; /* borrowed */
	struct job *next;
	unsigned int number;
	const struct operation *op;
	struct json_object *parameters; /* shared reference */
	uid_t uid;
	int64_t since;
	bool running, cancelled, yields, over; /* over: its end is only being told */
	void *data;
	struct json_object *progress;   /* owned, last told */
	struct json_object *units;      /* owned, []string; NULL: what the parameters say */
	struct fault fault;
	struct json_object *result;     /* owned, once over */
	struct job_listener listeners[LISTENERS_MAX];
	size_t n_listeners;
};

struct queue {
	struct loop *loop;
	struct job *first;
	unsigned int last_number;
	struct numbers *numbers; /* borrowed; NULL: from 1 */
	bool held, closed;
	struct events *events; /* borrowed, NULL */
	loop_fn *on_idle, *on_change;
	void *arg;
};

static void start_next(struct queue *q);

struct queue *queue_new(struct loop *l, loop_fn *on_idle, loop_fn *on_change, void *arg)
{
	struct queue *q = xcalloc(1, sizeof(*q));

	q->loop = l;
	q->on_idle = on_idle;
	q->on_change = on_change;
	q->arg = arg;
	return q;
}

void queue_free(struct queue *q)
{
	free(q);
}

bool queue_idle(const struct queue *q)
{
	return q->first == NULL;
}

void queue_set_numbers(struct queue *q, struct numbers *n)
{
	q->numbers = n;
}

void queue_set_events(struct queue *q, struct events *e)
{
	q->events = e;
}

static struct json_object *job_json(const struct job *j);

static void tell(const struct job *j, const char *event)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "job", job_json(j));
	if (j->fault.code != FAULT_NONE)
		json_put_text(o, "text", j->fault.text);
	events_tell(j->queue->events, event, o);
}

static void changed(struct queue *q)
{
	if (q->on_change)
		q->on_change(q->arg);
}

static void job_free(struct job *j)
{
	json_object_put(j->parameters);
	json_object_put(j->progress);
	json_object_put(j->units);
	json_object_put(j->result);
	free(j);
}

static void unlink_job(struct queue *q, struct job *j)
{
	for (struct job **p = &q->first; *p; p = &(*p)->next)
		if (*p == j) {
			*p = j->next;
			return;
		}
}

static void on_over(void *arg)
{
	struct job *j = arg;
	struct queue *q = j->queue;
	const struct fault *f = j->fault.code == FAULT_NONE ? NULL : &j->fault;

	unlink_job(q, j);
	tell(j, "job-over");
	for (size_t i = 0; i < j->n_listeners; i++)
		if (j->listeners[i].on_over)
			j->listeners[i].on_over(j->listeners[i].arg, f, j->result);
	log_debug("job %u %s is over: %s", j->number, j->op->name, f ? f->text : "done");
	log_set_job(0);
	job_free(j);
	changed(q);
	start_next(q);
	if (!q->first && q->on_idle)
		q->on_idle(q->arg);
}

void job_over(struct job *j, const struct fault *f, struct json_object *result)
{
	if (f)
		j->fault = *f;
	if (f && f->code == FAULT_CANCELLED)
		j->fault.figures[0] = j->number;
	j->result = result;
	j->over = true;
	loop_defer(j->queue->loop, on_over, j);
}

static void start_next(struct queue *q)
{
	struct job *j = q->first;

	if (!j || j->running || q->held)
		return;
	j->running = true;
	log_set_job(j->number);
	log_debug("job %u %s begins", j->number, j->op->name);
	changed(q);
	tell(j, "job-started");
	j->op->start(j);
}

void queue_hold(struct queue *q, bool hold)
{
	q->held = hold;
	start_next(q);
}

static int listen_to(struct job *j, const struct job_listener *l)
{
	if (j->n_listeners == LISTENERS_MAX)
		return -EBUSY;
	j->listeners[j->n_listeners++] = *l;
	return 0;
}

static bool covers(const struct job *j, struct json_object *asked)
{
	return j->op->covers ? j->op->covers(j->parameters, asked) : json_object_equal(j->parameters, asked);
}

static struct job *same_job(struct queue *q, const struct operation *op, struct json_object *parameters)
{
	for (struct job *j = q->first; j; j = j->next)
		if (j->op == op && !j->cancelled && !j->over && covers(j, parameters))
			return j;
	return NULL;
}

static struct job *append(struct queue *q)
{
	struct job *j = xcalloc(1, sizeof(*j));
	struct job **end = &q->first;

	while (*end)
		end = &(*end)->next;
	*end = j;
	j->queue = q;
	j->number = q->numbers ? numbers_next(q->numbers) : ++q->last_number;
	j->since = wall_ms();
	return j;
}

static void cancel(struct job *j)
{
	if (j->cancelled || j->over) /* over: what it worked on is freed already */
		return;
	j->cancelled = true;
	if (j->running) {
		j->op->cancel(j);
		return;
	}
	struct fault f = { 0 };
	fault_set(&f, FAULT_CANCELLED, -ECANCELED, "job %u was cancelled before it began", j->number);
	j->running = true; /* it must not be started while its end is deferred */
	job_over(j, &f, NULL);
}

static void make_way(struct queue *q)
{
	struct job *j = q->first;

	if (!j->next || !j->running || !j->op->yields || j->cancelled || j->over)
		return;
	j->yields = true;
	cancel(j);
}

/* Who comes later, or has to wait, sees so at once, and the number that Cancel wants. */
static void greet(const struct job *j, const struct job_listener *l, bool joined)
{
	struct json_object *first CLEANUP(json_putp) = NULL;
	struct progress p = PROGRESS_INIT;

	if (!l->on_progress || (j->running && !joined))
		return;
	p.phase = j->running ? "running" : "queued";
	p.message = j->running ? NULL : j->queue->held ? "the daemon is not ready yet" : "another job goes first";
	if (!j->progress || json_object_deep_copy(j->progress, &first, NULL) < 0)
		first = progress_json(&p, j->number, j->op->name);
	if (joined)
		json_put_flag(first, "joined", true);
	l->on_progress(l->arg, first);
}

int queue_add(struct queue *q, const struct operation *op, struct json_object *parameters, uid_t uid,
	const struct job_listener *l, unsigned int *ret_job, struct fault *f)
{
	struct job *j = same_job(q, op, parameters);
	bool joined = j != NULL;
	size_t waiting = 0;

	for (struct job *k = q->first; k; k = k->next)
		waiting++;
	if (q->closed)
		return fault_set(f, FAULT_BUSY, -ESHUTDOWN, "the daemon is ending");
	if (!j && waiting >= QUEUE_MAX)
		return fault_set(f, FAULT_BUSY, -EBUSY, "%zu jobs wait already", waiting);
	if (!j) {
		j = append(q);
		j->op = op;
		j->parameters = json_object_get(parameters);
		j->uid = uid;
		tell(j, "job-queued");
	}
	if (listen_to(j, l) < 0)
		return fault_set(f, FAULT_BUSY, -EBUSY, "too many listen to job %u already", j->number);
	*ret_job = j->number;
	changed(q);
	start_next(q);
	greet(j, l, joined);
	make_way(q);
	return 0;
}

int queue_cancel(struct queue *q, unsigned int job, const struct job_listener *l)
{
	for (struct job *j = q->first; j; j = j->next) {
		if (j->number != job)
			continue;
		int r = listen_to(j, l);
		cancel(j);
		return r;
	}
	return -ENOENT;
}

void queue_close(struct queue *q)
{
	q->closed = true;
	for (struct job *j = q->first; j; j = j->next)
		cancel(j);
}

static const char *state_of(const struct job *j)
{
	if (j->over && (j->cancelled || j->fault.code == FAULT_CANCELLED))
		return "cancelled";
	if (j->over)
		return j->fault.code == FAULT_NONE ? "done" : "failed";
	return j->cancelled ? "cancelling" : j->running ? "running" : "queued";
}

/* What it works on, as far as it is known: a backup of all has looked only when it has begun. */
static struct json_object *units_of(const struct job *j)
{
	struct json_object *units = j->units ? j->units : json_member(j->parameters, "units"), *list;
	const char *unit = json_text(j->parameters, "unit");

	if (units)
		return json_object_get(units);
	list = json_object_new_array();
	if (unit)
		json_object_array_add(list, json_object_new_string(unit)); /* transfers */
	return list;
}

static struct json_object *job_json(const struct job *j)
{
	struct json_object *o = json_object_new_object();
	char *since CLEANUP(freep) = format_time(j->since);

	json_put_number(o, "job", j->number);
	json_put_text(o, "operation", j->op->name);
	json_object_object_add(o, "units", units_of(j)); /* transfers */
	json_put_text(o, "state", state_of(j));
	json_put_text(o, "since", since);
	json_put_number(o, "asked_by_uid", j->uid);
	return o;
}

struct json_object *queue_json(const struct queue *q)
{
	struct json_object *list = json_object_new_array();

	for (struct job *j = q->first; j; j = j->next)
		json_object_array_add(list, job_json(j)); /* transfers */
	return list;
}

char *queue_holder(const struct queue *q, int64_t *ret_since_ms)
{
	if (!q->first)
		return NULL;
	*ret_since_ms = q->first->since;
	return xasprintf("job %u, %s", q->first->number, q->first->op->name);
}

struct json_object *queue_progress(const struct queue *q)
{
	return q->first ? q->first->progress : NULL;
}

struct json_object *job_parameters(const struct job *j)
{
	return j->parameters;
}

void job_set_units(struct job *j, const struct strv *units)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();

	json_put_list(o, "units", units);
	json_object_put(j->units);
	j->units = json_object_get(json_member(o, "units"));
}

void *job_data(const struct job *j)
{
	return j->data;
}

void job_set_data(struct job *j, void *data)
{
	j->data = data;
}

bool job_yields(const struct job *j)
{
	return j->yields;
}

void *job_owner(const struct job *j)
{
	return j->queue->arg;
}

/* Bytes that pass are progress, but nothing that happened. */
static bool same_phase(struct json_object *a, struct json_object *b)
{
	return streq(json_text(a, "phase"), json_text(b, "phase")) && streq(json_text(a, "unit"), json_text(b, "unit"));
}

void job_progress(struct job *j, const struct progress *p)
{
	struct json_object *last CLEANUP(json_putp) = j->progress;

	j->progress = progress_json(p, j->number, j->op->name);
	if (!same_phase(last, j->progress)) {
		struct json_object *o = json_object_new_object();
		json_object_object_add(o, "progress", json_object_get(j->progress));
		events_tell(j->queue->events, "phase", o);
	}
	for (size_t i = 0; i < j->n_listeners; i++)
		if (j->listeners[i].on_progress)
			j->listeners[i].on_progress(j->listeners[i].arg, j->progress);
	changed(j->queue);
}
