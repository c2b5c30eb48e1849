/* SPDX-License-Identifier: MIT */
/*
 * Between whoever asks for a backup and the run that does it: who joins which run, and
 * which run need not be. The two are not the same thing: a run that is going on takes in
 * everyone whose units it has; one that is over only answers a schedule that asks for
 * what another schedule has just had done, never a person.
 *
 * A run's units are known when it has looked; who joined it for a unit that turned out
 * not to be among them gets a job of their own afterwards.
 */
#include "daemon/domain/backup_call.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/history.h"
#include "daemon/domain/run.h"

/* --- the operation ----------------------------------------------------------------------- */

static void tell(void *arg, const struct progress *p)
{
	job_progress(arg, p);
}

static void on_units(void *arg, const struct strv *units)
{
	job_set_units(arg, units);
}

static void on_run(void *arg, const struct fault *f, struct run_result *result)
{
	struct job *j = arg;
	struct json_object *o = NULL;

	if (!f) {
		o = json_object_new_object();
		json_object_object_add(o, "result", run_result_json(result));
	}
	job_over(j, f, o);
}

static void begin(struct job *j)
{
	struct daemon *d = job_owner(j);
	struct strv units CLEANUP(strv_done) = { 0 }, except CLEANUP(strv_done) = { 0 };

	json_read_list(job_parameters(j), "units", &units);
	json_read_list(job_parameters(j), "except", &except);
	struct run_options o = {
		.ctx = &d->ctx, .recover = d->recover, .units = &units, .except = &except, .on_progress = tell, .on_units = on_units,
		.arg = j,
	};
	job_set_data(j, run_start(&o, on_run));
}

static void end(struct job *j)
{
	run_cancel(job_data(j));
}

static bool all_in(const struct strv *some, const struct strv *list)
{
	for (size_t i = 0; i < some->n; i++)
		if (!strv_has(list, some->v[i]))
			return false;
	return true;
}

static bool none_in(const struct strv *some, const struct strv *list)
{
	for (size_t i = 0; i < some->n; i++)
		if (strv_has(list, some->v[i]))
			return false;
	return true;
}

static bool covers(struct json_object *have, struct json_object *asked)
{
	struct strv units CLEANUP(strv_done) = { 0 }, wanted CLEANUP(strv_done) = { 0 };
	struct strv except CLEANUP(strv_done) = { 0 }, spared CLEANUP(strv_done) = { 0 };

	json_read_list(have, "units", &units);
	json_read_list(have, "except", &except);
	json_read_list(asked, "units", &wanted);
	json_read_list(asked, "except", &spared);
	if (units.n)
		return wanted.n && all_in(&wanted, &units);
	return wanted.n ? none_in(&wanted, &except) : all_in(&except, &spared);
}

const struct operation operation_backup = { .name = "backup", .start = begin, .cancel = end, .covers = covers };

/* --- who asks ---------------------------------------------------------------------------- */

struct asking {
	struct daemon *daemon;
	struct json_object *parameters; /* owned: of the job */
	struct strv units;
	char *reason;
	uid_t uid;
	struct job_listener l;
	bool again;              /* the second time there is nothing to join */
	struct json_object *done; /* owned: the answer of a run that is over */
};

static void asking_free(struct asking *a)
{
	json_object_put(a->parameters);
	json_object_put(a->done);
	strv_done(&a->units);
	free(a->reason);
	free(a);
}

static void answer(struct asking *a, const struct fault *f, struct json_object *result)
{
	if (a->l.on_over)
		a->l.on_over(a->l.arg, f, result);
	asking_free(a);
}

/* Every unit that was asked for has a result of its own. */
static bool has_all(const struct asking *a, struct json_object *result)
{
	struct json_object *list = json_member(json_member(result, "result"), "units");
	struct strv had CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++)
		strv_add(&had, json_text(json_object_array_get_idx(list, i), "unit"));
	return all_in(&a->units, &had);
}

static int queue_it(struct asking *a, struct fault *f);

static void on_progress(void *arg, struct json_object *progress)
{
	struct asking *a = arg;

	if (a->l.on_progress)
		a->l.on_progress(a->l.arg, progress);
}

static void on_over(void *arg, const struct fault *f, struct json_object *result)
{
	struct asking *a = arg;
	struct json_object *run = json_member(result, "result");
	const char *state = json_text(run, "state");
	struct fault own = { 0 };

	if (!f && !a->again && !streq(state, "cancelled") && !has_all(a, result)) {
		a->again = true;
		if (queue_it(a, &own) < 0)
			answer(a, &own, NULL);
		return;
	}
	if (!f && schedule_reason(a->reason) && (streq(state, "ok") || streq(state, "warnings")))
		schedule_succeeded(a->daemon->schedule, &a->units, a->reason, run);
	answer(a, f, result);
}

static int queue_it(struct asking *a, struct fault *f)
{
	struct job_listener l = { .on_progress = on_progress, .on_over = on_over, .arg = a };
	unsigned int job;

	return queue_add(a->daemon->queue, &operation_backup, a->parameters, a->uid, &l, &job, f);
}

/* What the job does; why it is asked for is not part of it. */
static struct json_object *job_of(const struct asking *a)
{
	struct json_object *o = json_object_new_object();
	struct strv except CLEANUP(strv_done) = { 0 };

	if (a->units.n)
		json_put_list(o, "units", &a->units);
	else if (schedule_reason(a->reason))
		schedule_left_out(a->daemon->conf, &except);
	if (except.n)
		json_put_list(o, "except", &except);
	return o;
}

static void on_repeated(void *arg)
{
	struct asking *a = arg;

	answer(a, NULL, a->done);
}

/* Timer and calendar are both armed: the second of them finds it done. */
static bool repeats(struct asking *a)
{
	char *id CLEANUP(freep) = schedule_repeats(a->daemon->schedule, &a->units, a->reason);
	struct json_object *result = id ? history_get(a->daemon->conf, id) : NULL;

	if (!result)
		return false;
	log_info("the run that the %s asks for was done already: %s", a->reason, id);
	a->done = json_object_new_object();
	json_object_object_add(a->done, "result", result);
	loop_defer(a->daemon->ctx.loop, on_repeated, a);
	return true;
}

int backup_call(struct daemon *d, struct json_object *parameters, uid_t uid, const struct job_listener *l, struct fault *f)
{
	struct asking *a = xcalloc(1, sizeof(*a));
	int r = 0;

	*a = (struct asking){ .daemon = d, .uid = uid, .l = *l, .reason = xstrdup(json_text(parameters, "reason")) };
	json_read_list(parameters, "units", &a->units);
	a->parameters = job_of(a);
	bool scheduled = schedule_reason(a->reason);
	if (!scheduled || !repeats(a))
		r = queue_it(a, f);
	if (r < 0) {
		asking_free(a);
		return r;
	}
	if (scheduled)
		schedule_asked(d->schedule, &a->units);
	return 0;
}

/* --- because it is time ------------------------------------------------------------------ */

static void on_scheduled_over(void *arg, const struct fault *f, struct json_object *result)
{
	(void)arg;
	(void)result; /* a run tells its own end */
	if (f)
		log_event(LOG_LEVEL_ERROR, EV_RUN_FAILED, NULL, "the scheduled run could not begin: %s", f->text);
}

int backup_call_scheduled(struct daemon *d, const char *unit)
{
	struct json_object *p CLEANUP(json_putp) = json_object_new_object();
	struct job_listener l = { .on_over = on_scheduled_over, .arg = d };
	struct strv units CLEANUP(strv_done) = { 0 };
	struct fault f = { 0 };

	if (unit) {
		strv_add(&units, unit);
		json_put_list(p, "units", &units);
	}
	json_put_text(p, "reason", "schedule");
	log_info("it is time for %s", unit ? unit : "all units");
	int r = backup_call(d, p, 0, &l, &f);
	if (r < 0)
		log_error("the scheduled run has to wait: %s", f.text);
	return r;
}
