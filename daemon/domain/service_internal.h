/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_SERVICE_INTERNAL_H
#define KD_DOMAIN_SERVICE_INTERNAL_H

#include "daemon/domain/service.h"

/* Shared by service.c, service_stop.c, service_start.c and service_health.c only. */
struct service {
	struct service_options o;  /* strings owned */
	char *unit, *state_directory;
	struct service_member *members;
	size_t n;
	size_t levels, level;      /* the level under way */
	size_t pending;            /* members whose answer is awaited */
	bool cancelled;
	uint64_t first_stop, last_start; /* loop time; 0 unknown */
	service_done_fn *done;
	void *arg;
	struct fault fault;        /* first failure of what is under way */
};

void service_begin(struct service *s, service_done_fn *done, void *arg);
void service_finish(struct service *s);
/* Remember why this member is not as it should be; also the operation's fault. */
void service_problem(struct service_member *m, const struct fault *f);
/* ${fn} with the member in ${ms}; one at a time: it replaces what was set before. */
void service_later(struct service_member *m, loop_fn *fn, unsigned int ms);
/* Close the member's ledger entry. */
void service_settle(struct service_member *m, enum member_state state, const char *why);

#endif
