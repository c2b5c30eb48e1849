/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_LOG_H
#define KD_COMMON_LOG_H

#include "common/fault.h"

/*
 * Structured logs: to the journal when our stderr is connected to it
 * (JOURNAL_STREAM), else one readable line on stderr. Lower case, no full
 * stop, cause last. Never blocks: what the journal does not take is counted.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Operator-visible events: each has a MESSAGE_ID and an entry in the catalog. */
enum log_event_id {
	EV_NONE,
	EV_STARTED,
	EV_STOPPING,
	EV_RUN_STARTED,
	EV_RUN_FINISHED,
	EV_RUN_FAILED,
	EV_UNIT_STOPPED,
	EV_UNIT_STARTED,
	EV_UNIT_FAILED,
	EV_NOT_RESTARTED, /* a container of ours is still down: the alarm */
	EV_RECOVERED,
	EV_RESTORED,
	EV_CONF_WARNING,
	EV_RELOADED,
	EV_ITEM_READ,
	EV_ITEM_SAVED,
	EV_ITEM_FAILED,
	EV_MAINTENANCE_FAILED,
	EV_AFTER_FAILED, /* a stage after a run: retention, history, … */
	LOG_EVENTS
};

/* Fields of one message; NULL fields are left out. */
struct log_fields {
	const char *unit;
	const char *volume;      /* an item's id: volume:NAME, bind:/path, anon:SERVICE:/destination */
	const char *backup_id;
	const char *backup_type; /* volume, bind, anon */
	const char *container;
};

void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
/* KOPI_DOCKA_JOB of every message from now on; 0: no job. One runs at a time. */
void log_set_job(unsigned int number);
/* A connected datagram socket instead of journald's, taken: for tests. -1: stderr. */
void log_to(int fd);
int log_level_parse(const char *name, enum log_level *ret) WARN_UNUSED; /* ERROR WARNING INFO DEBUG */
void log_msg(enum log_level level, const char *fmt, ...) PRINTF(2, 3);
void log_event(enum log_level level, enum log_event_id id, const struct log_fields *fields,
	const char *fmt, ...) PRINTF(4, 5);
const char *log_event_message_id(enum log_event_id id); /* 32 hex digits */
uint64_t log_dropped(void); /* messages nobody took */

#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
