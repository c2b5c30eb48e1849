/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_LOOP_INTERNAL_H
#define KD_MECH_LOOP_INTERNAL_H

#include <uv.h>

#include "daemon/mech/loop.h"

/* For the mechanism's own files only: the loop behind struct loop. */
uv_loop_t *loop_uv(struct loop *l);
/* child.c: a process that was given up and has not died; what is left of it is freed. */
void child_let_go(uv_handle_t *h);

#endif
