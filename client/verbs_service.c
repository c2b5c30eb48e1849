/* SPDX-License-Identifier: MIT */
/* The daemon and what it rests on. */
#include "client/ask.h"
#include "client/render.h"

static const struct verb verbs[] = {
	{ .name = "status", .summary = "show what the daemon is doing", .examples = "status\nstatus --json", .run = ask_plain,
		.method = "Status", .render = render_status },
	{ .name = "doctor", .summary = "look at everything a backup rests on",
		.about = "The exit status is 1 if something is broken, 3 if something is worth a look.", .examples = "doctor\ndoctor --json",
		.run = ask_plain, .method = "Doctor", .render = render_doctor },
	{ .name = "reload", .summary = "read the configuration again", .examples = "reload", .run = ask_plain, .method = "Reload",
		.render = render_done },
	{ 0 },
};

const struct verb_group verbs_service = { "The service", verbs };
