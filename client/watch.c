/* SPDX-License-Identifier: MIT */
/* What happens, a line each: Subscribe for people. With --json the events as they came. */
#include "client/watch.h"

#include <stdlib.h>
#include <string.h>

#include "client/ask.h"
#include "client/render.h"
#include "common/buf.h"

static void add(struct buf *line, const char *before, const char *text)
{
	char *clean CLEANUP(freep) = text ? render_clean(text) : NULL;

	if (clean)
		buf_printf(line, "%s%s", before, clean);
}

static void add_job(struct buf *line, struct json_object *job)
{
	struct strv units CLEANUP(strv_done) = { 0 };

	json_read_list(job, "units", &units);
	buf_printf(line, "job %lld", (long long)json_number(job, "job", 0));
	add(line, " ", json_text(job, "operation"));
	for (size_t i = 0; i < units.n; i++)
		add(line, i ? ", " : " of ", units.v[i]);
	add(line, ": ", json_text(job, "state"));
}

static void add_unit(struct buf *line, struct json_object *unit)
{
	char *window CLEANUP(freep) = render_span(json_number(unit, "window_ms", -1));

	add(line, "", json_text(unit, "unit"));
	add(line, ": data ", json_text(unit, "data"));
	add(line, ", service ", json_text(unit, "service"));
	if (json_number(unit, "window_ms", -1) >= 0)
		buf_printf(line, ", window %s", window);
}

char *watch_line(struct json_object *event)
{
	struct json_object *job = json_member(event, "job"), *progress = json_member(event, "progress");
	struct json_object *unit = json_member(event, "unit"), *result = json_member(event, "result");
	char *phase CLEANUP(freep) = progress ? render_progress(progress) : NULL;
	struct buf line = { 0 };

	add(&line, "", json_text(event, "time"));
	buf_printf(&line, " %-13s", json_text(event, "event") ? json_text(event, "event") : "?");
	if (job || phase || unit || result)
		buf_puts(&line, " ");
	if (job)
		add_job(&line, job);
	else if (phase)
		buf_puts(&line, phase);
	else if (unit)
		add_unit(&line, unit);
	else if (result) {
		add(&line, "", json_text(result, "backup_id"));
		add(&line, ": ", json_text(result, "state"));
	}
	add(&line, job ? ": " : " ", json_text(event, "text"));
	while (line.len && line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	return buf_steal(&line);
}

static void on_event(void *arg, struct json_object *event)
{
	const struct options *o = arg;
	char *line CLEANUP(freep) = watch_line(event);

	puts(o->json ? json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN) : line);
	fflush(stdout); /* whoever reads a pipe waits for it */
}

int watch_run(const struct verb *v, struct options *o)
{
	return ask_stream(o, v->method, on_event, o);
}
