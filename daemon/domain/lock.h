/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_LOCK_H
#define KD_DOMAIN_LOCK_H

#include "common/conf.h"

/* Sent to a daemon that is there for a call only: end as soon as you are idle. Others ignore it. */
#define LOCK_MAKE_WAY SIGUSR1

/*
 * The lock: one daemon per engine, for as long as *${ret_fd} is open. It stands beside the engine's
 * own socket, so that two daemons with different directories and one engine meet; the engine need not
 * answer for it. FAULT_BUSY: another daemon has it, and the text says which.
 * ${for_a_call}: ours will make way. Else (with ${insist}) one that makes way is asked to, and waited
 * for some seconds.
 */
int lock_take(const struct conf *c, bool for_a_call, bool insist, int *ret_fd, struct fault *f) WARN_UNUSED;

/* The other half: one daemon a state directory, or two engines' daemons would settle each other's ledger.
 * For as long as *${ret_fd} is open; let go of it before the lock above. */
int lock_state(const struct conf *c, int *ret_fd, struct fault *f) WARN_UNUSED;

#endif
