/* SPDX-License-Identifier: MIT */
/*
 * Paths as text. The daemon never touches an item's path (a dead NFS would
 * block it), so nothing is resolved here: what a symlink means is seen when the
 * item is measured. One link is so common that it is known: /var/run is /run.
 *
 * Tree order compares '/' as the smallest byte, so that a directory and all
 * below it stand together in a sorted array.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"

char *path_normal(const char *path)
{
	char *out, *end;

	if (!path || *path != '/' || strlen(path) >= PATH_MAX)
		return NULL;
	end = out = xcalloc(strlen(path) + 2, 1);
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (end > out && *--end != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len;
		path += strspn(path, "/");
	}
	*end = '\0';
	if (end == out)
		*end = '/', end[1] = '\0';
	if (path_equal_or_inside(out, "/var/run"))
		memmove(out, out + strlen("/var"), strlen(out + strlen("/var")) + 1);
	return out;
}

bool path_inside(const char *path, const char *outer)
{
	size_t len = strlen(outer);

	if (streq(outer, "/"))
		return *path == '/' && path[1] != '\0';
	return strncmp(path, outer, len) == 0 && path[len] == '/';
}

bool path_equal_or_inside(const char *path, const char *outer)
{
	return streq(path, outer) || path_inside(path, outer);
}

int path_compare(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	if (*a == *b)
		return 0;
	if (*a == '\0' || *b == '\0')
		return *a == '\0' ? -1 : 1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

int path_compare_pointers(const void *a, const void *b)
{
	return path_compare(*(char *const *)a, *(char *const *)b);
}

/* The kernel writes space, tab, newline and backslash as three octal digits. */
static char *decode_octal(const char *text, size_t len)
{
	char *out = xcalloc(len + 1, 1);
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 3 < len && text[i + 1] >= '0' &&
			text[i + 1] <= '3' && text[i + 2] >= '0' && text[i + 2] <= '7' &&
			text[i + 3] >= '0' && text[i + 3] <= '7') {
			out[n++] = (char)((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
					  (text[i + 3] - '0'));
			i += 3;
		} else {
			out[n++] = text[i];
		}
	}
	return out;
}

void path_read_mountinfo(const char *text, struct strv *ret)
{
	const char *line = text, *end;

	for (; line && *line; line = *end ? end + 1 : end) {
		const char *at = line;
		int field;

		end = strchrnul(line, '\n');
		for (field = 0; at && field < 4; field++) {
			at = memchr(at, ' ', (size_t)(end - at));
			at = at ? at + 1 : NULL;
		}
		if (at && at < end && *at == '/') {
			CLEANUP(freep) char *point = decode_octal(at, strcspn(at, " \n"));

			char *normal = path_normal(point);

			if (normal)
				strv_take(ret, normal);
		}
	}
}
