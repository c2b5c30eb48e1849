/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_MEASURING_H
#define KD_DOMAIN_MEASURING_H

#include "daemon/domain/planner.h"

/*
 * kopi-docka-pack over the items of a plan. What lies on this host's own disks is walked by one child; what may be
 * behind a dead server by a child of its own, which is asked first whether anything answers: it costs that item
 * and some seconds, never the others.
 */
struct measuring;
/* ${lines}: one JSON line an item; one that does not answer has "error", and "dead" if nobody answered. Borrowed for the call; "" with ${f}. */
typedef void measuring_done_fn(void *arg, const struct fault *f, const char *lines);
/* Of the wanted units of ${p}, which is borrowed for the call. ${done} is called once, never from inside. */
struct measuring *measuring_start(const struct context *ctx, struct planned *p, const struct strv *units, measuring_done_fn *done, void *arg);
/* Do not wait for it: ${done} follows with FAULT_CANCELLED. */
void measuring_cancel(struct measuring *m);

#endif
