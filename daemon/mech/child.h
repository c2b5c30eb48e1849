/* SPDX-License-Identifier: MIT */
#ifndef KD_MECH_CHILD_H
#define KD_MECH_CHILD_H

#include "daemon/mech/loop.h"
#include "common/buf.h"

/*
 * One child process in a process group of its own, with its output collected
 * and a deadline. ${done} is called exactly once, never from inside
 * child_start(), after exit, EOF of every stream and closing of every handle;
 * a failure to start is delivered the same way. One that does not die 5 s after its SIGKILL is given up. The child object is freed
 * when ${done} returns.
 */
struct child;

struct child_result {
	struct fault start;  /* code FAULT_NONE when it was started */
	int exit_code;       /* valid if term_signal is 0 */
	int term_signal;
	bool timed_out;      /* its deadline passed and we killed it */
	bool stopped;        /* child_stop()/child_kill() was called */
	bool given_up;       /* it was killed and does not die (it waits for a dead server): no more is known of it */
	const char *out;     /* borrowed: collected stdout, "" if none; NUL-terminated */
	size_t out_len;
	bool out_truncated;
	const char *err;     /* borrowed: the last 16 KiB of stderr, control characters cleaned, "" if none */
	bool err_truncated;  /* there was more before it: not all can be judged */
	uint64_t ms;         /* how long it ran */
};

typedef void child_done_fn(void *arg, const struct child_result *r);
/* One line of stderr as it comes, without its newline. */
typedef void child_line_fn(void *arg, const char *line);

/* Where a child is started: opened once, by kopi-docka-exec in the child, links followed. It is not started, and says
 * why, when that is no directory, or another one than is wanted. */
struct child_place {
	const char *path;       /* NULL: at cwd */
	bool is_file;           /* a regular file instead, which the child finds as ./3 in its working directory */
	int64_t device, inode;  /* what it must be; inode 0: whichever */
};

struct child_options {
	const char *const *argv;  /* [0] an absolute path; NULL-terminated */
	const char *const *env;   /* whole environment, NULL-terminated; NULL: PATH, LC_ALL=C, TZ=UTC only */
	const char *cwd;          /* NULL: / */
	struct child_place in;    /* instead of cwd, for a place that others can exchange */
	int stdin_fd;             /* borrowed, duplicated for the child; -1: /dev/null */
	int stdout_fd;            /* the same; -1: collected up to out_max */
	const char *stdin_text;   /* NULL, or written to stdin (a passphrase): through a pipe */
	size_t out_max;           /* default 64 KiB; beyond it the rest is read and dropped */
	unsigned int deadline_ms; /* 0: none (the owner watches progress) */
	bool die_with_parent;     /* through kopi-docka-exec: SIGKILL when the daemon dies */
	bool background;          /* nice and idle I/O: kopia uploading outside the window */
	child_line_fn *on_err_line;
	child_line_fn *on_out_line; /* its stdout comes line by line (up to 32 KiB) and is not collected */
	void *arg;                /* for on_err_line and done */
};
/* -1 for both descriptors, everything else zero. */
#define CHILD_OPTIONS_INIT { .stdin_fd = -1, .stdout_fd = -1 }

struct child *child_start(struct loop *l, const struct child_options *o, child_done_fn *done);
/* SIGKILL the whole group now. Idempotent; nothing is signalled after exit. */
void child_kill(struct child *c);
/* SIGTERM the group, SIGKILL after ${grace_ms}. Idempotent. */
void child_stop(struct child *c, unsigned int grace_ms);
pid_t child_pid(const struct child *c); /* 0 when not running */
/* Bytes the process has written (wchar) or read (rchar) so far: /proc/PID/io; -1 if unknown. */
int64_t child_bytes_written(const struct child *c);
int64_t child_bytes_read(const struct child *c);
/* exit code 0, no signal, started, not timed out. */
bool child_ok(const struct child_result *r);
/* One sentence about how it ended: "tar exited with 2: …", last line of stderr behind. */
void child_explain(const struct child_result *r, const char *what, struct fault *f);

#endif
