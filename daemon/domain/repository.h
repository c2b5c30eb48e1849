/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_REPOSITORY_H
#define KD_DOMAIN_REPOSITORY_H

#include "daemon/mech/child.h"
#include "daemon/pure/ownership.h"

/*
 * The kopia repository: is it there, is it the one we know, what is in it.
 * Every call answers exactly once, on the loop, never from inside the call;
 * ${f} is NULL on success. One kopia process per call; calls may run in parallel.
 */
struct repository;

/* ${c} is borrowed and must outlive it (a reload makes a new repository). Finds kopia and tells
 * nothing yet: a missing or old kopia is the fault of the first call. */
struct repository *repository_new(struct loop *l, const struct conf *c);
void repository_free(struct repository *r); /* only when no call is open */
size_t repository_open_calls(const struct repository *r);

typedef void repository_done_fn(void *arg, const struct fault *f);

/*
 * Create or connect: idempotent; wrong password, foreign repository,
 * directory not mounted each its own fault; no half-made state (connects into a temporary
 * config file, renames). Fixes identity and unique id in identity.json. An identity in which another machine
 * is found is refused, unless ${wish} says what is meant (ownership_claim). ${res} is borrowed, NULL with a fault.
 */
struct repository_wish {
	bool adopt, new_identity;
	bool reconnect;   /* also to another repository than the one this host knows */
	const char *host; /* with adopt; copied; NULL */
};
struct repository_initialised {
	bool created;
	bool renewed; /* under another identity than before, or with another repository */
	struct json_object *hosts; /* who has restore points there: ownership_hosts() */
};
typedef void repository_init_fn(void *arg, const struct fault *f, const struct repository_initialised *res);
void repository_init(struct repository *r, const struct repository_wish *wish, repository_init_fn *done, void *arg);

/*
 * Before a run and before finish: kopia there and new enough, kopia.repository.f of a
 * filesystem repository there (a child looks, not we), the unique id and device are the
 * known ones, the repository answers, and nobody else writes under our identity (ownership.h; a good
 * answer holds for some minutes). ${status} is borrowed, NULL on failure.
 */
typedef void repository_status_fn(void *arg, const struct fault *f, const struct kopia_status *status);
void repository_check(struct repository *r, repository_status_fn *done, void *arg);
/* The same, whoever writes there: for who only reads, or names whose points are meant. */
void repository_reach(struct repository *r, repository_status_fn *done, void *arg);
/* With a list at hand: may we act as our identity? The fault says who else is there. */
int repository_owned(struct repository *r, const struct kopia_snapshot *v, size_t n, struct fault *f) WARN_UNUSED;
/* Cheap part only: no kopia process, just stat by child. */
void repository_still_there(struct repository *r, repository_done_fn *done, void *arg);

/* Nobody wants what was asked with ${arg} any more, and it only reads: its child is ended. It is answered all the same. */
void repository_give_up(struct repository *r, const void *arg);

/* All snapshots, or those with tag KEY:VALUE (NULL: all). ${v} is borrowed. */
typedef void repository_list_fn(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n);
void repository_list(struct repository *r, const char *tag, repository_list_fn *done, void *arg);
/* Delete by tag backup_id (and unit if not NULL): lists, deletes, lists again until none is left. */
void repository_delete_run(struct repository *r, const char *backup_id, const char *unit,
	repository_done_fn *done, void *arg);
/* Delete the snapshots of this run and unit whose root object is not in ${objects}. */
void repository_keep_only(struct repository *r, const char *backup_id, const char *unit,
	const struct strv *objects, repository_done_fn *done, void *arg);
/* All policies as kopia policy list --json tells them; ${text} is borrowed, NULL on failure. */
typedef void repository_text_fn(void *arg, const struct fault *f, const char *text, size_t len);
void repository_policy_list(struct repository *r, repository_text_fn *done, void *arg);
/* Delete the snapshots of these manifest ids with one kopia: all or none. */
void repository_delete(struct repository *r, const struct strv *ids, repository_done_fn *done, void *arg);
/* Retention and compression on recipes/UNIT, volumes/UNIT, binds/UNIT of every unit, set only on drift. */
void repository_policies(struct repository *r, const struct strv *units, repository_done_fn *done, void *arg);

/* For pipelines: argv and environment of snapshot create / show. Owned by ${r}'s caller (strv). */
void repository_create_command(struct repository *r, const struct kopia_create *o, struct strv *argv,
	struct strv *env);
void repository_show_command(struct repository *r, const char *object, const char *file,
	struct strv *argv, struct strv *env);
void repository_maintain_command(struct repository *r, bool full, struct strv *argv, struct strv *env);
void repository_maintenance_info_command(struct repository *r, struct strv *argv, struct strv *env);
/* What such a child of kopia's ended with; a child that did not answer at all included. */
void repository_explain(const struct repository *r, const struct child_result *c, struct fault *f);
/* user@host fixed at init; NULL before. Borrowed. */
const char *repository_identity(const struct repository *r);
/* What every snapshot of ours is tagged with; NULL: no such tag. Borrowed. */
const char *repository_machine(const struct repository *r);
const char *repository_instance(const struct repository *r);
/* The identity that another machine has, so that ours got a name of its own; NULL. Borrowed. */
const char *repository_instead_of(const struct repository *r);
/* Are there points that were made before on this machine, as it seems, and that nobody has claimed? */
bool repository_unclaimed(const struct repository *r);
enum owner repository_owner(const struct repository *r, const struct kopia_snapshot *s);
struct json_object *repository_hosts(const struct repository *r, const struct kopia_snapshot *v, size_t n); /* caller's */
/* When init fixed it, wall clock; 0: unknown. */
int64_t repository_since_ms(const struct repository *r);
/* kopia, as found or configured; NULL: there is none. Borrowed. */
const char *repository_program(const struct repository *r);
/* "0.23.1"; NULL before the first check, and for a build that has no number. Caller's. */
char *repository_kopia_version(const struct repository *r);
/* "filesystem:/backup/kopia-repo" for people. Borrowed. */
const char *repository_name(const struct repository *r);

#endif
