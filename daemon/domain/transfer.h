/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_TRANSFER_H
#define KD_DOMAIN_TRANSFER_H

#include "daemon/domain/repository.h"
#include "daemon/mech/pipeline.h"
#include "daemon/pure/plan.h"
#include "daemon/pure/tar.h"

/*
 * One item's way into the repository, in the three stages every method has:
 * prepare (before the window), read (in it), upload (after it). A stage answers
 * once through ${done}; t->fault says whether it went well. A transfer that failed
 * takes no further stage but may be freed as soon as transfer_idle().
 */
struct transfer;
typedef void transfer_done_fn(void *arg, struct transfer *t);

struct transfer_options {
	struct loop *loop;
	const struct conf *conf;
	struct repository *repository;
	const char *path;       /* what tar reads */
	bool is_file, no_xattrs;
	int64_t device, inode;  /* what ${path} must lead to; inode 0: whichever */
	bool exclude;           /* exclude_patterns apply (items; never the recipe) */
	const struct strv *unit_excludes; /* borrowed, may be NULL */
	const struct strv *ours; /* what restores keep in it (tar.h); borrowed, may be NULL */
	int64_t reserve_bytes;  /* what the archive may take: tar_bytes of measuring */
	int64_t measured_bytes; /* what was found to archive, without tar's own; 0: not known, or patterns leave some of it out */
	struct kopia_create create; /* borrowed copied */
	void *arg;
};

struct method;
struct transfer {
	struct transfer_options o;  /* its strings are the owned copies below */
	char *path, *source, *file; /* owned */
	const struct method *method;
	transfer_done_fn *done;     /* of the stage under way, NULL between stages */
	transfer_done_fn *after_prepare; /* of a read that has to prepare first */
	const char *place;          /* where it is read while its mount is held, NULL: at path. Borrowed */
	struct pipeline *pipeline;  /* stream */
	struct child *child;        /* spool: tar, later kopia */
	int spool_fd;               /* spool: -1 none */
	int64_t bytes;              /* what tar wrote, once it ended; -1 before */
	int64_t uploaded;           /* last known progress of the upload */
	struct kopia_created created;
	bool prepared, read, accepted, aborted;
	uint64_t read_begin, read_end; /* loop time */
	struct strv notes;          /* sockets left out */
	struct fault fault;
};

struct transfer *transfer_new(const struct transfer_options *o, const struct method *m);
void transfer_free(struct transfer *t); /* only when idle */
bool transfer_idle(const struct transfer *t);
void transfer_prepare(struct transfer *t, transfer_done_fn *done);
/* Prepares first where that was not done. */
void transfer_read(struct transfer *t, transfer_done_fn *done);
void transfer_upload(struct transfer *t, transfer_done_fn *done);
/* End it now: nothing of it will be in the repository, or transfer_free tells it was accepted. */
void transfer_abort(struct transfer *t, const struct fault *why);
/* Bytes read so far, and a figure that moves as long as anything does (for the stall watch). */
int64_t transfer_bytes(const struct transfer *t);
int64_t transfer_motion(const struct transfer *t);

/* For methods: the running stage is over; the first fault counts. */
void transfer_stage_over(struct transfer *t, const struct fault *f);
/* For methods: tar on this transfer's item, as far as all methods share it. ${argv} and ${env} are filled and must
 * outlive the child's start. */
void transfer_tar(const struct transfer *t, struct strv *argv, struct strv *env, struct child_options *ret);
/* For methods: tar ended as ${r} says; its count into ${ret_bytes}, or the fault, with what it said of which file. */
int transfer_judge_tar(struct transfer *t, const struct child_result *r, int64_t *ret_bytes, struct fault *f) WARN_UNUSED;
/* For methods: kopia ended; parse and accept (kopia_accept), fill created or fault. */
int transfer_accept(struct transfer *t, const struct child_result *kopia, struct fault *f) WARN_UNUSED;

#endif
