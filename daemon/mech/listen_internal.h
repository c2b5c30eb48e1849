/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_LISTEN_INTERNAL_H
#define KD_MECH_LISTEN_INTERNAL_H

#include "daemon/mech/listen.h"
#include "daemon/mech/loop_internal.h"

/* Shared by listen.c and listen_seat.c only. */
struct conn {
	struct listener *listener;
	struct conn *next;
	int fd;
	uv_poll_t poll;
	uid_t uid;
	enum conn_seat seat;
	void *data;
	struct buf in, out;
	bool busy, eof, closing, dead, delivering;
	bool half;      /* its peer sends no more: that is told once, not for ever */
	bool overrun;   /* its peer does not read: it goes, busy or not */
	uint64_t since; /* idle since, loop time */
	struct timer *timer; /* in the middle of a message, of an answer that nobody takes, of a half-closed peer's call */
};

struct listener {
	struct loop *loop;
	int fd;
	uv_poll_t poll;
	char *path; /* NULL: not ours to remove */
	const struct listener_ops *ops;
	void *arg;
	struct conn *conns;
	size_t n;
	struct timer *pause;
	bool stopping;
};

/* Where who comes as ${uid} may sit down. ${ret_leaves}: the one that makes way for it, NULL: nobody has to. */
enum conn_seat seat_for(const struct listener *s, uid_t uid, struct conn **ret_leaves);

#endif
