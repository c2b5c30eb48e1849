/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RECIPE_FILES_INTERNAL_H
#define KD_DOMAIN_RECIPE_FILES_INTERNAL_H

#include "daemon/domain/recipe_files.h"

/* Shared by recipe_files.c (the rounds of copying) and recipe_digest.c (what is wanted, and what
 * the copies say) only. */
#define FILE_BYTES_MAX ((size_t)2 << 20)

enum wanted_state { WANTED, ASKED, SETTLED };

struct wanted {
	struct recipe_file file;
	char *directory;        /* of a compose file: what the paths in it are relative to */
	bool optional, named_by_label, variables;
	bool digested;
	enum wanted_state state;
	struct strv roots, rests, owners; /* where else it may lie: candidates, found once it is missing */
	size_t candidate;       /* 0: on the host; else roots[candidate - 1] */
};

struct recipe_files {
	struct recipe_files_options o;
	struct wanted *v;
	size_t n, hangs;
	struct recipe_file *list; /* of v, what there is to tell; borrows; made at the end */
	size_t n_list;
	struct strv variables, warnings, notes, redacted;
	recipe_files_done_fn *done;
	void *arg;
};

struct wanted *recipe_find_file(struct recipe_files *r, const char *path);
bool recipe_keeps_secrets(const struct recipe_files *r);
void recipe_want_first(struct recipe_files *r);
/* Fill roots, rests and owners of what is not on the host. */
void recipe_find_candidates(const struct recipe_files *r, struct wanted *w);
/* It will not be tried again; ${reason} says why it is not saved. */
void recipe_settle(struct wanted *w, const char *reason);
/* Read the new copies of this kind; compose files make r->v grow. */
void recipe_digest(struct recipe_files *r, enum compose_kind kind);

#endif
