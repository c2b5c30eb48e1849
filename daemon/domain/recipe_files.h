/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RECIPE_FILES_H
#define KD_DOMAIN_RECIPE_FILES_H

#include "daemon/domain/context.h"
#include "daemon/pure/compose.h"
#include "daemon/pure/plan.h"

/*
 * The user's files of a compose project, copied below DIRECTORY/compose under their own paths:
 * the compose files of the labels, their env files, .env, and what compose files name in
 * turn (include, extends, env_file, label_file, configs, secrets). Values of env files are
 * redacted as in inspects, secret files are only looked at, unless recipe.secrets. A path that is
 * not on the host is looked for in the volumes and binds of whichever container has it: a
 * manager's compose files lie in its own volume.
 */
struct recipe_files;

struct recipe_file {
	enum compose_kind kind;
	char *path, *by;   /* by: who names it */
	char *found_in;    /* "volume X of container Y", NULL: on the host itself */
	bool saved;
	char *reason;      /* not saved: why */
	char *mode;        /* "0644", NULL unknown */
	int64_t size;      /* -1 unknown */
	bool redacted;
};

struct recipe_files_options {
	const struct context *ctx;
	const struct unit *unit;     /* borrowed until recipe_files_free(), as all here */
	const struct inventory *inv;
	const char *directory;
};

/* Called once, never from inside. What cannot be had is no failure: it is in the list and the warnings. */
typedef void recipe_files_done_fn(void *arg);
struct recipe_files *recipe_files_start(const struct recipe_files_options *o, recipe_files_done_fn *done, void *arg);
const struct recipe_file *recipe_files_list(const struct recipe_files *r, size_t *ret_n);
const struct strv *recipe_files_warnings(const struct recipe_files *r); /* what the run must say */
const struct strv *recipe_files_notes(const struct recipe_files *r);    /* what RESTORE.md must say beside the list */
const struct strv *recipe_files_redacted(const struct recipe_files *r); /* "NAME in FILE" */
/* [{path, kind, named_by, found_in, saved, reason, size, mode, redacted}]. Caller's. */
struct json_object *recipe_files_json(const struct recipe_files *r);
/* Only after done. NULL is fine. */
void recipe_files_free(struct recipe_files *r);

#endif
