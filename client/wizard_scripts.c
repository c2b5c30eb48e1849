/* SPDX-License-Identifier: MIT */
/*
 * Scripts instead of deeds: a directory of one's own (0700) with the recipe, a script an item
 * and one for all of them. The daemon writes their text; here they get names and a place. Either
 * everything is there in the end or the directory is removed again: half of it would be taken
 * for the whole one day.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/prompt.h"
#include "client/render.h"
#include "client/screen.h"
#include "client/wizard_internal.h"
#include "common/fd.h"
#include "common/iface.h"
#include "common/shell.h"

#define NAME_LONGEST 100

struct scripts {
	struct wizard *w;
	char *directory;             /* owned; absolute */
	struct varlink_reply recipe; /* of Restore with recipe_only */
	struct strv names;           /* of the files, in the order they were written */
};

static void scripts_done(struct scripts *s)
{
	free(s->directory);
	strv_done(&s->names);
	if (s->recipe.parameters)
		varlink_reply_done(&s->recipe);
}

/* A file's name out of a name from outside. Caller's. */
static char *file_name(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	char *name = xstrndup(text, NAME_LONGEST);

	for (char *p = name + strspn(name, plain); *p; p += strspn(p, plain))
		*p = '_';
	return name;
}

/* --- the directory ------------------------------------------------------------------------- */

static char *suggestion(const struct wizard *w)
{
	const char *home = getenv("HOME");
	char *unit CLEANUP(freep) = file_name(w->unit->name), *id CLEANUP(freep) = file_name(w->point->backup_id);

	return xasprintf("%s/restore-%s-%s", home && *home == '/' ? home : "/var/tmp", unit, id);
}

/* Made here and now, so that nobody else's files are in it. */
static int make_directory(struct scripts *s)
{
	char *fallback CLEANUP(freep) = suggestion(s->w);

	for (;;) {
		char *answer CLEANUP(freep) = NULL;
		int r = prompt_line("New directory for recipe and scripts", fallback, &answer);
		if (r < 0)
			return r;
		if (mkdir(answer, 0700) == 0 && (s->directory = realpath(answer, NULL)))
			return 0;
		screen_say(stdout, 0, "%s cannot be made: %s. Name another one; its parent must exist.", answer, strerror(errno));
	}
}

/* --- the files -------------------------------------------------------------------------------- */

static int lay_out_recipe(struct scripts *s)
{
	struct json_object *p = json_object_new_object();
	char *place CLEANUP(freep) = xasprintf("%s/recipe", s->directory);

	json_put_text(p, "unit", s->w->unit->name);
	json_put_text(p, "backup_id", s->w->point->backup_id);
	json_put_text(p, "recipe_directory", place);
	json_put_flag(p, "recipe_only", true);
	return ask_for(s->w->o, "Restore", p, true, &s->recipe);
}

static int write_script(struct scripts *s, char *name /* taken */, struct json_object *reply)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", s->directory, name);
	const char *text = json_text(reply, "script");
	struct strv warnings CLEANUP(strv_done) = { 0 };
	struct fault f = { 0 };

	strv_take(&s->names, name);
	if (!text || file_replace(path, text, strlen(text), 0700, &f) < 0) {
		fprintf(stderr, "%s\n", text ? f.text : "the daemon's answer has no script");
		return EXIT_FAILED;
	}
	json_read_list(reply, "warnings", &warnings);
	for (size_t i = 0; i < warnings.n; i++) {
		char *clean CLEANUP(freep) = render_clean(warnings.v[i]);
		screen_say(stdout, 0, "warning: %s", clean);
	}
	return EXIT_OK;
}

/* The script of ${items}. ${name} is taken. */
static int render_script(struct scripts *s, const struct strv *items, char *name)
{
	struct json_object *p = json_object_new_object();
	struct varlink_reply reply = { 0 };

	json_put_text(p, "unit", s->w->unit->name);
	json_put_text(p, "backup_id", s->w->point->backup_id);
	json_put_list(p, "items", items);
	int status = ask_for(s->w->o, "RenderRestore", p, false, &reply);
	if (status != EXIT_OK) {
		free(name);
		return status;
	}
	status = write_script(s, name, reply.parameters);
	varlink_reply_done(&reply);
	return status;
}

static int render_scripts(struct scripts *s)
{
	const struct strv *items = &s->w->items;
	char *unit CLEANUP(freep) = file_name(s->w->unit->name);
	int status = render_script(s, items, xasprintf("restore-%s.sh", unit));

	for (size_t i = 0; status == EXIT_OK && i < items->n; i++) {
		struct strv one CLEANUP(strv_done) = { 0 };
		char *item CLEANUP(freep) = file_name(items->v[i]);
		strv_add(&one, items->v[i]);
		status = render_script(s, &one, xasprintf("%02zu-%s.sh", i + 1, item));
	}
	return status;
}

/* --- what a person needs to know beside them ----------------------------------------------------- */

/* To be copied, so neither cut nor broken. */
static void command(const char *words, const char *path)
{
	char *word CLEANUP(freep) = shell_word(path);

	printf("  %s %s\n", words, word);
}

static void say_compose(const struct scripts *s)
{
	struct strv words CLEANUP(strv_done) = { 0 };

	json_read_list(s->recipe.parameters, "compose", &words);
	if (words.n == 0) {
		screen_say(stdout, 0, "If its container is gone, recipe/RESTORE.md says step by step how to make it again.");
		return;
	}
	screen_say(stdout, 0, "If its containers are gone, recipe/RESTORE.md says step by step how to have the project's files "
			      "again; then");
	putchar(' ');
	for (size_t i = 0; i < words.n; i++) {
		char *clean CLEANUP(freep) = render_clean(words.v[i]), *word CLEANUP(freep) = shell_word(clean);
		printf(" %s", word);
	}
	putchar('\n');
}

static void say_end(const struct scripts *s)
{
	char *all CLEANUP(freep) = xasprintf("%s/%s", s->directory, s->names.v[0]);
	char *place CLEANUP(freep) = render_clean(s->directory);

	printf("\n%s\n", place);
	if (json_text(s->recipe.parameters, "recipe_directory"))
		screen_line(stdout, "  recipe/");
	else
		screen_say(stdout, 2, "(this restore point has no recipe)");
	for (size_t i = 0; i < s->names.n; i++)
		screen_line(stdout, "  %s", s->names.v[i]);
	screen_say(stdout, 0, "Nothing was stopped or replaced. Each script stops what uses its data, makes a safety copy, "
			      "restores with owners, ACLs and attributes, and starts again. The first does it all; as root:");
	command("sh", all);
	if (json_text(s->recipe.parameters, "recipe_directory")) {
		say_compose(s);
		render_redacted(stdout, s->recipe.parameters);
	}
}

/* What this made, and only that: the directory was new. */
static void take_back(struct scripts *s)
{
	if (dir_remove(s->directory) == 0)
		s->w->acted = false;
	else
		fprintf(stderr, "what was written so far is in %s\n", s->directory);
}

int wizard_write_scripts(struct wizard *w)
{
	struct scripts s CLEANUP(scripts_done) = { .w = w };
	int r = make_directory(&s);

	if (r < 0)
		return r;
	w->acted = true;
	if ((r = lay_out_recipe(&s)) == EXIT_OK)
		r = render_scripts(&s);
	if (r == EXIT_OK) {
		say_end(&s);
		return EXIT_OK;
	}
	take_back(&s);
	if (!w->acted)
		fputs("nothing was changed\n", stderr);
	return r;
}
