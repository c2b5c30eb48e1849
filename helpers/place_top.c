/* SPDX-License-Identifier: MIT */
/*
 * Permissions count when an entry is made, not when its directory was opened: from the
 * moment that a directory is root's and 0700 nobody else gets anything into it, also who has
 * it open. One below the top has a sticky bit besides, by which it is known again if the
 * archive has nothing for it; the top always has an entry of its own.
 */
#include "helpers/place_top.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/text.h"
#include "common/varlink.h"
#include "helpers/place.h"

#define MARKER_MAX ((size_t)16 << 20)
#define OWN_LABEL  "security.selinux" /* the policy's, not the item's */

/* --- xattrs --------------------------------------------------------------------------------- */

static char *list_xattrs(int fd, ssize_t *ret_len)
{
	ssize_t len = flistxattr(fd, NULL, 0);
	char *keys = len > 0 ? xcalloc(1, (size_t)len + 1) : NULL;

	*ret_len = keys ? flistxattr(fd, keys, (size_t)len) : len;
	return keys;
}

static void read_xattr(struct top *t, int fd, const char *name)
{
	ssize_t len = fgetxattr(fd, name, NULL, 0);
	char *value = len >= 0 ? xcalloc(1, (size_t)len + 1) : NULL;

	if (!value || (len = fgetxattr(fd, name, value, (size_t)len)) < 0) {
		free(value);
		return; /* gone since it was listed */
	}
	GROW(t->xattrs, t->n_xattrs);
	t->xattrs[t->n_xattrs++] = (struct top_xattr){ .name = xstrdup(name), .value = value, .len = (size_t)len };
}

static bool has_xattr(const struct top *t, const char *name)
{
	for (size_t i = 0; t && i < t->n_xattrs; i++)
		if (streq(t->xattrs[i].name, name))
			return true;
	return false;
}

/* All that ${t} has not; NULL: all. */
static void drop_xattrs(int fd, const struct top *t)
{
	ssize_t len;
	char *keys CLEANUP(freep) = list_xattrs(fd, &len);

	for (const char *k = keys; k && k < keys + len; k += strlen(k) + 1)
		if (!streq(k, OWN_LABEL) && !has_xattr(t, k))
			IGNORE(fremovexattr(fd, k)); /* one that the filesystem makes up cannot go */
}

/* --- one directory -------------------------------------------------------------------------- */

int tops_add(struct tops *t, int fd, const char *path)
{
	ssize_t len;
	char *keys CLEANUP(freep) = list_xattrs(fd, &len);

	GROW(t->v, t->n);
	struct top *one = &t->v[t->n];
	if (fstat(fd, &one->st) < 0)
		return -errno;
	t->n++;
	one->path = xstrdup(path);
	for (const char *k = keys; k && k < keys + len; k += strlen(k) + 1)
		read_xattr(one, fd, k);
	return 0;
}

const struct top *tops_find(const struct tops *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (streq(t->v[i].path, path))
			return &t->v[i];
	return NULL;
}

static int take(int fd, mode_t mode)
{
	struct stat st;

	/* The owner first: until then its mode is somebody else's to change. */
	if (fchown(fd, 0, 0) < 0 || fchmod(fd, mode) < 0)
		return -errno;
	drop_xattrs(fd, NULL);
	int r = way_drop_acls(fd);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	return r < 0 ? r : st.st_uid == 0 && (st.st_mode & 07777) == mode ? 0 : -EPERM;
}

int top_apply(const struct top *t, int fd)
{
	struct timespec times[2] = { t->st.st_atim, t->st.st_mtim };

	if (fchown(fd, t->st.st_uid, t->st.st_gid) < 0 || fchmod(fd, t->st.st_mode & 07777) < 0)
		return -errno;
	drop_xattrs(fd, t);
	for (size_t i = 0; i < t->n_xattrs; i++)
		if (fsetxattr(fd, t->xattrs[i].name, t->xattrs[i].value, t->xattrs[i].len, 0) < 0 && errno != EOPNOTSUPP)
			return -errno;
	return futimens(fd, times) < 0 ? -errno : 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

#define WAY_MODE 01700

static int explain(int r, const char *what, const char *shown, const struct top *t)
{
	char *path CLEANUP(freep) = xasprintf("%s%s%s", shown, *t->path ? "/" : "", t->path);

	errno = -r;
	return place_fail(what, path);
}

int tops_take(const struct tops *t, int item, const char *shown)
{
	struct fault f = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		int fd CLEANUP(closep) = way_open_at(item, t->v[i].path, shown, &f);
		if (fd < 0)
			return place_refuse("%s", f.text);
		int r = take(fd, *t->v[i].path ? WAY_MODE : 0700);
		if (r < 0)
			return explain(r, "cannot take over", shown, &t->v[i]);
	}
	return 0;
}

static bool is_untouched(const struct top *t, int fd)
{
	struct stat st;

	return *t->path && fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 07777) == WAY_MODE;
}

/* From below: its times are those of a directory in which nothing happens any more. */
int tops_give_back(const struct tops *t, int item, const char *shown, bool untouched_only)
{
	struct fault f = { 0 };
	int bad = 0;

	for (size_t i = t->n; i-- > 0;) {
		int fd CLEANUP(closep) = way_open_at(item, t->v[i].path, shown, &f);
		int r = fd < 0 ? fd : untouched_only && !is_untouched(&t->v[i], fd) ? 0 : top_apply(&t->v[i], fd);
		if (r < 0 && r != -ENOENT)
			bad = explain(r, "cannot give back", shown, &t->v[i]);
	}
	return bad;
}

void tops_done(struct tops *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t j = 0; j < t->v[i].n_xattrs; j++) {
			free(t->v[i].xattrs[j].name);
			free(t->v[i].xattrs[j].value);
		}
		free(t->v[i].xattrs);
		free(t->v[i].path);
	}
	free(t->v);
	*t = (struct tops){ 0 };
}

/* --- written down ------------------------------------------------------------------------------ */

static void put_time(struct json_object *o, const char *key, const struct timespec *at)
{
	struct json_object *pair = json_object_new_array();

	json_object_array_add(pair, json_object_new_int64(at->tv_sec));
	json_object_array_add(pair, json_object_new_int64(at->tv_nsec));
	json_object_object_add(o, key, pair);
}

static struct timespec read_time(struct json_object *o, const char *key)
{
	struct json_object *pair = json_member(o, key);

	if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2)
		return (struct timespec){ 0 };
	return (struct timespec){ .tv_sec = json_object_get_int64(json_object_array_get_idx(pair, 0)),
		.tv_nsec = (long)json_object_get_int64(json_object_array_get_idx(pair, 1)) };
}

static char *to_hex(const char *data, size_t len)
{
	char *hex = xcalloc(len * 2 + 1, 1);

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned int)(unsigned char)data[i]);
	return hex;
}

static struct json_object *xattrs_json(const struct top *t)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < t->n_xattrs; i++) {
		char *hex CLEANUP(freep) = to_hex(t->xattrs[i].value, t->xattrs[i].len);
		char *name CLEANUP(freep) = text_quote(t->xattrs[i].name);
		json_put_text(o, name, hex);
	}
	return o;
}

static struct json_object *top_json(const struct top *t)
{
	struct json_object *o = json_object_new_object();
	char *path CLEANUP(freep) = text_quote(t->path);

	json_put_text(o, "path", path);
	json_put_number(o, "uid", t->st.st_uid);
	json_put_number(o, "gid", t->st.st_gid);
	json_put_number(o, "mode", t->st.st_mode & 07777);
	put_time(o, "atime", &t->st.st_atim);
	put_time(o, "mtime", &t->st.st_mtim);
	json_object_object_add(o, "xattrs", xattrs_json(t));
	return o;
}

int tops_save(const struct tops *t, const char *marker)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object(), *list = json_object_new_array();
	struct fault f = { 0 };

	json_put_flag(o, "emptied", t->emptied);
	for (size_t i = 0; i < t->n; i++)
		json_object_array_add(list, top_json(&t->v[i]));
	json_object_object_add(o, "directories", list);
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	return file_replace(marker, text, strlen(text), 0600, &f) < 0 ? place_refuse("%s", f.text) : 0;
}

static void read_xattrs(struct top *t, struct json_object *o)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, name, value) {
		const char *hex = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
		size_t len = strlen(hex) / 2;
		char *bytes = xcalloc(len + 1, 1);
		for (size_t i = 0; i < len; i++) {
			char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
			bytes[i] = (char)strtoul(two, NULL, 16);
		}
		GROW(t->xattrs, t->n_xattrs);
		t->xattrs[t->n_xattrs++] = (struct top_xattr){ .name = text_unquote(name), .value = bytes, .len = len };
	}
}

int tops_load(const char *marker, struct tops *ret)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	int r = file_read(marker, MARKER_MAX, &text);
	struct json_object *o CLEANUP(json_putp) = r == 0 && text.data ? json_parse(text.data, text.len) : NULL;
	struct json_object *list = json_member(o, "directories");

	*ret = (struct tops){ .emptied = json_flag(o, "emptied", false) };
	if (r < 0)
		return r;
	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		GROW(ret->v, ret->n);
		struct top *t = &ret->v[ret->n++];
		t->path = text_unquote(json_text(one, "path") ? json_text(one, "path") : "");
		t->st.st_uid = (uid_t)json_number(one, "uid", 0);
		t->st.st_gid = (gid_t)json_number(one, "gid", 0);
		t->st.st_mode = (mode_t)json_number(one, "mode", 0700);
		t->st.st_atim = read_time(one, "atime");
		t->st.st_mtim = read_time(one, "mtime");
		read_xattrs(t, json_member(one, "xattrs"));
	}
	return 0;
}
