/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_WIZARD_H
#define KD_CLIENT_WIZARD_H

#include "client/verb.h"

/* kopi-docka restore without a unit: asks for everything, on a terminal. Returns the exit status. */
int wizard_run(const struct verb *restore, struct options *o);

#endif
