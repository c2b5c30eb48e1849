/* SPDX-License-Identifier: MIT */
/*
 * What to restore: the lists and the questions. An entry takes one line where the terminal is
 * wide, two where it is not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/prompt.h"
#include "client/render.h"
#include "client/screen.h"
#include "client/wizard_internal.h"
#include "common/host_path.h"

#define WIDE 72u

/* --- the unit ------------------------------------------------------------------------------ */

static void show_unit(const void *arg, size_t i)
{
	const struct wizard *w = arg;
	const struct wizard_unit *u = &w->units[i];
	char *name CLEANUP(freep) = render_clean(u->name), *newest CLEANUP(freep) = render_age(u->points[0].time_ms);

	if (screen_width() >= WIDE) {
		screen_line(stdout, "%3zu  %-24s %zu restore point%s, the newest %s", i + 1, name, u->n, u->n == 1 ? "" : "s", newest);
		return;
	}
	screen_line(stdout, "%3zu  %s", i + 1, name);
	screen_line(stdout, "     %zu point%s, newest %s", u->n, u->n == 1 ? "" : "s", newest);
}

static ssize_t match_unit(const void *arg, const char *answer)
{
	const struct wizard *w = arg;

	for (size_t i = 0; i < w->n_units; i++)
		if (streq(w->units[i].name, answer))
			return (ssize_t)i;
	return -1;
}

int wizard_choose_unit(struct wizard *w)
{
	const struct menu m = {
		.question = "Unit (number or name)", .hint = "Type a number of the list or a unit's name", .n = w->n_units,
		.fallback = w->n_units == 1 ? 0 : SIZE_MAX, .show = show_unit, .lines_each = screen_width() >= WIDE ? 1 : 2,
		.match = match_unit, .arg = w,
	};
	size_t i;

	screen_say(stdout, 0, "Units with restore points (q ends, and nothing is changed):");
	int r = prompt_menu(&m, &i);
	if (r == 0)
		w->unit = &w->units[i];
	return r;
}

/* --- the restore point ----------------------------------------------------------------------- */

static void show_point(const void *arg, size_t i)
{
	const struct wizard_point *p = &((const struct wizard_unit *)arg)->points[i];
	char *id CLEANUP(freep) = render_clean(p->backup_id), *old CLEANUP(freep) = render_age(p->time_ms);
	char *size CLEANUP(freep) = render_size(json_number(p->o, "size_bytes", -1));
	char *window CLEANUP(freep) = render_span(json_number(p->o, "window_ms", -1));
	const char *complete = p->complete ? "complete" : "PARTIAL";

	if (screen_width() >= WIDE) {
		screen_line(stdout, "%3zu  %-16s  %-8s  %10s  %-12s  window %s", i + 1, id, complete, size, old, window);
		return;
	}
	screen_line(stdout, "%3zu  %s  %s", i + 1, id, complete);
	screen_line(stdout, "     %s, %s, window %s", old, size, window);
}

/* A backup_id, or the beginning of one that only one has. */
static ssize_t match_point(const void *arg, const char *answer)
{
	const struct wizard_unit *u = arg;
	ssize_t found = -1;

	for (size_t i = 0; i < u->n; i++) {
		if (streq(u->points[i].backup_id, answer))
			return (ssize_t)i;
		if (!starts_with(u->points[i].backup_id, answer))
			continue;
		if (found >= 0)
			return -1;
		found = (ssize_t)i;
	}
	return found;
}

static size_t newest_complete(const struct wizard_unit *u)
{
	size_t i = 0;

	while (i < u->n && !u->points[i].complete)
		i++;
	return i;
}

int wizard_choose_point(struct wizard *w)
{
	char *unit CLEANUP(freep) = render_clean(w->unit->name);
	const struct menu m = {
		.question = "Restore point (number or id)", .hint = "Type a number of the list or a backup_id", .n = w->unit->n,
		.fallback = newest_complete(w->unit), .show = show_point, .lines_each = screen_width() >= WIDE ? 1 : 2,
		.match = match_point, .arg = w->unit,
	};
	size_t i;

	screen_line(stdout, "Restore points of %s, newest first:", unit);
	int r = prompt_menu(&m, &i);
	if (r == 0)
		w->point = &w->unit->points[i];
	return r;
}

/* --- the items --------------------------------------------------------------------------------- */

static void say_missing(const struct wizard *w)
{
	struct strv missing CLEANUP(strv_done) = { 0 };

	json_read_list(w->point->o, "missing", &missing);
	for (size_t i = 0; i < missing.n; i++) {
		char *text CLEANUP(freep) = render_clean(missing.v[i]);
		screen_line(stdout, "  -  %s is missing", text);
	}
}

static ssize_t find_item(const struct strv *have, const char *word)
{
	for (size_t i = 0; i < have->n; i++) {
		const char *colon = strchr(have->v[i], ':');
		if (streq(have->v[i], word) || (colon && streq(colon + 1, word)))
			return (ssize_t)i;
	}
	return prompt_index(word, have->n);
}

static void take(struct wizard *w, const char *item)
{
	if (!strv_has(&w->items, item))
		strv_add(&w->items, item);
}

/* Not the unit's own: it is put back only when it is named. */
static bool is_only_named(const struct wizard *w, const char *item)
{
	struct strv ids CLEANUP(strv_done) = { 0 };
	char *reason CLEANUP(freep) = starts_with(item, "bind:") ? host_path_reason(item + strlen("bind:")) : NULL;

	json_read_list(w->point->o, "only_named", &ids);
	return reason || strv_has(&ids, item);
}

/* Names and numbers between commas or blanks; a name with a blank in it stands alone. */
static bool take_items(struct wizard *w, const struct strv *have, char *answer)
{
	char *rest = answer, *word;
	ssize_t i;

	strv_done(&w->items);
	w->all = streq(answer, "all");
	if (w->all) {
		for (size_t j = 0; j < have->n; j++)
			if (!is_only_named(w, have->v[j]))
				take(w, have->v[j]);
		if (w->items.n)
			return true;
		screen_say(stdout, 0, "None of them is the unit's own: name what is wanted.");
		return false;
	}
	if ((i = find_item(have, answer)) >= 0) {
		take(w, have->v[i]);
		return true;
	}
	while ((word = strsep(&rest, ", ")) && (!*word || (i = find_item(have, word)) >= 0))
		if (*word)
			take(w, have->v[i]);
	if (!word && w->items.n)
		return true;
	screen_say(stdout, 0, "'%s' is none of them. Type numbers or names with commas between them, all, or q to end.",
		word ? word : answer);
	return false;
}

int wizard_choose_items(struct wizard *w)
{
	struct strv have CLEANUP(strv_done) = { 0 };
	char *id CLEANUP(freep) = render_clean(w->point->backup_id);
	int r;

	json_read_list(w->point->o, "items", &have);
	screen_line(stdout, "Items of %s:", id);
	for (size_t i = 0; i < have.n; i++) {
		char *text CLEANUP(freep) = render_clean(have.v[i]);
		screen_line(stdout, "%3zu  %s%s", i + 1, text, is_only_named(w, have.v[i]) ? "  (not the unit's own: only if named)" : "");
	}
	say_missing(w);
	if (have.n == 0) {
		screen_say(stdout, 0, "There is nothing in this restore point that can be brought back.");
		return -ECANCELED;
	}
	for (;;) {
		char *answer CLEANUP(freep) = NULL;
		if ((r = prompt_line("Items (numbers or names)", "all", &answer)) < 0)
			return r;
		if (take_items(w, &have, answer))
			return 0;
	}
}
