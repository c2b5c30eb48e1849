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
