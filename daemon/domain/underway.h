/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_UNDERWAY_H
#define KD_DOMAIN_UNDERWAY_H

#include "daemon/domain/context.h"
#include "daemon/pure/result.h"

/*
 * What a run has done so far, in one file of the state directory, for the case that the
 * daemon dies in it: the next one makes an interrupted run of the history of it. Law 7:
 * a run that was cut off is seen too.
 */
typedef void underway_fn(void *arg);
/* Note ${r} as far as it is, and that ${unit} comes next. ${done} is called in any case, never from
 * inside: a note that cannot be written is logged and hinders no backup. */
void underway_note(struct loop *l, const struct conf *c, const struct run_result *r, const char *unit,
	underway_fn *done, void *arg);
/* The run is in the history: forget the note. */
void underway_clear(const struct conf *c);
/* At start, once recovery has looked: put what a dead daemon left into history and reports. ${down}:
 * something is not running again yet. ${done} once, never from inside. */
void underway_adopt(const struct context *ctx, bool down, underway_fn *done, void *arg);

#endif
