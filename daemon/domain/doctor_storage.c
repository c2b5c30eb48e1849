/* SPDX-License-Identifier: MIT */
/*
 * Checks of directories: there, writable, enough room. All by kopi-docka-probe, which may
 * block on a dead mount: the deadline then is the answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/doctor_internal.h"

#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)

static char *repository_path(const struct conf *c)
{
	return xstrdup(c->kopia.repository_path);
}

static char *state_path(const struct conf *c)
{
	return xstrdup(c->paths.state);
}

static char *reports_path(const struct conf *c)
{
	return xstrdup(c->backup.base_path);
}

static char *bundle_path(const struct conf *c)
{
	return xstrdup(c->backup.recovery_bundle_path);
}

static char *passphrase_path(const struct conf *c)
{
	return xstrdup(c->backup.recovery_password_path);
}

static const struct place {
	const char *check;
	char *(*path)(const struct conf *c); /* NULL: not configured */
	int64_t low_bytes, least_bytes;      /* below: warning, failed */
	bool spool;                          /* what may be used of it is told */
	bool made;                           /* by the run that needs it */
	const char *advice;                  /* when there is too little room */
} places[] = {
	{ "repository storage", repository_path, GIB, 64 * MIB, false, false, "make room, or keep less: [retention]" },
	{ "state directory", state_path, 256 * MIB, 16 * MIB, false, false,
		"make room: without a ledger on disk nothing is stopped, so nothing is backed up" },
	{ "spool", path_spool, 0, 0, true, false,
		"without room for spools every item is streamed, and kopia's speed is in the window" },
	{ "cache", path_kopia_cache, GIB, 64 * MIB, false, true, "make room, or lower kopia.cache_size" },
	{ "reports", reports_path, 64 * MIB, MIB, false, true, "make room in backup.backup_base_path" },
	{ "recovery bundles", bundle_path, 16 * MIB, MIB, false, true, "make room in backup.recovery_bundle_path" },
	{ "recovery passphrases", passphrase_path, MIB, 64 * 1024, false, true, "make room in backup.recovery_password_path" },
};

static const struct place *place_of(const struct check *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (streq(places[i].check, c->name))
			return &places[i];
	abort(); /* UNTESTED: the table of checks and this one go together */
}

static void judge(struct check *c, const struct place *p, const char *path, int64_t room, int64_t total)
{
	enum check_state s = room < p->least_bytes ? CHECK_FAILED : room < p->low_bytes ? CHECK_WARNING : CHECK_OK;

	if (p->spool) {
		int64_t usable = capacity_spool_share(c->o->ctx->conf, room, total);
		s = usable > 0 ? CHECK_OK : CHECK_WARNING;
		check_say(c, NULL, s, s == CHECK_OK ? NULL : p->advice, "%" PRId64 " MiB may be used in %s (%" PRId64 " MiB free)",
			usable / MIB, path, room / MIB);
		return;
	}
	check_say(c, NULL, s, s == CHECK_OK ? NULL : p->advice, "%s can be written, %" PRId64 " MiB free of %" PRId64 " MiB", path,
		room / MIB, total / MIB);
}

static void on_probed(void *arg, const struct child_result *r)
{
	struct check *c = arg;
	const struct place *p = place_of(c);
	char *path CLEANUP(freep) = p->path(c->o->ctx->conf);
	struct json_object *o CLEANUP(json_putp) = child_ok(r) ? json_parse(r->out, r->out_len) : NULL;
	int64_t room = json_number(o, "free_bytes", -1), total = json_number(o, "total_bytes", -1);
	const char *error = json_text(o, "error");

	if (!path)
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "the configuration changed meanwhile");
	else if (r->timed_out)
		check_say(c, NULL, CHECK_FAILED, "look for a dead network mount", "%s does not answer", path);
	else if (!o)
		check_say_child(c, NULL, path, r, NULL);
	else if (error && p->made && streq(error, strerror(ENOENT)))
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "%s is not there yet: the next run makes it", path);
	else if (error)
		check_say(c, NULL, CHECK_FAILED, room < 0 ? "is its disk mounted?" : "look at its owner, its mount and its room",
			"%s cannot be %s: %s", path, room < 0 ? "found" : "written", error);
	else
		judge(c, p, path, room, total);
	check_over(c);
}

void check_place(struct check *c)
{
	char *path CLEANUP(freep) = place_of(c)->path(c->o->ctx->conf);
	char *helper CLEANUP(freep) = path_helper("kopi-docka-probe");
	const char *const argv[] = { helper, path, NULL };

	if (path)
		check_run(c, argv, NULL, on_probed);
	else
		check_over(c);
}
