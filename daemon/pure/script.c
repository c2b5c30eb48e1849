/* SPDX-License-Identifier: MIT */
/*
 * The shape of the script: functions first, then one call an item, so that what differs
 * is data and what is done stands once. POSIX sh has no pipefail: kopia's exit is passed
 * around the pipe through a file.
 */
#include "daemon/pure/script.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

char *script_quote(const char *word)
{
	struct buf b = { 0 };

	buf_puts(&b, "'");
	for (const char *p = word; *p; p++) {
		if (*p == '\'')
			buf_puts(&b, "'\\''");
		else
			buf_printf(&b, "%c", *p);
	}
	buf_puts(&b, "'");
	return buf_steal(&b);
}

static void put_word(struct buf *b, const char *word)
{
	char *quoted CLEANUP(freep) = script_quote(word ? word : "");

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
	"place() { docker volume inspect -f '{{.Mountpoint}}' \"$1\"; }\n"
	"\n"
	"# keep NAME PATH: the safety copy of what is there now. Nothing is replaced without it.\n"
	"keep() {\n"
	"\t[ -e \"$2\" ] || return 0\n"
	"\tsay \"safety copy of $2 -> $SAFETY/$1.tar\"\n"
	"\ttar -cf \"$SAFETY/$1.tar\" --numeric-owner --xattrs --xattrs-include='*' --one-file-system \\\n"
	"\t\t-C \"$(dirname -- \"$2\")\" -- \"./$(basename -- \"$2\")\" || die \"no safety copy of $2: nothing was replaced\"\n"
	"}\n"
	"\n"
	"# bring OBJECT/FILE PATH KIND: extracted whole beside PATH, both exits checked, then swapped.\n"
	"bring() {\n"
	"\tparent=$(dirname -- \"$2\"); name=$(basename -- \"$2\")\n"
	"\tmkdir -p -- \"$parent\" || return 1\n"
	"\tfresh=$(mktemp -d \"$parent/.kopi-docka-new.XXXXXX\") || return 1\n"
	"\tstatus=$(mktemp) || return 1\n"
	"\t{ kopia $KOPIA_FLAGS show \"$1\"; printf '%s' \"$?\" >\"$status\"; } |\n"
	"\t\ttar -xpf - --numeric-owner --xattrs --xattrs-include='*' --delay-directory-restore -C \"$fresh\"\n"
	"\ttar_status=$?; kopia_status=$(cat \"$status\"); rm -f \"$status\"\n"
	"\tif [ \"$tar_status\" != 0 ] || [ \"$kopia_status\" != 0 ]; then\n"
	"\t\tsay \"error: $2 was not restored (tar $tar_status, kopia $kopia_status); it is as it was\" >&2\n"
	"\t\trm -rf -- \"$fresh\"; return 1\n"
	"\tfi\n"
	"\told=\"$parent/.kopi-docka-old.$$.$name\"\n"
	"\tif [ \"$3\" = file ]; then\n"
	"\t\tmv -f -- \"$fresh/$name\" \"$2\" && rmdir -- \"$fresh\"\n"
	"\telse\n"
	"\t\t[ ! -e \"$2\" ] || mv -T -- \"$2\" \"$old\" || { rm -rf -- \"$fresh\"; return 1; }\n"
	"\t\tmv -T -- \"$fresh\" \"$2\" || { mv -T -- \"$old\" \"$2\"; return 1; }\n"
	"\t\trm -rf -- \"$old\" # its safety copy is in $SAFETY\n"
	"\tfi\n"
	"\tsay \"restored $2\"\n"
	"}\n";

static void put_containers(struct buf *b, const char *function, const char *command, const struct strv *names)
{
	buf_printf(b, "\n%s() {\n", function);
	if (!names || names->n == 0)
		buf_puts(b, "\t:\n");
	for (size_t i = 0; names && i < names->n; i++) {
		buf_printf(b, "\tdocker %s ", command);
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
	buf_puts(b, "docker volume inspect ");
	put_word(b, it->volume);
	buf_puts(b, " >/dev/null 2>&1 || docker volume create");
	put_words(b, it->create);
	buf_puts(b, " -- ");
	put_word(b, it->volume);
	buf_puts(b, " >/dev/null || die 'cannot create a volume'\n");
}

char *script_restore(const struct script_options *o)
{
	struct buf b = { 0 };

	buf_puts(&b, "#!/bin/sh\n# shellcheck disable=SC2086,SC2016 # KOPIA_FLAGS is meant to be split, names to be taken as they are\n# Restores the unit ");
	put_comment(&b, o->unit);
	buf_printf(&b, " as of %s, in this order: stop, safety copy, restore, start.\n", o->backup_id);
	buf_puts(&b, "# Needs docker, kopia and GNU tar. SAFETY=DIR says where the safety copies go.\n"
		     "# On another host: kopia repository connect");
	for (size_t i = 0; o->connect && i < o->connect->n; i++) {
		buf_puts(&b, " ");
		put_comment(&b, o->connect->v[i]);
	}
	buf_puts(&b, "\n# and KOPIA_FLAGS= in the environment.\n");
	buf_puts(&b, script_head);
	buf_printf(&b, "KOPIA_FLAGS=${KOPIA_FLAGS-\"--config-file=%s --no-auto-maintenance\"}\n", o->config_file);
	buf_puts(&b, script_functions);
	put_containers(&b, "stop_all", "stop", o->stop);
	put_containers(&b, "start_all", "start", o->start);
	buf_puts(&b, "\nmkdir -p -- \"$SAFETY\" || die \"cannot make $SAFETY\"\n");
	for (size_t i = 0; i < o->n_items; i++)
		put_create(&b, &o->items[i]);
	buf_puts(&b, "\n# Whatever happens below, what was stopped is started.\ntrap start_all EXIT\ntrap 'exit 1' INT TERM HUP\nstop_all\n[ \"$failed\" = 0 ] || die 'not everything could be stopped'\n\n");
	for (size_t i = 0; i < o->n_items; i++) {
		buf_printf(&b, "keep item-%zu ", i + 1);
		put_path(&b, &o->items[i]);
		buf_puts(&b, "\n");
	}
	buf_puts(&b, "\n");
	for (size_t i = 0; i < o->n_items; i++) {
		char *what CLEANUP(freep) = xasprintf("%s/%s", o->items[i].object, o->items[i].file);
		buf_puts(&b, "bring ");
		put_word(&b, what);
		buf_puts(&b, " ");
		put_path(&b, &o->items[i]);
		buf_puts(&b, o->items[i].is_file ? " file || failed=1\n" : " directory || failed=1\n");
	}
	buf_puts(&b, "\nsay \"safety copies: $SAFETY\"\n[ \"$failed\" = 0 ] || exit 1\n");
	return buf_steal(&b);
}
