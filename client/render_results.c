/* SPDX-License-Identifier: MIT */
/* What a backup or a restore did. The window is the headline; what is wrong cannot be overlooked. */
#include "client/render.h"

#include <string.h>

#include "client/screen.h"
#include "common/iface.h"

#define EACH(list, i, o)                                                                           \
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list) && \
		((o) = json_object_array_get_idx(list, i), true); i++)

static void strings(FILE *to, const char *prefix, struct json_object *list)
{
	struct json_object *o;

	EACH(list, i, o)
	{
		char *text CLEANUP(freep) = render_clean(json_object_get_string(o));
		fprintf(to, "%s%s\n", prefix, text);
	}
}

static void render_item(FILE *to, struct json_object *o)
{
	char *id CLEANUP(freep) = render_clean(json_text(o, "id")), *method CLEANUP(freep) = render_clean(json_text(o, "method"));
	char *size CLEANUP(freep) = render_size(json_number(o, "bytes", -1)), *error CLEANUP(freep) = render_clean(json_text(o, "error"));

	fprintf(to, "  %s  %s, %s%s\n", id, size, method, json_member(o, "cold") && !json_flag(o, "cold", true) ? ", NOT COLD" : "");
	if (*error)
		fprintf(to, "    FAILED: %s\n", error);
	char *note CLEANUP(freep) = render_clean(json_text(o, "note"));
	if (*note)
		fprintf(to, "    %s\n", note);
	char *left CLEANUP(freep) = render_size(json_number(o, "excluded_bytes", 0));
	if (json_number(o, "excluded_entries", 0) > 0)
		fprintf(to, "    without %lld entries, %s: your exclude_patterns\n", (long long)json_number(o, "excluded_entries", 0), left);
}

static void render_unit(FILE *to, struct json_object *u, bool all)
{
	struct json_object *o, *phases = json_member(u, "phases");
	char *name CLEANUP(freep) = render_clean(json_text(u, "unit")), *data CLEANUP(freep) = render_clean(json_text(u, "data"));
	char *service CLEANUP(freep) = render_clean(json_text(u, "service"));
	int64_t window_ms = json_number(u, "window_ms", -1);
	char *window CLEANUP(freep) = render_span(window_ms);
	char *stop CLEANUP(freep) = render_span(json_number(phases, "stop_ms", -1)), *read CLEANUP(freep) = render_span(json_number(phases, "read_ms", -1));
	char *start CLEANUP(freep) = render_span(json_number(phases, "start_ms", -1));

	fprintf(to, "%s: data %s%s, service %s%s", name, data, streq(data, "complete") ? "" : " (!)", service,
		streq(service, "down") ? " (!)" : "");
	if (window_ms >= 0)
		fprintf(to, ", window %s (stop %s, read %s, start %s)", window, stop, read, start);
	fputc('\n', to);
	EACH(json_member(u, "items"), i, o)
		if (all || json_text(o, "error"))
			render_item(to, o);
	strings(to, "  NOT RUNNING AGAIN: ", json_member(u, "not_restarted"));
	strings(to, "  error: ", json_member(u, "errors"));
	strings(to, "  warning: ", json_member(u, "warnings"));
}

int render_run_status(struct json_object *result)
{
	const char *state = json_text(result, "state");

	if (streq(state, "ok"))
		return EXIT_OK;
	return streq(state, "warnings") ? EXIT_WARNINGS : EXIT_FAILED;
}

static int render_result(FILE *to, struct json_object *result)
{
	struct json_object *u;
	char *id CLEANUP(freep) = render_clean(json_text(result, "backup_id")), *state CLEANUP(freep) = render_clean(json_text(result, "state"));

	EACH(json_member(result, "units"), i, u)
		render_unit(to, u, true);
	strings(to, "left out: ", json_member(result, "skipped"));
	strings(to, "error: ", json_member(result, "errors"));
	strings(to, "warning: ", json_member(result, "warnings"));
	fprintf(to, "run %s: %s\n", id, state);
	return render_run_status(result);
}

int render_run(FILE *to, struct json_object *reply)
{
	return render_result(to, json_member(reply, "result"));
}

/* A run of long ago: when, how, how long; of each unit one line, and what went wrong. */
static void render_past(FILE *to, struct json_object *run)
{
	struct json_object *u;
	char *id CLEANUP(freep) = render_clean(json_text(run, "backup_id")), *state CLEANUP(freep) = render_clean(json_text(run, "state"));
	const char *began = json_text(run, "started"), *ended = json_text(run, "finished");
	int64_t started = -1, finished = -1;

	if (began && parse_time(began, &started) < 0)
		started = -1;
	if (ended && parse_time(ended, &finished) < 0)
		finished = -1;
	char *age CLEANUP(freep) = render_age(started);
	char *took CLEANUP(freep) = render_span(started >= 0 && finished >= started ? finished - started : -1);
	fprintf(to, "%s  %s, %s, took %s\n", id, state, age, took);
	EACH(json_member(run, "units"), i, u)
	{
		fputs("  ", to);
		render_unit(to, u, false);
	}
	strings(to, "  error: ", json_member(run, "errors"));
	strings(to, "  warning: ", json_member(run, "warnings"));
}

static void render_past_restore(FILE *to, struct json_object *r)
{
	char *unit CLEANUP(freep) = render_clean(json_text(r, "unit")), *point CLEANUP(freep) = render_clean(json_text(r, "backup_id"));
	char *state CLEANUP(freep) = render_clean(json_text(r, "state")), *service CLEANUP(freep) = render_clean(json_text(r, "service"));
	char *target CLEANUP(freep) = render_clean(json_text(r, "target")), *back CLEANUP(freep) = render_clean(json_text(r, "back"));
	char *error CLEANUP(freep) = render_clean(json_text(r, "error"));
	int64_t started = -1;
	struct json_object *o;

	if (json_text(r, "started") && parse_time(json_text(r, "started"), &started) < 0)
		started = -1;
	char *age CLEANUP(freep) = render_age(started);
	fprintf(to, "restore %lld  %s, %s, %s", (long long)json_number(r, "number", 0), unit, state, age);
	fprintf(to, *back ? ", back from restore %s" : ", of %s", *back ? back : point);
	fprintf(to, "%s%s%s%s%s\n", *target ? " into " : "", target, *service ? ", service " : "", service,
		json_flag(r, "put_back", false) ? ", what was there before is back" : "");
	EACH(json_member(r, "items"), i, o)
	{
		char *id CLEANUP(freep) = render_clean(json_object_get_string(o));
		fprintf(to, "  %s\n", id);
	}
	if (*error)
		fprintf(to, "  %s%s\n", streq(state, "interrupted") ? "" : "error: ", error);
}

static const char *began(struct json_object *list, size_t i)
{
	bool there = json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	const char *text = there ? json_text(json_object_array_get_idx(list, i), "started") : NULL;

	return text ? text : there ? "" : NULL;
}

/* Runs and restores as they happened, newest first; an old failure is not this command's. */
int render_history(FILE *to, struct json_object *reply)
{
	struct json_object *runs = json_member(reply, "runs"), *restores = json_member(reply, "restores");
	size_t i = 0, j = 0;

	for (;;) {
		const char *run = began(runs, i), *restore = began(restores, j);
		if (!run && !restore)
			break;
		if (!restore || (run && strcmp(run, restore) >= 0))
			render_past(to, json_object_array_get_idx(runs, i++));
		else
			render_past_restore(to, json_object_array_get_idx(restores, j++));
	}
	if (i + j == 0)
		fputs("there was no run yet\n", to);
	return EXIT_OK;
}

void render_redacted(FILE *to, struct json_object *reply)
{
	struct strv names CLEANUP(strv_done) = { 0 };

	json_read_list(reply, "redacted", &names);
	if (names.n == 0)
		return;
	screen_say(to, 0, "secrets that were redacted in the recipe:");
	for (size_t i = 0; i < names.n; i++) {
		char *text CLEANUP(freep) = render_clean(names.v[i]);
		fprintf(to, "  %s\n", text);
	}
	screen_say(to, 0, "they go back by hand before a container is made again: those of a container into the environment or "
			  "env_file of its service in the compose file, or behind docker run -e; those in a file into that file");
}

/* How to undo it, where there is something to undo. */
static void say_way_back(FILE *to, struct json_object *reply)
{
	char *unit CLEANUP(freep) = render_clean(json_text(reply, "unit")), *id CLEANUP(freep) = render_clean(json_text(reply, "restore_id"));
	struct json_object *o;
	bool kept = false;

	EACH(json_member(reply, "restored"), i, o)
		kept |= json_text(o, "kept") || json_text(o, "safety");
	if (kept && *unit && *id && !json_flag(reply, "put_back", false))
		fprintf(to, "to go back: kopi-docka restore %s --back %s --yes\n", unit, id);
}

/* What is not the unit's own, and how to have it all the same. */
static void render_left(FILE *to, struct json_object *reply, const char *backup_id)
{
	char *unit CLEANUP(freep) = render_clean(json_text(reply, "unit"));
	struct json_object *o;

	EACH(json_member(reply, "left"), i, o)
	{
		char *id CLEANUP(freep) = render_clean(json_text(o, "id")), *reason CLEANUP(freep) = render_clean(json_text(o, "reason"));
		fprintf(to, "%s is as it was, not put back: %s\n", id, reason);
		if (i == 0)
			fprintf(to, "  kopi-docka restore %s %s --item ID puts back what is named\n", unit, backup_id);
	}
}

static void render_lost(FILE *to, struct json_object *lost)
{
	size_t n = json_object_is_type(lost, json_type_array) ? json_object_array_length(lost) : 0;

	for (size_t i = 0; i < n; i++) {
		char *path CLEANUP(freep) = render_clean(json_object_get_string(json_object_array_get_idx(lost, i)));
		fprintf(to, "  NOT restored, its path is too long: %s\n", path);
	}
}

int render_restore(FILE *to, struct json_object *reply)
{
	struct json_object *o;
	int status = EXIT_OK;
	char *id CLEANUP(freep) = render_clean(json_text(reply, "backup_id")), *service CLEANUP(freep) = render_clean(json_text(reply, "service"));
	char *recipe CLEANUP(freep) = render_clean(json_text(reply, "recipe_directory"));

	EACH(json_member(reply, "restored"), i, o)
	{
		char *item CLEANUP(freep) = render_clean(json_text(o, "id")), *path CLEANUP(freep) = render_clean(json_text(o, "path"));
		char *kept CLEANUP(freep) = render_clean(json_text(o, "kept")), *error CLEANUP(freep) = render_clean(json_text(o, "error"));
		struct json_object *lost = json_member(o, "lost");
		if (*error)
			status = EXIT_FAILED;
		else if (lost && status == EXIT_OK)
			status = EXIT_WARNINGS;
		if (!to)
			continue;
		fprintf(to, "%s -> %s%s%s\n", item, path, *error ? "  FAILED: " : "", error);
		char *safety CLEANUP(freep) = render_clean(json_text(o, "safety")), *back CLEANUP(freep) = render_clean(json_text(o, "put_back"));
		render_lost(to, lost);
		if (*kept)
			fprintf(to, "  what was there is kept in %s\n", kept);
		if (*safety)
			fprintf(to, "  a copy of what was there is in %s\n", safety);
		if (*back)
			fprintf(to, "  the restored data, replaced again, is in %s\n", back);
	}
	if (streq(service, "down"))
		status = EXIT_FAILED;
	else if (streq(service, "degraded") && status == EXIT_OK)
		status = EXIT_WARNINGS;
	if (!to)
		return status;
	render_left(to, reply, id);
	if (json_flag(reply, "put_back", false))
		fprintf(to, "NOT restored: what was there before %s is back, service %s%s\n", id, service, streq(service, "down") ? " (!)" : "");
	else
		fprintf(to, "restored %s, service %s%s\n", id, service, streq(service, "down") ? " (!)" : "");
	say_way_back(to, reply);
	if (*recipe)
		fprintf(to, "its recipe is in %s\n", recipe);
	if (streq(service, "untouched")) /* containers that run have their secrets */
		render_redacted(to, reply);
	strings(to, "next: ", json_member(reply, "next_steps"));
	return status;
}

int render_bundle(FILE *to, struct json_object *reply)
{
	struct json_object *warnings = json_member(reply, "warnings");
	char *path CLEANUP(freep) = render_clean(json_text(reply, "path"));

	fprintf(to, "recovery bundle: %s\nopened again and compared; its files:\n", path);
	strings(to, "  ", json_member(reply, "files"));
	strings(to, "removed: ", json_member(reply, "removed"));
	strings(to, "warning: ", warnings);
	return json_object_array_length(warnings) ? EXIT_WARNINGS : EXIT_OK;
}
