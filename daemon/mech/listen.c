/* SPDX-License-Identifier: MIT */
/*
 * A listening socket and its connections on the loop. Messages of a connection are
 * delivered one at a time; while one is being answered nothing more is read, so a
 * client that sends without waiting is held by its own socket's buffer.
 *
 * Failure modes: too many connections → one that is idle makes way, or the new one is told (listen_seat.c);
 * EMFILE → accepting pauses for a second; a client that does not read, sends too much or stops in the
 * middle of a message → dropped. A peer that has shut its sending side gets its answers, then it is dropped; the kernel
 * would tell us of it without end, so it is told once, and looked at once a second whether it is still there.
 */
#include "daemon/mech/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/mech/listen_internal.h"
#include "daemon/mech/listen_socket.h"

#define MESSAGE_MAX     ((size_t)1 << 20)
#define UNREAD_MAX      ((size_t)4 << 20)
#define PARTIAL_MS      30000 /* for the rest of a message, and for a peer to take more of its answer */
#define TURNED_AWAY_MS  2000  /* for its message */
#define LOOK_MS         1000  /* whether a half-closed peer is still there */
#define PAUSE_MS        1000

static void update(struct conn *c);
static void deliver(struct conn *c);

/* --- the end of a connection --------------------------------------------------------------- */

static void on_conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

static void drop(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	for (struct conn **p = &c->listener->conns; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	c->listener->n--;
	timer_free(c->timer);
	c->listener->ops->on_close(c->listener->arg, c);
	uv_close((uv_handle_t *)&c->poll, on_conn_closed);
}

/* --- reading and writing --------------------------------------------------------------------- */

static void flush_out(struct conn *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			drop(c);
			return;
		}
		buf_consume(&c->out, (size_t)n);
		timer_clear(c->timer); /* it reads */
	}
}

static void read_in(struct conn *c)
{
	char block[16384];
	ssize_t n = recv(c->fd, block, sizeof(block), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		drop(c);
		return;
	}
	if (n == 0)
		c->eof = true; /* half-closed: a call that is being answered gets its answer */
	else if (buf_add(&c->in, block, (size_t)n) < 0)
		drop(c);
}

/* Both directions are shut: nobody is there for an answer. A half-closed peer still is. */
static bool hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void on_conn_poll(uv_poll_t *p, int status, int events)
{
	struct conn *c = p->data;

	if (status < 0 || ((events & UV_DISCONNECT) && hung_up(c->fd))) {
		drop(c);
		return;
	}
	if (events & UV_DISCONNECT)
		c->half = true;
	if (events & UV_WRITABLE)
		flush_out(c);
	if (!c->dead && (events & UV_READABLE))
		read_in(c);
	if (!c->dead)
		deliver(c);
}

static void on_timer(void *arg)
{
	struct conn *c = arg;

	if (!c->busy || c->overrun || hung_up(c->fd))
		drop(c);
	else
		timer_set(c->timer, LOOK_MS);
}

static int frame(const struct conn *c, size_t *ret_len)
{
	const char *end = c->in.len ? memchr(c->in.data, '\0', c->in.len) : NULL;

	if (end)
		*ret_len = (size_t)(end - c->in.data);
	if (end ? *ret_len > MESSAGE_MAX : c->in.len > MESSAGE_MAX)
		return -EMSGSIZE;
	return end != NULL;
}

/* Deliver what is whole, until the owner is busy with it. */
static void deliver(struct conn *c)
{
	size_t len = 0;
	int whole = 0;

	if (c->delivering)
		return;
	c->delivering = true;
	while (!c->dead && !c->busy && !c->closing && (whole = frame(c, &len)) > 0) {
		char *text = xcalloc(len + 1, 1);
		memcpy(text, c->in.data, len);
		buf_consume(&c->in, len + 1);
		c->busy = true;
		timer_clear(c->timer); /* the message is whole */
		c->listener->ops->on_message(c->listener->arg, c, text, len);
		free(text);
	}
	c->delivering = false;
	if (whole < 0)
		drop(c);
	else if (!c->dead)
		update(c);
}

/* How long it may stay as it is; 0: for ever. */
static uint64_t patience(const struct conn *c, int events)
{
	if (c->busy)
		return events ? 0 : LOOK_MS;
	if (c->seat == CONN_TURNED_AWAY)
		return TURNED_AWAY_MS;
	return c->in.len > 0 || c->out.len > 0 ? PARTIAL_MS : 0;
}

static void update(struct conn *c)
{
	int events = c->half ? 0 : UV_DISCONNECT;

	if (c->overrun) {
		timer_set(c->timer, 0); /* dropped by the next iteration; never inside its own call */
		return;
	}
	if (((c->closing || c->eof) && !c->busy && c->out.len == 0)) {
		drop(c);
		return;
	}
	if (!c->busy && !c->eof && !c->closing)
		events |= UV_READABLE;
	if (c->out.len > 0)
		events |= UV_WRITABLE;
	uint64_t ms = patience(c, events);
	if (ms == 0)
		timer_clear(c->timer);
	else if (!timer_armed(c->timer))
		timer_set(c->timer, ms);
	if (events == 0)
		uv_poll_stop(&c->poll);
	else if (uv_poll_start(&c->poll, events, on_conn_poll) < 0)
		drop(c);
}

/* --- accepting --------------------------------------------------------------------------------- */

static void take(struct listener *s, int fd)
{
	struct ucred peer;
	struct conn *leaves = NULL;
	socklen_t len = sizeof(peer);
	enum conn_seat seat = CONN_NO_SEAT;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		seat = seat_for(s, peer.uid, &leaves);
	if (leaves)
		drop(leaves);
	if (seat == CONN_NO_SEAT) {
		close(fd);
		return;
	}
	struct conn *c = xcalloc(1, sizeof(*c));
	c->listener = s;
	c->fd = fd;
	c->uid = peer.uid;
	c->seat = seat;
	c->since = loop_now(s->loop);
	c->in.max = MESSAGE_MAX + 65536;
	c->poll.data = c;
	c->timer = timer_new(s->loop, on_timer, c);
	if (uv_poll_init(loop_uv(s->loop), &c->poll, fd) < 0) {
		timer_free(c->timer);
		close(fd);
		free(c);
		return;
	}
	c->next = s->conns;
	s->conns = c;
	s->n++;
	if (s->ops->on_open)
		s->ops->on_open(s->arg, c);
	update(c);
}

static void on_listen_poll(uv_poll_t *p, int status, int events);

static void on_pause_over(void *arg)
{
	struct listener *s = arg;

	if (!s->stopping)
		IGNORE(uv_poll_start(&s->poll, UV_READABLE, on_listen_poll));
}

static void on_listen_poll(uv_poll_t *p, int status, int events)
{
	struct listener *s = p->data;

	(void)events;
	for (int i = 0; status >= 0 && i < 16; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			take(s, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			log_warning("no connection can be accepted for a moment: %s", strerror(errno));
			uv_poll_stop(&s->poll);
			timer_set(s->pause, PAUSE_MS);
		}
		return;
	}
}

/* --- the listener ------------------------------------------------------------------------------- */

int listener_start(struct loop *l, const struct listener_options *o, struct listener **ret, struct fault *f)
{
	int fd = o->fd;

	if (fd < 0) {
		int r = listen_socket_make(o->path, o->group, &fd, f);
		if (r < 0)
			return r;
	} else {
		listen_socket_inherited(fd, o->group);
	}
	struct listener *s = xcalloc(1, sizeof(*s));
	s->loop = l;
	s->fd = fd;
	s->path = o->fd < 0 ? xstrdup(o->path) : NULL;
	s->ops = o->ops;
	s->arg = o->arg;
	s->poll.data = s;
	s->pause = timer_new(l, on_pause_over, s);
	if (uv_poll_init(loop_uv(l), &s->poll, fd) < 0 || uv_poll_start(&s->poll, UV_READABLE, on_listen_poll) < 0)
		abort(); /* UNTESTED: a fresh listening socket can be polled */
	*ret = s;
	return 0;
}

static void on_listener_closed(uv_handle_t *h)
{
	struct listener *s = h->data;

	close(s->fd);
	free(s->path);
	free(s);
}

void listener_retire(struct listener *s)
{
	if (s->path)
		unlink(s->path);
	free(s->path);
	s->path = NULL;
	on_listen_poll(&s->poll, 0, UV_READABLE); /* who came before that is served */
}

void listener_stop(struct listener *s)
{
	s->stopping = true;
	while (s->conns) {
		flush_out(s->conns);
		if (s->conns)
			drop(s->conns);
	}
	if (s->path)
		unlink(s->path);
	timer_free(s->pause);
	uv_close((uv_handle_t *)&s->poll, on_listener_closed);
}

enum conn_seat conn_seat(const struct conn *c)
{
	return c->seat;
}

uid_t conn_uid(const struct conn *c)
{
	return c->uid;
}

void *conn_data(const struct conn *c)
{
	return c->data;
}

void conn_set_data(struct conn *c, void *data)
{
	c->data = data;
}

int conn_send(struct conn *c, struct buf *b)
{
	int r = c->dead ? -EPIPE : 0;

	if (r == 0 && c->out.len + b->len > UNREAD_MAX + MESSAGE_MAX * 16)
		r = -ENOBUFS;
	if (r == 0 && c->out.len > UNREAD_MAX)
		r = -ENOBUFS;
	if (r == 0)
		r = buf_add(&c->out, b->data, b->len);
	buf_done(b);
	if (r < 0) {
		if (!c->dead) {
			c->overrun = true;
			update(c);
		}
		return r;
	}
	flush_out(c);
	if (!c->dead && !c->delivering)
		update(c);
	return 0;
}

void conn_ready(struct conn *c)
{
	if (c->dead)
		return;
	c->busy = false;
	c->since = loop_now(c->listener->loop);
	timer_clear(c->timer); /* it was the call's */
	deliver(c);
}

void conn_close(struct conn *c)
{
	if (c->dead)
		return;
	c->closing = true;
	c->busy = false;
	timer_clear(c->timer);
	if (!c->delivering)
		update(c);
}

size_t listener_connections(const struct listener *s)
{
	return s->n;
}
