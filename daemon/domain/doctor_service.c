/* SPDX-License-Identifier: MIT */
/* Checks of what keeps backups coming: units, schedule, the last run, what runs left behind. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/varlink.h"
#include "daemon/domain/doctor_internal.h"
#include "daemon/domain/history.h"
#include "daemon/domain/swap.h"

#define SYSTEMCTL     "/usr/bin/systemctl"
#define SYSTEMD_RUNS  "/run/systemd/system" /* sd_booted(3) */
#define OLD_RUN_MS    ((int64_t)48 * 3600 * 1000)
#define DAY_MS        ((int64_t)24 * 3600 * 1000)
#define FUTURE_MS     ((int64_t)60 * 1000)
#define FIRST_SANE_MS ((int64_t)1700000000 * 1000) /* a clock before 2023-11 is not set */

static bool have_systemd(void)
{
	return access(SYSTEMD_RUNS, F_OK) == 0;
}

/* --- systemd ------------------------------------------------------------------------------- */

#define UNIT_SERVICE "kopi-dockad.service"
#define UNIT_SOCKET  "kopi-dockad.socket"
#define UNIT_RECOVER "kopi-dockad-recover.service"

/* systemctl show: a block of lines for each unit, also for one that is not there. */
static bool is_enabled(const char *shown, const char *unit)
{
	char *id CLEANUP(freep) = xasprintf("Id=%s\n", unit);
	const char *at = strstr(shown, id);
	const char *end = at ? strstr(at, "\n\n") : NULL;
	const char *state = at ? strstr(at, "\nUnitFileState=enabled") : NULL;

	return state && (!end || state <= end);
}

static void on_units(void *arg, const struct child_result *r)
{
	struct check *c = arg;

	if (!child_ok(r))
		check_say_child(c, NULL, "systemctl", r, NULL);
	else if (!is_enabled(r->out, UNIT_RECOVER))
		check_say(c, NULL, CHECK_WARNING, "kopi-docka write-units, then systemctl enable " UNIT_RECOVER,
			UNIT_RECOVER " is not enabled: after a reboot nobody starts what a backup had stopped");
	else if (!is_enabled(r->out, UNIT_SERVICE) && !is_enabled(r->out, UNIT_SOCKET))
		check_say(c, NULL, CHECK_WARNING, "systemctl enable --now " UNIT_SOCKET,
			"neither " UNIT_SOCKET " nor " UNIT_SERVICE " is enabled: the daemon runs for single calls only");
	else
		check_say(c, NULL, CHECK_OK, NULL, "%s and " UNIT_RECOVER " are enabled",
			is_enabled(r->out, UNIT_SERVICE) ? UNIT_SERVICE : UNIT_SOCKET);
	check_over(c);
}

void check_units(struct check *c)
{
	static const char *const argv[] = { SYSTEMCTL, "show", "--property=Id,UnitFileState", UNIT_SERVICE, UNIT_SOCKET,
		UNIT_RECOVER, NULL };

	if (have_systemd()) {
		check_run(c, argv, NULL, on_units);
		return;
	}
	check_say(c, NULL, CHECK_UNKNOWN, NULL, "systemd does not run here");
	check_over(c);
}

static void say_not_armed(struct check *c)
{
	const struct conf *conf = c->o->ctx->conf;

	if (conf->schedule.calendar.n || conf->schedule.interval_minutes)
		check_say(c, NULL, CHECK_WARNING, "systemctl enable --now kopi-dockad, or kopi-docka daemon",
			"there is a schedule, but this daemon is here for a call only: no run begins by itself");
	else
		check_say(c, NULL, CHECK_WARNING, "systemctl enable --now kopi-docka.timer, or kopi-docka daemon --interval-minutes 1440",
			"nothing starts backups by itself");
}

static void on_timer(void *arg, const struct child_result *r)
{
	struct check *c = arg;

	if (child_ok(r))
		check_say(c, NULL, CHECK_OK, NULL, "kopi-docka.timer is active");
	else
		say_not_armed(c);
	check_over(c);
}

/* The daemon's own schedule, or the timer of systemd. */
void check_schedule(struct check *c)
{
	static const char *const argv[] = { SYSTEMCTL, "is-active", "--quiet", "kopi-docka.timer", NULL };

	if (c->o->next_run_ms > 0) {
		char *when CLEANUP(freep) = format_time(c->o->next_run_ms);
		check_say(c, NULL, CHECK_OK, NULL, "this daemon's next run is at %s", when);
	} else if (have_systemd()) {
		check_run(c, argv, NULL, on_timer);
		return;
	} else {
		say_not_armed(c);
	}
	check_over(c);
}

/* --- runs -------------------------------------------------------------------------------------- */

void check_last_run(struct check *c)
{
	struct json_object *past CLEANUP(json_putp) = history_load(c->o->ctx->conf, NULL, 1);
	struct json_object *last = json_object_array_length(past) ? json_object_array_get_idx(past, 0) : NULL;
	const char *id = json_text(last, "backup_id"), *state = json_text(last, "state");
	int64_t started = 0;

	if (!last)
		check_say(c, NULL, CHECK_UNKNOWN, "kopi-docka backup", "there was none yet");
	else if (!streq(state, "ok"))
		check_say(c, NULL, streq(state, "warnings") ? CHECK_WARNING : CHECK_FAILED, "kopi-docka history says why", "%s: %s", id, state);
	else if (parse_time(json_text(last, "started"), &started) == 0 && wall_ms() - started > OLD_RUN_MS)
		check_say(c, NULL, CHECK_WARNING, "it is older than two days: is a timer armed?", "%s: %s, %" PRId64 " days ago", id, state,
			(wall_ms() - started) / ((int64_t)24 * 3600 * 1000));
	else
		check_say(c, NULL, CHECK_OK, NULL, "%s: %s", id, state);
	check_over(c);
}

void check_ledger(struct check *c)
{
	struct strv open CLEANUP(strv_done) = { 0 };
	struct buf text CLEANUP(buf_done) = { 0 };

	recover_list(c->o->recover, &open);
	for (size_t i = 0; i < open.n; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", open.v[i]);
	if (open.n)
		check_say(c, NULL, CHECK_FAILED, "the daemon keeps trying to start them; docker logs NAME says why not",
			"not running again: %s", text.data);
	else
		check_say(c, NULL, CHECK_OK, NULL, "nothing that we stopped is down");
	check_over(c);
}

/* What restores have kept takes room; it goes by itself after restore.kept_days, a day of grace here. */
void check_old_copies(struct check *c)
{
	const struct conf *conf = c->o->ctx->conf;
	struct strv ids CLEANUP(strv_done) = { 0 };
	int64_t oldest = 0;
	int days = conf->restore.kept_days;

	swaps_list(conf, &ids);
	if (ids.n == 0 || restore_id_time(ids.v[0], &oldest) < 0)
		check_say(c, NULL, CHECK_OK, NULL, "no restore has left one");
	else if (days > 0 && wall_ms() - oldest > (days + 1) * DAY_MS)
		check_say(c, NULL, CHECK_WARNING, "the daemon's log says what cannot be removed; it is tried again",
			"the old copies of restore %s should be gone after %d days", ids.v[0], days);
	else if (days > 0)
		check_say(c, NULL, CHECK_OK, NULL, "of %zu restore%s, each removed after %d days; the oldest is of %s", ids.n,
			ids.n == 1 ? "" : "s", days, ids.v[0]);
	else
		check_say(c, NULL, CHECK_OK, NULL, "of %zu restore%s, until you remove them; the oldest is of %s", ids.n,
			ids.n == 1 ? "" : "s", ids.v[0]);
	check_over(c);
}

/* Restore points are named by time, and retention goes by it. */
void check_run_clock(struct check *c)
{
	struct json_object *past CLEANUP(json_putp) = history_load(c->o->ctx->conf, NULL, 1);
	struct json_object *last = json_object_array_length(past) ? json_object_array_get_idx(past, 0) : NULL;
	int64_t started = 0, now = wall_ms();
	char *text CLEANUP(freep) = format_time(now);

	if (now < FIRST_SANE_MS)
		check_say(c, NULL, CHECK_FAILED, "set it: restore points are named by time", "the clock says %s: it is not set", text);
	else if (last && parse_time(json_text(last, "started"), &started) == 0 && started > now + FUTURE_MS)
		check_say(c, NULL, CHECK_FAILED, "set the clock: retention goes by it", "the clock says %s, but run %s has been already", text,
			json_text(last, "backup_id"));
	else
		check_say(c, NULL, CHECK_OK, NULL, "%s", text);
	check_over(c);
}
