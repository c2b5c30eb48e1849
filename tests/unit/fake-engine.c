/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake-engine.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"

#define HELD_MAX 64

struct fake_engine {
	char *path;
	int fd, stop[2];
	pthread_t thread;
	pthread_mutex_t mutex; /* of log */
	struct buf log;
	fake_handler_fn *handler;
	void *arg;
	int held[HELD_MAX];    /* connections that hang */
	size_t n_held;
};

/* The head of the request; what follows it (a body of our own, small) is left unread. */
static bool read_head(int fd, char *head, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		ssize_t n = recv(fd, head + len, size - len - 1, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		head[len] = '\0';
		if (strstr(head, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void note(struct fake_engine *e, const char *request)
{
	if (strcmp(request, "GET /_ping") == 0)
		return;
	pthread_mutex_lock(&e->mutex);
	buf_printf(&e->log, "%s\n", request);
	pthread_mutex_unlock(&e->mutex);
}

static void answer(int fd, const struct fake_reply *r)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	size_t len = r->body ? strlen(r->body) : 0;

	buf_printf(&b, "HTTP/1.1 %d X\r\nApi-Version: %s\r\nConnection: close\r\n", r->status, r->version ? r->version : "1.41");
	if (r->status != 204 && r->status != 304)
		buf_printf(&b, "Content-Length: %zu\r\n", len);
	buf_puts(&b, "\r\n");
	if (r->body)
		buf_printf(&b, "%.*s", (int)(r->act == FAKE_CUT ? len / 2 : len), r->body);
	IGNORE(send(fd, b.data, b.len, MSG_NOSIGNAL) < 0); /* a client that has gone is the test's wish */
}

static void serve(struct fake_engine *e, int fd)
{
	char head[8192];
	struct fake_reply r = { .act = FAKE_ANSWER, .status = 200 };

	if (read_head(fd, head, sizeof(head))) {
		char *end = strstr(head, " HTTP/1.1");
		if (end)
			*end = '\0';
		note(e, head);
		e->handler(e->arg, head, &r);
		if (r.act == FAKE_HANG && e->n_held < HELD_MAX) {
			e->held[e->n_held++] = fd;
			free(r.body);
			return;
		}
		if (r.act != FAKE_CLOSE)
			answer(fd, &r);
		free(r.body);
	}
	close(fd);
}

static void *run(void *arg)
{
	struct fake_engine *e = arg;

	for (;;) {
		struct pollfd p[] = { { .fd = e->fd, .events = POLLIN }, { .fd = e->stop[0], .events = POLLIN } };
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			return NULL;
		int fd = accept4(e->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(e, fd);
	}
}

struct fake_engine *fake_engine_start(const char *socket_path, fake_handler_fn *handler, void *arg)
{
	struct fake_engine *e = xcalloc(1, sizeof(*e));
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	e->path = xstrdup(socket_path);
	e->handler = handler;
	e->arg = arg;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	unlink(socket_path);
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (e->fd < 0 || bind(e->fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(e->fd, 64) < 0 ||
		pipe2(e->stop, O_CLOEXEC) < 0 || pthread_mutex_init(&e->mutex, NULL) != 0 ||
		pthread_create(&e->thread, NULL, run, e) != 0)
		abort();
	return e;
}

char *fake_engine_log(struct fake_engine *e)
{
	pthread_mutex_lock(&e->mutex);
	char *text = xstrdup(e->log.len ? e->log.data : "");
	pthread_mutex_unlock(&e->mutex);
	return text;
}

void fake_engine_stop(struct fake_engine *e)
{
	IGNORE(write(e->stop[1], "x", 1) < 0);
	pthread_join(e->thread, NULL);
	for (size_t i = 0; i < e->n_held; i++)
		close(e->held[i]);
	close(e->fd);
	close(e->stop[0]);
	close(e->stop[1]);
	unlink(e->path);
	pthread_mutex_destroy(&e->mutex);
	buf_done(&e->log);
	free(e->path);
	free(e);
}
