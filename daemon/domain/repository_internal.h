/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_REPOSITORY_INTERNAL_H
#define KD_DOMAIN_REPOSITORY_INTERNAL_H

#include "daemon/domain/repository.h"

/* Shared by repository.c, repository_snapshots.c and repository_init.c only. */
struct repository {
	struct loop *loop;
	const struct conf *conf;
	char *program;      /* NULL: no kopia was found */
	int version;        /* 0: not asked yet */
	char *config_file, *cache_dir, *log_dir, *identity_file;
	char *name;
	char *identity, *unique_id; /* of identity.json; NULL before init */
	int64_t since_ms;           /* of the same: when init wrote it; 0: unknown */
	size_t calls;
};

/* One story of one or more children, ended by repository_call_over(). */
struct call {
	struct repository *r;
	struct strv argv;   /* of the child to run next */
	struct strv words;  /* a call's own strings (ids, targets) */
	struct strv keep;
	size_t next;
	char *backup_id, *unit, *temp_config, *temp_cache;
	bool created, flag;
	struct json_object *policies;
	struct kopia_status status;
	repository_done_fn *done;
	repository_status_fn *on_status;
	repository_list_fn *on_list;
	repository_init_fn *on_init;
	repository_text_fn *on_text;
	void *arg;
};

struct call *repository_call_new(struct repository *r, void *arg);
/* Run c->argv with kopia's environment (${config}: another config file, NULL: ours). */
void repository_run(struct call *c, unsigned int deadline_ms, child_done_fn *done);
/* Answer whoever asked, with what the kind of call wants, and free. */
void repository_call_over(struct call *c, const struct fault *f);
void repository_place(const struct repository *r, struct kopia_place *ret);
/* FAULT_REPOSITORY: no kopia. Sets up nothing. */
int repository_have_kopia(const struct repository *r, struct fault *f) WARN_UNUSED;
int repository_check_version(struct repository *r, const char *text, struct fault *f) WARN_UNUSED;
void repository_load_identity(struct repository *r);

#define REPOSITORY_DEADLINE_MS      120000

#endif
