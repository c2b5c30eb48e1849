/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_USERS_H
#define KD_PURE_USERS_H

#include "daemon/pure/plan.h"

struct users_options {
	const struct inventory *inv;
	const struct units *units;   /* of ${inv}: for the order of starting */
	const struct strv *paths;    /* host paths whose data will be exchanged */
	const struct strv *measured; /* ids of those that have them mounted by whatever name; may be NULL */
	const struct strv *also;     /* ids that were stopped before for the same: they count as running; may be NULL */
	bool allow_autoremove;
};

/*
 * Who must stop so that data can be exchanged: every running or paused container, of any
 * unit, with a mount that is or lies in one of the paths (readers too: a mount keeps the old
 * directory) or that holds one and can be written to, and whoever lives in the namespaces of
 * one that stops. Nobody else.
 * ${ret}: members, levels and edges as of a unit; unit_done() it; borrows from inv.
 * Fault: one of them must not be stopped (removed by its stop, someone else's, ourselves).
 */
int users_find(const struct users_options *o, struct unit *ret, struct fault *f) WARN_UNUSED;

#endif
