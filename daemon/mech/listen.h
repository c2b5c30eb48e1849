/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_LISTEN_H
#define KD_MECH_LISTEN_H

#include "common/buf.h"
#include "daemon/mech/loop.h"

/*
 * The control socket: a listening unix socket and its connections, each a
 * stream of NUL-terminated messages with the peer's uid. Limits: 64 connections, 8 of them
 * for root alone, 16 per uid but root; one that was idle for 2 s makes way. 1 MiB a message, a bounded queue of
 * replies: a client that does not read is dropped. Knows nothing of JSON.
 */
struct listener;
struct conn;

enum conn_seat {
	CONN_SEATED,
	CONN_RESERVE,     /* root's, when all seats are in use: for what is answered soon */
	CONN_TURNED_AWAY, /* has no seat: its first message is delivered, so that it can be told (and conn_close()d) */
	CONN_NO_SEAT      /* closed at once: no connection has this one */
};

struct listener_ops {
	void (*on_open)(void *arg, struct conn *c);                              /* may be NULL */
	/* One whole message without its NUL. The next is only delivered after conn_ready(c). */
	void (*on_message)(void *arg, struct conn *c, const char *text, size_t len);
	/* The peer has gone or was dropped: the last call about ${c}. */
	void (*on_close)(void *arg, struct conn *c);
};

struct listener_options {
	const char *path;  /* created 0660 with ${group}; a stale socket file is replaced */
	const char *group; /* NULL or unknown group: 0600, logged */
	int fd;            /* ≥ 0: an inherited listening socket (socket activation); path is not touched */
	const struct listener_ops *ops;
	void *arg;
};

int listener_start(struct loop *l, const struct listener_options *o, struct listener **ret,
	struct fault *f) WARN_UNUSED;
/* The file it made goes now: whoever comes later finds no daemon, whoever came before is still served. */
void listener_retire(struct listener *s);
/* Stop accepting and drop every connection (on_close follows for each); removes the file it made. */
void listener_stop(struct listener *s);

uid_t conn_uid(const struct conn *c);
enum conn_seat conn_seat(const struct conn *c);
void *conn_data(const struct conn *c);
void conn_set_data(struct conn *c, void *data);
/* Queue bytes; takes the content of ${b}. -ENOBUFS: too much unread, the connection is being dropped. */
int conn_send(struct conn *c, struct buf *b) WARN_UNUSED;
void conn_ready(struct conn *c); /* deliver the next message */
void conn_close(struct conn *c); /* after what is queued was sent; on_close follows */
size_t listener_connections(const struct listener *s);

#endif
