/* SPDX-License-Identifier: MIT */
/*
 * A path says nothing about what a container has: it went another way when it was started,
 * and has it by another name. /proc/PID/mountinfo says which part of which filesystem is
 * mounted; the same is found for a place of ours by its own mount. Read as text: nothing
 * is entered of what a container made of its own tree.
 */
#include "helpers/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/text.h"

#define MOUNTINFO_MAX ((size_t)16 << 20)

struct line {
	uint64_t id;
	char *device, *root, *point; /* owned: root and point without escapes */
	bool writable;
};

static void line_done(struct line *l)
{
	free(l->device);
	free(l->root);
	free(l->point);
}

/* "36 35 98:0 /in/it /mnt rw,noatime master:1 - ext3 …" */
static bool line_parse(const char *text, struct line *ret)
{
	char *copy CLEANUP(freep) = xstrndup(text, strcspn(text, "\n")), *save = NULL, *field[6];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if (!(field[i] = strtok_r(i ? NULL : copy, " ", &save)))
			return false;
	*ret = (struct line){ .id = strtoull(field[0], NULL, 10), .device = xstrdup(field[2]), .root = text_unquote(field[3]),
		.point = text_unquote(field[4]), .writable = strncmp(field[5], "rw", 2) == 0 };
	return true;
}

static const char *next_line(const char *at)
{
	const char *end = strchr(at, '\n');

	return end ? end + 1 : at + strlen(at);
}

/* What follows ${outer} in ${path}, "" or "/…"; NULL: it does not lie there. */
static const char *rest_of(const char *path, const char *outer)
{
	size_t len = streq(outer, "/") ? 0 : strlen(outer);

	return strncmp(path, outer, len) == 0 && (path[len] == '/' || path[len] == '\0') ? path + len : NULL;
}

bool mounts_below(const char *real)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	bool found = file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &text) < 0;

	for (const char *at = text.data; !found && at && *at; at = next_line(at)) {
		struct line l = { 0 };
		const char *rest = line_parse(at, &l) ? rest_of(l.point, real) : NULL;
		found = rest && *rest;
		line_done(&l);
	}
	return found;
}

int within_find(int fd, const char *real, struct within *ret)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	struct way_id id;
	int r = way_identify(fd, &id);

	if (r == 0)
		r = file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &text);
	for (const char *at = text.data; r == 0 && at && *at; at = next_line(at)) {
		struct line l = { 0 };
		const char *rest = line_parse(at, &l) && l.id == id.mount ? rest_of(real, l.point) : NULL;
		if (rest) {
			*ret = (struct within){ xstrdup(l.device), xasprintf("%s%s", streq(l.root, "/") && *rest ? "" : l.root, rest) };
			line_done(&l);
			return 0;
		}
		line_done(&l);
	}
	return r < 0 ? r : -ENOENT;
}

void within_done(struct within *w)
{
	free(w->device);
	free(w->path);
	*w = (struct within){ 0 };
}

enum asked { ITSELF, WRITTEN };

static bool fits(const struct line *l, const struct within *w, enum asked what)
{
	bool holds = rest_of(w->path, l->root) != NULL;

	return what == ITSELF ? streq(l->root, w->path) : holds && l->writable;
}

static bool any(const struct within *w, const char *pid, enum asked what)
{
	char *path CLEANUP(freep) = xasprintf("/proc/%s/mountinfo", pid);
	struct buf text CLEANUP(buf_done) = { 0 };
	bool found = false;

	if (file_read(path, MOUNTINFO_MAX, &text) < 0)
		return what == WRITTEN;
	for (const char *at = text.data; !found && at && *at; at = next_line(at)) {
		struct line l = { 0 };
		if (line_parse(at, &l) && streq(l.device, w->device))
			found = fits(&l, w, what);
		line_done(&l);
	}
	return found;
}

bool within_is_mounted(const struct within *w, const char *pid)
{
	return any(w, pid, ITSELF);
}

bool within_is_written(const struct within *w, const char *pid)
{
	return any(w, pid, WRITTEN);
}
