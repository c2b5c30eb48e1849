/* SPDX-License-Identifier: MIT */
/*
 * Happy path: an append is queued, written and fsynced in the pool, and its done called
 * on the loop. Writes follow each other in the order they were asked for.
 * Failure modes: a write that fails is cut off the file again and is its caller's fault
 * alone: nothing is stopped then. What is open in memory counts for this process; what
 * is durable counts for the next one.
 * When the last entry is closed the file is cut to nothing, so it never grows.
 */
#include "daemon/domain/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"

#define LEDGER_MAX ((size_t)64 << 20)

struct append {
	struct ledger *ledger;
	struct append *next;
	struct buf lines;
	bool cut;          /* nothing is open: cut the file to nothing instead */
	ledger_done_fn *done;
	void *arg;
};

struct ledger {
	struct loop *loop;
	char *path;
	int fd;
	bool read_only; /* its file system is: recovery reads it, nothing is added */
	off_t size;     /* of what is durable */
	struct ledger_entry *entries;
	size_t n;
	struct append *first, **end; /* first: under way */
	size_t pending;
};

/* --- reading what is there ----------------------------------------------------------------------- */

static void remove_entry(struct ledger *g, const char *key)
{
	for (size_t i = 0; i < g->n; i++) {
		if (!streq(g->entries[i].key, key))
			continue;
		ledger_entry_done(&g->entries[i]);
		memmove(&g->entries[i], &g->entries[i + 1], (g->n - i - 1) * sizeof(*g->entries));
		g->n--;
		return;
	}
}

static void add_entry(struct ledger *g, const struct ledger_entry *e)
{
	remove_entry(g, e->key);
	g->entries = xreallocarray(g->entries, g->n + 1, sizeof(*g->entries));
	ledger_entry_copy(&g->entries[g->n++], e);
}

static void replay(struct ledger *g, const struct buf *text)
{
	size_t at = 0, len;
	struct ledger_record r;

	while ((len = ledger_parse(text->data ? text->data + at : "", text->len - at, &r)) > 0) {
		if (r.closes)
			remove_entry(g, r.entry.key);
		else if (r.entry.key)
			add_entry(g, &r.entry);
		else
			log_warning("a record of the ledger was written by a newer version and is passed over");
		ledger_entry_done(&r.entry);
		at += len;
	}
	g->size = (off_t)at;
	if (at < text->len)
		log_warning("the ledger's last %zu bytes are damaged and are cut off", text->len - at);
}

static int load(struct ledger *g, struct fault *f)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	int r;

	g->fd = open(g->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (g->fd < 0 && errno == EROFS) {
		g->read_only = true;
		g->fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (g->fd < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot open the ledger %s", g->path);
	if ((r = fd_read_all(g->fd, LEDGER_MAX, &text)) < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot read the ledger %s", g->path);
	replay(g, &text);
	if (g->read_only)
		log_error("the ledger %s cannot be written: %s", g->path, strerror(EROFS));
	else if (ftruncate(g->fd, g->size) < 0 || fsync(g->fd) < 0 || (r = file_sync_parent(g->path)) < 0)
		/* A full or read-only disk: the containers in it must be started all the same. */
		log_error("the ledger %s cannot be written: %s", g->path, strerror(r < 0 ? -r : errno));
	return 0;
}

int ledger_open(struct loop *l, const char *path, struct ledger **ret, struct fault *f)
{
	struct ledger *g = xcalloc(1, sizeof(*g));

	g->loop = l;
	g->path = xstrdup(path);
	g->fd = -1;
	g->end = &g->first;
	int r = load(g, f);
	if (r < 0) {
		ledger_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void ledger_free(struct ledger *g)
{
	if (!g)
		return;
	closep(&g->fd);
	for (size_t i = 0; i < g->n; i++)
		ledger_entry_done(&g->entries[i]);
	free(g->entries);
	free(g->path);
	free(g);
}

/* --- writing ---------------------------------------------------------------------------------------- */

static void start_write(struct ledger *g);

static int write_at(struct ledger *g, const struct buf *b)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = pwrite(g->fd, b->data + at, b->len - at, g->size + (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return fsync(g->fd) < 0 ? -errno : 0;
}

/* In the pool; the loop does not touch fd and size while a write is under way. */
static int write_append(void *arg)
{
	struct append *a = arg;
	struct ledger *g = a->ledger;

	if (g->read_only)
		return -EROFS;
	if (a->cut) {
		if (ftruncate(g->fd, 0) < 0)
			return -errno;
		g->size = 0; /* also if the next line fails: a gap would hide what is written behind it */
		return fsync(g->fd) < 0 ? -errno : 0;
	}
	int r = write_at(g, &a->lines);
	if (r == 0) {
		g->size += (off_t)a->lines.len;
		return 0;
	}
	/* Half a line would hide what is written behind it. */
	IGNORE(ftruncate(g->fd, g->size)); /* the CRC tells if this fails as well */
	return r;
}

static void on_appended(void *arg, int result)
{
	struct append *a = arg;
	struct ledger *g = a->ledger;
	struct fault f = { 0 };

	g->first = a->next;
	if (!g->first)
		g->end = &g->first;
	g->pending--;
	if (result < 0) {
		fault_errno(&f, result == -ENOSPC ? FAULT_NO_SPACE : FAULT_FAILED, result, "the ledger %s cannot be written", g->path);
		if (!a->done)
			log_error("%s", f.text);
	}
	start_write(g);
	if (a->done)
		a->done(a->arg, result < 0 ? &f : NULL);
	buf_done(&a->lines);
	free(a);
}

static void start_write(struct ledger *g)
{
	if (g->first)
		loop_work(g->loop, write_append, on_appended, g->first);
}

static void enqueue(struct ledger *g, struct append *a)
{
	bool idle = g->first == NULL;

	a->ledger = g;
	*g->end = a;
	g->end = &a->next;
	g->pending++;
	if (idle)
		start_write(g);
}

void ledger_add(struct ledger *g, const struct ledger_entry *v, size_t n, ledger_done_fn *done, void *arg)
{
	struct append *a = xcalloc(1, sizeof(*a));

	a->done = done;
	a->arg = arg;
	for (size_t i = 0; i < n; i++) {
		add_entry(g, &v[i]);
		ledger_format_open(&a->lines, &v[i]);
	}
	enqueue(g, a);
}

void ledger_close(struct ledger *g, const char *key, const char *why, ledger_done_fn *done, void *arg)
{
	struct append *a = xcalloc(1, sizeof(*a));

	a->done = done;
	a->arg = arg;
	ledger_format_close(&a->lines, key, why);
	remove_entry(g, key);
	/* Only when no opening is still to be written: it would be cut away. */
	a->cut = g->n == 0;
	enqueue(g, a);
}

const struct ledger_entry *ledger_entries(const struct ledger *g, size_t *ret_n)
{
	*ret_n = g->n;
	return g->entries;
}

bool ledger_has(const struct ledger *g, enum ledger_kind kind, const char *unit)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->entries[i].kind == kind && streq(g->entries[i].unit, unit))
			return true;
	return false;
}

size_t ledger_pending(const struct ledger *g)
{
	return g->pending;
}
