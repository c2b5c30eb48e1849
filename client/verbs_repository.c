/* SPDX-License-Identifier: MIT */
/* The repository: making it, keeping it. */
#include <stdlib.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/configure.h"
#include "client/render.h"

static int run_init(const struct verb *v, struct options *o)
{
	if (o->adopt && o->new_identity)
		return help_usage(v, "--adopt takes another's identity over, --new-identity is one of its own: choose one of them");
	if (o->host && !o->adopt)
		return help_usage(v, "--host says whose identity is taken over: it goes with --adopt");
	int status = configure(o);
	if (status)
		return status;
	struct json_object *p = json_object_new_object();
	if (o->adopt)
		json_put_flag(p, "adopt", true);
	if (o->new_identity)
		json_put_flag(p, "new_identity", true);
	if (o->reconnect)
		json_put_flag(p, "reconnect", true);
	json_put_text(p, "host", o->host);
	return ask(v, o, p, true);
}

static int run_maintain(const struct verb *v, struct options *o)
{
	struct json_object *p = json_object_new_object();

	if (o->full)
		json_put_flag(p, "full", true);
	return ask(v, o, p, true);
}

static int run_retention(const struct verb *v, struct options *o)
{
	static const struct verb plan = { .name = "retention", .method = "PlanRetention", .render = render_retention_plan };
	struct json_object *p = json_object_new_object();

	if (o->units.n)
		json_put_text(p, "unit", o->units.v[0]);
	if (o->yes && !o->dry_run)
		json_put_flag(p, "yes", true);
	return o->dry_run ? ask(&plan, o, p, false) : ask(v, o, p, true);
}

/* The daemon has another working directory than whoever typed this. */
static int run_recovery(const struct verb *v, struct options *o)
{
	struct json_object *p = json_object_new_object();

	if (o->directory) {
		char *here CLEANUP(freep) = *o->directory == '/' ? NULL : getcwd(NULL, 0);
		char *path CLEANUP(freep) = xasprintf("%s%s%s", here ? here : "", here ? "/" : "", o->directory);
		json_put_text(p, "directory", path);
	}
	return ask(v, o, p, true);
}

static const struct verb verbs[] = {
	{ .name = "init", .summary = "create the repository, or connect to it",
		.about = "Where there is no configuration yet, a commented one is written first, with a new password; one that\n"
			 "exists is never touched. May be repeated. A name under which another machine has restore points there\n"
			 "is not taken without --adopt: this machine gets one of its own beside it, and says so.",
		.options = OPTIONS(FLAG("adopt", adopt, "this machine takes the place of the one whose restore points are there"),
			TEXT("host", "HOST", host, "with --adopt: of this one, as list --restore-points --host names it"),
			FLAG("new-identity", new_identity, "this machine gets a name of its own: it is a copy, and both live"),
			FLAG("reconnect", reconnect, "the configured repository replaces the one this host knows")),
		.examples = "init\ninit --adopt\ninit --adopt --host kopi-docka@oldhost\ninit --reconnect", .run = run_init,
		.method = "InitRepository", .more = true, .render = render_init },
	{ .name = "retention", .summary = "delete the restore points that [retention] does not keep",
		.about = "The daemon does the same after every run that saved something. The newest complete\n"
			 "restore point of a unit always stays; points of other hosts are not touched. A unit of which more\n"
			 "would go at once than nights explain (a clock that was ahead, a lowered number) waits for --yes.",
		.options = OPTIONS(LIST("unit", "NAME", units, "only this unit"),
			FLAG("dry-run", dry_run, "only show which stay, why, and which would go"),
			FLAG("yes", yes, "also what waits goes: --dry-run has shown it, and it is meant")),
		.examples = "retention --dry-run\nretention --unit shop --yes", .run = run_retention, .method = "ApplyRetention",
		.render = render_retention },
	{ .name = "maintain", .summary = "run the repository's maintenance",
		.options = OPTIONS(FLAG("full", full, "also drop what nothing refers to any more")), .examples = "maintain --full",
		.run = run_maintain, .method = "Maintain", .render = render_done },
	{ .name = "disaster-recovery", .summary = "write the encrypted bundle that leads back from a bare host",
		.about = "An encrypted archive with kopia's connection, the repository's password and recover.sh; beside it a\n"
			 "README with the steps. The passphrase goes to backup.recovery_password_path. Keep both elsewhere, and apart.",
		.options = OPTIONS(TEXT("directory", "DIR", directory, "write it there, not to backup.recovery_bundle_path")),
		.examples = "disaster-recovery\ndisaster-recovery --directory /mnt/stick", .run = run_recovery, .method = "WriteBundle",
		.more = true, .render = render_bundle },
	{ 0 },
};

const struct verb_group verbs_repository = { "The repository", verbs };
