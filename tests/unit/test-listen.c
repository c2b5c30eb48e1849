/* SPDX-License-Identifier: MIT */
/* One message at a time, limits that hold, and one on_close for every connection. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "daemon/mech/listen.h"
#include "tests/unit/unit.h"

struct world {
	struct loop *loop;
	struct listener *listener;
	struct timer *guard;
	char *directory, *socket;
	struct conn *last;      /* of the last message */
	bool hold;              /* do not answer by yourself */
	bool others;            /* users may come */
	enum conn_seat seat;    /* of the last message's */
	unsigned int opened, closed, messages;
	struct buf log;         /* messages, a line each */
};

static void on_open(void *arg, struct conn *c)
{
	struct world *w = arg;

	assert_true(w->others || conn_uid(c) == getuid());
	conn_set_data(c, w);
	w->opened++;
}

static void on_message(void *arg, struct conn *c, const char *text, size_t len)
{
	struct world *w = arg;
	struct buf reply = { 0 };

	assert_ptr_equal(conn_data(c), w);
	assert_int_equal(strlen(text), len);
	w->messages++;
	w->last = c;
	w->seat = conn_seat(c);
	buf_printf(&w->log, "%.40s\n", text);
	if (w->hold)
		return;
	assert_int_equal(buf_add(&reply, text, len + 1), 0);
	IGNORE(conn_send(c, &reply)); /* a peer that has gone is noticed by on_close */
	if (w->seat == CONN_TURNED_AWAY)
		conn_close(c);
	else
		conn_ready(c);
}

static void on_close(void *arg, struct conn *c)
{
	struct world *w = arg;

	w->closed++;
	if (w->last == c)
		w->last = NULL;
}

static const struct listener_ops ops = { on_open, on_message, on_close };

static void on_guard(void *arg)
{
	(void)arg;
	fail_msg("nothing happened for 20 s");
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fault f = { 0 };

	w->directory = xstrdup("/tmp/kd-test-listen-XXXXXX");
	if (!mkdtemp(w->directory) || loop_new(&w->loop) < 0)
		return -1;
	w->socket = xasprintf("%s/socket", w->directory);
	w->guard = timer_new(w->loop, on_guard, w);
	timer_set(w->guard, 20000);
	struct listener_options o = { .path = w->socket, .fd = -1, .ops = &ops, .arg = w };
	*state = w;
	return listener_start(w->loop, &o, &w->listener, &f);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	timer_free(w->guard);
	if (w->listener)
		listener_stop(w->listener);
	loop_drain(w->loop, 100);
	assert_int_equal(loop_free(w->loop), 0);
	assert_int_equal(w->opened, w->closed);
	assert_int_equal(access(w->socket, F_OK), -1);
	rmdir(w->directory);
	buf_done(&w->log);
	free(w->directory);
	free(w->socket);
	free(w);
	return 0;
}

static int dial(const struct world *w)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", w->socket);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Let the loop work until the peer's end is readable (data or end); what it read. */
static ssize_t hear(struct world *w, int fd, char *into, size_t size)
{
	ssize_t n;

	while ((n = recv(fd, into, size, 0)) < 0 && errno == EAGAIN)
		loop_drain(w->loop, 5);
	return n;
}

static void echo(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char got[64];

	say(fd, "hal", 3); /* in pieces */
	loop_drain(w->loop, 20);
	say(fd, "lo\0", 3);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 6);
	assert_string_equal(got, "hallo");
	close(fd);
	while (!w->closed)
		loop_drain(w->loop, 5);
	assert_int_equal(listener_connections(w->listener), 0);
}

/* The next message waits until the one before was answered. */
static void one_at_a_time(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	w->hold = true;
	say(fd, "one\0two\0three\0", 14);
	while (w->messages < 1)
		loop_drain(w->loop, 5);
	loop_drain(w->loop, 30);
	assert_int_equal(w->messages, 1);
	for (unsigned int i = 2; i <= 3; i++) {
		conn_ready(w->last);
		assert_int_equal(w->messages, i);
	}
	assert_string_equal(w->log.data, "one\ntwo\nthree\n");
	conn_ready(w->last);
	close(fd);
}

/* The peer has said all it will: it still gets its answer, and the loop does not spin. */
static void half_closed(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char got[64];

	w->hold = true;
	say(fd, "last\0", 5);
	shutdown(fd, SHUT_WR);
	while (!w->last)
		loop_drain(w->loop, 5);
	loop_drain(w->loop, 30);
	assert_int_equal(w->closed, 0);
	struct buf reply = { 0 };
	assert_int_equal(buf_add(&reply, "fine", 5), 0);
	assert_int_equal(conn_send(w->last, &reply), 0);
	conn_ready(w->last);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 5);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 0);
	close(fd);
}

static void peer_gone_while_busy(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	w->hold = true;
	say(fd, "long\0", 5);
	while (!w->last)
		loop_drain(w->loop, 5);
	close(fd);
	while (!w->closed)
		loop_drain(w->loop, 5);
	assert_null(w->last);
}

static void message_too_long(void **state)
{
	struct world *w = *state;
	int fd = dial(w), sent = 0;
	static char block[65536];

	memset(block, 'x', sizeof(block));
	while (sent < 40 && !w->closed) {
		if (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
			sent++;
		loop_drain(w->loop, 2);
	}
	while (!w->closed)
		loop_drain(w->loop, 5);
	assert_int_equal(w->messages, 0);
	close(fd);
}

/* A client that does not read is dropped before it fills our memory. */
static void does_not_read(void **state)
{
	struct world *w = *state;
	int fd = dial(w), r = 0, sends = 0;
	static char block[1 << 20];

	w->hold = true;
	say(fd, "x\0", 2);
	while (!w->last)
		loop_drain(w->loop, 5);
	memset(block, 'y', sizeof(block));
	while (w->last && r == 0 && ++sends < 100) {
		struct buf b = { 0 };
		assert_int_equal(buf_add(&b, block, sizeof(block)), 0);
		r = conn_send(w->last, &b);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_true(sends < 32);
	/* Busy or not, and though its peer still holds its end: it is not kept waiting for. */
	assert_int_equal(w->closed, 0);
	for (int i = 0; w->last && i < 100; i++)
		loop_drain(w->loop, 5);
	assert_int_equal(w->closed, 1);
	close(fd);
}

static void close_after_sending(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char got[64];

	w->hold = true;
	say(fd, "x\0more\0", 7);
	while (!w->last)
		loop_drain(w->loop, 5);
	struct buf b = { 0 };
	assert_int_equal(buf_add(&b, "bye", 4), 0);
	assert_int_equal(conn_send(w->last, &b), 0);
	conn_close(w->last);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 4);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 0);
	assert_int_equal(w->messages, 1); /* nothing is delivered once it is closing */
	close(fd);
}

static int dial_seat(struct world *w, enum conn_seat expected)
{
	int fd = dial(w);
	char got[8];

	say(fd, "x\0", 2);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 2);
	assert_int_equal(w->seat, expected);
	if (expected == CONN_TURNED_AWAY)
		assert_int_equal(hear(w, fd, got, sizeof(got)), 0);
	return fd;
}

/* All seats and the reserve are taken: whoever comes is heard once, and told. */
static void too_many(void **state)
{
	struct world *w = *state;
	int fds[64 + 8];

	w->hold = true; /* all are in use */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial(w);
		say(fds[i], "x\0", 2);
		while (w->messages <= i)
			loop_drain(w->loop, 5);
		assert_int_equal(w->seat, i < 64 ? CONN_SEATED : CONN_RESERVE);
	}
	w->hold = false;
	close(dial_seat(w, CONN_TURNED_AWAY));
	int silent = dial(w);
	char byte;
	assert_int_equal(hear(w, silent, &byte, 1), 0); /* who says nothing is not waited for */
	close(silent);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	while (listener_connections(w->listener))
		loop_drain(w->loop, 5);
	close(dial_seat(w, CONN_SEATED));
}

/* Seats that nobody uses are given to who comes, the longest unused first. */
static void idle_makes_way(void **state)
{
	struct world *w = *state;
	int fds[64];
	char byte;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial_seat(w, CONN_SEATED);
	close(dial_seat(w, CONN_RESERVE)); /* they have just been used */
	enum conn_seat seat = CONN_RESERVE;
	for (uint64_t begin = clock_ms(); seat == CONN_RESERVE && clock_ms() - begin < 15000; seat = w->seat) {
		int fd = dial(w);
		say(fd, "x\0", 2);
		assert_int_equal(hear(w, fd, &byte, 1), 1);
		close(fd);
		loop_drain(w->loop, 50);
	}
	assert_int_equal(seat, CONN_SEATED);
	assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
	assert_int_equal(recv(fds[63], &byte, 1, 0), -1);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static double cpu_ms(struct world *w, unsigned int ms)
{
	struct timespec a, b;
	uint64_t begin = clock_ms();

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	while (clock_ms() - begin < ms)
		loop_drain(w->loop, ms);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

static void send_much(struct world *w)
{
	static char block[3 << 20];
	struct buf b = { 0 };

	memset(block, 'y', sizeof(block));
	assert_int_equal(buf_add(&b, block, sizeof(block)), 0);
	assert_int_equal(conn_send(w->last, &b), 0);
}

/* A peer that has shut its sending side and does not read: the kernel would wake us for it without end. */
static void half_closed_costs_nothing(void **state)
{
	struct world *w = *state;

	for (int variant = 0; variant < 3; variant++) {
		int fd = dial(w);
		w->hold = true;
		w->last = NULL;
		say(fd, "x\0", 2);
		while (!w->last)
			loop_drain(w->loop, 5);
		shutdown(fd, SHUT_WR);
		if (variant > 0)
			send_much(w); /* more than the kernel takes */
		if (variant > 1)
			conn_close(w->last);
		double used = cpu_ms(w, 400);
		if (used > 100)
			fail_msg("variant %d: %.0f ms of CPU in 400", variant, used);
		assert_int_equal(w->closed, variant);
		close(fd); /* now it is gone, and that is seen though nothing is polled for */
		for (uint64_t begin = clock_ms(); w->closed == (unsigned int)variant && clock_ms() - begin < 10000;)
			loop_drain(w->loop, 50);
		assert_int_equal(w->closed, variant + 1);
	}
}

static void second_listener(void **state)
{
	struct world *w = *state;
	struct listener_options o = { .path = w->socket, .fd = -1, .ops = &ops, .arg = w };
	struct listener *second;
	struct fault f = { 0 };
	struct stat st;

	assert_true(listener_start(w->loop, &o, &second, &f) < 0);
	assert_int_equal(f.code, FAULT_BUSY);
	assert_int_equal(stat(w->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600); /* no group was named */
	/* a path that is too long is a sentence that names it */
	char *path CLEANUP(freep) = xasprintf("/tmp/%0120d", 1);
	o.path = path;
	assert_true(listener_start(w->loop, &o, &second, &f) < 0);
	assert_int_equal(f.code, FAULT_CONF);
	assert_non_null(strstr(f.text, path));
}

/* A socket file that nobody listens on is replaced; one that was handed over is not touched. */
static void stale_and_inherited(void **state)
{
	struct world *w = *state;
	struct fault f = { 0 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char got[8];

	listener_stop(w->listener);
	loop_drain(w->loop, 50);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", w->socket);
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stale, (const struct sockaddr *)&a, sizeof(a)), 0);
	close(stale);
	struct listener_options o = { .path = w->socket, .fd = -1, .ops = &ops, .arg = w };
	assert_int_equal(listener_start(w->loop, &o, &w->listener, &f), 0);
	listener_stop(w->listener);
	loop_drain(w->loop, 50);

	int inherited = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(inherited, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(inherited, 5), 0);
	o.fd = inherited;
	assert_int_equal(listener_start(w->loop, &o, &w->listener, &f), 0);
	int fd = dial(w);
	say(fd, "x\0", 2);
	assert_int_equal(hear(w, fd, got, sizeof(got)), 2);
	close(fd);
	listener_stop(w->listener);
	w->listener = NULL;
	assert_int_equal(access(w->socket, F_OK), 0);
	unlink(w->socket);
}

/* Opens 16 connections as ${uid} and keeps them until it is killed. */
static pid_t hold_some(const struct world *w, uid_t uid)
{
	int ready[2];
	char byte = 0;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setresuid(uid, uid, uid) < 0)
			_exit(1);
		for (int i = 0; i < 16; i++)
			dial(w);
		IGNORE(write(ready[1], &byte, 1));
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	loop_drain(w->loop, 20);
	return pid;
}

/* Only root can be several users here; the tests run as root. */
static void root_is_not_kept_out(void **state)
{
	struct world *w = *state;
	pid_t holders[5];

	if (getuid() != 0)
		return;
	w->others = true;
	assert_int_equal(chmod(w->directory, 0755) | chmod(w->socket, 0666), 0);
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++)
		holders[i] = hold_some(w, 61000 + (uid_t)i);
	assert_int_equal(listener_connections(w->listener), 80); /* 56 have a seat, 24 are heard once */
	close(dial_seat(w, CONN_SEATED));
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		kill(holders[i], SIGKILL);
		assert_int_equal(waitpid(holders[i], NULL, 0), holders[i]);
	}
	while (listener_connections(w->listener))
		loop_drain(w->loop, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(echo, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(peer_gone_while_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(message_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(close_after_sending, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(idle_makes_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_closed_costs_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(root_is_not_kept_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(second_listener, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stale_and_inherited, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
