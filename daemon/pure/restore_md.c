/* SPDX-License-Identifier: MIT */
/*
 * RESTORE.md: what brings each item back with nothing but docker, kopia and tar, for
 * the day when this program is not there. Object ids are not known before the upload,
 * so the commands look snapshots up by their tags.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/shell.h"
#include "daemon/pure/plan.h"
#include "daemon/pure/script.h"

static void put_word(struct buf *b, const char *word)
{
	char *quoted CLEANUP(freep) = shell_quote(word ? word : "");

	buf_puts(b, quoted);
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

static void put_connect(struct buf *b, const struct script_options *o)
{
	const char *at = strchr(o->identity, '@');
	char *user CLEANUP(freep) = xasprintf("--override-username=%.*s", at ? (int)(at - o->identity) : 0, o->identity);
	char *host CLEANUP(freep) = xasprintf("--override-hostname=%s", at ? at + 1 : "");

	buf_puts(b, "## 1. Connect to the repository\n\nSet `KOPIA_PASSWORD` to the repository's password first.\n\n```sh\n"
		    "kopia repository connect");
	for (size_t i = 0; i < o->connect->n; i++) {
		buf_puts(b, " ");
		put_word(b, o->connect->v[i]);
	}
	buf_puts(b, " ");
	put_word(b, user);
	buf_puts(b, " ");
	put_word(b, host);
	buf_puts(b, "\n```\n\n");
}

static void put_find(struct buf *b, const struct script_options *o)
{
	char *unit CLEANUP(freep) = name_encode(o->unit);
	char *unit_tag CLEANUP(freep) = xasprintf("--tags=unit:%s", unit);

	buf_puts(b, "## 2. Find the archives\n\n```sh\nobject_of() {\n\tkopia snapshot list --all --json ");
	put_word(b, unit_tag);
	buf_printf(b, " --tags=backup_id:%s --tags=\"item:$1\" |\n"
		      "\t\tgrep -o '\"obj\": *\"[^\"]*\"' | head -n 1 | cut -d '\"' -f 4\n}\n"
		      "extract() { # OBJECT/FILE DIRECTORY: fails if either program does\n"
		      "\tfailed=$( { { kopia show \"$1\" || echo kopia >&3; } |\n"
		      "\t\t{ tar -xpf - --numeric-owner --xattrs --xattrs-include='*' --delay-directory-restore -C \"$2\" || echo tar >&3; }\n"
		      "\t} 3>&1 1>&2 )\n"
		      "\t[ -z \"$failed\" ]\n"
		      "}\n```\n\n",
		o->backup_id);
}

static void put_volume(struct buf *b, const struct script_item *it)
{
	buf_puts(b, "docker volume inspect -- ");
	put_word(b, it->volume);
	buf_puts(b, " >/dev/null 2>&1 || docker volume create");
	for (size_t i = 0; it->create && i < it->create->n; i++) {
		buf_puts(b, " ");
		put_word(b, it->create->v[i]);
	}
	buf_puts(b, " -- ");
	put_word(b, it->volume);
	buf_puts(b, "\nplace=$(docker volume inspect -f '{{.Mountpoint}}' -- ");
	put_word(b, it->volume);
	buf_puts(b, ")\n");
}

static void put_item(struct buf *b, const struct script_item *it)
{
	const char *colon = strchr(it->id, ':');
	char *encoded CLEANUP(freep) = name_encode(it->id);
	char *name CLEANUP(freep) = name_encode(colon ? colon + 1 : it->id);

	buf_puts(b, "### `");
	for (const char *p = it->id; *p; p++)
		buf_printf(b, "%c", (unsigned char)*p < 0x20 || *p == '`' ? '?' : *p);
	buf_puts(b, "`\n\nThe place must be empty, and nothing may use it meanwhile.\n\n```sh\n");
	if (it->volume) {
		put_volume(b, it);
	} else {
		buf_puts(b, "place=");
		put_word(b, it->dest);
		buf_puts(b, it->is_file ? "\nplace=$(dirname -- \"$place\")\nmkdir -p -- \"$place\"\n" : "\nmkdir -p -- \"$place\"\n");
	}
	buf_printf(b, "extract \"$(object_of %s)/%s.tar\" \"$place\"\n```\n\n", encoded, name);
}

/* A word of a command that is shown on a line of its own. */
static void put_shown(struct buf *b, const char *word)
{
	char *quoted CLEANUP(freep) = shell_quote(word);

	put_prose(b, quoted);
}

static void put_end(struct buf *b, const struct script_options *o)
{
	buf_puts(b, "## 4. Start\n\n");
	if (o->compose_files && o->compose_files->n) {
		buf_puts(b, "The compose files are in `compose/` beside this file. Put them back to `");
		put_prose(b, o->working_dir ? o->working_dir : "the project's directory");
		buf_puts(b, "`, then there:\n\n    docker compose -p ");
		put_shown(b, o->unit);
		for (size_t i = 0; i < o->compose_files->n; i++) {
			buf_puts(b, " -f ");
			put_shown(b, o->compose_files->v[i]);
		}
		buf_puts(b, " up -d\n\n");
	} else {
		buf_puts(b, "`inspect/` has what `docker run` needs: image, mounts, networks, environment.\n\n");
	}
	if (o->redacted && o->redacted->n) {
		buf_puts(b, "### Redacted secrets\n\nPut these back by hand before starting:\n\n");
		for (size_t i = 0; i < o->redacted->n; i++) {
			buf_puts(b, "- ");
			put_prose(b, o->redacted->v[i]);
			buf_puts(b, "\n");
		}
		buf_puts(b, "\n");
	}
	buf_puts(b, "## What was saved, and what was not\n\n");
	put_list(b, o->coverage ? o->coverage : "");
}

char *script_restore_md(const struct script_options *o)
{
	struct buf b = { 0 };

	buf_puts(&b, "# Restoring ");
	put_prose(&b, o->unit);
	buf_printf(&b, " as of %s\n\n"
		       "With Kopi-Docka: `kopi-docka restore` on the host. Without it, with docker, kopia and GNU tar\n"
		       "alone, run the blocks below in order as root, in one shell.\n\n",
		o->backup_id);
	put_connect(&b, o);
	put_find(&b, o);
	buf_puts(&b, "## 3. Bring the items back\n\n");
	for (size_t i = 0; i < o->n_items; i++)
		put_item(&b, &o->items[i]);
	put_end(&b, o);
	return buf_steal(&b);
}
