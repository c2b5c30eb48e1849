/* SPDX-License-Identifier: MIT */
/* Units, plans, restore points, checks: lists of what there is. */
#include "client/render.h"

#include "common/iface.h"

#define EACH(list, i, o)                                                                           \
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list) && \
		((o) = json_object_array_get_idx(list, i), true); i++)

static void line(FILE *to, const char *prefix, struct json_object *o, const char *key)
{
	char *text CLEANUP(freep) = render_clean(json_text(o, key));

	if (*text)
		fprintf(to, "%s%s\n", prefix, text);
}

static void strings(FILE *to, const char *prefix, struct json_object *list)
{
	struct json_object *o;

	EACH(list, i, o)
	{
		char *text CLEANUP(freep) = render_clean(json_object_get_string(o));
		fprintf(to, "%s%s\n", prefix, text);
	}
}

static void render_unit(FILE *to, struct json_object *u)
{
	struct json_object *o;
	char *name CLEANUP(freep) = render_clean(json_text(u, "name")), *kind CLEANUP(freep) = render_clean(json_text(u, "kind"));

	fprintf(to, "%s (%s)\n", name, kind);
	EACH(json_member(u, "members"), i, o)
	{
		char *member CLEANUP(freep) = render_clean(json_text(o, "name")), *image CLEANUP(freep) = render_clean(json_text(o, "image"));
		char *state CLEANUP(freep) = render_clean(json_text(o, "state")), *database CLEANUP(freep) = render_clean(json_text(o, "database"));
		fprintf(to, "  %s %s  %s, %s%s%s\n", json_flag(o, "guest", false) ? "guest    " : "container", member, image, state,
			*database ? ", " : "", database);
	}
	EACH(json_member(u, "items"), j, o)
	{
		char *id CLEANUP(freep) = render_clean(json_text(o, "id"));
		char *size CLEANUP(freep) = render_size(json_number(o, "size_bytes", -1));
		char *method CLEANUP(freep) = render_clean(json_text(o, "method")), *why CLEANUP(freep) = render_clean(json_text(o, "method_reason"));
		fprintf(to, "  item      %s", id);
		if (*method)
			fprintf(to, "  %s, %s (%s)", size, method, why);
		fputc('\n', to);
	}
	EACH(json_member(u, "coverage"), k, o)
	{
		char *source CLEANUP(freep) = render_clean(json_text(o, "source")), *reason CLEANUP(freep) = render_clean(json_text(o, "reason"));
		if (!json_flag(o, "saved", true))
			fprintf(to, "  not saved %s: %s\n", source, reason);
		else if (*reason)
			fprintf(to, "  saved     %s: %s\n", source, reason);
	}
	strings(to, "  warning   ", json_member(u, "warnings"));
}

int render_accepted(FILE *to, struct json_object *reply)
{
	struct json_object *o, *list = json_member(reply, "accepted");

	EACH(list, i, o)
	{
		char *unit CLEANUP(freep) = render_clean(json_text(o, "unit")), *item CLEANUP(freep) = render_clean(json_text(o, "item"));
		char *reason CLEANUP(freep) = render_clean(json_text(o, "reason")), *what CLEANUP(freep) = render_clean(json_text(o, "what"));
		char *time CLEANUP(freep) = render_clean(json_text(o, "time"));
		fprintf(to, "%s%s%s: %s, accepted %s%s%s\n", unit, *item ? " " : "", item, what, time, *reason ? ": " : "", reason);
	}
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		fputs("nothing is accepted\n", to);
	return EXIT_OK;
}

int render_units(FILE *to, struct json_object *reply)
{
	struct json_object *o;

	EACH(json_member(reply, "units"), i, o)
		render_unit(to, o);
	strings(to, "volume used by no container: ", json_member(reply, "unattached_volumes"));
	strings(to, "unit that had restore points and is gone: ", json_member(reply, "missing_units"));
	return EXIT_OK;
}

int render_plan(FILE *to, struct json_object *reply)
{
	struct json_object *o, *step;

	EACH(json_member(reply, "plans"), i, o)
	{
		render_unit(to, json_member(o, "unit"));
		EACH(json_member(o, "steps"), j, step)
		{
			char *name CLEANUP(freep) = render_clean(json_text(step, "name")), *target CLEANUP(freep) = render_clean(json_text(step, "target"));
			char *detail CLEANUP(freep) = render_clean(json_text(step, "detail"));
			fprintf(to, "  would     %s %s%s%s\n", name, target, *detail ? ", " : "", detail);
		}
		char *window CLEANUP(freep) = render_span(json_number(o, "forecast_window_ms", -1));
		fprintf(to, "  window    about %s\n", window);
		line(to, "  REFUSED   ", o, "refused");
	}
	strings(to, "warning: ", json_member(reply, "warnings"));
	line(to, "items read at a time: ", reply, "parallel_workers");
	fputs("nothing was stopped or changed\n", to);
	return EXIT_OK;
}

void render_hosts(FILE *to, struct json_object *reply)
{
	struct json_object *o;

	EACH(json_member(reply, "hosts"), i, o)
	{
		char *host CLEANUP(freep) = render_clean(json_text(o, "host")), *newest CLEANUP(freep) = render_clean(json_text(o, "newest"));
		long long units = json_number(o, "units", 0);
		fprintf(to, "restore points of %s: %lld unit%s, newest %s", json_flag(o, "own", false) ? "this host" : host, units, units == 1 ? "" : "s", newest);
		if (!json_flag(o, "own", false))
			fprintf(to, "; kopi-docka list --restore-points --host %s, kopi-docka restore UNIT --host %s", host, host);
		fputc('\n', to);
	}
}

static const char *point_word(struct json_object *point)
{
	if (!json_flag(point, "complete", false))
		return "PARTIAL ";
	return json_member(point, "unrestorable") ? "complete (!)" : "complete";
}

int render_points(FILE *to, struct json_object *reply)
{
	struct json_object *o, *list = json_member(reply, "restore_points");
	const char *first = NULL;
	bool several = false; /* hosts */

	EACH(list, k, o)
	{
		several |= first && !streq(first, json_text(o, "host"));
		first = json_text(o, "host");
	}
	EACH(list, i, o)
	{
		char *unit CLEANUP(freep) = render_clean(json_text(o, "unit")), *id CLEANUP(freep) = render_clean(json_text(o, "backup_id"));
		char *size CLEANUP(freep) = render_size(json_number(o, "size_bytes", -1)), *window CLEANUP(freep) = render_span(json_number(o, "window_ms", -1));
		char *host CLEANUP(freep) = render_clean(several ? json_text(o, "host") : NULL);
		fprintf(to, "%s  %s  %s  %s, window %s%s%s\n", unit, id, point_word(o), size, window,
			*host ? ", of " : "", host);
		strings(to, "  ", json_member(o, "items"));
		strings(to, "  cannot be restored: ", json_member(o, "unrestorable"));
		strings(to, "  missing: ", json_member(o, "missing"));
	}
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0) {
		fputs("there is no restore point\n", to);
		render_hosts(to, reply);
	}
	strings(to, "warning: ", json_member(reply, "warnings"));
	return json_member(reply, "warnings") ? EXIT_WARNINGS : EXIT_OK;
}

int render_doctor(FILE *to, struct json_object *reply)
{
	struct json_object *o;
	int status = EXIT_OK;

	EACH(json_member(reply, "checks"), i, o)
	{
		char *name CLEANUP(freep) = render_clean(json_text(o, "name")), *state CLEANUP(freep) = render_clean(json_text(o, "state"));
		char *detail CLEANUP(freep) = render_clean(json_text(o, "detail"));
		if (to) {
			fprintf(to, "%-8s %-17s %s\n", state, name, detail);
			line(to, "         -> ", o, "advice");
		}
		if (streq(state, "failed"))
			status = EXIT_FAILED;
		else if (streq(state, "warning") && status == EXIT_OK)
			status = EXIT_WARNINGS;
	}
	return status;
}

/* "NAME, 3 h ago, ok"; nothing where there is no name. */
static void render_when(FILE *to, const char *prefix, const char *name, const char *time, const char *state)
{
	char *what CLEANUP(freep) = render_clean(name), *how CLEANUP(freep) = render_clean(state);
	int64_t ms = -1;

	if (time && parse_time(time, &ms) < 0)
		ms = -1;
	char *age CLEANUP(freep) = render_age(ms);
	if (*what)
		fprintf(to, "%s%s, %s%s%s\n", prefix, what, age, *how ? ", " : "", how);
}

int render_status(FILE *to, struct json_object *reply)
{
	struct json_object *o;

	line(to, "version     ", reply, "version");
	line(to, "engine      ", reply, "engine");
	line(to, "repository  ", reply, "repository");
	line(to, "config      ", reply, "config_path");
	line(to, "reads       ", reply, "parallel_workers");
	EACH(json_member(reply, "jobs"), i, o)
	{
		char *operation CLEANUP(freep) = render_clean(json_text(o, "operation")), *state CLEANUP(freep) = render_clean(json_text(o, "state"));
		fprintf(to, "job %d       %s, %s\n", (int)json_number(o, "job", 0), operation, state);
	}
	o = json_member(reply, "progress");
	if (o) {
		char *text CLEANUP(freep) = render_progress(o);
		fprintf(to, "now         %s\n", text);
	}
	strings(to, "LEFT DOWN   ", json_member(reply, "recovering"));
	strings(to, "WAITS       retention, ", json_member(reply, "retention_waits"));
	o = json_member(reply, "last");
	render_when(to, "last run    ", json_text(o, "backup_id"), json_text(o, "started"), json_text(o, "state"));
	render_when(to, "next run    ", json_text(reply, "next_run"), json_text(reply, "next_run"), NULL);
	return EXIT_OK;
}
