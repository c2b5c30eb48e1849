/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_DAEMON_H
#define KD_DOMAIN_DAEMON_H

#include "daemon/domain/context.h"
#include "daemon/domain/control.h"
#include "daemon/domain/queue.h"
#include "daemon/domain/recover.h"
#include "daemon/domain/schedule.h"
#include "daemon/mech/notify.h"

struct idle;
struct names;
struct reload;

/* The service as one object: what main sets up and runs. */
struct daemon {
	struct context ctx;
	struct conf *conf;        /* owned; ctx.conf is this one */
	struct conf *next_conf;   /* owned: a reload that waits for the running job */
	char *conf_path;          /* as given with --config, NULL */
	struct rates rates;
	struct recover *recover;
	struct queue *queue;
	struct schedule *schedule;
	struct control *control;
	struct names *names;
	struct reload *reload;
	struct numbers *numbers;  /* of jobs */
	struct notify *notify;
	struct signal_watch *signals[5];
	struct timer *stop_watch; /* looks whether all is over, once stopping began */
	struct timer *forget;     /* a few times a day */
	uint64_t forget_at, upkeep_at; /* not before, loop time */
	struct idle *idle;        /* --idle-exit, NULL */
	int lock_fd, state_fd, report_fd;   /* report_fd: who detached us waits for it, -1 */
	bool stopping, recover_only, retired;
	bool looked_back, looking_back; /* at what a dead daemon had under way */
	const struct daemon_options *options; /* as it was started */
	uint64_t more_time_at;    /* when systemd is asked again, once stopping began */
	int64_t started_ms;
	char *engine;             /* last known, for Status; NULL */
	char *last_phase;         /* of the running job; NULL */
	int exit_status;
};

struct daemon_options {
	const char *config; /* NULL: search order */
	bool recover_only;  /* --recover: reconcile the ledger and end */
	unsigned int idle_exit_s; /* --idle-exit, 0: never */
	bool no_schedule;   /* --no-schedule: it is there for a call only */
	unsigned int interval_minutes; /* --interval-minutes, 0: as configured */
	int report_fd;      /* detach()'s, -1 */
};

/* Sets up, runs until stopped, tears down. Returns the process's exit status. */
int daemon_main(const struct daemon_options *o);

/* For the methods. */
int daemon_reload(struct daemon *d, struct fault *f) WARN_UNUSED;
/* The configuration that waits, if one does and nothing is under way. */
void daemon_apply_conf(struct daemon *d);
extern const struct method_row daemon_methods[];
extern const size_t daemon_n_methods;
extern const struct operation operation_backup, operation_restore, operation_init, operation_maintain;
extern const struct operation operation_retention, operation_bundle;
/* What restores have kept for restore.kept_days: removed by a job, at the start, after jobs, and a few times a day. */
void daemon_forget(struct daemon *d);
/* When all jobs are over: the repository's maintenance, if it is due. */
void daemon_upkeep(struct daemon *d);
/* Fail with the fields that the interface gives this error; those of NoSuchUnit and NoSuchItem are asked for first. */
void daemon_fail(struct request *r, const struct fault *f);
/* Replies of a call that became a job follow the job. */
struct job_listener daemon_listener(struct request *r);
void daemon_queue_job(struct request *r, const struct operation *op, struct json_object *parameters);
/* PlanRestore: what Restore with the same parameters would do. */
void daemon_plan_restore(struct request *r, struct json_object *parameters);

#endif
