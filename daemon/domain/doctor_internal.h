/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_DOCTOR_INTERNAL_H
#define KD_DOMAIN_DOCTOR_INTERNAL_H

#include "daemon/domain/doctor.h"
#include "daemon/mech/child.h"

/* Between doctor.c, which runs the table of checks, and doctor_*.c, which have them by theme. */
enum check_state { CHECK_OK, CHECK_WARNING, CHECK_FAILED, CHECK_UNKNOWN, CHECK_STATES };

/* One row of the table while it is looked at. It says one thing or several, then is over. */
struct check {
	const char *name;
	const struct doctor_options *o;
	struct doctor *doctor;
	struct json_object *rows; /* owned by the doctor */
	void *data;               /* the check's own, released by it before check_over() */
};

typedef void check_fn(struct check *c);

/* ${advice} NULL: nothing to do. ${name} NULL: the check's. */
void check_say(struct check *c, const char *name, enum check_state s, const char *advice, const char *detail, ...)
	PRINTF(5, 6);
void check_say_fault(struct check *c, const char *name, const struct fault *f);
/* Last call of a check, from inside its start or later. */
void check_over(struct check *c);
/* A child with a deadline of 20 s; ${done} gets the check. Output up to 64 MiB. */
void check_run(struct check *c, const char *const *argv, const char *const *env, child_done_fn *done);
/* check_say() with what a child ended with. */
void check_say_child(struct check *c, const char *name, const char *what, const struct child_result *r,
	const char *advice);

/* doctor_host.c: what needs no engine and no repository */
check_fn check_configuration, check_password, check_helpers, check_tar, check_openssl, check_kopia, check_lock;
/* doctor_engine.c */
check_fn check_engine, check_containers;
/* doctor_known.c */
check_fn check_missing_units;
/* doctor_storage.c: directories, each by a child; the check's name says which */
check_fn check_place;
/* doctor_repository.c */
check_fn check_repository, check_identity, check_policies, check_retention, check_maintenance;
/* doctor_bundle.c */
check_fn check_bundle;
/* doctor_service.c: units, schedule, what past runs left */
check_fn check_units, check_schedule, check_ledger, check_last_run, check_old_copies, check_run_clock;

#endif
