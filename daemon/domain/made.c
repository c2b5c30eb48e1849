/* SPDX-License-Identifier: MIT */
/* A few thousand short lines, replaced whole: what is older than the first is not asked for any more. */
#include "daemon/domain/made.h"

#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/paths.h"

#define KEPT     5000
#define FILE_MAX ((size_t)1 << 20)

struct note {
	char *path, *text;
	struct fault fault;
	made_fn *done;
	void *arg;
};

void made_list(const struct conf *c, struct strv *ret)
{
	char *path CLEANUP(freep) = path_made(c);
	struct buf text CLEANUP(buf_done) = { 0 };

	if (file_read(path, FILE_MAX, &text) < 0 || !text.len)
		return;
	for (const char *line = text.data; *line;) {
		size_t len = strcspn(line, "\n");
		if (len)
			strv_take(ret, xstrndup(line, len));
		line += len + (line[len] == '\n');
	}
	strv_sort_unique(ret);
}

static int write_note(void *arg)
{
	struct note *n = arg;

	return file_replace(n->path, n->text, strlen(n->text), 0600, &n->fault);
}

static void on_written(void *arg, int result)
{
	struct note *n = arg;

	n->done(n->arg, result < 0 ? &n->fault : NULL);
	free(n->path);
	free(n->text);
	free(n);
}

void made_note(struct loop *l, const struct conf *c, const char *backup_id, made_fn *done, void *arg)
{
	struct note *n = xcalloc(1, sizeof(*n));
	struct strv ids CLEANUP(strv_done) = { 0 };
	struct buf b = { 0 };

	made_list(c, &ids);
	strv_add(&ids, backup_id);
	for (size_t i = ids.n > KEPT ? ids.n - KEPT : 0; i < ids.n; i++)
		buf_printf(&b, "%s\n", ids.v[i]);
	*n = (struct note){ .path = path_made(c), .text = buf_steal(&b), .done = done, .arg = arg };
	loop_work(l, write_note, on_written, n);
}
