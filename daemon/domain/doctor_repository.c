/* SPDX-License-Identifier: MIT */
/* Checks of the repository: there, the one we know, its password, and the policies of our units. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/domain/doctor_internal.h"
#include "daemon/domain/expiry_past.h"
#include "daemon/domain/maintain.h"

#define SPARE_BYTES ((int64_t)1 << 30)
#define STALE_MS    ((int64_t)8 * 86400 * 1000)

/* --- repository -------------------------------------------------------------------------- */

static void on_repository(void *arg, const struct fault *f, const struct kopia_status *s)
{
	struct check *c = arg;
	const struct conf *conf = c->o->ctx->conf;
	const char *name = repository_name(c->o->ctx->repository);

	if (f && f->code == FAULT_PASSWORD) {
		check_say(c, NULL, CHECK_OK, NULL, "%s is reachable", name);
		check_say_fault(c, "repository password", f);
	} else if (f) {
		check_say_fault(c, NULL, f);
		check_say(c, "repository password", CHECK_UNKNOWN, NULL, "it is asked for when the repository can be opened");
	} else {
		check_say(c, NULL, CHECK_OK, NULL, "%s, %s", name, s->encryption ? s->encryption : "?");
		check_say(c, "repository password", CHECK_OK, NULL, "it opens the repository");
	}
	/* A directory's room and whether it can be written is the probe's: "repository storage". */
	if (!f && !conf->kopia.repository_path && s->available >= 0)
		check_say(c, "repository space", s->available < SPARE_BYTES ? CHECK_WARNING : CHECK_OK,
			s->available < SPARE_BYTES ? "make room, or keep less: [retention]" : NULL,
			"%" PRId64 " MiB free of %" PRId64 " MiB", s->available >> 20, s->capacity >> 20);
	else if (!f && !conf->kopia.repository_path)
		check_say(c, "repository space", CHECK_UNKNOWN, NULL, "%s does not say how much room there is", name);
	check_over(c);
}

void check_repository(struct check *c)
{
	repository_reach(c->o->ctx->repository, on_repository, c);
}

/* --- whose it is --------------------------------------------------------------------------- */

static void on_owner(void *arg, const struct fault *f, const struct kopia_status *s)
{
	struct check *c = arg;
	const struct repository *r = c->o->ctx->repository;

	(void)s;
	if (f && f->sys == -ESTALE)
		check_say_fault(c, NULL, f);
	else if (f)
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "it is asked for when the repository can be opened");
	else if (repository_unclaimed(r))
		check_say(c, NULL, CHECK_WARNING, "kopi-docka init --adopt says that they are this host's",
			"%s: restore points that were made on this machine before its state was new are never deleted", repository_identity(r));
	else
		check_say(c, NULL, CHECK_OK, NULL, "%s, and nobody else writes as that", repository_identity(r));
	check_over(c);
}

void check_identity(struct check *c)
{
	repository_check(c->o->ctx->repository, on_owner, c);
}

/* --- policies ---------------------------------------------------------------------------------- */

static void on_policies(void *arg, const struct fault *f, const char *text, size_t len)
{
	struct check *c = arg;
	struct strv drifted CLEANUP(strv_done) = { 0 };
	struct buf all CLEANUP(buf_done) = { 0 };
	size_t n = 0;

	if (f || kopia_policies_drift(text, len, c->o->ctx->conf, repository_identity(c->o->ctx->repository), &n, &drifted) < 0) {
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "the repository does not tell them");
		check_over(c);
		return;
	}
	for (size_t i = 0; i < drifted.n; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", drifted.v[i]);
	if (drifted.n)
		check_say(c, NULL, CHECK_WARNING, "the next backup of the unit sets them as the configuration says",
			"not as configured: %s", all.data);
	else
		check_say(c, NULL, CHECK_OK, NULL, "%zu policies of our units are as configured", n);
	check_over(c);
}

void check_policies(struct check *c)
{
	repository_policy_list(c->o->ctx->repository, on_policies, c);
}

/* --- retention --------------------------------------------------------------------------------- */

void check_retention(struct check *c)
{
	struct strv waiting CLEANUP(strv_done) = { 0 };

	expiry_past_waiting(c->o->ctx->conf, &waiting);
	for (size_t i = 0; i < waiting.n; i++)
		check_say(c, NULL, CHECK_FAILED, EXPIRY_ADVICE, "%s", waiting.v[i]);
	if (waiting.n == 0)
		check_say(c, NULL, CHECK_OK, NULL, "nothing waits for a yes");
	check_over(c);
}

/* --- maintenance ------------------------------------------------------------------------------- */

static void say_maintenance(struct check *c, const struct maintenance *m)
{
	const struct repository *r = c->o->ctx->repository;
	const char *identity = repository_identity(r);
	char *full CLEANUP(freep) = m->full_ms ? format_time(m->full_ms) : xstrdup("never");
	int64_t since = m->full_ms ? m->full_ms : repository_since_ms(r);

	if (!identity)
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "there is no repository yet");
	else if (!c->o->ctx->conf->kopia.maintenance)
		check_say(c, NULL, CHECK_OK, NULL, "it is not done from here: kopia.maintenance = off");
	else if (m->error)
		check_say(c, NULL, CHECK_WARNING, "kopi-docka maintain --full does it now", "the last one failed: %s", m->error);
	else if (m->owner && !streq(m->owner, identity))
		check_say(c, NULL, CHECK_OK, "if that host is no more: kopi-docka kopia maintenance set --owner=me", "%s does it", m->owner);
	else if (wall_ms() - since > STALE_MS)
		check_say(c, NULL, CHECK_WARNING, "it follows backups; kopi-docka maintain --full does it now", "the last full one: %s", full);
	else
		check_say(c, NULL, CHECK_OK, NULL, "after backups, when it is due; the last full one: %s", full);
}

void check_maintenance(struct check *c)
{
	struct maintenance m;

	maintain_load(c->o->ctx->conf, &m);
	say_maintenance(c, &m);
	maintenance_done(&m);
	check_over(c);
}
