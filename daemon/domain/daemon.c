/* SPDX-License-Identifier: MIT */
/*
 * Setting up and tearing down, in the order that law 1 wants: the lock, then the
 * ledger, then recovery, and only then anything that could stop a container. On
 * SIGTERM, SIGINT and SIGQUIT the running job is cancelled, which starts its containers, and
 * the loop ends when nothing is open any more; a second signal changes nothing.
 */
#include "daemon/domain/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/iface.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/backup_call.h"
#include "daemon/domain/detach.h"
#include "daemon/domain/idle.h"
#include "daemon/domain/leftovers.h"
#include "daemon/domain/lock.h"
#include "daemon/domain/names.h"
#include "daemon/domain/numbers.h"
#include "daemon/domain/reload.h"
#include "daemon/domain/underway.h"

#define LAST_WRITES_S 30
#define FORGET_MS (6 * 60 * 60 * 1000)
#define STOP_WATCH_MS 50
#define MORE_TIME_S   60  /* asked of systemd while containers are started */
#define RECOVER_MAX_S 120 /* --recover holds up a boot or a stop; the daemon goes on trying */

static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, LOCK_MAKE_WAY };
/* Nobody means anything by them, and each would end us in the window. Children get them as usual. */
static const int deaf_to[] = { SIGPIPE, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR };
_Static_assert(ARRAY_SIZE(((struct daemon *)0)->signals) == ARRAY_SIZE(signals), "each has its watch");

/* --- stopping ------------------------------------------------------------------------ */

static bool writes_pending(const struct daemon *d)
{
	return (d->ctx.ledger && ledger_pending(d->ctx.ledger)) || (d->schedule && schedule_pending(d->schedule)) ||
		(d->numbers && numbers_pending(d->numbers));
}

static void stop_when_idle(struct daemon *d)
{
	if (!d->stopping || d->looking_back || !queue_idle(d->queue) || recover_busy(d->recover) || writes_pending(d) ||
		repository_open_calls(d->ctx.repository) || (d->control && control_requests(d->control) > events_subscribers(d->ctx.events)) ||
		(d->retired && control_connections(d->control)))
		return;
	events_end(d->ctx.events);
	loop_stop(d->ctx.loop);
}

/* Nobody kills us in a window because TimeoutStopSec= was shorter than stop_timeout. A job ends by itself. */
static void ask_for_time(struct daemon *d)
{
	uint64_t now = loop_now(d->ctx.loop);

	if (queue_idle(d->queue) || now < d->more_time_at)
		return;
	notify_extend(d->notify, MORE_TIME_S);
	d->more_time_at = now + MORE_TIME_S * 1000 / 3;
}

/* What is asked at the moment gets its answer: every question has a deadline of its own. */
static void on_stop_watch(void *arg)
{
	struct daemon *d = arg;

	ask_for_time(d);
	stop_when_idle(d);
	timer_set(d->stop_watch, STOP_WATCH_MS);
}

static void begin_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	log_event(LOG_LEVEL_INFO, EV_STOPPING, NULL, "stopping%s",
		d->queue && !queue_idle(d->queue) ? ": the running job is ended, its containers are started first" : "");
	reload_end(d->reload);
	if (d->notify)
		notify_stopping(d->notify);
	queue_close(d->queue);
	recover_end(d->recover);
	timer_set(d->stop_watch, STOP_WATCH_MS);
}

/* Nothing to do for so long. Who comes at this very moment is still served. */
static void on_idle_end(void *arg)
{
	struct daemon *d = arg;

	d->retired = true;
	control_retire(d->control);
	begin_stop(d);
}

static void on_signal(void *arg, int signum)
{
	struct daemon *d = arg;
	struct fault f = { 0 };

	if (signum == LOCK_MAKE_WAY)
		idle_hurry(d->idle);
	else if (signum != SIGHUP)
		begin_stop(d);
	else if (daemon_reload(d, &f) < 0)
		log_error("the configuration stays as it is: %s", f.text);
}

/* --- what the others tell us --------------------------------------------------------- */

static void on_queue_idle(void *arg)
{
	struct daemon *d = arg;

	control_changed(d->control);
	daemon_apply_conf(d);
	recover_kick(d->recover);
	daemon_forget(d);
	if (!d->stopping)
		daemon_upkeep(d);
	stop_when_idle(d);
}

static void on_queue_change(void *arg)
{
	struct daemon *d = arg;
	struct json_object *p = queue_progress(d->queue);
	const char *unit = json_text(p, "unit"), *phase = json_text(p, "phase");

	if (!streq(phase, d->last_phase)) {
		free(d->last_phase);
		d->last_phase = xstrdup(phase);
		control_changed(d->control);
	}
	if (!d->notify)
		return;
	if (p && phase)
		notify_status(d->notify, "%s%s%s: %s", json_text(p, "operation"), unit ? " " : "", unit ? unit : "", phase);
	else
		notify_status(d->notify, "idle");
}

static void on_forget(void *arg)
{
	struct daemon *d = arg;

	daemon_forget(d);
	timer_set(d->forget, FORGET_MS);
}

static void on_looked_back(void *arg)
{
	struct daemon *d = arg;

	d->looking_back = false;
	queue_hold(d->queue, false);
	daemon_forget(d);
	timer_set(d->forget, FORGET_MS);
	stop_when_idle(d);
}

/* Once: after the first recovery it is known whether its containers run again. Only then jobs begin. */
static void look_back(struct daemon *d, bool down)
{
	if (d->looked_back)
		return;
	d->looked_back = d->looking_back = true;
	underway_adopt(&d->ctx, down, on_looked_back, d);
}

static void on_settled(void *arg, size_t open_containers, size_t open_all)
{
	struct daemon *d = arg;

	if (d->recover_only) {
		d->exit_status = open_containers ? EXIT_FAILED : EXIT_OK;
		if (!open_containers || wall_ms() - d->started_ms > RECOVER_MAX_S * 1000)
			loop_stop(d->ctx.loop);
		return;
	}
	if (open_containers)
		log_warning("%zu containers that we stopped are not running yet; trying again", open_containers);
	(void)open_all;
	look_back(d, open_containers > 0);
	daemon_apply_conf(d);
	stop_when_idle(d);
}

static int on_schedule(void *arg, const char *unit)
{
	return backup_call_scheduled(arg, unit);
}

/* --- setting up and tearing down ----------------------------------------------------- */

static int open_parts(struct daemon *d, struct fault *f)
{
	char *ledger CLEANUP(freep) = path_ledger(d->conf), *jobs CLEANUP(freep) = path_jobs(d->conf);
	char *rates CLEANUP(freep) = path_rates(d->conf), *schedule CLEANUP(freep) = path_schedule(d->conf);
	struct context *x = &d->ctx;
	int r;

	if ((r = loop_new(&x->loop)) < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot make an event loop");
	x->conf = d->conf;
	x->events = events_new();
	x->rates = &d->rates;
	rates_load(&d->rates, rates);
	if ((r = ledger_open(x->loop, ledger, &x->ledger, f)) < 0)
		return r;
	if ((r = docker_new(x->loop, d->conf->docker_socket, &x->docker, f)) < 0)
		return r;
	struct schedule_options so = {
		.loop = x->loop, .conf = d->conf, .path = schedule, .off = d->options->no_schedule || d->recover_only,
		.interval_minutes = (int)d->options->interval_minutes, .fire = on_schedule, .arg = d,
	};
	if ((r = schedule_new(&so, &d->schedule, f)) < 0)
		return r;
	x->repository = repository_new(x->loop, d->conf);
	d->recover = recover_new(x, on_settled, d);
	recover_containers_only(d->recover, d->recover_only);
	d->queue = queue_new(x->loop, on_queue_idle, on_queue_change, d);
	queue_set_events(d->queue, x->events);
	d->numbers = numbers_open(x->loop, jobs);
	queue_set_numbers(d->queue, d->numbers);
	d->reload = reload_new(d);
	queue_hold(d->queue, true); /* until the first recovery has looked */
	return 0;
}

static void on_gone(void *arg, struct request *r)
{
	struct daemon *d = arg;

	reload_forget(d->reload, r);
	events_forget(d->ctx.events, r);
}

static int open_control(struct daemon *d, struct fault *f)
{
	char *path CLEANUP(freep) = path_socket(d->conf);
	struct control_options o = {
		.loop = d->ctx.loop,
		.path = path,
		.group = d->conf->access.group,
		.fd = notify_inherited_socket(),
		.methods = daemon_methods,
		.n_methods = daemon_n_methods,
		.acting_uids = &d->conf->access.uids,
		.on_gone = on_gone,
		.arg = d,
	};

	d->names = names_new(d);
	return control_start(&o, &d->control, f);
}

static int set_up(struct daemon *d, struct fault *f)
{
	const struct daemon_options *o = d->options;
	int r = paths_make(d->conf, f);

	signal(LOCK_MAKE_WAY, SIG_IGN); /* until there is a loop to hear it */
	if (r < 0 || (r = lock_take(d->conf, o->idle_exit_s && o->no_schedule, !d->recover_only, &d->lock_fd, f)) < 0 ||
		(r = lock_state(d->conf, &d->state_fd, f)) < 0 || (leftovers_remove(d->conf), r = open_parts(d, f)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(deaf_to); i++)
		signal(deaf_to[i], SIG_IGN);
	if (d->recover_only)
		unsetenv("NOTIFY_SOCKET"); /* it is the service's, and we are only its ExecStopPost= */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		d->signals[i] = signal_watch_new(d->ctx.loop, signals[i], on_signal, d);
	if (!d->recover_only && (r = open_control(d, f)) < 0)
		return r;
	d->notify = notify_new(d->ctx.loop);
	d->stop_watch = timer_new(d->ctx.loop, on_stop_watch, d);
	d->forget = timer_new(d->ctx.loop, on_forget, d);
	d->idle = o->idle_exit_s && d->control ? idle_new(d, o->idle_exit_s, on_idle_end) : NULL;
	return 0;
}

static void tear_down(struct daemon *d)
{
	timer_free(d->stop_watch);
	timer_free(d->forget);
	idle_free(d->idle);
	control_stop(d->control);
	names_free(d->names);
	reload_free(d->reload);
	notify_free(d->notify);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++) {
		signal_watch_free(d->signals[i]);
		signal(signals[i], SIG_IGN); /* nor does one more in the middle of the last writes */
	}
	/* --recover ends in the middle of the loop: what it has settled must reach the disk. */
	for (int i = 0; writes_pending(d) && i < LAST_WRITES_S * 10; i++)
		loop_drain(d->ctx.loop, 100);
	recover_free(d->recover);
	schedule_free(d->schedule);
	queue_free(d->queue);
	numbers_free(d->numbers);
	repository_free(d->ctx.repository);
	docker_free(d->ctx.docker);
	ledger_free(d->ctx.ledger);
	if (d->ctx.loop) {
		loop_drain(d->ctx.loop, 1000);
		IGNORE(loop_free(d->ctx.loop)); /* says itself what was left open */
	}
	events_free(d->ctx.events);
	rates_done(&d->rates);
	closep(&d->state_fd);
	closep(&d->lock_fd);
	conf_free(d->next_conf);
	conf_free(d->conf);
	free(d->engine);
	free(d->last_phase);
}

static int complain(struct daemon *d, const struct fault *f)
{
	int status = f->code == FAULT_BUSY ? EXIT_BUSY : EXIT_FAILED;

	log_error("%s", f->text);
	if (f->advice[0])
		log_error("%s", f->advice);
	detach_report(&d->report_fd, status, f);
	return status;
}

/* A mistake in the configuration must not keep containers down: the ledger is where it mostly is. */
static int load_conf(const struct daemon_options *o, struct conf **ret, struct fault *f)
{
	int r = conf_load(o->config, ret, f);

	if (r == 0 || !o->recover_only)
		return r;
	log_error("%s", f->text);
	log_warning("what was stopped is looked for in the usual places");
	return conf_parse("built-in", "", ret, f);
}

int daemon_main(const struct daemon_options *o)
{
	struct daemon d = {
		.lock_fd = -1, .state_fd = -1, .report_fd = o->report_fd, .recover_only = o->recover_only, .options = o,
		.started_ms = wall_ms(),
	};
	struct fault f = { 0 };

	if (load_conf(o, &d.conf, &f) < 0)
		return complain(&d, &f);
	d.conf_path = xstrdup(o->config);
	log_set_level(d.conf->logging.level);
	for (size_t i = 0; i < d.conf->warnings.n; i++)
		log_event(LOG_LEVEL_WARNING, EV_CONF_WARNING, NULL, "%s", d.conf->warnings.v[i]);
	if (set_up(&d, &f) < 0) {
		d.exit_status = complain(&d, &f);
	} else {
		if (!d.recover_only)
			log_event(LOG_LEVEL_INFO, EV_STARTED, NULL, "kopi-dockad %s, engine at %s", KD_VERSION, d.conf->docker_socket);
		recover_kick(d.recover);
		notify_ready(d.notify);
		detach_report(&d.report_fd, EXIT_OK, NULL);
		loop_run(d.ctx.loop);
	}
	tear_down(&d);
	free(d.conf_path);
	return d.exit_status;
}
