/* SPDX-License-Identifier: MIT */
/*
 * One small file with the last number that was given, written in the pool by and by: a job does not wait for it. A crash in between
 * costs nothing but that a number may be given twice.
 */
#include "daemon/domain/numbers.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"

#define FILE_MAX 64

struct numbers {
	struct loop *loop;
	char *path, *text;  /* owned; text: what is being written */
	unsigned int last;
	bool writing, again;
	struct fault fault;
};

struct numbers *numbers_open(struct loop *l, const char *path)
{
	struct numbers *n = xcalloc(1, sizeof(*n));
	struct buf text CLEANUP(buf_done) = { 0 };

	n->loop = l;
	n->path = xstrdup(path);
	if (file_read(path, FILE_MAX, &text) == 0 && text.len) {
		unsigned long last = strtoul(text.data, NULL, 10);
		n->last = last < INT_MAX ? (unsigned int)last : 0;
	}
	return n;
}

void numbers_free(struct numbers *n)
{
	if (!n)
		return;
	free(n->path);
	free(n->text);
	free(n);
}

static int write_file(void *arg)
{
	struct numbers *n = arg;

	return file_replace(n->path, n->text, strlen(n->text), 0600, &n->fault);
}

static void save(struct numbers *n);

static void on_written(void *arg, int result)
{
	struct numbers *n = arg;

	n->writing = false;
	if (result < 0)
		log_warning("the numbers of jobs will begin anew: %s", n->fault.text);
	if (n->again)
		save(n);
}

static void save(struct numbers *n)
{
	n->again = n->writing;
	if (n->writing)
		return;
	free(n->text);
	n->text = xasprintf("%u\n", n->last);
	n->writing = true;
	loop_work(n->loop, write_file, on_written, n);
}

unsigned int numbers_next(struct numbers *n)
{
	n->last++;
	save(n);
	return n->last;
}

bool numbers_pending(const struct numbers *n)
{
	return n->writing;
}
