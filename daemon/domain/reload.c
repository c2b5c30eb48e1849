/* SPDX-License-Identifier: MIT */
/*
 * A new configuration is read at once, so that whoever asks hears what is wrong with it,
 * and counts when nothing works with the old one any more.
 */
#include <errno.h>

#include "common/log.h"
#include "common/varlink.h"
#include "daemon/domain/daemon.h"

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
	control_set_acting_uids(d->control, &d->conf->access.uids);
	log_set_level(d->conf->logging.level);
	schedule_set_conf(d->schedule, d->conf);
	conf_free(old);
	log_event(LOG_LEVEL_INFO, EV_RELOADED, NULL, "the configuration %s was read again",
		d->conf->path ? d->conf->path : "(defaults)");
	events_tell(d->ctx.events, "reloaded", NULL);
	notify_ready(d->notify);
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
	notify_reloading(d->notify);
	daemon_apply_conf(d);
	return 0;
}
