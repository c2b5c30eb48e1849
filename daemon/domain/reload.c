/* SPDX-License-Identifier: MIT */
/*
 * A new configuration is read at once, so that whoever asks hears what is wrong with it,
 * and counts when nothing works with the old one any more: whoever asked with "more" hears of that too. Rights
 * are the exception: who may act is what the new one says, from the moment it was read.
 */
#include "daemon/domain/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/varlink.h"

#define LOOK_MS 200

struct reload {
	struct daemon *daemon;
	struct timer *look; /* while a configuration waits */
	struct request **v; /* borrowed: control's, who wait for it */
	size_t n;
};

static void answer(struct request *r, bool pending, bool last)
{
	struct json_object *o = json_object_new_object();

	json_put_flag(o, "pending", pending);
	if (last)
		request_reply(r, o);
	else
		request_continue(r, o);
}

static void on_look(void *arg)
{
	struct reload *l = arg;
	struct daemon *d = l->daemon;

	daemon_apply_conf(d);
	/* Questions that follow each other would keep it waiting for ever. */
	control_hold_questions(d->control, d->next_conf && queue_idle(d->queue));
	if (d->next_conf)
		timer_set(l->look, LOOK_MS);
}

struct reload *reload_new(struct daemon *d)
{
	struct reload *l = xcalloc(1, sizeof(*l));

	l->daemon = d;
	l->look = timer_new(d->ctx.loop, on_look, l);
	return l;
}

void reload_free(struct reload *l)
{
	if (!l)
		return;
	timer_free(l->look);
	free(l->v);
	free(l);
}

static void tell_all(struct reload *l, const struct fault *f)
{
	while (l->n) {
		struct request *r = l->v[--l->n];
		if (f)
			daemon_fail(r, f);
		else
			answer(r, false, true);
	}
}

void reload_end(struct reload *l)
{
	struct fault f = { 0 };

	if (!l)
		return;
	fault_set(&f, FAULT_BUSY, -ESHUTDOWN, "the daemon is ending: it reads the configuration when it starts");
	tell_all(l, &f);
}

void reload_forget(struct reload *l, struct request *r)
{
	for (size_t i = 0; l && i < l->n; i++) {
		if (l->v[i] != r)
			continue;
		memmove(&l->v[i], &l->v[i + 1], (l->n - i - 1) * sizeof(struct request *));
		l->n--;
		request_reply(r, NULL); /* to nobody: this only ends it */
		return;
	}
}

void reload_call(struct request *r, struct json_object *parameters)
{
	struct daemon *d = request_owner(r);
	struct reload *l = d->reload;
	struct fault f = { 0 };

	(void)parameters;
	if (daemon_reload(d, &f) < 0) {
		daemon_fail(r, &f);
	} else if (d->next_conf && request_more(r) && !d->stopping) {
		answer(r, true, false);
		GROW(l->v, l->n);
		l->v[l->n++] = r;
	} else {
		answer(r, d->next_conf != NULL, true);
	}
}

/* --- reading and applying ------------------------------------------------------------------- */

void daemon_apply_conf(struct daemon *d)
{
	struct conf *old = d->conf;

	if (!d->next_conf || !queue_idle(d->queue) || repository_open_calls(d->ctx.repository) ||
		recover_busy(d->recover))
		return;
	d->conf = d->next_conf;
	d->next_conf = NULL;
	d->ctx.conf = d->conf;
	repository_free(d->ctx.repository);
	d->ctx.repository = repository_new(d->ctx.loop, d->conf);
	log_set_level(d->conf->logging.level);
	schedule_set_conf(d->schedule, d->conf);
	conf_free(old);
	log_event(LOG_LEVEL_INFO, EV_RELOADED, NULL, "the configuration %s was read again",
		d->conf->path ? d->conf->path : "(defaults)");
	events_tell(d->ctx.events, "reloaded", NULL);
	notify_ready(d->notify);
	control_changed(d->control);
	control_hold_questions(d->control, false);
	tell_all(d->reload, NULL);
}

static bool same_place(const struct conf *a, const struct conf *b)
{
	return streq(a->paths.state, b->paths.state) && streq(a->paths.runtime, b->paths.runtime) &&
		streq(a->paths.cache, b->paths.cache) && streq(a->docker_socket, b->docker_socket);
}

int daemon_reload(struct daemon *d, struct fault *f)
{
	struct conf *c = NULL;
	int r = conf_load(d->conf_path, &c, f);

	if (r < 0)
		return r;
	if (!same_place(c, d->conf)) {
		conf_free(c);
		return fault_set(f, FAULT_CONF, -EINVAL, "paths.* and docker.socket change only with a restart");
	}
	for (size_t i = 0; i < c->warnings.n; i++)
		log_event(LOG_LEVEL_WARNING, EV_CONF_WARNING, NULL, "%s", c->warnings.v[i]);
	conf_free(d->next_conf);
	d->next_conf = c;
	control_set_acting_uids(d->control, &c->access.uids);
	notify_reloading(d->notify);
	daemon_apply_conf(d);
	if (d->next_conf)
		timer_set(d->reload->look, LOOK_MS);
	return 0;
}
