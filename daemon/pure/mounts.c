/* SPDX-License-Identifier: MIT */
/*
 * The host's mounts as text, one line a mount:
 *
 *   36 35 98:0 /root /mnt/point rw,noatime shared:1 - ext4 /dev/sda1 rw
 *
 * Later lines lie on top of earlier ones at the same point. The type tells whether other
 * hosts can write there too, which no stopping of containers on this one prevents. Of FUSE
 * all is taken for shared but what is known to lie on this host's own disks: a wrong "cold"
 * is worse than a wrong note.
 */
#include "daemon/pure/mounts.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/path.h"

#define FIELD_POINT 4 /* from 0 */

/* The kernel writes space, tab, newline and backslash as three octal digits. */
static char *decode_octal(const char *text, size_t len)
{
	char *out = xcalloc(len + 1, 1);
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 3 < len && text[i + 1] >= '0' && text[i + 1] <= '3' && text[i + 2] >= '0' &&
			text[i + 2] <= '7' && text[i + 3] >= '0' && text[i + 3] <= '7') {
			out[n++] = (char)((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
			i += 3;
		} else {
			out[n++] = text[i];
		}
	}
	return out;
}

/* Skip ${fields} of the line that ends at ${end}; NULL: there are fewer. */
static const char *skip_fields(const char *at, const char *end, int fields)
{
	for (; at && fields > 0; fields--) {
		at = memchr(at, ' ', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return at;
}

static void take_line(const char *line, const char *end, struct mounts *ret)
{
	const char *point = skip_fields(line, end, FIELD_POINT);
	const char *dash = point ? memmem(point, (size_t)(end - point), " - ", 3) : NULL;

	if (!point || point >= end || *point != '/')
		return;
	char *decoded CLEANUP(freep) = decode_octal(point, strcspn(point, " \n"));
	char *normal = path_normal(decoded);
	if (!normal)
		return;
	GROW(ret->v, ret->n);
	ret->v[ret->n++] = (struct mounted){ .point = normal, .type = xstrndup(dash ? dash + 3 : "", dash ? strcspn(dash + 3, " \n") : 0) };
}

struct ranked { /* the order of lines says which is on top, and qsort() does not keep it */
	struct mounted mounted;
	size_t line;
};

static int by_point(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int r = path_compare(x->mounted.point, y->mounted.point);

	return r ? r : (x->line > y->line) - (x->line < y->line);
}

static void sort(struct mounts *m)
{
	struct ranked *all = xcalloc(m->n + 1, sizeof(*all));
	size_t i, n = 0;

	for (i = 0; i < m->n; i++)
		all[i] = (struct ranked){ m->v[i], i };
	qsort(all, m->n, sizeof(*all), by_point);
	for (i = 0; i < m->n; i++) {
		if (i + 1 < m->n && streq(all[i].mounted.point, all[i + 1].mounted.point)) {
			free(all[i].mounted.point);
			free(all[i].mounted.type);
		} else {
			m->v[n++] = all[i].mounted;
		}
	}
	m->n = n;
	free(all);
}

void mounts_read(const char *mountinfo, struct mounts *ret)
{
	const char *line = mountinfo, *end;

	*ret = (struct mounts){ 0 };
	for (; line && *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		take_line(line, end, ret);
	}
	sort(ret);
}

void mounts_done(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].point);
		free(m->v[i].type);
	}
	free(m->v);
	*m = (struct mounts){ 0 };
}

size_t mounts_first(const struct mounts *m, const char *path)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (path_compare(m->v[middle].point, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct mounted *mounts_at(const struct mounts *m, const char *path)
{
	size_t i = mounts_first(m, path);

	return i < m->n && streq(m->v[i].point, path) ? &m->v[i] : NULL;
}

const struct mounted *mounts_holding(const struct mounts *m, const char *path)
{
	char *at CLEANUP(freep) = xstrdup(path);

	for (;;) {
		const struct mounted *found = mounts_at(m, at);
		char *slash = strrchr(at, '/');
		if (found || !slash || streq(at, "/"))
			return found;
		slash[slash == at ? 1 : 0] = '\0';
	}
}

static bool is_one_of(const char *const *patterns, size_t n, const char *type)
{
	for (size_t i = 0; type && i < n; i++)
		if (fnmatch(patterns[i], type, 0) == 0)
			return true;
	return false;
}

bool mounts_type_is_shared(const char *type)
{
	static const char *const shared[] = { "nfs", "nfs[0-9]", "cifs", "smb3", "smbfs", "ceph", "9p", "virtiofs", "afs", "coda", "lustre",
		"gfs2", "ocfs2", "gpfs", "beegfs", "orangefs", "pvfs2", "davfs", "fuse", "fuse.*" };
	static const char *const local[] = { "fuse.mergerfs", "fuse.shfs", "fuse.bindfs", "fuse.fuse-overlayfs", "fuse.unionfs*", "fuse.mhddfs",
		"fuse.encfs", "fuse.gocryptfs", "fuse.cryfs", "fuse.ntfs*", "fuse.exfat*", "fuse.zfs*", "fuse.squashfuse*", "fuse.lxcfs",
		"fuse.ext2*", "fuse.snapraid*" };

	return is_one_of(shared, ARRAY_SIZE(shared), type) && !is_one_of(local, ARRAY_SIZE(local), type);
}

bool mounts_type_is_memory(const char *type)
{
	return streq(type, "tmpfs") || streq(type, "ramfs");
}
