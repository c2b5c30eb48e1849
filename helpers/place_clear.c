/* SPDX-License-Identifier: MIT */
/*
 * Emptying an item that is filled in its place. What chattr keeps from being removed is
 * looked for first; then MARKER is written, with what the directories that stay were like;
 * then they are taken over (place_top.h), and only then something is removed.
 * The way back goes on over what cannot be removed: if nothing new had come, that is the
 * old, and stays; else it is named, and the item is not as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/text.h"
#include "common/varlink.h"
#include "helpers/place.h"
#include "helpers/place_around.h"

#define NAMED 20 /* of what is left: more says nothing more */

static int read_ways(int item, const struct around *a, struct tops *ret)
{
	struct fault f = { 0 };

	for (size_t i = 0; i < a->ways.n; i++) {
		int fd CLEANUP(closep) = way_open_at(item, a->ways.v[i], a->shown, &f);
		int r = fd < 0 ? fd : tops_add(ret, fd, a->ways.v[i]);
		errno = -r;
		if (r < 0)
			return fd < 0 ? place_refuse("%s", f.text) : place_fail("cannot look at", a->ways.v[i]);
	}
	return 0;
}

static int tell(int into, const struct around *a, const struct strv *left, bool emptied)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	struct strv named CLEANUP(strv_done) = { 0 };
	struct way_id id;
	int r = way_identify(into, &id);

	errno = -r;
	if (r < 0)
		return place_fail("cannot look at", "what was emptied");
	char *is CLEANUP(freep) = way_id_format(&id);
	json_put_text(o, "is", is);

	for (size_t i = 0; i < left->n && i < NAMED; i++)
		strv_take(&named, text_quote(left->v[i]));
	json_put_number(o, "left", (int64_t)left->n);
	json_put_list(o, "named", &named);
	json_put_flag(o, "emptied", emptied);
	around_put_stays(a, o);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	return 0;
}

static int empty(const struct clearing *c, int item, const struct around *a, struct tops *tops)
{
	struct strv left CLEANUP(strv_done) = { 0 };

	if (tops_take(tops, item, c->dest) != 0 || around_empty(a, item, c->undo ? &left : NULL) != 0)
		return 1;
	bool emptied = tops->emptied;
	tops->emptied = true; /* from now on something new may be there */
	if (!c->undo && tops_save(tops, c->marker) != 0)
		return 1;
	return tell(item, a, &left, emptied);
}

static int clear_directory(const struct clearing *c)
{
	struct around a = { 0 };
	struct tops tops CLEANUP(tops_done) = { 0 };
	int item CLEANUP(closep) = place_open_again(c->dest, c->is, c->undo);
	int r = item < 0 ? 1 : around_look(item, c->dest, true, &a);

	if (r == 0 && !c->undo)
		r = around_check(&a);
	/* Another attempt knows them from before they were taken over. */
	if (r == 0 && (tops_load(c->marker, &tops) < 0 || !tops.n)) {
		r = read_ways(item, &a, &tops);
		r = r == 0 ? tops_save(&tops, c->marker) : r;
	}
	if (r == 0)
		r = empty(c, item, &a, &tops);
	around_done(&a);
	return r;
}

/* A file gives way to the new one; in its place the engine may have made an empty directory. */
static int clear_file(const struct clearing *c)
{
	struct spot s CLEANUP(spot_done) = SPOT_INIT;
	struct tops none = { 0 };
	struct statx x;

	if (spot_at(c->dest, &s) != 0)
		return 1;
	char *found CLEANUP(freep) = spot_identity(&s);
	if (!c->undo && found && c->is && !streq(c->is, found))
		return place_refuse("%s is another file now than when this began: it stays", c->dest);
	if (found && statx(s.dir, s.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &x) < 0)
		return place_fail("cannot look at", c->dest);
	if (around_check_entry(s.dir, s.name, c->dest) != 0)
		return 1;
	if (tops_save(&none, c->marker) != 0)
		return 1;
	if (found && unlinkat(s.dir, s.name, S_ISDIR(x.stx_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
		return place_fail("cannot remove", c->dest);
	struct around nothing = { 0 };
	struct strv left = { 0 };
	return tell(s.dir, &nothing, &left, true);
}

int place_clear(const struct clearing *c)
{
	return c->file ? clear_file(c) : clear_directory(c);
}

int place_give_back(const struct clearing *c)
{
	struct tops tops CLEANUP(tops_done) = { 0 };
	int item CLEANUP(closep) = place_open_again(c->dest, c->is, c->undo);

	if (item < 0)
		return 1;
	if (tops_load(c->marker, &tops) < 0)
		return place_refuse("%s does not say what %s was", c->marker, c->dest);
	int r = tops_give_back(&tops, item, c->dest, !c->undo);
	IGNORE(syncfs(item)); /* the copy that this came from may be removed one day */
	return r;
}
