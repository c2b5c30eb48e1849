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
	struct ownership own;       /* identity.json; without identity before init */
	int64_t since_ms;           /* of the same: when init wrote it; 0: unknown */
	char *machine;              /* this machine's id; NULL: it has none */
	uint64_t owned_at;          /* loop time: when nobody else was found in our identity; 0: ask */
	size_t calls;
	struct call *open; /* borrowed: each frees itself */
};

/* One story of one or more children, ended by repository_call_over(). */
struct call {
	struct repository *r;
	struct call *next_open;
	struct child *child; /* borrowed: the one that runs */
	struct strv argv;   /* of the child to run next */
	struct strv words;  /* a call's own strings (ids, targets) */
	struct strv keep;
	size_t next;
	char *backup_id, *unit, *temp_config, *temp_cache;
	bool created, renewed, flag, owner;
	bool unwanted; /* repository_give_up() */
	struct repository_wish wish; /* of init; its host is in words */
	struct json_object *policies, *hosts;
	struct ownership own; /* of init: as whom it goes on */
	char *connected_as;   /* of the same: user@host in the temporary config file */
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
int repository_save_identity(const struct repository *r, const struct ownership *o, struct fault *f) WARN_UNUSED;
char *repository_fresh_instance(void); /* caller's; NULL: no random numbers */
/* ${c} ends with whether somebody else is in our identity. */
void repository_ask_owner(struct call *c);

#define REPOSITORY_DEADLINE_MS      120000
#define REPOSITORY_OUT_MAX          ((size_t)256 << 20) /* the list of all snapshots of a large repository */

#endif
