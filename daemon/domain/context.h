/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_CONTEXT_H
#define KD_DOMAIN_CONTEXT_H

#include "daemon/domain/capacity.h"
#include "daemon/domain/docker.h"
#include "daemon/domain/events.h"
#include "daemon/domain/ledger.h"
#include "daemon/domain/repository.h"

/* What every operation works with. One of it, the daemon's; borrowed by all. */
struct context {
	struct loop *loop;
	const struct conf *conf;
	struct docker *docker;
	struct repository *repository;
	struct ledger *ledger;
	struct rates *rates;
	struct events *events; /* NULL: nobody listens */
};

#endif
