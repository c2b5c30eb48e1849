/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-place: what a restore does to an item's path. A child of the daemon and
 * killable, because a dead mount blocks whoever touches it.
 *
 *   stage [--file] [--paths] [--secret] [--beside DIR] [--state DIR] [--outer DIR] [--mounted PID …] [--running PID …] --id ID --name NAME DEST [PATH …]
 *       a fresh directory for the new data in DEST's mount, where nobody else can write; one JSON line says where it is,
 *       where the old will be kept, what is free there, and what was found at DEST. --secret: what is missing is made 0700
 *   fresh --staged-is DEVICE:INODE STAGED   is it still ours, and empty?
 *   swap, undo --mode MODE --new … --dest … --kept … --failed … --marker … [--nothing] [--root …] [--staged … --staged-is …] [--dest-is …]
 *       the old goes to KEPT ("kept" is printed if that is something) and the new to DEST;
 *       undo goes back from wherever it stands
 *   clear [--file] [--undo] --marker FILE [--dest-is …] PATH
 *       empty it, for a restore in place after a safety copy: what is mounted in it stays, and what stays is taken over
 *   give-back [--undo] --marker FILE [--dest-is …] DIR   … and given back when it is filled
 *   sweep [--staged-is …] STAGED   the staging directory goes
 *   forget ID PATH …   old copies that a restore of this id has kept
 *   room PATH ITEM …, used PATH, save FILE
 *
 * Law 6: nothing of the old is removed but by clear (which comes after a safety copy) and
 * by forget (which takes only what has our name and belongs to us).
 */
#include "helpers/place.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "common/fault.h"
#include "common/fd.h"

int place_fail(const char *what, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	return 1;
}

int place_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

const char *place_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool place_skips(const char *name)
{
	return streq(name, ".") || streq(name, "..") || streq(name, PLACE_STAGING) || streq(name, PLACE_KEPT) ||
		streq(name, "lost+found");
}

static int usage(void)
{
	fputs("usage: kopi-docka-place stage|fresh|swap|undo|clear|give-back|sweep|forget|room|used|save …: called by kopi-dockad\n", stderr);
	return 2;
}

enum { OPT_FILE = 256, OPT_PATHS, OPT_SECRET, OPT_BESIDE, OPT_STATE, OPT_ID, OPT_NAME, OPT_MOUNTED, OPT_RUNNING, OPT_MODE, OPT_NEW,
	OPT_DEST, OPT_KEPT, OPT_FAILED, OPT_MARKER, OPT_ROOT, OPT_STAGED, OPT_STAGED_IS, OPT_DEST_IS, OPT_NOTHING, OPT_UNDO, OPT_OUTER };

static const struct option options[] = {
	{ "file", no_argument, NULL, OPT_FILE }, { "paths", no_argument, NULL, OPT_PATHS },
	{ "beside", required_argument, NULL, OPT_BESIDE }, { "id", required_argument, NULL, OPT_ID },
	{ "name", required_argument, NULL, OPT_NAME }, { "mode", required_argument, NULL, OPT_MODE },
	{ "new", required_argument, NULL, OPT_NEW }, { "dest", required_argument, NULL, OPT_DEST },
	{ "kept", required_argument, NULL, OPT_KEPT }, { "failed", required_argument, NULL, OPT_FAILED },
	{ "marker", required_argument, NULL, OPT_MARKER }, { "root", required_argument, NULL, OPT_ROOT },
	{ "nothing", no_argument, NULL, OPT_NOTHING }, { "secret", no_argument, NULL, OPT_SECRET },
	{ "state", required_argument, NULL, OPT_STATE }, { "mounted", required_argument, NULL, OPT_MOUNTED },
	{ "running", required_argument, NULL, OPT_RUNNING }, { "staged", required_argument, NULL, OPT_STAGED },
	{ "staged-is", required_argument, NULL, OPT_STAGED_IS }, { "dest-is", required_argument, NULL, OPT_DEST_IS },
	{ "undo", no_argument, NULL, OPT_UNDO }, { "outer", required_argument, NULL, OPT_OUTER }, { 0 },
};

static bool take(int opt, struct stage *s, struct exchange *x)
{
	switch (opt) {
	case OPT_FILE: s->file = true; break;
	case OPT_PATHS: s->paths = true; break;
	case OPT_BESIDE: s->beside = optarg; break;
	case OPT_ID: s->id = optarg; break;
	case OPT_NAME: s->name = optarg; break;
	case OPT_MODE: x->mode = optarg; break;
	case OPT_NEW: x->new = optarg; break;
	case OPT_DEST: x->dest = optarg; break;
	case OPT_KEPT: x->kept = optarg; break;
	case OPT_FAILED: x->failed = optarg; break;
	case OPT_MARKER: x->marker = optarg; break;
	case OPT_ROOT: x->root = optarg; break;
	case OPT_SECRET: s->secret = true; break;
	case OPT_STATE: s->state = optarg; break;
	case OPT_MOUNTED: strv_add(&s->mounted, optarg); break;
	case OPT_RUNNING: strv_add(&s->running, optarg); break;
	case OPT_STAGED: x->staged = optarg; break;
	case OPT_STAGED_IS: x->staged_is = optarg; break;
	case OPT_DEST_IS: x->dest_is = optarg; break;
	case OPT_NOTHING: x->nothing = true; break;
	case OPT_UNDO: x->undo = true; break;
	case OPT_OUTER: s->outer = optarg; break;
	default: return false;
	}
	return true;
}

static bool whole(const struct exchange *x)
{
	return x->mode && x->new && x->dest && x->kept && x->failed && x->marker && (!streq(x->mode, "path") || x->root);
}

static int run(const char *verb, char **words, int n, struct stage *s, const struct exchange *x)
{
	if (streq(verb, "stage") && n >= 1 && s->id && s->name) {
		s->dest = words[0];
		s->wanted = words + 1;
		s->n_wanted = (size_t)(n - 1);
		return place_stage(s);
	}
	if (streq(verb, "swap") && n == 0 && whole(x))
		return place_swap(x);
	if (streq(verb, "undo") && n == 0 && whole(x))
		return place_undo(x);
	if ((streq(verb, "clear") || streq(verb, "give-back")) && n == 1 && x->marker) {
		struct clearing c = { .dest = words[0], .is = x->dest_is, .marker = x->marker, .file = s->file, .undo = x->undo };
		return streq(verb, "clear") ? place_clear(&c) : place_give_back(&c);
	}
	if (streq(verb, "sweep") && n == 1)
		return place_sweep(words[0], x->staged_is);
	if (streq(verb, "fresh") && n == 1 && x->staged_is)
		return place_fresh(words[0], x->staged_is);
	if (streq(verb, "forget") && n >= 2)
		return place_forget(words[0], words + 1, n - 1);
	if (streq(verb, "room") && n >= 1)
		return place_room(words[0], words + 1, (size_t)(n - 1));
	if (streq(verb, "used") && n == 1)
		return place_used(words[0]);
	if (streq(verb, "save") && n == 1)
		return place_save(words[0]);
	return usage();
}

int main(int argc, char **argv)
{
	struct stage s = { 0 };
	struct exchange x = { 0 };
	bool good = argc >= 2;
	int opt;

	while (good && (opt = getopt_long(argc - 1, argv + 1, "+", options, NULL)) != -1)
		good = take(opt, &s, &x);
	int status = good ? run(argv[1], argv + 1 + optind, argc - 1 - optind, &s, &x) : usage();
	strv_done(&s.mounted);
	strv_done(&s.running);
	return status;
}
