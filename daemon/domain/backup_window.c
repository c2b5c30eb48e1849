/* SPDX-License-Identifier: MIT */
/*
 * The steps around the window: the ledger's record, stop and start, and the proof before
 * and after the reading that nobody wrote.
 */
#include <errno.h>

#include "common/log.h"
#include "daemon/domain/backup_internal.h"
#include "daemon/domain/roots.h"
#include "daemon/domain/writers.h"

/* --- record: the ledger is durable before the first stop ----------------------------- */

static void on_recorded(void *arg, const struct fault *f)
{
	struct backup *b = arg;
	struct fault own = { 0 };

	b->recorded = true; /* also when it failed: entries in memory are settled by leaving */
	if (f) {
		own = *f;
		fault_wrap(&own, "nothing is stopped without its record");
	}
	backup_phase_took(b, PHASE_PREPARE, b->phase_begin);
	backup_next_or_fail(b, f ? &own : NULL);
}

static void on_run_recorded(void *arg, const struct fault *f)
{
	struct backup *b = arg;

	if (f)
		on_recorded(b, f);
	else
		service_record(b->service, on_recorded, b);
}

void backup_record_enter(void *owner)
{
	struct backup *b = owner;
	const struct conf_unit *own = backup_own_settings(b);
	struct service_options o = {
		.loop = b->ctx->loop,
		.docker = b->ctx->docker,
		.ledger = b->ctx->ledger,
		.unit = b->unit_name,
		.state_directory = b->ctx->conf->paths.state,
		.stop_timeout_s = own && own->stop_timeout_s >= 0 ? own->stop_timeout_s
								   : b->ctx->conf->backup.stop_timeout_s,
		.start_timeout_s = b->ctx->conf->backup.start_timeout_s,
	};
	b->service = service_from_unit(&o, b->unit);
	char *key CLEANUP(freep) = xasprintf("%s/%s", b->backup_id, b->unit_name);
	struct ledger_entry run = {
		.kind = LEDGER_RUN, .key = key, .unit = b->unit_name, .backup_id = b->backup_id,
	};
	ledger_add(b->ctx->ledger, &run, 1, on_run_recorded, b);
}

/* Entries of members that were never asked to stop have served. */
void backup_record_leave(void *owner)
{
	struct backup *b = owner;
	size_t n;
	const struct service_member *m = service_members(b->service, &n);

	for (size_t i = 0; i < n; i++)
		if (m[i].state == MEMBER_UNTOUCHED)
			ledger_close(b->ctx->ledger, m[i].id, "never stopped", NULL, NULL);
	steps_next(b->steps);
}

/* --- stop, and on the way back: start ------------------------------------------------ */

/* A unit of which nothing runs has none. */
static bool has_window(const struct backup *b)
{
	size_t n;

	service_members(b->service, &n);
	return n > 0;
}

static void on_stopped(void *arg, const struct fault *f)
{
	struct backup *b = arg;
	struct log_fields fields = { .unit = b->unit_name, .backup_id = b->backup_id };

	backup_phase_took(b, PHASE_STOP, b->phase_begin);
	if (!f && has_window(b))
		log_event(LOG_LEVEL_INFO, EV_UNIT_STOPPED, &fields, "%s is stopped", b->unit_name);
	backup_next_or_fail(b, f);
}

void backup_stop_enter(void *owner)
{
	struct backup *b = owner;

	b->engaged = true;
	service_stop(b->service, on_stopped, b);
}

void backup_stop_cancel(void *owner)
{
	struct backup *b = owner;

	service_cancel_stop(b->service);
}

static void take_members(struct backup *b)
{
	size_t n;
	const struct service_member *m = service_members(b->service, &n);
	struct unit_result *r = &b->result;

	r->service = SERVICE_UP;
	for (size_t i = 0; i < n; i++) {
		if (m[i].state == MEMBER_STARTED || m[i].state == MEMBER_LEFT)
			strv_add(&r->restarted, m[i].name);
		if (m[i].state == MEMBER_FAILED || m[i].state == MEMBER_GONE) {
			strv_add(&r->not_restarted, m[i].name);
			r->service = SERVICE_DOWN;
		}
		if (m[i].killed)
			strv_addf(&r->warnings, "%s did not stop within %d s and was killed by the engine: "
				"its programs may have to recover", m[i].name, m[i].grace_s);
		if (m[i].unanswered && !m[i].problem)
			strv_addf(&r->warnings, "the engine did not answer the stop of %s in its time, and an inspect said that it is down: is the "
				"server behind one of its volumes dead?", m[i].name);
		if (m[i].problem)
			strv_add(m[i].state == MEMBER_NOT_OURS ? &r->warnings : &r->errors, m[i].problem);
	}
}

static void on_started(void *arg, const struct fault *f)
{
	struct backup *b = arg;
	struct log_fields fields = { .unit = b->unit_name, .backup_id = b->backup_id };

	backup_phase_took(b, PHASE_START, b->phase_begin);
	b->result.window_ms = service_window_ms(b->service);
	take_members(b);
	if (f)
		steps_fail(b->steps, f);
	if (b->result.service == SERVICE_UP && has_window(b))
		log_event(LOG_LEVEL_INFO, EV_UNIT_STARTED, &fields, "%s runs again, its window was %lld ms",
			b->unit_name, (long long)b->result.window_ms);
	rates_note_unit(b->ctx->rates, b->unit_name, b->result.phase_ms[PHASE_STOP],
		b->result.phase_ms[PHASE_START]);
	steps_next(b->steps);
}

void backup_stop_leave(void *owner)
{
	struct backup *b = owner;

	service_start(b->service, on_started, b);
}

/* --- prove, before and after the reading --------------------------------------------- */

static void lost_cold(struct backup *b, const struct fault *f)
{
	b->cold_lost = true;
	b->retry = true;
	steps_fail(b->steps, f);
}

static void on_released(void *arg)
{
	struct backup *b = arg;

	steps_next(b->steps);
}

/* After the second one nothing looks at the items any more: what was held is let go before the containers start. */
static void proof_end(struct backup *b)
{
	backup_phase_took(b, PHASE_READ, b->phase_begin);
	if (b->window_open)
		backup_release(b, on_released);
	else
		steps_next(b->steps);
}

static void on_writers(void *arg, const struct fault *f, const struct strv *writers)
{
	struct backup *b = arg;
	struct fault own = { 0 };

	if (f) {
		lost_cold(b, f);
	} else if (writers->n) {
		fault_set(&own, FAULT_FAILED, -EBUSY, "container %s, which is not of unit %s, can write to its items",
			writers->v[0], b->unit_name);
		lost_cold(b, &own);
	}
	proof_end(b);
}

/* One of what goes on at the same time is over. */
static void proof_over(struct backup *b)
{
	if (--b->waiting > 0)
		return;
	if (!b->cold_lost) {
		struct writers_options o = {
			.loop = b->ctx->loop, .docker = b->ctx->docker, .unit = b->unit, .inv = b->planned->inv, .arg = b,
		};
		writers_find(&o, on_writers);
		return;
	}
	proof_end(b);
}

static void on_proved(void *arg, const struct fault *f)
{
	if (f)
		lost_cold(arg, f);
	proof_over(arg);
}

static void on_root_lost(void *arg, const struct item *it, const struct fault *f)
{
	backup_lose(arg, it, f);
}

static void on_roots(void *arg, const struct fault *f)
{
	struct backup *b = arg;

	if (f)
		steps_fail(b->steps, f);
	proof_over(b);
}

static void prove(struct backup *b)
{
	b->waiting = 2;
	service_prove(b->service, on_proved, b);
	roots_look(b->ctx->loop, b->unit, on_root_lost, on_roots, b);
}

void backup_prove_enter(void *owner)
{
	struct backup *b = owner;

	prove(b);
}

/* Nothing was read, nothing to prove. Else the same once more: a root that was exchanged while it was read is an error,
 * although tar kept to the one that it was started in. */
void backup_prove_leave(void *owner)
{
	struct backup *b = owner;

	if (b->cold_lost || !b->window_open)
		backup_release(b, on_released);
	else
		prove(b);
}
