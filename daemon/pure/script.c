/* SPDX-License-Identifier: MIT */
/*
 * The shape of the script: functions first, then one call an item, so that what differs
 * is data and what is done stands once. POSIX sh has no pipefail: kopia's exit is passed
 * around the pipe through a file, tar's as well. Whether an archive is of a directory or of
 * a single file, it says itself: by its first name.
 */
#include "daemon/pure/script.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/shell.h"

static void put_word(struct buf *b, const char *word)
{
	char *quoted CLEANUP(freep) = shell_quote(word ? word : "");

	buf_puts(b, quoted);
}

static void put_words(struct buf *b, const struct strv *words)
{
	for (size_t i = 0; words && i < words->n; i++) {
		buf_puts(b, " ");
		put_word(b, words->v[i]);
	}
}

/* For comments: what could end the comment's line becomes a question mark. */
static void put_comment(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++)
		buf_printf(b, "%c", (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
}

static const char script_head[] =
	"set -u\n"
	"umask 077\n"
	"SAFETY=${SAFETY:-/var/tmp/kopi-docka-safety-$(date +%Y%m%dT%H%M%S)}\n"
	"failed=0\n"
	"say() { printf '%s\\n' \"$*\"; }\n"
	"die() { say \"error: $*\" >&2; exit 1; }\n"
	"\n"
	"[ \"$(id -u)\" = 0 ] || die 'this must run as root'\n"
	"for program in docker kopia tar; do\n"
	"\tcommand -v \"$program\" >/dev/null || die \"$program is not installed\"\n"
	"done\n"
	"if [ -z \"${KOPIA_PASSWORD:-}\" ]; then\n"
	"\t[ -t 0 ] || die 'set KOPIA_PASSWORD to the repository password'\n"
	"\tprintf 'password of the repository: ' >&2\n"
	"\tstty -echo; IFS= read -r KOPIA_PASSWORD; stty echo; printf '\\n' >&2\n"
	"fi\n"
	"export KOPIA_PASSWORD\n";

static const char script_functions[] =
	"\n"
	"# place VOLUME: where docker keeps it.\n"
	"place() { docker volume inspect -f '{{.Mountpoint}}' -- \"$1\"; }\n"
	"\n"
	"# need PATH: counts what a safety copy of it takes, in KiB.\n"
	"need() {\n"
	"\t[ -n \"$1\" ] || die 'docker does not say where a volume is'\n"
	"\t[ -e \"$1\" ] || return 0\n"
	"\tkib=$(du -skxH -- \"$1\" | cut -f 1 | head -n 1)\n"
	"\tneeded=$((needed + ${kib:-0} + 1024))\n"
	"}\n"
	"\n"
	"# resolved PATH: the engine follows a link to a mount's source, and so does the restore.\n"
	"resolved() { if [ -L \"$1\" ]; then readlink -f -- \"$1\"; else printf '%s' \"$1\"; fi; }\n"
	"\n"
	"# keep NAME PATH: the safety copy of what is there now. Nothing is replaced without it.\n"
	"keep() {\n"
	"\tpath=$(resolved \"$2\")\n"
	"\t[ -n \"$path\" ] || die 'docker does not say where a volume is'\n"
	"\t[ -e \"$path\" ] || return 0\n"
	"\t[ ! -e \"$SAFETY/$1.tar\" ] || die \"$SAFETY/$1.tar is there already: choose another SAFETY\"\n"
	"\tsay \"safety copy of $path -> $SAFETY/$1.tar\"\n"
	"\ttar -cf \"$SAFETY/$1.tar\" --no-unquote --numeric-owner --xattrs --xattrs-include='*' --sparse --format=posix \\\n"
	"\t\t--one-file-system -C \"$(dirname -- \"$path\")\" -- \"./$(basename -- \"$path\")\" ||\n"
	"\t\tdie \"no safety copy of $path: nothing was replaced\"\n"
	"}\n"
	"\n"
	"# extract OBJECT/FILE DIRECTORY: fails if either program does. Prints the archive's first name.\n"
	"extract() {\n"
	"\t{\n"
	"\t\tkopia --config-file=\"$KOPIA_CONFIG\" --no-auto-maintenance show \"$1\"\n"
	"\t\tprintf '%s' \"$?\" >\"$work/kopia\"\n"
	"\t} | {\n"
	"\t\ttar -xpvf - --no-unquote --numeric-owner --xattrs --xattrs-include='*' --delay-directory-restore --warning=no-timestamp -C \"$2\"\n"
	"\t\tprintf '%s' \"$?\" >\"$work/tar\"\n"
	"\t} | sed -n 1p\n"
	"\t[ \"$(cat \"$work/kopia\")$(cat \"$work/tar\")\" = 00 ]\n"
	"}\n"
	"\n"
	"# bring OBJECT/FILE PATH: extracted whole beside PATH, then swapped.\n"
	"bring() {\n"
	"\tpath=$(resolved \"$2\")\n"
	"\tparent=$(dirname -- \"$path\")\n"
	"\tfresh=; old=\n"
	"\tif ! { mkdir -p -- \"$parent\" && fresh=$(mktemp -d \"$parent/.kopi-docka-new.XXXXXX\") &&\n"
	"\t\told=$(mktemp -d \"$parent/.kopi-docka-old.XXXXXX\") && first=$(extract \"$1\" \"$fresh\"); }; then\n"
	"\t\tsay \"error: $path was not restored; it is as it was\" >&2\n"
	"\t\trm -rf -- \"$fresh\" \"$old\"; return 1\n"
	"\tfi\n"
	"\tnew=$fresh\n"
	"\tif [ \"$first\" != ./ ]; then # of a single file\n"
	"\t\tfor new in \"$fresh\"/* \"$fresh\"/.[!.]* \"$fresh\"/..?*; do [ ! -e \"$new\" ] || break; done\n"
	"\tfi\n"
	"\tif [ -e \"$path\" ] && ! mv -T -- \"$path\" \"$old/data\"; then\n"
	"\t\tsay \"error: $path cannot be moved away; it is as it was\" >&2\n"
	"\t\trm -rf -- \"$fresh\" \"$old\"; return 1\n"
	"\tfi\n"
	"\tif ! mv -T -- \"$new\" \"$path\"; then\n"
	"\t\tsay \"error: $path was not restored\" >&2\n"
	"\t\t[ ! -e \"$old/data\" ] || mv -T -- \"$old/data\" \"$path\" || { say \"error: what was there is $old/data\" >&2; return 1; }\n"
	"\t\trm -rf -- \"$fresh\" \"$old\"; return 1\n"
	"\tfi\n"
	"\t[ \"$new\" = \"$fresh\" ] || rmdir -- \"$fresh\"\n"
	"\tif [ -e \"$old/data\" ]; then say \"restored $path; what was there: $old/data\"\n"
	"\telse rmdir -- \"$old\"; say \"restored $path\"; fi\n"
	"}\n";

static void put_containers(struct buf *b, const char *function, const char *command, const struct strv *names)
{
	buf_printf(b, "\n%s() {\n", function);
	if (!names || names->n == 0)
		buf_puts(b, "\t:\n");
	for (size_t i = 0; names && i < names->n; i++) {
		buf_printf(b, "\tdocker %s -- ", command);
		put_word(b, names->v[i]);
		buf_puts(b, " >/dev/null || { say \"error: ");
		buf_printf(b, "%s\" ", command);
		put_word(b, names->v[i]);
		buf_puts(b, " >&2; failed=1; }\n");
	}
	buf_puts(b, "}\n");
}

static void put_path(struct buf *b, const struct script_item *it)
{
	if (it->dest) {
		put_word(b, it->dest);
		return;
	}
	buf_puts(b, "\"$(place ");
	put_word(b, it->volume);
	buf_puts(b, ")\"");
}

static void put_create(struct buf *b, const struct script_item *it)
{
	if (!it->volume)
		return;
	buf_puts(b, "docker volume inspect -- ");
	put_word(b, it->volume);
	buf_puts(b, " >/dev/null 2>&1 || docker volume create");
	put_words(b, it->create);
	buf_puts(b, " -- ");
	put_word(b, it->volume);
	buf_puts(b, " >/dev/null || die 'cannot create a volume'\n");
}

static void put_head(struct buf *b, const struct script_options *o)
{
	buf_puts(b, "#!/bin/sh\n# shellcheck disable=SC2016 # names stand here as they are\n# Restores the unit ");
	put_comment(b, o->unit);
	buf_puts(b, " as of ");
	put_comment(b, o->backup_id);
	buf_puts(b, ", in this order: stop, safety copy, restore, start.\n"
		    "# Needs docker, kopia and GNU tar. SAFETY=DIR says where the safety copies go.\n"
		    "# On another host, first: kopia repository connect");
	for (size_t i = 0; o->connect && i < o->connect->n; i++) {
		buf_puts(b, " ");
		put_comment(b, o->connect->v[i]);
	}
	buf_puts(b, "\n# and then KOPIA_CONFIG=\"$HOME/.config/kopia/repository.config\" in the environment.\n");
	buf_puts(b, script_head);
	buf_puts(b, "if [ -z \"${KOPIA_CONFIG:-}\" ]; then\n\tKOPIA_CONFIG=");
	put_word(b, o->config_file);
	buf_puts(b, "\nfi\n[ -r \"$KOPIA_CONFIG\" ] || die \"$KOPIA_CONFIG is not there: connect to the repository first\"\n"
		     "kopia --config-file=\"$KOPIA_CONFIG\" --no-auto-maintenance repository status >/dev/null ||\n"
		     "\tdie 'kopia cannot open the repository: nothing was stopped'\n");
	buf_puts(b, script_functions);
}

static const char script_stop[] =
	"\n"
	"# Whatever happens below, what was stopped is started.\n"
	"finish() {\n"
	"\tstart_all\n"
	"\trm -rf -- \"$work\"\n"
	"\tsay \"safety copies: $SAFETY\"\n"
	"\t[ \"$failed\" = 0 ] || exit 1\n"
	"}\n"
	"trap finish EXIT\n"
	"trap 'exit 1' INT TERM HUP\n"
	"stop_all\n"
	"[ \"$failed\" = 0 ] || die 'not everything could be stopped'\n"
	"\n";

static const char script_room[] =
	"free=$(df -Pk -- \"$SAFETY\" | awk 'END { print $4 }')\n"
	"[ \"${free:-0}\" -ge \"$needed\" ] || die \"$SAFETY has $free KiB free, the safety copies may take $needed KiB: set SAFETY\"\n";

/* What is not the unit's own is named, and nothing is done to it. */
static void put_left(struct buf *b, const struct script_item *it)
{
	buf_puts(b, "say 'not put back (name it with --item to have it in a script):' ");
	put_word(b, it->id);
	buf_puts(b, " ");
	put_word(b, it->left);
	buf_puts(b, "\n");
}

static void put_item(struct buf *b, const struct script_item *it)
{
	char *what CLEANUP(freep) = xasprintf("%s/%s", it->object, it->file);

	if (it->only_missing) {
		buf_puts(b, "if [ -e ");
		put_path(b, it);
		buf_puts(b, " ]; then say 'not put back, it is there and its containers only read it:' ");
		put_word(b, it->id);
		buf_puts(b, "; else\n\t");
	}
	buf_puts(b, "bring ");
	put_word(b, what);
	buf_puts(b, " ");
	put_path(b, it);
	buf_puts(b, it->only_missing ? " || failed=1\nfi\n" : " || failed=1\n");
}

char *script_restore(const struct script_options *o)
{
	struct buf b = { 0 };

	put_head(&b, o);
	put_containers(&b, "stop_all", "stop", o->stop);
	put_containers(&b, "start_all", "start", o->start);
	buf_puts(&b, "\nmkdir -p -- \"$SAFETY\" || die \"cannot make $SAFETY\"\n"
		     "work=$(mktemp -d) || die 'cannot make a temporary directory'\nneeded=0\n");
	for (size_t i = 0; i < o->n_items; i++) {
		if (o->items[i].left || o->items[i].only_missing)
			continue; /* nothing is replaced there */
		put_create(&b, &o->items[i]);
		buf_puts(&b, "need ");
		put_path(&b, &o->items[i]);
		buf_puts(&b, "\n");
	}
	buf_puts(&b, script_room);
	buf_puts(&b, script_stop);
	for (size_t i = 0; i < o->n_items; i++) {
		if (o->items[i].left || o->items[i].only_missing)
			continue;
		buf_printf(&b, "keep item-%zu ", i + 1);
		put_path(&b, &o->items[i]);
		buf_puts(&b, "\n");
	}
	buf_puts(&b, "\n");
	for (size_t i = 0; i < o->n_items; i++)
		if (o->items[i].left)
			put_left(&b, &o->items[i]);
		else
			put_item(&b, &o->items[i]);
	return buf_steal(&b);
}
