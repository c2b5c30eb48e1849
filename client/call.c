/* SPDX-License-Identifier: MIT */
/*
 * Connect, send, read replies until the one that does not continue. That the daemon is not running is said where nobody
 * listens, and only there: once a connection was made, what happened to it is said.
 */
#include "client/call.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/interrupt.h"
#include "common/fd.h"
#include "common/iface.h"

#define CONNECT_S  10
#define SILENCE_MS 10000

static int explain(const char *path, int error, struct fault *f)
{
	if (error == EAGAIN || error == EINPROGRESS)
		return fault_set(f, FAULT_FAILED, -error, "the daemon at %s takes no connection: it has not answered for %d s", path, CONNECT_S);
	fault_set(f, FAULT_FAILED, -error, "cannot reach the daemon at %s: %s", path, strerror(error));
	if (error == EACCES || error == EPERM)
		fault_advise(f, "run as root, or as a member of the group " IFACE_GROUP);
	else if (error == ENOENT || error == ECONNREFUSED)
		fault_advise(f, "the daemon is not running: systemctl start kopi-dockad; root's calls without --socket start one");
	return -error;
}

static int connect_to(const char *path, struct fault *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		return explain(path, ENAMETOOLONG, f);
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain(path, errno, f);
	const struct timeval patience = { .tv_sec = CONNECT_S }; /* where too many wait already, and the daemon takes none */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
		int error = errno;
		close(fd);
		return explain(path, error, f);
	}
	return fd;
}

bool call_reachable(const char *socket)
{
	int fd CLEANUP(closep) = connect_to(socket, NULL);

	return fd >= 0;
}

static int broke_off(const struct call_options *o, const struct buf *in, bool answered, struct fault *f)
{
	if (!answered && in->len == 0) {
		fault_set(f, FAULT_FAILED, -EPIPE, "the daemon at %s closed the connection without an answer", o->socket);
		fault_advise(f, "journalctl -u kopi-dockad tells why; a daemon that was just ending is there again for the next call");
		return -EPIPE;
	}
	fault_set(f, FAULT_FAILED, -EPIPE, "the daemon broke off in the middle of the answer");
	fault_advise(f, "journalctl -u kopi-dockad tells why; what it had stopped is started when it runs again");
	return -EPIPE;
}

/* One block more. ${silent}: nothing was heard yet, and whoever waits was not told so yet. */
static int read_more(int fd, struct buf *in, const struct call_options *o, bool *silent)
{
	char block[65536];
	int r = interrupt_wait(fd, *silent ? SILENCE_MS : -1);

	if (r == -EINTR)
		return interrupt_take() && o->on_signal ? o->on_signal(o->arg) : 0;
	if (r == -ETIMEDOUT && o->on_silence)
		o->on_silence(o->arg, SILENCE_MS / 1000);
	*silent = false;
	if (r == -ETIMEDOUT)
		return 0;
	ssize_t n = read(fd, block, sizeof(block));
	return n <= 0 ? -EPIPE : buf_add(in, block, (size_t)n);
}

int call_method(const struct call_options *o, struct varlink_reply *ret, struct fault *f)
{
	char *method CLEANUP(freep) = xasprintf("%s.%s", IFACE, o->method);
	struct buf out CLEANUP(buf_done) = { 0 }, in CLEANUP(buf_done) = { 0 };
	int fd CLEANUP(closep) = connect_to(o->socket, f);
	bool silent = true, answered = false;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	varlink_format_call(&out, method, o->parameters, o->more);
	/* Whoever does not take the call may have said why: it is read in any case. */
	for (size_t sent = 0; sent < out.len;) {
		ssize_t n = send(fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	for (;;) {
		while ((r = varlink_frame(&in, VARLINK_MESSAGE_MAX, &len)) > 0) {
			if (varlink_parse_reply(in.data, len, ret) < 0)
				return fault_set(f, FAULT_FAILED, -EBADMSG, "the daemon's answer cannot be read");
			buf_consume(&in, len + 1);
			answered = true;
			if (!ret->continues)
				return 0;
			if (o->on_progress)
				o->on_progress(o->arg, ret->parameters);
			varlink_reply_done(ret);
		}
		if (r < 0)
			return fault_set(f, FAULT_FAILED, r, "the daemon's answer is too large");
		if ((r = read_more(fd, &in, o, &silent)) < 0)
			return r == -EPIPE ? broke_off(o, &in, answered, f) : r;
	}
}
