/* SPDX-License-Identifier: MIT */
/*
 * GNU tar's command lines. ACLs travel as the xattrs they are, by number: --acls would
 * store ids as this host's names. A single file is read through its descriptor (-h: that is
 * a link in /proc) and gets its name by --transform.
 */
#include "daemon/pure/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define TAR "/bin/tar"

static void add_excludes(const struct strv *excludes, struct strv *argv)
{
	for (size_t i = 0; excludes && i < excludes->n; i++)
		strv_addf(argv, "--exclude=%s", excludes->v[i]);
}

/* "s/3$/NAME/": only a backslash and & mean something in there; a name has no slash. */
static void add_file(const char *path, struct strv *argv)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	const char *slash = strrchr(path, '/');

	for (const char *p = slash ? slash + 1 : path; *p; p++)
		buf_printf(&b, "%s%c", *p == '\\' || *p == '&' ? "\\" : "", *p);
	strv_add(argv, "-h");
	strv_addf(argv, "--transform=s/3$/%s/", b.data ? b.data : "");
	strv_add(argv, "./3");
}

void tar_argv_create(const struct tar_read *o, struct strv *argv)
{
	static const char *const fixed[] = { TAR, "-cf", "-", "--no-unquote", "--totals", "--numeric-owner", "--one-file-system",
	 "--sort=name", "--sparse", "--format=posix",
		"--pax-option=delete=atime,delete=ctime" };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
	if (!o->no_xattrs) {
		strv_add(argv, "--xattrs");
		strv_add(argv, "--xattrs-include=*");
	}
	if (o->clamp_mtime) {
		strv_add(argv, "--mtime=@0");
		strv_add(argv, "--clamp-mtime");
	}
	if (o->file) {
		add_file(o->file, argv);
		return;
	}
	/* What restores have kept in an item is not the item's; somebody else's directory of that name is. */
	if (o->ours && o->ours->n) {
		strv_add(argv, "--anchored");
		strv_add(argv, "--no-wildcards");
		add_excludes(o->ours, argv);
		strv_add(argv, "--wildcards");
		strv_add(argv, "--no-anchored");
	}
	add_excludes(o->excludes, argv);
	strv_add(argv, ".");
}

/* The directories above the paths, so that one that is missing comes with its own attributes. */
static void add_parents(const struct strv *paths, struct strv *argv)
{
	struct strv parents CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < paths->n; i++)
		for (const char *slash = strchr(paths->v[i], '/'); slash; slash = strchr(slash + 1, '/'))
			strv_addf(&parents, "./%.*s", (int)(slash - paths->v[i]), paths->v[i]);
	strv_sort_unique(&parents);
	strv_copy(argv, &parents);
}

void tar_argv_extract(const struct tar_extract *o, struct strv *argv)
{
	const struct strv *paths = o ? o->paths : NULL;
	static const char *const fixed[] = { TAR, "-xpf", "-", "--no-unquote", "--numeric-owner", "--xattrs", "--xattrs-include=*",
		"--delay-directory-restore", "--warning=no-timestamp" }; /* a clock that was wrong once is no fault */

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
	if (o && o->keep_old)
		strv_add(argv, "--skip-old-files");
	for (size_t i = 0; o && o->without && i < o->without->n; i++) {
		if (i == 0) {
			strv_add(argv, "--anchored");
			strv_add(argv, "--no-wildcards");
		}
		strv_addf(argv, "--exclude=./%s", o->without->v[i]);
	}
	if (!paths || !paths->n)
		return;
	strv_add(argv, "--no-unquote");
	strv_add(argv, "--no-recursion");
	add_parents(paths, argv);
	strv_add(argv, "--recursion");
	for (size_t i = 0; i < paths->n; i++)
		strv_addf(argv, "./%s", paths->v[i]);
}

void tar_argv_list(struct strv *argv)
{
	static const char *const fixed[] = { TAR, "-tvf", "-", "--full-time", "--numeric-owner", "--quoting-style=c" };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
}

char *tar_path(const char *asked, struct fault *f)
{
	struct buf b = { 0 };

	for (const char *p = asked; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			buf_done(&b);
			fault_set(f, FAULT_FAILED, -EINVAL, "path '%s' leads out of the item", asked);
			fault_advise(f, "paths are those in the item, as kopi-docka ls shows them");
			return NULL;
		}
		if (len > 0 && !(len == 1 && *p == '.'))
			buf_printf(&b, "%s%.*s", b.len ? "/" : "", (int)len, p);
		p += len + (p[len] == '/');
	}
	return buf_steal(&b);
}

void tar_environment(struct strv *env)
{
	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(env, "LC_ALL=C");
	strv_add(env, "TZ=UTC");
}

#define TOTALS "Total bytes written: "

static int judge_line(const char *line, size_t len, int64_t *bytes, struct strv *notes, struct fault *f)
{
	static const char ignored[] = ": socket ignored";
	size_t tail = sizeof(ignored) - 1;

	if (len == 0)
		return 0;
	if (len > strlen(TOTALS) && strncmp(line, TOTALS, strlen(TOTALS)) == 0) {
		*bytes = strtoll(line + strlen(TOTALS), NULL, 10);
		return 0;
	}
	if (len > tail && strncmp(line + len - tail, ignored, tail) == 0) {
		char *note = xstrndup(line, len);
		strv_take(notes, note);
		return 0;
	}
	return fault_set(f, FAULT_FAILED, -EIO, "tar said: %.*s", (int)(len > 300 ? 300 : len), line);
}

int tar_judge(const char *err, int64_t *ret_bytes, struct strv *notes, struct fault *f)
{
	int64_t bytes = -1;

	for (const char *line = err; *line;) {
		size_t len = strcspn(line, "\n");
		int r = judge_line(line, len, &bytes, notes, f);
		if (r < 0)
			return r;
		line += len + (line[len] == '\n');
	}
	if (bytes < 0)
		return fault_set(f, FAULT_FAILED, -EIO, "tar did not say how much it wrote");
	*ret_bytes = bytes;
	return 0;
}
