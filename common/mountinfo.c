/* SPDX-License-Identifier: MIT */
/*
 * Names of places differ: a link, a second mount, the inside of a container. The kernel's mount tables tell the
 * same place by filesystem and path in it, for every process and without touching what is mounted.
 */
#include "common/mountinfo.h"

#include <stdlib.h>
#include <string.h>

/* The kernel writes space, tab, newline and backslash as three octal digits. */
static char *decode(const char *text, size_t len)
{
	char *out = xcalloc(len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		const char *c = text + i;
		bool octal = *c == '\\' && i + 3 < len && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' && c[3] >= '0' &&
			c[3] <= '7';
		out[n++] = octal ? (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0')) : *c;
		i += octal ? 3 : 0;
	}
	return out;
}

#define FIELDS 10

/* id parent major:minor root point options [optional…] - type source superoptions */
static void parse_line(const char *line, size_t len, struct mountinfo *ret)
{
	const char *field[FIELDS] = { 0 }, *end = line + len;
	size_t size[FIELDS], n = 0;
	bool behind = false;

	for (const char *at = line; at < end && n < FIELDS; at += strcspn(at, " \n") + 1) {
		size_t length = strcspn(at, " \n");
		behind |= n >= 6 && length == 1 && *at == '-';
		if (n >= 6 && !behind)
			continue; /* optional */
		field[n] = at;
		size[n++] = length;
	}
	if (n < 8 || *field[3] != '/' || *field[4] != '/')
		return;
	GROW(ret->v, ret->n);
	ret->v[ret->n++] = (struct mountinfo_line){
		.id = strtoll(line, NULL, 10),
		.device = xstrndup(field[2], size[2]),
		.root = decode(field[3], size[3]),
		.point = decode(field[4], size[4]),
		.type = decode(field[7], size[7]),
		.rw = strncmp(field[5], "ro", 2) != 0 && !(n == FIELDS && strncmp(field[9], "ro", 2) == 0),
	};
}

void mountinfo_parse(const char *text, struct mountinfo *ret)
{
	*ret = (struct mountinfo){ 0 };
	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n");
		parse_line(line, len, ret);
		line += len + (line[len] == '\n');
	}
}

void mountinfo_done(struct mountinfo *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].device);
		free(m->v[i].root);
		free(m->v[i].point);
		free(m->v[i].type);
	}
	free(m->v);
	*m = (struct mountinfo){ 0 };
}

const struct mountinfo_line *mountinfo_by_id(const struct mountinfo *m, uint64_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].id == (int64_t)id)
			return &m->v[i];
	return NULL;
}

const struct mountinfo_line *mountinfo_at(const struct mountinfo *m, const char *point)
{
	for (size_t i = m->n; i-- > 0;)
		if (streq(m->v[i].point, point))
			return &m->v[i];
	return NULL;
}

/* What of ${path} lies below ${point}, with its slash; "" if it is the same, NULL if it does not. */
static const char *below(const char *path, const char *point)
{
	size_t len = streq(point, "/") ? 0 : strlen(point);

	if (strncmp(path, point, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return streq(path + len, "/") ? "" : path + len;
}

const struct mountinfo_line *mountinfo_of(const struct mountinfo *m, const char *path)
{
	const struct mountinfo_line *best = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (below(path, m->v[i].point) && (!best || strlen(m->v[i].point) >= strlen(best->point)))
			best = &m->v[i];
	return best;
}

static char *join(const struct mountinfo_line *l, const char *rest)
{
	return xasprintf("%s%s%s", l->device, streq(l->root, "/") ? "" : l->root, rest);
}

char *mountinfo_place(const struct mountinfo *m, const char *path)
{
	const struct mountinfo_line *l = mountinfo_of(m, path);

	return l ? join(l, below(path, l->point)) : NULL;
}

char *mountinfo_line_place(const struct mountinfo_line *l)
{
	return join(l, "");
}

bool mountinfo_may_block(const struct mountinfo_line *l)
{
	static const char *const types[] = { "nfs", "cifs", "smb", "fuse", "9p", "afs", "autofs", "ceph", "coda", "gfs", "glusterfs",
		"lustre", "ocfs", "orangefs", "virtiofs", "davfs" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (starts_with(l->type, types[i]))
			return true;
	return false;
}
