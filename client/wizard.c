/* SPDX-License-Identifier: MIT */
/*
 * The restore wizard: which unit, which point, which items, now or as scripts. Up to the last
 * question nothing is changed anywhere, and every way out says so. What is done in the end is
 * what restore UNIT BACKUP_ID does: the wizard only asks.
 */
#include "client/wizard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/ask.h"
#include "client/prompt.h"
#include "client/render.h"
#include "client/restore_question.h"
#include "client/restore_run.h"
#include "client/screen.h"
#include "client/wizard_internal.h"
#include "common/iface.h"

/* --- restore points by unit ---------------------------------------------------------------- */

static struct wizard_unit *unit_of(struct wizard *w, const char *name)
{
	for (size_t i = 0; i < w->n_units; i++)
		if (streq(w->units[i].name, name))
			return &w->units[i];
	GROW(w->units, w->n_units);
	w->units[w->n_units] = (struct wizard_unit){ .name = name };
	return &w->units[w->n_units++];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct wizard_unit *)a)->name, ((const struct wizard_unit *)b)->name);
}

/* backup_ids are times, and strictly increasing. */
static int newest_first(const void *a, const void *b)
{
	return strcmp(((const struct wizard_point *)b)->backup_id, ((const struct wizard_point *)a)->backup_id);
}

void wizard_group(struct wizard *w)
{
	struct json_object *list = json_member(w->reply.parameters, "restore_points");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i); /* borrowed */
		const char *name = json_text(o, "unit"), *id = json_text(o, "backup_id"), *time = json_text(o, "time");
		struct wizard_point p = { .o = o, .backup_id = id, .time_ms = -1, .complete = json_flag(o, "complete", false) };
		if (!name || !id)
			continue;
		if (!time || parse_time(time, &p.time_ms) < 0)
			p.time_ms = -1;
		struct wizard_unit *u = unit_of(w, name);
		GROW(u->points, u->n);
		u->points[u->n++] = p;
	}
	if (w->n_units)
		qsort(w->units, w->n_units, sizeof(*w->units), by_name);
	for (size_t i = 0; i < w->n_units; i++)
		qsort(w->units[i].points, w->units[i].n, sizeof(*w->units[i].points), newest_first);
}

void wizard_done(struct wizard *w)
{
	for (size_t i = 0; i < w->n_units; i++)
		free(w->units[i].points);
	free(w->units);
	strv_done(&w->items);
	varlink_reply_done(&w->reply);
}

struct json_object *wizard_parameters(const struct wizard *w)
{
	struct json_object *p = json_object_new_object();

	json_put_text(p, "unit", w->unit->name);
	json_put_text(p, "backup_id", w->point->backup_id);
	/* Of a partial point the daemon wants them named. */
	if (!w->all || !w->point->complete)
		json_put_list(p, "items", &w->items);
	return p;
}

/* --- the story ------------------------------------------------------------------------------- */

static int do_it_now(struct wizard *w, const struct verb *restore)
{
	struct json_object *p = wizard_parameters(w);
	int status = restore_confirm(w->o, p);

	if (status != EXIT_OK) {
		json_object_put(p);
		return status; /* all is said */
	}
	w->acted = true;
	return restore_run(restore, w->o, p);
}

static void show_action(const void *arg, size_t i)
{
	static const char *const actions[] = {
		"do it now",
		"write scripts, to run later",
	};

	(void)arg;
	screen_line(stdout, " %zu  %s", i + 1, actions[i]);
}

static int act(struct wizard *w, const struct verb *restore)
{
	const struct menu m = { .question = "What (number)", .hint = "Type 1 or 2", .n = 2, .fallback = SIZE_MAX, .show = show_action,
		.lines_each = 1 };
	size_t action;
	int r = prompt_menu(&m, &action);

	if (r < 0)
		return r;
	return action == 0 ? do_it_now(w, restore) : wizard_write_scripts(w);
}

static int story(struct wizard *w, const struct verb *restore)
{
	int r;

	if ((r = wizard_choose_unit(w)) < 0 || (r = wizard_choose_point(w)) < 0 || (r = wizard_choose_items(w)) < 0)
		return r;
	return act(w, restore);
}

static int over(const struct wizard *w, int r)
{
	if (r >= 0)
		return r;
	if (!w->acted)
		fputs("nothing was changed\n", stderr);
	return r == -EINTR ? EXIT_INTERRUPTED : EXIT_FAILED;
}

int wizard_run(const struct verb *restore, struct options *o)
{
	struct wizard w CLEANUP(wizard_done) = { .o = o };
	int r = ask_for(o, "ListRestorePoints", json_object_new_object(), false, &w.reply);

	if (r == EXIT_INTERRUPTED)
		return over(&w, -EINTR);
	if (r != EXIT_OK)
		return r;
	wizard_group(&w);
	if (w.n_units == 0) {
		fputs("there is no restore point yet; kopi-docka backup makes one\n", stderr);
		render_hosts(stderr, w.reply.parameters);
		return EXIT_FAILED;
	}
	return over(&w, story(&w, restore));
}
