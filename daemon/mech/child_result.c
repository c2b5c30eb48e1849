/* SPDX-License-Identifier: MIT */
/*
 * What is known of a child: how many bytes went through it while it runs, whether it
 * ended well, and how it ended as a sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/mech/child.h"

static int64_t io_figure(const struct child *c, const char *key)
{
	char path[64], text[512];
	pid_t pid = child_pid(c);

	if (!pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	const char *at = strstr(text, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

int64_t child_bytes_written(const struct child *c)
{
	return io_figure(c, "wchar: ");
}

int64_t child_bytes_read(const struct child *c)
{
	return io_figure(c, "rchar: ");
}

bool child_ok(const struct child_result *r)
{
	return r->start.code == FAULT_NONE && !r->timed_out && r->term_signal == 0 && r->exit_code == 0;
}

/* The last line that says something. */
static const char *last_line(const char *err, int *len)
{
	const char *end = err + strlen(err);

	while (end > err && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	const char *begin = end;
	while (begin > err && begin[-1] != '\n')
		begin--;
	*len = (int)(end - begin > 300 ? 300 : end - begin);
	return begin;
}

void child_explain(const struct child_result *r, const char *what, struct fault *f)
{
	int len;
	const char *line = last_line(r->err ? r->err : "", &len);
	const char *colon = len ? ": " : "";

	if (r->start.code != FAULT_NONE)
		*f = r->start;
	else if (r->given_up)
		fault_set(f, FAULT_FAILED, -ETIMEDOUT, "%s was killed and does not end: it waits for a server or a disk that does not answer", what);
	else if (r->timed_out)
		fault_set(f, FAULT_FAILED, -ETIMEDOUT, "%s did not end in time%s%.*s", what, colon, len, line);
	else if (r->term_signal)
		fault_set(f, FAULT_FAILED, -EINTR, "%s was killed by signal %d%s%.*s", what, r->term_signal, colon, len, line);
	else
		fault_set(f, FAULT_FAILED, -EIO, "%s ended with exit code %d%s%.*s", what, r->exit_code, colon, len, line);
}
