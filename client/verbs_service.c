/* SPDX-License-Identifier: MIT */
/* The daemon and what it rests on. */
#include "client/ask.h"
#include "client/render.h"
#include "client/start.h"
#include "client/watch.h"

static const struct verb verbs[] = {
	{ .name = "status", .summary = "show what the daemon is doing", .examples = "status\nstatus --json", .run = ask_plain,
		.method = "Status", .render = render_status },
	{ .name = "doctor", .summary = "look at everything a backup rests on",
		.about = "The exit status is 1 if something is broken, 3 if something is worth a look.", .examples = "doctor\ndoctor --json",
		.run = ask_plain, .method = "Doctor", .render = render_doctor },
	{ .name = "reload", .summary = "read the configuration again", .examples = "reload", .run = ask_plain, .method = "Reload",
		.render = render_reload },
	{ .name = "watch", .summary = "show what happens, as it happens",
		.about = "A line for each event until Ctrl-C or the daemon's end; with --json the events themselves.",
		.examples = "watch\nwatch --json", .run = watch_run, .method = "Subscribe" },
	{ .name = "daemon", .summary = "run the daemon in the foreground",
		.about = "The same as kopi-dockad, which systemd starts. Where one runs already the exit status is 75.",
		.options = OPTIONS(NUMBER("interval-minutes", "N", interval_minutes,
			"back up all units every N minutes, instead of the configured schedule")),
		.examples = "daemon --interval-minutes 1440", .run = start_foreground },
	{ 0 },
};

const struct verb_group verbs_service = { "The service", verbs };
