/* SPDX-License-Identifier: MIT */
/*
 * The recovery bundle: is there one, is it as it was written, is its passphrase where the
 * next one's will be, and not beside it. The helper looks: the directory may be a dead mount.
 */
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "daemon/domain/bundle.h"
#include "daemon/domain/doctor_internal.h"
#include "daemon/pure/bundle_text.h"

static const struct {
	const char *word;
	enum check_state state;
	const char *detail, *advice; /* %s: the bundle's path */
} answers[] = {
	{ "good ", CHECK_OK, "the newest is %s", NULL },
	{ "broken ", CHECK_FAILED, "%s is not as it was written", "write another: kopi-docka disaster-recovery" },
	{ "locked ", CHECK_FAILED, "the passphrase of %s is not in backup.recovery_password_path, or not as it was written",
		"if it is kept elsewhere nothing is lost; else write another: kopi-docka disaster-recovery" },
};

static const char *directory_of(const struct check *c)
{
	return c->o->ctx->conf->backup.recovery_bundle_path;
}

static void on_newest(void *arg, const struct child_result *r)
{
	struct check *c = arg;
	const char *directory = directory_of(c), *advice = directory ? bundle_advice(c->o->ctx->conf, directory) : NULL;

	if (r->timed_out)
		check_say(c, NULL, CHECK_FAILED, "look for a dead network mount", "%s does not answer", directory ? directory : "it");
	else if (!child_ok(r))
		check_say_child(c, NULL, "looking at the newest bundle", r, NULL);
	else if (starts_with(r->out, "none"))
		check_say(c, NULL, CHECK_WARNING, "kopi-docka disaster-recovery, or backup.update_recovery_bundle", "there is none yet");
	for (size_t i = 0; child_ok(r) && i < ARRAY_SIZE(answers); i++) {
		const char *path = r->out + strlen(answers[i].word);
		if (!starts_with(r->out, answers[i].word))
			continue;
		char *name CLEANUP(freep) = xstrndup(path, strcspn(path, "\n"));
		const char *at = strstr(answers[i].detail, "%s");
		check_say(c, NULL, answers[i].state, answers[i].advice, "%.*s%s%s", (int)(at - answers[i].detail),
			answers[i].detail, name, at + 2);
	}
	if (advice)
		check_say(c, "recovery passphrase", CHECK_WARNING, "set backup.recovery_password_path", "%s", advice);
	check_over(c);
}

void check_bundle(struct check *c)
{
	const struct conf *conf = c->o->ctx->conf;
	const char *identity = repository_identity(c->o->ctx->repository), *directory = directory_of(c);

	if (!directory || !identity) {
		check_say(c, NULL, CHECK_UNKNOWN, directory ? NULL : "set backup.recovery_bundle_path, best on another machine's disk",
			directory ? "there is no repository yet" : "no place for one is configured");
		check_over(c);
		return;
	}
	char *helper CLEANUP(freep) = path_helper("kopi-docka-bundle"), *series CLEANUP(freep) = bundle_text_series(identity);
	const char *passwords = conf->backup.recovery_password_path;
	const char *const argv[] = { helper, "--newest", directory, passwords ? passwords : directory, series, NULL };
	check_run(c, argv, NULL, on_newest);
}
