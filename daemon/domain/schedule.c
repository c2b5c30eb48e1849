/* SPDX-License-Identifier: MIT */
/*
 * Each rule is due at the first moment that its calendar (or interval) names after the
 * last time its units were asked for on a schedule. That alone gives the catching up: a
 * moment that has passed is due now, and once it was asked for, all others before it
 * have passed too. One wall clock timer is set to the earliest; it also fires when the
 * clock is set, and everything is thought over.
 *
 * A rule that is new or was changed counts from now: writing "02:00" into the file at
 * noon begins nothing.
 */
#include "daemon/domain/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/calendar.h"
#include "common/log.h"
#include "common/varlink.h"
#include "daemon/mech/walltimer.h"

#define MINUTE_MS     ((int64_t)60000)
#define AGAIN_MS      (5 * MINUTE_MS)
#define FIRST_SANE_MS ((int64_t)1700000000 * 1000) /* before 2023-11 the clock is not set yet */

struct rule {
	char *unit; /* NULL: all */
	char *text; /* what it says, to see whether it was changed */
	struct calendar *v; /* owned; any of them */
	size_t n;
	int64_t interval_ms; /* > 0: instead */
	int64_t moment_ms;   /* that its text names; -1: none */
	int64_t due_ms;      /* the same with the delay of chance, and not in the past; -1: never */
	int64_t not_before_ms; /* tried in vain until then */
};

struct schedule {
	struct schedule_options o;
	struct past *past;
	struct walltimer *timer; /* NULL: off */
	struct rule *rules;
	size_t n;
	int64_t began_ms; /* of this daemon: without catch_up nothing before it counts */
};

static int64_t now(const struct schedule *s)
{
	return s->o.now_ms ? s->o.now_ms() : wall_ms();
}

/* --- rules from the configuration -------------------------------------------------------- */

static void free_rules(struct schedule *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rules[i].unit);
		free(s->rules[i].text);
		free(s->rules[i].v);
	}
	free(s->rules);
	s->rules = NULL;
	s->n = 0;
}

static struct rule *add_rule(struct schedule *s, const char *unit)
{
	GROW(s->rules, s->n);
	struct rule *r = &s->rules[s->n++];

	*r = (struct rule){ .unit = xstrdup(unit), .moment_ms = -1, .due_ms = -1 };
	return r;
}

static void add_calendars(struct schedule *s, const char *unit, const struct strv *texts)
{
	struct rule *r = add_rule(s, unit);
	struct buf text = { 0 };

	for (size_t i = 0; i < texts->n; i++) {
		char *why CLEANUP(freep) = NULL;
		GROW(r->v, r->n);
		if (calendar_parse(texts->v[i], &r->v[r->n], &why) == 0) /* the configuration has refused others */
			r->n++;
		buf_printf(&text, "%s%s", i ? "; " : "", texts->v[i]);
	}
	r->text = buf_steal(&text);
}

static void add_interval(struct schedule *s, int minutes)
{
	struct rule *r = add_rule(s, NULL);

	r->interval_ms = minutes * MINUTE_MS;
	r->text = xasprintf("every %d minutes", minutes);
}

static bool never(const struct strv *schedule)
{
	return schedule->n == 1 && streq(schedule->v[0], CONF_NEVER);
}

static void make_rules(struct schedule *s)
{
	const struct conf *c = s->o.conf;

	free_rules(s);
	if (s->o.interval_minutes > 0)
		add_interval(s, s->o.interval_minutes);
	else if (c->schedule.interval_minutes > 0)
		add_interval(s, c->schedule.interval_minutes);
	else if (c->schedule.calendar.n)
		add_calendars(s, NULL, &c->schedule.calendar);
	for (size_t i = 0; i < c->n_units; i++)
		if (c->units[i].schedule.n && !never(&c->units[i].schedule))
			add_calendars(s, c->units[i].name, &c->units[i].schedule);
}

void schedule_left_out(const struct conf *c, struct strv *ret)
{
	for (size_t i = 0; i < c->n_units; i++)
		if (c->units[i].schedule.n)
			strv_add(ret, c->units[i].name);
}

static struct past_row *row_of(struct schedule *s, const struct rule *r)
{
	return past_row(s->past, r->unit ? r->unit : PAST_ALL);
}

/* What is new counts from now; what is gone would count from now if it came back. */
static void remember_rules(struct schedule *s)
{
	size_t n;
	struct past_row *rows = past_rows(s->past, &n);
	bool changed = false;

	for (size_t i = 0; i < n; i++) {
		bool known = false;
		for (size_t j = 0; j < s->n; j++)
			known |= streq(rows[i].key, s->rules[j].unit ? s->rules[j].unit : PAST_ALL);
		changed |= !known && rows[i].rule;
		if (!known)
			past_text(&rows[i].rule, NULL);
	}
	for (size_t i = 0; i < s->n; i++) {
		struct past_row *row = row_of(s, &s->rules[i]);
		if (streq(row->rule, s->rules[i].text))
			continue;
		past_text(&row->rule, s->rules[i].text);
		row->since_ms = now(s);
		changed = true;
	}
	if (changed)
		past_save(s->past);
}

/* --- when -------------------------------------------------------------------------------- */

static int64_t chance(int64_t below)
{
	uint64_t n = 0;

	if (below <= 0 || getrandom(&n, sizeof(n), GRND_NONBLOCK) < 0)
		return 0;
	return (int64_t)(n % (uint64_t)below);
}

static int64_t moment_after(const struct rule *r, int64_t base_ms)
{
	int64_t best = -1;

	if (r->interval_ms)
		return base_ms + r->interval_ms;
	for (size_t i = 0; i < r->n; i++) {
		int64_t t = calendar_next(&r->v[i], base_ms / 1000);
		if (t >= 0 && (best < 0 || t * 1000 < best))
			best = t * 1000;
	}
	return best;
}

static void plan(struct schedule *s, struct rule *r)
{
	const struct past_row *row = row_of(s, r);
	int64_t base = row->asked_ms > row->since_ms ? row->asked_ms : row->since_ms, t = now(s);

	if (!s->o.conf->schedule.catch_up && s->began_ms > base)
		base = s->began_ms;
	if (base > t)
		base = t; /* the clock was set back: what is written down would silence it for as long */
	int64_t moment = moment_after(r, base);
	if (moment != r->moment_ms) { /* else chance has spoken already */
		r->moment_ms = moment;
		r->due_ms = moment < 0 ? -1 : (moment < t ? t : moment) + chance(s->o.conf->schedule.random_delay_ms);
	}
	if (r->due_ms >= 0 && r->due_ms < r->not_before_ms)
		r->due_ms = r->not_before_ms;
}

int64_t schedule_next(const struct schedule *s)
{
	int64_t next = -1;

	for (size_t i = 0; i < s->n; i++)
		if (s->rules[i].due_ms >= 0 && (next < 0 || s->rules[i].due_ms < next))
			next = s->rules[i].due_ms;
	return next;
}

static void set_timer(struct schedule *s)
{
	int64_t next = schedule_next(s);
	char *text CLEANUP(freep) = next >= 0 ? format_time(next) : NULL;

	if (text)
		log_debug("the next scheduled run begins at %s", text);
	if (s->timer)
		walltimer_set(s->timer, next);
}

static void fire(struct schedule *s, struct rule *r)
{
	if (s->o.fire(s->o.arg, r->unit) < 0) {
		r->not_before_ms = now(s) + AGAIN_MS;
		return;
	}
	row_of(s, r)->asked_ms = now(s);
	past_save(s->past);
}

void schedule_look(struct schedule *s)
{
	if (now(s) < FIRST_SANE_MS) {
		log_warning("the clock is not set: no scheduled run until it is");
		if (s->timer)
			walltimer_set(s->timer, -1);
		return;
	}
	remember_rules(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->rules[i].due_ms >= 0 && s->rules[i].due_ms <= now(s))
			fire(s, &s->rules[i]);
	for (size_t i = 0; i < s->n; i++)
		plan(s, &s->rules[i]);
	set_timer(s);
}

static void on_timer(void *arg)
{
	schedule_look(arg);
}

/* --- beginning and end ------------------------------------------------------------------- */

void schedule_set_conf(struct schedule *s, const struct conf *c)
{
	s->o.conf = c;
	if (s->o.off)
		return;
	make_rules(s);
	schedule_look(s); /* nothing has a due time yet: it only plans */
}

int schedule_new(const struct schedule_options *o, struct schedule **ret, struct fault *f)
{
	struct schedule *s = xcalloc(1, sizeof(*s));
	int r = 0;

	s->o = *o;
	s->o.path = NULL;
	s->began_ms = now(s);
	if (!o->off && !o->now_ms && (r = walltimer_new(o->loop, on_timer, s, &s->timer)) < 0) {
		free(s);
		return fault_errno(f, FAULT_FAILED, r, "cannot make a timer for schedules");
	}
	s->past = past_open(o->loop, o->path);
	schedule_set_conf(s, o->conf);
	*ret = s;
	return 0;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	walltimer_free(s->timer);
	free_rules(s);
	past_free(s->past);
	free(s);
}

bool schedule_pending(const struct schedule *s)
{
	return past_pending(s->past);
}

/* --- the memory -------------------------------------------------------------------------- */

bool schedule_reason(const char *reason)
{
	return streq(reason, "timer") || streq(reason, "schedule");
}

static char *key_of(const struct strv *units)
{
	struct strv sorted CLEANUP(strv_done) = { 0 };
	struct buf text = { 0 };

	if (units->n == 0)
		return xstrdup(PAST_ALL);
	strv_copy(&sorted, units);
	strv_sort_unique(&sorted);
	for (size_t i = 0; i < sorted.n; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", sorted.v[i]);
	return buf_steal(&text);
}

void schedule_asked(struct schedule *s, const struct strv *units)
{
	char *key CLEANUP(freep) = key_of(units);

	past_row(s->past, key)->asked_ms = now(s);
	past_save(s->past);
	for (size_t i = 0; i < s->n; i++)
		plan(s, &s->rules[i]);
	set_timer(s);
}

void schedule_succeeded(struct schedule *s, const struct strv *units, const char *reason, struct json_object *result)
{
	char *key CLEANUP(freep) = key_of(units);
	struct past_row *row = past_row(s->past, key);
	int64_t began = 0;

	if (parse_time(json_text(result, "started"), &began) < 0 || !json_text(result, "backup_id"))
		return;
	row->began_ms = began;
	past_text(&row->backup_id, json_text(result, "backup_id"));
	past_text(&row->reason, reason);
	past_save(s->past);
}

char *schedule_repeats(struct schedule *s, const struct strv *units, const char *reason)
{
	char *key CLEANUP(freep) = key_of(units);
	const struct past_row *row = past_row(s->past, key);
	int64_t age = now(s) - row->began_ms;

	if (!row->backup_id || streq(row->reason, reason) || age < 0 || age >= s->o.conf->schedule.coalesce_ms)
		return NULL;
	return xstrdup(row->backup_id);
}
