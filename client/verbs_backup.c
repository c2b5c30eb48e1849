/* SPDX-License-Identifier: MIT */
/* What is backed up, backing it up, what came of it. */
#include <stdlib.h>

#include "client/ask.h"
#include "client/render.h"
#include "common/iface.h"

static int run_list(const struct verb *v, struct options *o)
{
	static const struct verb units = { .name = "list", .method = "ListUnits", .render = render_units };
	static const struct verb points = { .name = "list", .method = "ListRestorePoints", .render = render_points };

	if (o->list_units == o->list_points)
		return help_usage(v, "list needs --units or --restore-points");
	if (o->list_units && (o->host || o->all_hosts))
		return help_usage(v, "--host and --all-hosts go with --restore-points");
	struct json_object *p = json_object_new_object();
	if (o->list_units && o->units.n)
		json_put_list(p, "units", &o->units);
	if (o->list_points && o->units.n)
		json_put_text(p, "unit", o->units.v[0]);
	if (o->list_points)
		json_put_text(p, "host", o->host);
	if (o->list_points && o->all_hosts)
		json_put_flag(p, "all_hosts", true);
	return ask(o->list_units ? &units : &points, o, p, false);
}

static int run_backup(const struct verb *v, struct options *o)
{
	static const struct verb plan = { .name = "backup", .method = "Plan", .render = render_plan };
	struct json_object *p = json_object_new_object();

	if (o->units.n)
		json_put_list(p, "units", &o->units);
	if (!o->dry_run)
		json_put_text(p, "reason", o->reason);
	return o->dry_run ? ask(&plan, o, p, false) : ask(v, o, p, true);
}

static int run_history(const struct verb *v, struct options *o)
{
	struct json_object *p = json_object_new_object();

	if (o->units.n)
		json_put_text(p, "unit", o->units.v[0]);
	if (o->limit >= 0)
		json_put_number(p, "limit", o->limit);
	return ask(v, o, p, false);
}

static int run_accept(const struct verb *v, struct options *o)
{
	static const struct verb list = { .name = "accept", .method = "ListAccepted", .render = render_accepted };

	if (o->list_accepted)
		return o->words.n || o->items.n ? help_usage(v, "--list shows all that is accepted: it takes no name") : ask(&list, o, NULL, false);
	if (o->words.n == 0)
		return help_usage(v, "accept needs the NAME of a unit; backup and doctor name what can be accepted");
	if (o->items.n > 1)
		return help_usage(v, "accept takes one --item at a time");
	struct json_object *p = json_object_new_object();
	json_put_text(p, "unit", o->words.v[0]);
	json_put_text(p, "item", o->items.n ? o->items.v[0] : NULL);
	json_put_text(p, "reason", o->words.n > 1 ? o->words.v[1] : NULL);
	return ask(v, o, p, false);
}

/* The older name, of which one thing could be said. */
static int run_forget(const struct verb *v, struct options *o)
{
	struct json_object *p = json_object_new_object();

	fputs("forget is the older name of accept; nothing is deleted by either\n", stderr);
	json_put_text(p, "unit", o->words.v[0]);
	return ask(v, o, p, false);
}

static int run_cancel(const struct verb *v, struct options *o)
{
	char *end;
	long job = strtol(o->words.v[0], &end, 10);

	if (end == o->words.v[0] || *end || job < 0)
		return help_usage(v, "cancel needs the number of a job; status shows it");
	struct json_object *p = json_object_new_object();
	json_put_number(p, "job", job);
	return ask(v, o, p, false);
}

static const struct verb verbs[] = {
	{ .name = "list", .summary = "show what can be backed up, or what can be restored",
		.options = OPTIONS(FLAG("units", list_units, "the units of this host: projects and standalone containers"),
			FLAG("restore-points", list_points, "the restore points in the repository"),
			LIST("unit", "NAME", units, "only this unit; with --units it may be given again"),
			TEXT("host", "HOST", host, "with --restore-points: another host's, user@host or host"),
			FLAG("all-hosts", all_hosts, "with --restore-points: everybody's")),
		.examples = "list --units\nlist --restore-points --unit shop\nlist --restore-points --host oldhost", .run = run_list },
	{ .name = "backup", .summary = "stop, read cold, start again: all units, or those named",
		.about = "Ctrl-C cancels: what was stopped is started first.",
		.options = OPTIONS(LIST("unit", "NAME", units, "only this unit; may be given again"),
			FLAG("dry-run", dry_run, "only show what would be done and how long it would take"),
			TEXT("reason", "WORD", reason, "why: timer for a run that a timer asks for")),
		.examples = "backup\nbackup --dry-run\nbackup --unit shop --unit mail", .run = run_backup, .method = "Backup",
		.render = render_run },
	{ .name = "history", .summary = "show what past runs did",
		.options = OPTIONS(LIST("unit", "NAME", units, "only runs of this unit"),
			NUMBER("limit", "N", limit, "only the newest N runs")),
		.examples = "history --limit 5\nhistory --unit shop", .run = run_history, .method = "History", .render = render_history },
	{ .name = "cancel", .words = "JOB", .words_min = 1, .words_max = 1, .summary = "end a job; its containers are started first",
		.about = "The number of the job is shown by status.", .examples = "cancel 3", .run = run_cancel, .method = "Cancel",
		.render = render_cancel },
	{ .name = "accept", .words = "[NAME [REASON]]", .words_max = 2,
		.summary = "what a run complains of is known and meant",
		.about = "NAME alone: a unit that has restore points and no container left. With --item: an item of the unit that\n"
			 "had data at its last point and has none, or much less. Restore points stay. What has again what it\n"
			 "had, and loses it again, is told again.",
		.options = OPTIONS(LIST("item", "ID", items, "this item of the unit, as the run names it"),
			FLAG("list", list_accepted, "show what is accepted, since when and why")),
		.examples = "accept shop\naccept shop --item volume:shop_cache \"cleared by hand\"\naccept --list",
		.run = run_accept, .method = "Accept", .render = render_done },
	{ .name = "forget", .words = "UNIT", .words_min = 1, .words_max = 1,
		.summary = "the older name of accept, for a unit that is gone",
		.about = "A unit that has restore points and no container left makes every run of all units fail, until this is\n"
			 "said. Its restore points stay.",
		.examples = "forget shop", .run = run_forget, .method = "AcknowledgeMissing", .render = render_done },
	{ 0 },
};

const struct verb_group verbs_backup = { "Backing up", verbs };
