/* SPDX-License-Identifier: MIT */
/*
 * One child process.
 *
 * Happy path: spawned in its own group; its streams are read until EOF; exit and EOF
 * come in either order; when both are there every handle is closed and done fires.
 * Failure modes: a spawn that fails still has a handle to close, so done comes the same
 * way; a deadline or a stop signals the whole group; a grandchild that keeps a stream
 * open after the exit is waited for 5 s and then cut off; one that the kernel does not let die (it waits for
 * a dead server) is given up: done comes, and what is left of it waits for the exit alone.
 * On stop: the group gets its signal, done still follows.
 */
#include "daemon/mech/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "daemon/mech/loop_internal.h"

#define OUT_MAX_DEFAULT ((size_t)64 << 10)
#define ERR_TAIL        ((size_t)16 << 10)
#define LINE_MAX_BYTES  ((size_t)32 << 10)
#define LINGER_MS       5000
#define KILL_GRACE_MS   5000
#define GIVE_UP_MS      5000

struct child {
	struct loop *loop;
	uv_process_t process;
	uv_pipe_t out, err, in;
	uv_write_t write;
	uv_timer_t deadline, linger;
	unsigned int open; /* handles not closed yet */
	bool spawned, exited, closing;
	bool killed, given_up, told;
	bool has_process; /* uv_spawn was reached: also a failed one leaves a handle to close */
	bool has_out, has_err, has_in, out_eof, err_eof;
	char *stdin_text; /* owned while it is written */
	char block[16384];
	struct buf out_data, err_data, line, out_line;
	size_t out_max;
	child_line_fn *on_err_line, *on_out_line;
	child_done_fn *done;
	void *arg;
	uint64_t begin;
	struct child_result result;
};

static void maybe_finish(struct child *c);

/* --- the end --------------------------------------------------------------------------- */

static void clean(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		unsigned char ch = (unsigned char)b->data[i];
		if ((ch < 0x20 && ch != '\n' && ch != '\t') || ch == 0x7f)
			b->data[i] = '?';
	}
}

/* ${done}, once: all is closed, or all but the process that was given up. */
static void tell(struct child *c)
{
	c->told = true;
	clean(&c->err_data);
	c->result.out = c->out_data.data ? c->out_data.data : "";
	c->result.out_len = c->out_data.len;
	c->result.err = c->err_data.data ? c->err_data.data : "";
	c->result.ms = loop_now(c->loop) - c->begin;
	c->done(c->arg, &c->result);
}

static void on_closed(uv_handle_t *h)
{
	struct child *c = h->data;

	if (--c->open > (c->given_up && !c->exited ? 1 : 0))
		return;
	if (!c->told)
		tell(c);
	if (c->open > 0)
		return;
	buf_done(&c->out_data);
	buf_done(&c->err_data);
	buf_done(&c->line);
	buf_done(&c->out_line);
	free(c->stdin_text);
	free(c);
}

static void close_handle(void *h)
{
	if (!uv_is_closing(h))
		uv_close(h, on_closed);
}

static void close_all(struct child *c)
{
	c->closing = true;
	if (c->has_process && !(c->given_up && !c->exited))
		close_handle(&c->process);
	close_handle(&c->deadline);
	close_handle(&c->linger);
	if (c->has_out)
		close_handle(&c->out);
	if (c->has_err)
		close_handle(&c->err);
	if (c->has_in)
		close_handle(&c->in);
}

static void on_linger(uv_timer_t *t)
{
	struct child *c = t->data;

	/* Someone of its group holds a stream open; the group id is not reused while it lives. */
	kill(-c->process.pid, SIGKILL);
	c->out_eof = c->err_eof = true;
	maybe_finish(c);
}

static void maybe_finish(struct child *c)
{
	if (c->closing || !c->exited)
		return;
	if (c->out_eof && c->err_eof)
		close_all(c);
	else if (!uv_is_active((uv_handle_t *)&c->linger))
		uv_timer_start(&c->linger, on_linger, LINGER_MS, 0);
}

/* --- streams --------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *b)
{
	struct child *c = h->data;

	(void)size;
	*b = uv_buf_init(c->block, sizeof(c->block));
}

static void take_lines(struct child *c, struct buf *line, child_line_fn *on_line, const char *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t part = end ? (size_t)(end - data) - at : len - at, room = LINE_MAX_BYTES - line->len;
		IGNORE(buf_add(line, data + at, part < room ? part : room)); /* bounded */
		at += part + (end != NULL);
		if (!end)
			continue;
		on_line(c->arg, line->data ? line->data : "");
		buf_consume(line, line->len);
	}
}

static void take_err(struct child *c, const char *data, size_t len)
{
	IGNORE(buf_add(&c->err_data, data, len)); /* without memory the tail is shorter */
	if (c->err_data.len > ERR_TAIL) {
		c->result.err_truncated = true;
		buf_keep_tail(&c->err_data, ERR_TAIL);
	}
	if (c->on_err_line)
		take_lines(c, &c->line, c->on_err_line, data, len);
}

static void take_out(struct child *c, const char *data, size_t len)
{
	size_t room = c->out_max - c->out_data.len;

	if (c->on_out_line) {
		take_lines(c, &c->out_line, c->on_out_line, data, len);
		return;
	}
	if (len > room || buf_add(&c->out_data, data, len) < 0) {
		IGNORE(buf_add(&c->out_data, data, len > room ? room : 0));
		c->result.out_truncated = true;
	}
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct child *c = s->data;
	bool is_out = s == (uv_stream_t *)&c->out;

	if (n > 0 && is_out)
		take_out(c, b->base, (size_t)n);
	else if (n > 0)
		take_err(c, b->base, (size_t)n);
	if (n >= 0)
		return;
	uv_read_stop(s);
	if (is_out)
		c->out_eof = true;
	else
		c->err_eof = true;
	maybe_finish(c);
}

static void on_written(uv_write_t *w, int status)
{
	struct child *c = w->data;

	(void)status; /* a child that does not read its input tells by its exit */
	close_handle(&c->in);
}

/* --- exit, deadline, signals ------------------------------------------------------------ */

static void on_child_exit(uv_process_t *p, int64_t code, int signum)
{
	struct child *c = p->data;

	c->exited = true;
	c->result.exit_code = (int)code;
	c->result.term_signal = signum;
	uv_timer_stop(&c->deadline);
	if (c->given_up)
		close_handle(&c->process); /* the last of it */
	else
		maybe_finish(c);
}

void child_let_go(uv_handle_t *h)
{
	struct child *c = h->data;

	c->exited = true;
	close_handle(h);
}

/* It was killed and does not die. The loop may end without it. */
static void on_given_up(uv_timer_t *t)
{
	struct child *c = t->data;

	c->given_up = c->result.given_up = true;
	c->result.term_signal = SIGKILL;
	uv_unref((uv_handle_t *)&c->process);
	close_all(c);
}

static void kill_now(struct child *c)
{
	if (!c->spawned || c->exited)
		return;
	c->killed = true;
	kill(-c->process.pid, SIGKILL);
	if (!c->closing)
		uv_timer_start(&c->deadline, on_given_up, GIVE_UP_MS, 0);
}

pid_t child_pid(const struct child *c)
{
	return c->spawned && !c->exited ? c->process.pid : 0;
}

static void signal_group(struct child *c, int signum)
{
	if (c->spawned && !c->exited)
		kill(-c->process.pid, signum);
}

static void on_deadline(uv_timer_t *t)
{
	struct child *c = t->data;

	if (!c->result.stopped)
		c->result.timed_out = true;
	kill_now(c);
}

void child_kill(struct child *c)
{
	c->result.stopped = true;
	if (!c->killed)
		kill_now(c);
}

void child_stop(struct child *c, unsigned int grace_ms)
{
	if (c->result.stopped || c->exited)
		return;
	c->result.stopped = true;
	signal_group(c, SIGTERM);
	if (!c->closing)
		uv_timer_start(&c->deadline, on_deadline, grace_ms ? grace_ms : KILL_GRACE_MS, 0);
}

/* --- the start -------------------------------------------------------------------------- */

/* A real pipe: UV_CREATE_PIPE would be a socketpair, which /dev/stdout cannot reopen. */
static int open_pipe(struct child *c, uv_pipe_t *ours, bool *has, bool child_reads, int *ret_theirs)
{
	uv_file fds[2];
	int r = uv_pipe(fds, child_reads ? 0 : UV_NONBLOCK_PIPE, child_reads ? UV_NONBLOCK_PIPE : 0);

	if (r < 0)
		return r;
	r = uv_pipe_init(loop_uv(c->loop), ours, 0);
	ours->data = c;
	*has = true;
	c->open++;
	if (r == 0)
		r = uv_pipe_open(ours, fds[child_reads ? 1 : 0]);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	*ret_theirs = fds[child_reads ? 0 : 1];
	return 0;
}

/* Through kopi-docka-exec where the child must die with us, run in the background, or start in a place that is checked. */
static void build_argv(const struct child_options *o, struct strv *argv)
{
	if (o->die_with_parent || o->background || o->in.path) {
		strv_take(argv, path_helper("kopi-docka-exec"));
		if (o->die_with_parent)
			strv_addf(argv, "%d", (int)getpid());
		else
			strv_add(argv, "-");
		if (o->background)
			strv_add(argv, "--background");
		if (o->in.path) {
			strv_add(argv, o->in.is_file ? "--file" : "--in");
			strv_add(argv, o->in.path);
		}
		if (o->in.path && o->in.inode) {
			strv_add(argv, "--is");
			strv_addf(argv, "%" PRIu64 ":%" PRIu64, (uint64_t)o->in.device, (uint64_t)o->in.inode);
		}
		strv_add(argv, "--");
	}
	for (const char *const *a = o->argv; *a; a++)
		strv_add(argv, *a);
}

static void build_env(const struct child_options *o, struct strv *env)
{
	static const char *const defaults[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C", "TZ=UTC", NULL };

	for (const char *const *e = o->env ? o->env : defaults; *e; e++)
		strv_add(env, *e);
}

struct ends { /* the child's ends, ours to close after the spawn */
	int in, out, err;
};

static int open_ends(struct child *c, const struct child_options *o, struct ends *e)
{
	int r = 0;

	if (o->stdin_text)
		r = open_pipe(c, &c->in, &c->has_in, true, &e->in);
	else
		e->in = o->stdin_fd >= 0 ? fcntl(o->stdin_fd, F_DUPFD_CLOEXEC, 3) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (r < 0 || e->in < 0)
		return r < 0 ? r : -errno;
	if (o->stdout_fd >= 0) {
		c->out_eof = true;
		e->out = fcntl(o->stdout_fd, F_DUPFD_CLOEXEC, 3);
	} else {
		r = open_pipe(c, &c->out, &c->has_out, false, &e->out);
	}
	if (r < 0 || e->out < 0)
		return r < 0 ? r : -errno;
	return open_pipe(c, &c->err, &c->has_err, false, &e->err);
}

static int spawn(struct child *c, const struct child_options *o)
{
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
	int in CLEANUP(closep) = -1, out CLEANUP(closep) = -1, err CLEANUP(closep) = -1;
	struct ends e = { -1, -1, -1 };
	int r = open_ends(c, o, &e);

	in = e.in;
	out = e.out;
	err = e.err;
	if (r < 0)
		return r;
	build_argv(o, &argv);
	build_env(o, &env);
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = in },
		{ .flags = UV_INHERIT_FD, .data.fd = out },
		{ .flags = UV_INHERIT_FD, .data.fd = err },
	};
	uv_process_options_t po = {
		.exit_cb = on_child_exit,
		.file = argv.v[0],
		.args = argv.v,
		.env = env.v,
		.cwd = o->cwd ? o->cwd : "/",
		.flags = UV_PROCESS_DETACHED, /* a group of its own: signals reach grandchildren */
		.stdio_count = 3,
		.stdio = stdio,
	};
	c->has_process = true;
	c->open++;
	return uv_spawn(loop_uv(c->loop), &c->process, &po);
}

static void begin_reading(struct child *c, const struct child_options *o)
{
	uv_buf_t text;

	if (c->has_out && uv_read_start((uv_stream_t *)&c->out, on_alloc, on_read) < 0)
		c->out_eof = true;
	if (uv_read_start((uv_stream_t *)&c->err, on_alloc, on_read) < 0)
		c->err_eof = true;
	if (c->has_in) {
		c->stdin_text = xstrdup(o->stdin_text);
		text = uv_buf_init(c->stdin_text, (unsigned int)strlen(c->stdin_text));
		c->write.data = c;
		if (uv_write(&c->write, (uv_stream_t *)&c->in, &text, 1, on_written) < 0)
			close_handle(&c->in);
	}
	if (o->deadline_ms)
		uv_timer_start(&c->deadline, on_deadline, o->deadline_ms, 0);
}

static void on_failed_start(void *arg)
{
	close_all(arg);
}

struct child *child_start(struct loop *l, const struct child_options *o, child_done_fn *done)
{
	struct child *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->done = done;
	c->arg = o->arg;
	c->on_err_line = o->on_err_line;
	c->on_out_line = o->on_out_line;
	c->out_max = o->out_max ? o->out_max : OUT_MAX_DEFAULT;
	c->begin = loop_now(l);
	c->process.data = c->deadline.data = c->linger.data = c;
	if (uv_timer_init(loop_uv(l), &c->deadline) < 0 || uv_timer_init(loop_uv(l), &c->linger) < 0)
		abort(); /* UNTESTED: cannot fail on an open loop */
	c->open = 2;
	int r = spawn(c, o);
	if (r < 0) {
		fault_errno(&c->result.start, FAULT_FAILED, r, "cannot run %s", o->argv[0]);
		c->exited = c->closing = true;
		loop_defer(l, on_failed_start, c);
		return c;
	}
	c->spawned = true;
	begin_reading(c, o);
	return c;
}
