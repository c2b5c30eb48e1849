/* SPDX-License-Identifier: MIT */
/* Bringing a restore point back. Nothing is replaced without a yes. */
#include <errno.h>

#include "client/ask.h"
#include "client/prompt.h"
#include "client/render.h"
#include "client/restore_run.h"
#include "client/restore_question.h"
#include "client/wizard.h"
#include "common/iface.h"

static int render_script(FILE *to, struct json_object *reply)
{
	struct strv warnings CLEANUP(strv_done) = { 0 };
	const char *script = json_text(reply, "script");

	json_read_list(reply, "warnings", &warnings);
	for (size_t i = 0; i < warnings.n; i++) {
		char *text CLEANUP(freep) = render_clean(warnings.v[i]);
		fprintf(stderr, "warning: %s\n", text);
	}
	fputs(script ? script : "", to);
	return EXIT_OK;
}

/* Without a unit: the wizard, where there is someone to ask. */
static int choose(const struct verb *v, struct options *o)
{
	if (o->own || o->json)
		return help_usage(v, "with options, restore needs the UNIT they are for");
	if (!prompt_possible())
		return help_usage(v, "there is no terminal to ask on what to restore: name it, restore UNIT [BACKUP_ID] --yes");
	return wizard_run(v, o);
}

static int run_restore(const struct verb *v, struct options *o)
{
	static const struct verb script = { .name = "restore", .method = "RenderRestore", .render = render_script };

	if (o->words.n == 0)
		return choose(v, o);
	if (o->script && (o->paths.n || o->as || o->map.n || o->back || o->in_place || o->safety_directory || o->dry_run))
		return help_usage(v, "--script restores whole items, after a safety copy of each: it takes --item and --target only");
	if (!o->yes && !o->script && !o->target && !o->dry_run && !prompt_possible())
		return help_usage(v, "without a terminal, --yes is needed to replace data");
	struct json_object *p = json_object_new_object();
	json_put_text(p, "unit", o->words.v[0]);
	json_put_text(p, "backup_id", o->words.n > 1 ? o->words.v[1] : NULL);
	json_put_text(p, "host", o->host);
	char *target CLEANUP(freep) = restore_absolute(o->target), *safety CLEANUP(freep) = restore_absolute(o->safety_directory);
	json_put_text(p, "target", target);
	if (o->items.n)
		json_put_list(p, "items", &o->items);
	restore_put_paths(p, "paths", &o->paths, false);
	if (o->script)
		return ask(&script, o, p, false);
	json_put_text(p, "back", o->back);
	json_put_text(p, "as", o->as);
	if (o->map.n)
		json_put_list(p, "map", &o->map);
	json_put_text(p, "safety_directory", safety);
	if (o->in_place)
		json_put_flag(p, "in_place", true);
	if (o->keep_owners)
		json_put_flag(p, "keep_owners", true);
	if (o->yes)
		json_put_flag(p, "way_back", true);
	int status = o->dry_run ? restore_foretell(o, p) : o->yes || o->target ? EXIT_OK : restore_confirm(o, p);
	if (status == EXIT_OK && !o->dry_run)
		return restore_run(v, o, p);
	if (status == EXIT_OK && !o->json)
		puts("nothing was stopped or changed");
	json_object_put(p);
	return status;
}

/* --- ls ---------------------------------------------------------------------------------- */

static char kind_letter(const char *kind)
{
	static const struct {
		const char *name;
		char letter;
	} kinds[] = { { "directory", 'd' }, { "symlink", 'l' }, { "hardlink", 'h' }, { "fifo", 'p' }, { "character-device", 'c' },
		{ "block-device", 'b' } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, kind))
			return kinds[i].letter;
	return '-';
}

static void render_entry(FILE *to, struct json_object *e)
{
	char *path CLEANUP(freep) = render_clean(json_text(e, "path")), *link CLEANUP(freep) = render_clean(json_text(e, "link"));
	char *size CLEANUP(freep) = json_member(e, "size_bytes") ? render_size(json_number(e, "size_bytes", -1)) : xstrdup("");
	const char *mtime = json_text(e, "mtime");

	/* What is quoted is shown as a C string, and a plain name as it is. */
	const char *mark = json_flag(e, "quoted", false) ? "\"" : "";
	fprintf(to, "%c %04o %10s  %.19s  %s%s%s%s%s%s\n", kind_letter(json_text(e, "kind")), (unsigned int)json_number(e, "mode", 0),
		size, mtime ? mtime : "", mark, path, streq(json_text(e, "kind"), "directory") ? "/" : "", mark, *link ? " -> " : "", link);
}

static int render_entries(FILE *to, struct json_object *reply)
{
	struct json_object *list = json_member(reply, "entries");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++)
		render_entry(to, json_object_array_get_idx(list, i));
	if (!json_flag(reply, "truncated", false))
		return EXIT_OK;
	fprintf(stderr, "only the first %zu are shown: name a directory with --path\n", n);
	return EXIT_WARNINGS;
}

static int render_items(FILE *to, const char *backup_id, struct json_object *reply)
{
	struct json_object *points = json_member(reply, "restore_points");
	size_t n = json_object_is_type(points, json_type_array) ? json_object_array_length(points) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *p = json_object_array_get_idx(points, i);
		struct strv items CLEANUP(strv_done) = { 0 };
		if (backup_id ? !streq(json_text(p, "backup_id"), backup_id) : !json_flag(p, "complete", false))
			continue;
		json_read_list(p, "items", &items);
		for (size_t j = 0; j < items.n; j++) {
			char *id CLEANUP(freep) = render_clean(items.v[j]);
			fprintf(to, "%s\n", id);
		}
		return EXIT_OK;
	}
	fprintf(stderr, "there is no such restore point\nkopi-docka list --restore-points shows what there is\n");
	render_hosts(stderr, reply);
	return EXIT_FAILED;
}

static int list_items(const struct options *o)
{
	struct json_object *p = json_object_new_object();
	struct varlink_reply reply = { 0 };

	json_put_text(p, "unit", o->words.v[0]);
	json_put_text(p, "host", o->host);
	int status = ask_for(o, "ListRestorePoints", p, false, &reply);
	if (status != EXIT_OK)
		return status;
	if (o->json)
		puts(json_object_to_json_string_ext(reply.parameters, JSON_C_TO_STRING_PLAIN));
	else
		status = render_items(stdout, o->words.n > 1 ? o->words.v[1] : NULL, reply.parameters);
	varlink_reply_done(&reply);
	return status;
}

static int run_ls(const struct verb *v, struct options *o)
{
	if (o->items.n > 1 || o->paths.n > 1)
		return help_usage(v, "ls looks at one item, and one path in it, at a time");
	if (o->items.n == 0)
		return o->paths.n ? help_usage(v, "--path is in an item: name it with --item") : list_items(o);
	struct json_object *p = json_object_new_object();
	json_put_text(p, "unit", o->words.v[0]);
	json_put_text(p, "backup_id", o->words.n > 1 ? o->words.v[1] : NULL);
	json_put_text(p, "host", o->host);
	json_put_text(p, "item", o->items.v[0]);
	restore_put_paths(p, "path", &o->paths, true);
	if (o->recursive)
		json_put_flag(p, "recursive", true);
	return ask(v, o, p, false);
}

static const struct verb verbs[] = {
	{ .name = "restore", .words = "[UNIT [BACKUP_ID]]", .words_max = 2, .summary = "bring a restore point back",
		.about = "Without UNIT, on a terminal: shows what there is and asks. Without BACKUP_ID: the newest\n"
			 "complete one. What is there now is kept beside it. What belongs to the host, and a bind that is\n"
			 "only read and lies outside the project's directory, is put back only when --item names it.",
		.options = OPTIONS(LIST("item", "ID", items, "only this item, as list --units names it; may be given again"),
			LIST("path", "PATH", paths, "only this: a path in the one --item, or as the container sees it; * ? [ match"),
			TEXT("host", "HOST", host, "another host's restore point, as list --restore-points names it"),
			TEXT("as", "NAME", as, "into the volumes and directories of this other project or container instead"),
			LIST("map", "OLD=NEW", map, "this item goes to that volume or path; may be given again"),
			TEXT("target", "DIR", target, "restore into this directory instead; stops nothing"),
			FLAG("yes", yes, "do not ask; if the service is not healthy with it, the old data comes back by itself"),
			TEXT("back", "N", back, "undo this restore, by its number in history or its id, or the last one"),
			FLAG("in-place", in_place, "no second copy beside the old: a safety copy first, then emptied and filled"),
			FLAG("keep-owners", keep_owners, "owners by number, though this engine maps users in another way"),
			TEXT("safety-directory", "DIR", safety_directory, "where that safety copy goes, instead of the repository"),
			FLAG("dry-run", dry_run, "only say what would be done, and who would be stopped"),
			FLAG("script", script, "only print a script that does it")),
		.examples = "restore\nrestore shop\nrestore shop --item volume:shop_data --path etc/app.conf\nrestore shop --path db:/etc/postgresql/*.conf\nrestore shop --as shop-test --yes\nrestore shop 20260131T020000Z --item volume:shop_data --yes\nrestore shop --dry-run\nrestore shop --target /srv/look --yes\n"
			    "restore shop --script > restore-shop.sh",
		.run = run_restore, .method = "Restore", .render = render_restore },
	{ .name = "ls", .words = "UNIT [BACKUP_ID]", .words_min = 1, .words_max = 2, .summary = "look into a restore point",
		.about = "Without --item: its items. With it: what the item has, a directory at a time. The archive is read\n"
			 "from its beginning to the path, and nothing is written to the disk.",
		.options = OPTIONS(LIST("item", "ID", items, "the item to look into"),
			LIST("path", "PATH", paths, "this directory or file in it"),
			TEXT("host", "HOST", host, "another host's restore point"),
			FLAG("recursive", recursive, "all that is below")),
		.examples = "ls shop\nls shop --item volume:shop_data --path etc\nls shop 20260131T020000Z --item volume:shop_data --recursive",
		.run = run_ls, .method = "ListEntries", .render = render_entries },
	{ 0 },
};

const struct verb_group verbs_restore = { "Restoring", verbs };
