/* SPDX-License-Identifier: MIT */
/*
 * RESTORE.md: what brings each item back with nothing but docker, kopia and tar, for
 * the day when this program is not there. Object ids are not known before the upload,
 * so the commands look snapshots up by their tags. The order is that of the work: networks,
 * volumes and their data, the project's files, the containers.
 */
#include "daemon/pure/restore_md.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/shell.h"
#include "daemon/pure/plan.h"
#include "daemon/pure/redact.h"

extern const char way_text[], guide_text[]; /* pure/way.sh, pure/guide.sh */

#define NEWLINE "\"$nl\""

/*
 * One word for sh on one line: in single quotes, and control characters as what printf makes of
 * them. A newline in a path would let its second line be ``` and end the block.
 */
static void put_word(struct buf *b, const char *word)
{
	buf_puts(b, "'");
	for (const char *p = word ? word : ""; *p; p++) {
		if (*p == '\'')
			buf_puts(b, "'\\''");
		else if (*p == '\n')
			buf_puts(b, "'" NEWLINE "'");
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			buf_printf(b, "'\"$(printf '\\%03o')\"'", (unsigned int)(unsigned char)*p);
		else
			buf_printf(b, "%c", *p);
	}
	buf_puts(b, "'");
}

static void put_words(struct buf *b, const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++) {
		bool plain = words->v[i][strspn(words->v[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,")] == '\0';
		buf_puts(b, " ");
		if (plain && *words->v[i])
			buf_puts(b, words->v[i]);
		else
			put_word(b, words->v[i]);
	}
}

/* Names in prose: none may end its line, and begin a block of commands of its own. */
static void put_prose(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++)
		buf_printf(b, "%c", (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
}

/* Lines of a list; what is none came out of a name. */
static void put_list(struct buf *b, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		buf_printf(b, "%s%.*s\n", starts_with(lines, "- ") ? "" : "- ? ", (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}

static void put_connect(struct buf *b, const struct restore_md_options *o)
{
	const char *at = strchr(o->identity, '@');
	char *user CLEANUP(freep) = xasprintf("--override-username=%.*s", at ? (int)(at - o->identity) : 0, o->identity);
	char *host CLEANUP(freep) = xasprintf("--override-hostname=%s", at ? at + 1 : "");

	buf_puts(b, "kopia repository connect");
	put_words(b, o->connect);
	buf_puts(b, " ");
	put_word(b, user);
	buf_puts(b, " ");
	put_word(b, host);
	buf_puts(b, "\n```\n\n");
}

static void put_find(struct buf *b, const struct restore_md_options *o)
{
	char *unit CLEANUP(freep) = name_encode(o->unit);
	char *unit_tag CLEANUP(freep) = xasprintf("--tags=unit:%s", unit);

	buf_puts(b, "## 2. Find the archives\n\n```sh\nobject_of() {\n\tkopia snapshot list --json ");
	put_word(b, unit_tag);
	buf_printf(b, " --tags=backup_id:%s --tags=\"item:$1\" |\n"
		      "\t\tgrep -o '\"obj\": *\"[^\"]*\"' | head -n 1 | cut -d '\"' -f 4\n}\n"
		      "me=$(id -u)\n%s%sfind_tar\n```\n\n",
		o->backup_id, way_text, guide_text);
}

/* --- networks, volumes --------------------------------------------------------------------- */

static bool any_redacted(const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		if (strstr(words->v[i], REDACTED))
			return true;
	return false;
}

/* A command with a secret that was redacted must not run as it is written. */
static void put_guard(struct buf *b, bool redacted)
{
	if (redacted)
		buf_puts(b, "echo 'put what was redacted in place of " REDACTED " in this block, and take these two lines away' >&2\nfalse\n");
}

static void put_object(struct buf *b, const char *kind, const struct restore_md_object *v)
{
	put_guard(b, any_redacted(&v->create));
	buf_printf(b, "docker %s inspect -- ", kind);
	put_word(b, v->name);
	buf_puts(b, " >/dev/null 2>&1 || docker");
	put_words(b, &v->create);
	buf_puts(b, "\n");
}

static void put_objects(struct buf *b, const struct restore_md_options *o)
{
	if (o->n_networks + o->n_volumes == 0)
		return;
	buf_puts(b, "## 3. Networks and volumes\n\nWhat is there already is left as it is.\n\n```sh\n");
	for (size_t i = 0; i < o->n_networks; i++)
		put_object(b, "network", &o->networks[i]);
	for (size_t i = 0; i < o->n_volumes; i++)
		put_object(b, "volume", &o->volumes[i]);
	buf_puts(b, "```\n\n");
}

/* --- items --------------------------------------------------------------------------------- */

static void put_filter(struct buf *b, const char *label, const char *value)
{
	char *filter CLEANUP(freep) = xasprintf("label=com.docker.compose.%s=%s", label, value);

	buf_puts(b, " --filter ");
	put_word(b, filter);
}

/* Its name is new with every container: the container that has it tells. */
static void put_anonymous_place(struct buf *b, const struct restore_md_options *o, const struct restore_md_item *it)
{
	char *destination CLEANUP(freep) = shell_template(it->destination);
	char *number CLEANUP(freep) = xasprintf("%d", it->number > 0 ? it->number : 1);

	buf_puts(b, "container=$(docker ps -aq --no-trunc");
	put_filter(b, "project", o->unit);
	put_filter(b, "service", it->service);
	put_filter(b, "container-number", number);
	buf_puts(b, " --filter label=com.docker.compose.oneoff=False)\nplace=$(docker inspect -f '{{range .Mounts}}{{if eq .Destination \"");
	buf_puts(b, destination);
	buf_puts(b, "\"}}{{.Source}}{{end}}{{end}}' -- \"$container\")\n[ -n \"$place\" ]\ntarget=$place\n");
}

static void put_place(struct buf *b, const struct restore_md_options *o, const struct restore_md_item *it)
{
	if (it->service) {
		put_anonymous_place(b, o, it);
	} else if (it->volume) {
		buf_puts(b, "place=$(docker volume inspect -f '{{or (index .Options \"device\") .Mountpoint}}' -- ");
		put_word(b, it->volume);
		buf_puts(b, ")\nempty \"$place\"\n");
	} else {
		buf_puts(b, "place=");
		put_word(b, it->path);
		buf_puts(b, "\nempty \"$place\"\n");
	}
}

/* What containers only read and is there is not replaced; one that came from here is finished all the same. */
static void put_only_missing(struct buf *b, const struct restore_md_item *it)
{
	if (!it->only_missing)
		return;
	buf_puts(b, "if [ -e ");
	put_word(b, it->path);
	buf_puts(b, " ] && ! grep -qsxF -- ");
	put_word(b, it->path);
	buf_puts(b, " .made; then\necho 'it is there, and its containers only read it: left as it is'\nelse\nprintf '%s\\n' ");
	put_word(b, it->path);
	buf_puts(b, " >>.made\n");
}

static void put_item(struct buf *b, const struct restore_md_options *o, const struct restore_md_item *it)
{
	const char *colon = strchr(it->id, ':');
	char *encoded CLEANUP(freep) = name_encode(it->id);
	char *name CLEANUP(freep) = name_encode(colon ? colon + 1 : it->id);

	buf_puts(b, "### `");
	for (const char *p = it->id; *p; p++)
		buf_printf(b, "%c", (unsigned char)*p < 0x20 || *p == '`' ? '?' : *p);
	if (it->left) {
		buf_puts(b, "`\n\nIs not put back: ");
		put_prose(b, it->left);
		buf_printf(b, ".\nIts archive is `$(object_of %s)/%s.tar`, for `kopia show` into an empty directory.\n\n", encoded, name);
		return;
	}
	buf_puts(b, "`\n\nNothing may be in the place, but what an earlier call brought there, and nothing may use it meanwhile.\n\n```sh\n");
	put_only_missing(b, it);
	put_place(b, o, it);
	buf_printf(b, "extract \"$(object_of %s)/%s.tar\" \"$place\" %s\n%s```\n\n", encoded, name,
		it->service ? "over" : it->is_file ? "file" : "directory", it->only_missing ? "fi\n" : "");
}

static void put_items(struct buf *b, const struct restore_md_options *o, bool anonymous)
{
	for (size_t i = 0; i < o->n_items; i++)
		if ((o->items[i].service != NULL) == anonymous)
			put_item(b, o, &o->items[i]);
}

/* --- a compose project ------------------------------------------------------------------------ */

static void put_files(struct buf *b, const struct restore_md_options *o)
{
	bool of_manager = false;

	for (size_t i = 0; i < o->n_files; i++)
		of_manager = of_manager || o->files[i].of_manager;
	buf_puts(b, "The project's files are in `compose/` beside this one; what is there already is left as it is.\n");
	if (of_manager)
		buf_puts(b, "They came out of a manager's volume: where it runs again, let it start the project instead.\n");
	buf_puts(b, "\n```sh\ncopy() { cp -- \"$1\" ./new && chmod -- \"$2\" ./new; }\n"
		    "put_back() { # FILE MODE\n\t[ -e \"$1\" ] && return\n\tput \"$1\" copy \"$PWD/compose$1\" \"$2\"\n}\n");
	for (size_t i = 0; i < o->n_files; i++) {
		buf_puts(b, "put_back ");
		put_word(b, o->files[i].path);
		buf_printf(b, " %s\n", o->files[i].mode ? o->files[i].mode : "0600");
	}
	buf_puts(b, "```\n\n");
}

/* docker compose with the project's own name, directory and files. */
static void put_compose(struct buf *b, const struct restore_md_options *o, const char *verb, const struct strv *services)
{
	struct strv words CLEANUP(strv_done) = { 0 };

	strv_add(&words, "-p");
	strv_add(&words, o->unit);
	if (o->working_dir) {
		strv_add(&words, "--project-directory");
		strv_add(&words, o->working_dir);
	}
	for (size_t i = 0; o->env_files && i < o->env_files->n; i++) {
		strv_add(&words, "--env-file");
		strv_add(&words, o->env_files->v[i]);
	}
	for (size_t i = 0; i < o->compose_files->n; i++) {
		strv_add(&words, "-f");
		strv_add(&words, o->compose_files->v[i]);
	}
	buf_puts(b, "docker compose");
	put_words(b, &words);
	buf_printf(b, " %s", verb);
	if (services)
		put_words(b, services);
	buf_puts(b, "\n");
}

static void put_file_guard(struct buf *b, const struct restore_md_options *o)
{
	bool any = false;

	for (size_t i = 0; i < o->n_files; i++) {
		if (!o->files[i].redacted)
			continue;
		buf_puts(b, any ? " " : "! grep -lF -e '" REDACTED "' -- ");
		put_word(b, o->files[i].path);
		any = true;
	}
	if (any)
		buf_puts(b, " || { echo 'put the secrets back into these files first' >&2; false; }\n");
}

static void put_project(struct buf *b, const struct restore_md_options *o)
{
	bool anonymous = false;

	for (size_t i = 0; i < o->n_items; i++)
		anonymous = anonymous || o->items[i].service;
	put_files(b, o);
	buf_puts(b, "```sh\n");
	put_file_guard(b, o);
	if (anonymous) {
		put_compose(b, o, "up --no-start", o->services);
		buf_puts(b, "```\n\n");
		put_items(b, o, true);
		buf_puts(b, "```sh\n");
	}
	if (!o->running || o->running->n)
		put_compose(b, o, "up -d", o->running);
	else if (!anonymous) /* nothing ran */
		put_compose(b, o, "up --no-start", o->services);
	buf_puts(b, "```\n\n");
}

/* --- containers -------------------------------------------------------------------------------- */

static void put_container(struct buf *b, const struct recreate *c)
{
	buf_puts(b, "```sh\n");
	put_guard(b, any_redacted(&c->words));
	for (size_t i = 0; i < c->needs.n; i++)
		buf_printf(b, ": \"${%s:?its value was redacted: set it first}\"; export %s\n", c->needs.v[i], c->needs.v[i]);
	buf_puts(b, "docker");
	put_words(b, &c->words);
	for (size_t i = 0; i < c->n_connects; i++) {
		buf_puts(b, "\ndocker");
		put_words(b, &c->connects[i]);
	}
	if (c->start) {
		buf_puts(b, "\ndocker start -- ");
		put_word(b, c->name);
	}
	buf_puts(b, "\n```\n\n");
	if (c->unsaid.n)
		buf_puts(b, "What docker's command line cannot say, or this file does not know how to:\n\n");
	for (size_t i = 0; i < c->unsaid.n; i++) {
		buf_puts(b, "- ");
		put_prose(b, c->unsaid.v[i]);
		buf_puts(b, "\n");
	}
	buf_puts(b, c->unsaid.n ? "\n" : "");
}

/* --- the document ------------------------------------------------------------------------------- */

static void put_redacted(struct buf *b, const struct restore_md_options *o)
{
	if (o->secrets)
		buf_puts(b, "Secrets are in this recipe as they were (`recipe.secrets = true`): keep it where only root can read.\n\n");
	if (!o->redacted || o->redacted->n == 0)
		return;
	buf_puts(b, "### Redacted secrets\n\n");
	if (o->compose)
		buf_puts(b, "What was in a file is to be put back into that file before starting. Of a container only `inspect/` lacks it:\n"
			    "compose takes it from the project's files.\n\n");
	else
		buf_puts(b, "A variable is to be set in the shell before the container's block below, anything else in the block itself, in\n"
			    "place of " REDACTED ".\n\n");
	for (size_t i = 0; i < o->redacted->n; i++) {
		buf_puts(b, "- ");
		put_prose(b, o->redacted->v[i]);
		buf_puts(b, "\n");
	}
	buf_puts(b, "\n");
}

static void put_start(struct buf *b, const struct restore_md_options *o)
{
	buf_puts(b, "## 5. Start\n\nImages are not saved: they must be there, or be pulled or built.\n\n");
	put_redacted(b, o);
	if (o->compose)
		put_project(b, o);
	else
		put_items(b, o, true);
	for (size_t i = 0; i < o->n_containers; i++)
		put_container(b, &o->containers[i]);
	buf_puts(b, "## What was saved, and what was not\n\n");
	put_list(b, o->coverage ? o->coverage : "");
}

char *restore_md(const struct restore_md_options *o)
{
	struct buf head = { 0 }, b CLEANUP(buf_done) = { 0 };

	put_connect(&b, o);
	put_find(&b, o);
	put_objects(&b, o);
	buf_puts(&b, "## 4. Bring the items back\n\n");
	put_items(&b, o, false);
	put_start(&b, o);
	buf_puts(&head, "# Restoring ");
	put_prose(&head, o->unit);
	buf_printf(&head, " as of %s\n\n"
		"With Kopi-Docka: `kopi-docka restore` on the host. Without it, with docker, kopia and GNU tar\n"
		"alone, run the blocks below in order as root, in one shell, in the directory of this file.\n\n"
		"## 1. Connect to the repository\n\nSet `KOPIA_PASSWORD` to the repository's password first.\n\n```sh\n%s",
		o->backup_id, strstr(b.data, NEWLINE) ? "nl=$(printf '\\n.'); nl=${nl%.} # a newline, for names that have one\n" : "");
	buf_puts(&head, b.data);
	return buf_steal(&head);
}
