/* SPDX-License-Identifier: MIT */
/* The repository: making it, keeping it. */
#include "client/ask.h"
#include "client/render.h"

static int run_maintain(const struct verb *v, struct options *o)
{
	struct json_object *p = json_object_new_object();

	if (o->full)
		json_put_flag(p, "full", true);
	return ask(v, o, p, true);
}

static const struct verb verbs[] = {
	{ .name = "init", .summary = "create the repository, or connect to it", .examples = "init", .run = ask_plain,
		.method = "InitRepository", .more = true, .render = render_init },
	{ .name = "maintain", .summary = "run the repository's maintenance",
		.options = OPTIONS(FLAG("full", full, "also drop what nothing refers to any more")), .examples = "maintain --full",
		.run = run_maintain, .method = "Maintain", .render = render_done },
	{ 0 },
};

const struct verb_group verbs_repository = { "The repository", verbs };
