/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_RESULT_H
#define KD_PURE_RESULT_H

#include <json-c/json.h>

#include "common/fault.h"

/* What a run did: the socket's RunResult and its parts, kept in history as the same JSON. */
enum run_state { RUN_OK, RUN_WARNINGS, RUN_FAILED, RUN_CANCELLED, RUN_INTERRUPTED, RUN_STATES };
enum unit_data { DATA_NONE, DATA_PARTIAL, DATA_COMPLETE };
enum unit_service { SERVICE_UNTOUCHED, SERVICE_UP, SERVICE_DEGRADED, SERVICE_DOWN };

struct item_result {
	char *id, *method, *object, *error, *note; /* note: what is to be known of it and is no warning */
	int cold; /* -1 unknown, 0, 1 */
	int64_t bytes, uploaded_bytes; /* -1 unknown */
	int64_t excluded_entries, excluded_bytes; /* by the admin's patterns; 0 none or unknown */
};

enum { PHASE_PREPARE, PHASE_STOP, PHASE_READ, PHASE_START, PHASE_HEALTHY, PHASE_UPLOAD, PHASE_FINISH, PHASES };

struct unit_result {
	char *unit;
	enum unit_data data;
	enum unit_service service;
	int64_t window_ms, forecast_window_ms; /* -1 unknown */
	int64_t phase_ms[PHASES];              /* -1 unknown */
	struct item_result *items;
	size_t n_items;
	struct strv restarted, not_restarted, warnings, errors;
};

struct run_result {
	char *backup_id;
	int64_t started_ms, finished_ms; /* wall clock; finished 0: not yet */
	enum run_state state;
	struct unit_result *units;
	size_t n_units;
	struct strv skipped;          /* "NAME: why": units that nobody should touch, as those of a swarm */
	struct strv warnings, errors; /* of what follows the units (aftermath) */
};

void unit_result_init(struct unit_result *u, const char *unit);
void unit_result_done(struct unit_result *u);
void run_result_done(struct run_result *r);
/* State from the units: errors → failed, warnings → warnings; keeps cancelled and interrupted. Warnings
 * and errors of the run itself → warnings at least: the data of the units is safe. */
enum run_state run_result_judge(const struct run_result *r);
struct json_object *run_result_json(const struct run_result *r); /* caller's */
struct json_object *unit_result_json(const struct unit_result *u);
/* The JSON as text: what history and report have. Caller's. */
char *run_result_text(const struct run_result *r);
/* Read it back (history). */
int run_result_parse(struct json_object *o, struct run_result *ret) WARN_UNUSED;
const char *run_state_name(enum run_state s);

/* Restore points from the repository's snapshots (kopia.h), newest first. */
struct kopia_snapshot;
struct point_item {
	char *id;            /* volume:NAME, bind:/path, anon:… */
	char *object, *file; /* for kopia show */
	int64_t size;
	int64_t data_bytes, entries; /* what was measured; -1 unknown */
	int64_t too_long;    /* paths in it that cannot be restored */
	bool is_file;
	char *kind; /* what a restore has to know: POINT_OWN, POINT_HOST, POINT_READ_ONLY; NULL: an older point, unknown */
};
/* Values of the items' tag "restore". */
#define POINT_OWN       "own"
#define POINT_HOST      "host"
#define POINT_READ_ONLY "read-only"
struct point {
	char *unit, *backup_id, *host; /* host: user@host */
	int64_t time_ms;
	bool complete;
	struct point_item *items;
	size_t n_items;
	int expected;        /* items the recipe counts, -1: no recipe */
	struct strv missing; /* ids the recipe names and that are not there */
	char *recipe_object, *recipe_file;
	int64_t size_bytes, window_ms; /* -1 unknown */
};
/* Group by (host, unit, backup_id); filters may be NULL, and host be user@host or host. Owned by the caller. */
void points_from_snapshots(const struct kopia_snapshot *v, size_t n, const char *unit, const char *host,
	struct point **ret, size_t *ret_n);
struct json_object *point_json(const struct point *p); /* type RestorePoint */
/* The one meant: backup_id or the newest complete. NULL if none. Borrowed from ${v}. */
const struct point *point_find(const struct point *v, size_t n, const char *unit, const char *backup_id);
/*
 * The same, and why there is none: the fault names who else has some of that unit, and how ${verb} (restore, ls) asks
 * for them. ${host}: as it was asked for, NULL: ${identity}'s. Names that are more than one host's are refused.
 */
struct point_question {
	const char *unit, *backup_id, *host, *identity, *verb;
};
const struct point *point_choose(const struct kopia_snapshot *s, size_t n_s, const struct point *v, size_t n,
	const struct point_question *q, struct fault *f);
void points_free(struct point *v, size_t n);

#endif
