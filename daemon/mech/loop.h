/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_LOOP_H
#define KD_MECH_LOOP_H

#include "common/fault.h"

/*
 * The event loop (libuv behind it; no other layer sees uv). One thread. All
 * objects here are opaque and belong to the loop; callbacks never fire from
 * inside the call that starts something.
 */
struct loop;
typedef void loop_fn(void *arg);

int loop_new(struct loop **ret) WARN_UNUSED;
void loop_run(struct loop *l);  /* until loop_stop() */
/* Run until no callback is due any more, at most ${max_ms}; for tests and shutdown. */
void loop_drain(struct loop *l, unsigned int max_ms);
void loop_stop(struct loop *l);
/* 0, or -EBUSY when a handle was left open (named in the log): a bug of the caller. */
int loop_free(struct loop *l) WARN_UNUSED;
uint64_t loop_now(struct loop *l); /* ms, monotonic */

/* Call ${fn} once in the next iteration. */
void loop_defer(struct loop *l, loop_fn *fn, void *arg);

/* One-shot timers; setting again replaces. timer_free(NULL) is fine; no callback after it. */
struct timer;
struct timer *timer_new(struct loop *l, loop_fn *fn, void *arg);
void timer_set(struct timer *t, uint64_t ms);
void timer_clear(struct timer *t);
bool timer_armed(const struct timer *t);
void timer_free(struct timer *t);
void timer_freep(struct timer **t);

/* Unix signals. */
struct signal_watch;
typedef void signal_fn(void *arg, int signum);
struct signal_watch *signal_watch_new(struct loop *l, int signum, signal_fn *fn, void *arg);
void signal_watch_free(struct signal_watch *s);

/*
 * Blocking work on our own state directory (fsync): ${work} runs in the pool,
 * ${done} with its result on the loop. Never anything that touches an item's path.
 */
typedef int work_fn(void *arg);
typedef void work_done_fn(void *arg, int result);
void loop_work(struct loop *l, work_fn *work, work_done_fn *done, void *arg);

#endif
