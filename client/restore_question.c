/* SPDX-License-Identifier: MIT */
/*
 * The question before a restore: which point and how old, which items, who is stopped, and how to go back. The daemon says it
 * (PlanRestore), so that what is asked is what would be done.
 */
#include "client/restore_question.h"

#include <errno.h>
#include <string.h>

#include "client/ask.h"
#include "client/prompt.h"
#include "client/render.h"
#include "client/screen.h"
#include "common/host_path.h"
#include "common/iface.h"

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static void show_items(FILE *to, struct json_object *reply)
{
	struct json_object *items = json_member(reply, "items");
	struct strv paths CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < length(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i); /* borrowed */
		char *id CLEANUP(freep) = render_clean(json_text(o, "id")), *size CLEANUP(freep) = render_size(json_number(o, "bytes", -1));
		screen_line(to, "  %s%s%s", id, json_member(o, "bytes") ? "  " : "", json_member(o, "bytes") ? size : "");
	}
	json_read_list(reply, "paths", &paths);
	for (size_t i = 0; i < paths.n; i++) {
		char *path CLEANUP(freep) = render_clean(paths.v[i]);
		screen_line(to, "    only %s", path);
	}
}

/* Names between commas; those of other units are marked, because nobody thinks of them. */
static void show_stops(FILE *to, struct json_object *reply, bool target)
{
	struct json_object *stops = json_member(reply, "stops");
	char *text CLEANUP(freep) = xstrdup("");

	for (size_t i = 0; i < length(stops); i++) {
		struct json_object *o = json_object_array_get_idx(stops, i); /* borrowed */
		char *name CLEANUP(freep) = render_clean(json_text(o, "name"));
		char *longer = xasprintf("%s%s%s%s", text, i ? ", " : "", name, json_flag(o, "of_unit", false) ? "" : " (of another unit)");
		free(text);
		text = longer;
	}
	if (*text)
		screen_say(to, 0, "Stopped for it, and started again: %s.", text);
	else
		screen_say(to, 0, "Nobody is stopped for it%s.", target ? "" : ": no running container uses them");
}

/* What is not the unit's own: of all it stays, and what is named is replaced all the same. */
static void show_whose(FILE *to, const struct options *o, struct json_object *reply)
{
	struct json_object *left = json_member(reply, "left");

	for (size_t i = 0; !o->target && i < o->items.n; i++) {
		char *id CLEANUP(freep) = render_clean(o->items.v[i]);
		char *reason CLEANUP(freep) = starts_with(o->items.v[i], "bind:") ? host_path_reason(o->items.v[i] + strlen("bind:")) : NULL;
		if (reason)
			screen_say(to, 0, "%s %s. It is replaced because you name it.", id, reason);
	}
	for (size_t i = 0; i < length(left); i++) {
		struct json_object *one = json_object_array_get_idx(left, i); /* borrowed */
		char *id CLEANUP(freep) = render_clean(json_text(one, "id")), *reason CLEANUP(freep) = render_clean(json_text(one, "reason"));
		screen_say(to, 0, "%s stays as it is unless --item names it: %s.", id, reason);
	}
}

static void show(FILE *to, const struct options *o, struct json_object *asked, struct json_object *reply)
{
	char *unit CLEANUP(freep) = render_clean(json_text(reply, "unit")), *id CLEANUP(freep) = render_clean(json_text(reply, "backup_id"));
	char *of CLEANUP(freep) = render_clean(json_text(asked, "unit"));
	const char *time = json_text(reply, "time");
	int64_t ms = -1;

	if (time && parse_time(time, &ms) < 0)
		ms = -1;
	char *age CLEANUP(freep) = render_age(ms);
	if (json_text(asked, "back"))
		screen_say(to, 0, "This puts back what a restore of %s had replaced:", unit);
	else
		screen_say(to, 0, "This brings back %s as it was at %s (%s)%s%s:", of, id, age, o->as ? ", into " : "", o->as ? unit : "");
	show_items(to, reply);
	show_whose(to, o, reply);
	show_stops(to, reply, o->target != NULL);
	if (!o->target)
		screen_say(to, 0, "What is there now is kept; kopi-docka restore %s --back last --yes brings it back.", unit);
}

/* The part of Restore's parameters that says what; how it ends is not foretold. */
static struct json_object *question(struct json_object *p)
{
	static const char *const keys[] = { "unit", "backup_id", "host", "items", "paths", "quoted", "target", "back", "in_place", "keep_owners", "as", "map" };
	struct json_object *q = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_member(p, keys[i]))
			json_object_object_add(q, keys[i], json_object_get(json_member(p, keys[i])));
	return q;
}

int restore_foretell(const struct options *o, struct json_object *p)
{
	struct varlink_reply reply = { 0 };
	int status = ask_for(o, "PlanRestore", question(p), false, &reply);

	if (status != EXIT_OK)
		return status;
	if (o->json)
		puts(json_object_to_json_string_ext(reply.parameters, JSON_C_TO_STRING_PLAIN));
	else
		show(stdout, o, p, reply.parameters);
	varlink_reply_done(&reply);
	return EXIT_OK;
}

int restore_confirm(const struct options *o, struct json_object *p)
{
	int status = restore_foretell(o, p);

	if (status != EXIT_OK)
		return status;
	int r = prompt_yes("Go on?");
	if (r == 1)
		return EXIT_OK;
	fputs("nothing was changed\n", stderr);
	return r == -EINTR ? EXIT_INTERRUPTED : EXIT_FAILED;
}
