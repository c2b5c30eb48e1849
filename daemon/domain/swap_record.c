/* SPDX-License-Identifier: MIT */
/* The records of restores: one small file each in our own state directory. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/swap.h"

#define RECORD_MAX ((size_t)16 << 20)

char *swaps_path(const struct conf *c, const char *id)
{
	char *dir CLEANUP(freep) = path_restores(c);

	return xasprintf("%s/%s.json", dir, id);
}

struct save {
	char *dir, *path, *text;
	struct fault fault;
	swapper_done_fn *done;
	void *arg;
};

static int save_work(void *arg)
{
	struct save *s = arg;
	int r = dir_make(s->dir, 0700, &s->fault);

	return r < 0 ? r : file_replace(s->path, s->text, strlen(s->text), 0600, &s->fault);
}

static void on_saved(void *arg, int result)
{
	struct save *s = arg;

	s->done(s->arg, result < 0 ? &s->fault : NULL);
	free(s->dir);
	free(s->path);
	free(s->text);
	free(s);
}

void swaps_save(const struct context *ctx, const struct swaps *s, swapper_done_fn *done, void *arg)
{
	struct save *save = xcalloc(1, sizeof(*save));
	struct json_object *o CLEANUP(json_putp) = swaps_json(s);

	save->dir = path_restores(ctx->conf);
	save->path = swaps_path(ctx->conf, s->id);
	save->text = json_write(o, JSON_C_TO_STRING_PRETTY, NULL);
	save->done = done;
	save->arg = arg;
	loop_work(ctx->loop, save_work, on_saved, save);
}

int swaps_load(const char *path, struct swaps *ret, struct fault *f)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	int r = file_read(path, RECORD_MAX, &text);

	if (r < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot read %s", path);
	r = swaps_parse(text.data ? text.data : "", text.len, ret);
	return r < 0 ? fault_set(f, FAULT_FAILED, r, "%s is no record of a restore", path) : 0;
}

void swaps_list(const struct conf *c, struct strv *ret)
{
	char *dir CLEANUP(freep) = path_restores(c);
	DIR *d = opendir(dir);
	struct dirent *e;
	int64_t ms;

	while (d && (e = readdir(d))) {
		char *id CLEANUP(freep) = xstrdup(e->d_name);
		if (!ends_with(id, ".json"))
			continue;
		id[strlen(id) - strlen(".json")] = '\0';
		if (restore_id_time(id, &ms) == 0)
			strv_add(ret, id);
	}
	if (d)
		closedir(d);
	strv_sort_unique(ret);
}

static void add_place(const char *path, const char *name, struct strv *ret)
{
	const char *at = path ? strstr(path, name) : NULL;

	if (at)
		strv_take(ret, xstrndup(path, (size_t)(at - path) + strlen(name) - 1));
}

void swaps_places(const struct conf *c, struct strv *ret)
{
	struct strv ids CLEANUP(strv_done) = { 0 };

	swaps_list(c, &ids);
	for (size_t i = 0; i < ids.n; i++) {
		char *path CLEANUP(freep) = swaps_path(c, ids.v[i]);
		struct swaps s;
		if (swaps_load(path, &s, NULL) < 0)
			continue;
		for (size_t j = 0; j < s.n; j++) {
			add_place(s.v[j].kept, "/.kopi-docka-kept/", ret);
			add_place(s.v[j].staged, "/.kopi-docka-staging/", ret);
		}
		swaps_done(&s);
	}
	strv_sort_unique(ret);
}
