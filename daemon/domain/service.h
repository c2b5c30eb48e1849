/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_SERVICE_H
#define KD_DOMAIN_SERVICE_H

#include "daemon/domain/docker.h"
#include "daemon/domain/ledger.h"
#include "daemon/pure/plan.h"

/*
 * The containers that one operation stops and starts again: law 1 in one place.
 * A backup, a restore and the recovery all use it. The ledger entry of a member is
 * closed when its start is confirmed, or when someone else's act has settled it
 * (who acts meanwhile wins); what is still open when this object ends is recover's.
 */
enum member_state {
	MEMBER_UNTOUCHED, /* runs, or was never ours to stop */
	MEMBER_STOPPING,  /* a stop was sent and its outcome is not known: ours */
	MEMBER_STOPPED,   /* ours, confirmed */
	MEMBER_NOT_OURS,  /* someone else stopped it before us: stays down */
	MEMBER_STARTED,   /* runs again, confirmed */
	MEMBER_LEFT,      /* someone else started or recreated it: left as it is */
	MEMBER_GONE,      /* someone else removed it */
	MEMBER_LINGERING, /* still the same run: a stop may be in flight; entry stays open */
	MEMBER_FAILED     /* would not start; entry stays open */
};

struct service_member {
	struct service *service; /* borrowed: its owner */
	char *id, *name, *compose_service, *started_at, *inspect;
	size_t level;
	int grace_s;
	bool paused, has_healthcheck, was_healthy, gates_health; /* a service_healthy edge leads here */
	int64_t health_deadline_ms;
	enum member_state state;
	int restart_count;
	bool start_sent;   /* from then on a changed StartedAt may be our own doing */
	bool killed;       /* the engine had to use SIGKILL */
	bool unanswered;   /* the engine did not answer the stop in its time: an inspect said how it is */
	bool unhealthy;    /* after the start */
	bool still_unhealthy; /* it was before, and was not seen healthy since: no problem of ours, but not "up" either */
	bool owed;         /* stopped before for the same, or a second turn: if it is down, it is ours to start */
	bool over;         /* not ours any more: no second turn */
	char *problem;     /* one sentence, NULL */
	unsigned int tries;
	uint64_t deadline; /* of what is going on, loop time */
	struct timer *timer;
	char *new_started_at;
};

struct service_options {
	struct loop *loop;
	struct docker *docker;
	struct ledger *ledger;
	const char *unit;
	const char *state_directory; /* where the inspect of a removed container is kept */
	int stop_timeout_s, start_timeout_s;
};

typedef void service_done_fn(void *arg, const struct fault *f); /* NULL: all as wanted */

/* From a plan: the members with stop set. Copies everything. */
struct service *service_from_unit(const struct service_options *o, const struct unit *u);
/* From the ledger's open entries of one unit, after a crash. */
struct service *service_from_ledger(const struct service_options *o, const struct ledger_entry *v, size_t n);
void service_free(struct service *s); /* only when nothing is under way */

/* Make the entries durable. Nothing may be stopped before ${done} said NULL. */
void service_record(struct service *s, service_done_fn *done, void *arg);
/* Highest level first, the members of a level in parallel. Stops going down at the first failure. */
void service_stop(struct service *s, service_done_fn *done, void *arg);
void service_cancel_stop(struct service *s);
/* All are down since we stopped them, none was started meanwhile: law 4's half about our own. */
void service_prove(struct service *s, service_done_fn *done, void *arg);
/* Lowest level first; only what we stopped. Every member is tried, whatever happens to another. */
void service_start(struct service *s, service_done_fn *done, void *arg);
/* Wait until what was started is healthy, or has run a moment where there is no healthcheck. */
void service_healthy(struct service *s, service_done_fn *done, void *arg);

void service_cancel_healthy(struct service *s); /* hurry it: who is not unhealthy yet passes */
/*
 * After a crash: those of ${started} count as started by us, the others are not looked at, and the health of
 * those in ${unhealthy} is not asked for; none is waited for longer than ${max_ms}. Then service_healthy().
 */
void service_adopt(struct service *s, const struct strv *started, const struct strv *unhealthy, int64_t max_ms);
/* For a second turn of record, stop and start with the same members, as they run now. */
void service_renew(struct service *s);

const struct service_member *service_members(const struct service *s, size_t *ret_n);
/* From the first stop to now, or to the last confirmed start; 0: nothing was stopped. */
int64_t service_window_ms(const struct service *s);

#endif
