/* SPDX-License-Identifier: MIT */
/*
 * The shape of the script: functions first, then one call an item, so that what differs
 * is data and what is done stands once (pure/way.sh, pure/restore.sh). POSIX sh has no pipefail:
 * kopia's exit is passed around the pipe through a file, tar's as well. Whether an archive is of
 * a directory or of a single file, it says itself: by its first name.
 */
#include "daemon/pure/script.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/shell.h"
#include "daemon/pure/path.h"

extern const char way_text[], restore_text[]; /* pure/way.sh, pure/restore.sh */

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
	"LC_ALL=C\n"
	"export LC_ALL\n"
	"say() { printf '%s\\n' \"$*\"; }\n"
	"die() { say \"error: $*\" >&2; exit 1; }\n"
	"\n"
	"[ \"$(id -u)\" = 0 ] || die 'this must run as root'\n"
	"for program in docker kopia awk sed stat find mktemp readlink; do\n"
	"\tcommand -v \"$program\" >/dev/null || die \"$program is not installed\"\n"
	"done\n"
	"if [ -z \"${KOPIA_PASSWORD:-}\" ]; then\n"
	"\t[ -t 0 ] || die 'set KOPIA_PASSWORD to the repository password'\n"
	"\tprintf 'password of the repository: ' >&2\n"
	"\tstty -echo; IFS= read -r KOPIA_PASSWORD; stty echo; printf '\\n' >&2\n"
	"fi\n"
	"export KOPIA_PASSWORD\n";

/* One call a container. Its number is its place in the order of starting, by which stop and start know each other. */
static void put_containers(struct buf *b, const char *verb, const struct strv *names, const struct strv *start)
{
	buf_printf(b, "\n%s_all() {\n", verb);
	if (!names || names->n == 0)
		buf_puts(b, "\t:\n");
	for (size_t i = 0; names && i < names->n; i++) {
		size_t number = 0;
		while (start && number < start->n && !streq(start->v[number], names->v[i]))
			number++;
		buf_printf(b, "\t%s %zu ", verb, number + 1);
		put_word(b, names->v[i]);
		buf_puts(b, "\n");
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

static const char script_begin[] =
	"\n"
	"find_tar || exit 1\n"
	"work=$(mktemp -d) || die 'cannot make a temporary directory'\n"
	"trap 'rm -rf -- \"$work\"' EXIT\n"
	"me=$(stat -c %u -- \"$work\")\n"
	"room=.kopi-docka-old.${work##*.}\n"
	"newline='\n'\n"
	"needed=0 failed=0\n";

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
	buf_puts(b, way_text);
	buf_puts(b, restore_text);
	buf_puts(b, script_begin);
}

static const char script_stop[] =
	"\n"
	"# Whatever happens below: all items are the new ones or all the old, and what was stopped is started.\n"
	"whole=0\n"
	"finish() {\n"
	"\ttrap '' INT TERM HUP\n"
	"\tn=$items\n"
	"\twhile [ \"$whole\" = 0 ] && [ \"$n\" -gt 0 ]; do\n"
	"\t\tundo \"$n\" || { failed=1; stuck=1; }\n"
	"\t\tn=$((n - 1))\n"
	"\tdone\n"
	"\tstart_all\n"
	"\tif [ -z \"${stuck:-}\" ]; then rm -rf -- \"$work\"; else say \"what is needed for that is in $work\"; fi\n"
	"\tsay \"safety copies: $SAFETY\"\n"
	"\t[ \"$failed\" = 0 ] || exit 1\n"
	"}\n"
	"trap finish EXIT\n"
	"trap 'exit 1' INT TERM HUP\n"
	"trap '' PIPE\n"
	"stop_all\n"
	"[ \"$failed\" = 0 ] || die 'not everything could be stopped'\n"
	"\n";

static const char script_room[] =
	"safe_place\n"
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

/* What containers only read is put back where nothing is: then it is none of the script's items any more. */
static void put_look(struct buf *b, const struct script_options *o, size_t i)
{
	const struct script_item *it = &o->items[i];

	put_create(b, it);
	if (it->only_missing) {
		buf_printf(b, "leave_what_is %zu ", i + 1);
		put_word(b, it->id);
		buf_puts(b, " ");
		put_path(b, it);
		buf_puts(b, " ||\n\t");
	}
	buf_printf(b, "look %zu ", i + 1);
	put_path(b, it);
	if (it->dest && !o->target) {
		char *source CLEANUP(freep) = shell_template(it->dest);
		buf_puts(b, " ");
		put_word(b, source);
	}
	buf_puts(b, "\n");
}

static void put_looks(struct buf *b, const struct script_options *o)
{
	if (o->target) {
		buf_puts(b, "target ");
		put_word(b, o->target);
		buf_puts(b, "\n");
	}
	for (size_t i = 0; i < o->n_items; i++)
		if (!o->items[i].left)
			put_look(b, o, i);
}

/* Does ${items}[${n}] lie in one that comes before it? */
static bool is_nested(const struct script_item *items, size_t n)
{
	for (size_t i = 0; items[n].dest && i < n; i++)
		if (items[i].dest && !items[i].left && path_inside(items[n].dest, items[i].dest))
			return true;
	return false;
}

static void put_brings(struct buf *b, const struct script_options *o)
{
	for (size_t i = 0; i < o->n_items; i++)
		if (!o->items[i].left)
			buf_printf(b, "keep %zu\n", i + 1);
	buf_puts(b, "\n");
	for (size_t i = 0; i < o->n_items; i++) {
		if (o->items[i].left)
			continue;
		char *what CLEANUP(freep) = xasprintf("%s/%s", o->items[i].object, o->items[i].file);
		if (is_nested(o->items, i))
			buf_printf(b, "nested %zu\n", i + 1);
		buf_printf(b, "bring %zu ", i + 1);
		put_word(b, what);
		buf_puts(b, "\n");
	}
	buf_puts(b, "whole=1\n");
	for (size_t i = 0; i < o->n_items; i++)
		if (o->items[i].left)
			put_left(b, &o->items[i]);
		else
			buf_printf(b, "tell %zu\n", i + 1);
}

char *script_restore(const struct script_options *o)
{
	struct buf b = { 0 };

	put_head(&b, o);
	put_containers(&b, "stop", o->stop, o->start);
	put_containers(&b, "start", o->start, o->start);
	buf_printf(&b, "\nitems=%zu\n", o->n_items);
	put_looks(&b, o);
	buf_puts(&b, script_room);
	buf_puts(&b, script_stop);
	put_brings(&b, o);
	return buf_steal(&b);
}
