/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_LOOK_H
#define KD_DOMAIN_LOOK_H

#include "common/fault.h"
#include "daemon/mech/loop.h"

/* What lies at paths of units, by a child that can be killed (law 9): kopi-docka-pack look. */
typedef void look_done_fn(void *arg, const struct fault *f, const char *lines);

/* ${done} once, never from inside; ${lines}: JSON, one a path, borrowed. No paths: no lines, and no child. */
void look_start(struct loop *l, const struct strv *paths, look_done_fn *done, void *arg);
/* What ${path} leads to, where that is another; NULL: itself. ${missing}: nothing is there. Caller's. */
char *look_real(const char *lines, const char *path, bool *missing);

#endif
