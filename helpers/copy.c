/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-copy: copies the user's files into a recipe. A child of the daemon and killable,
 * because a dead mount blocks whoever touches it.
 *
 *   copy TO LIMIT { MODE AS ROOT REST }...
 *       AS is how the file is called, and where it is put below TO. MODE says where it is read:
 *         c  at REST, following links
 *         l  at REST, but not what a link leads to outside of ROOT
 *         b  at REST below ROOT without following any link: a container can write there
 *       An s before it (sl, sb) only looks.
 *
 * One JSON line a file, as soon as it is known: as, state (copied, seen, missing, refused), size,
 * mode, reason. Refused: no regular file, larger than LIMIT, unreadable. What is no file is
 * looked at (O_PATH) and never opened: a fifo would block, a device may act.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/varlink.h"

struct request {
	const char *to, *as, *root, *rest;
	char mode;
	bool look;
	int64_t limit;
};

static void tell(const struct request *q, const char *state, const struct stat *st, const char *reason)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "as", q->as);
	json_put_text(o, "state", state);
	json_put_text(o, "reason", reason);
	if (st) {
		char *mode CLEANUP(freep) = xasprintf("%04o", (unsigned int)st->st_mode & 07777);
		json_put_number(o, "size", st->st_size);
		json_put_text(o, "mode", mode);
	}
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(o);
}

/* REST below ROOT, component by component, no link followed; the last may be one. As O_PATH, or -errno. */
static int open_below(const char *root, const char *rest)
{
	int at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (at >= 0) {
		rest += strspn(rest, "/");
		size_t len = strcspn(rest, "/");
		char *part CLEANUP(freep) = xstrndup(rest, len);
		bool last = rest[len] == '\0';
		int next;
		if (len == 0 || streq(part, "..")) {
			close(at);
			return -ENOENT;
		}
		next = openat(at, part, O_PATH | (last ? 0 : O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
		int sys = errno;
		close(at);
		if (next < 0)
			return -sys;
		at = next;
		rest += len;
		if (last)
			return at;
	}
	return -errno;
}

/*
 * Was ${fd} opened through a link that leads out of ${directory}? Where to: caller's; NULL: it was not. What was
 * opened is asked, not its path once more: that may be a link to something else by now.
 */
static char *leads_out(int fd, const char *directory)
{
	char real[PATH_MAX], home[PATH_MAX];
	char *self CLEANUP(freep) = xasprintf("/proc/self/fd/%d", fd);
	ssize_t n = readlink(self, real, sizeof(real) - 1);

	if (n < 0 || !realpath(directory, home))
		return xstrdup("somewhere"); /* not known to be inside: not copied */
	real[n] = '\0';
	size_t len = streq(home, "/") ? 0 : strlen(home);
	return strncmp(real, home, len) == 0 && real[len] == '/' ? NULL : xstrdup(real);
}

/* Only what is known to be a file is opened for reading: to open a device can do something. */
static int copy_out(const struct request *q, int fd)
{
	char *self CLEANUP(freep) = xasprintf("/proc/self/fd/%d", fd);
	int from CLEANUP(closep) = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), sys = errno;
	char *path CLEANUP(freep) = xasprintf("%s%s", q->to, q->as);
	char *directory CLEANUP(freep) = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct buf text CLEANUP(buf_done) = { 0 };
	struct fault f = { 0 };
	int r = from < 0 ? -sys : fd_read_all(from, (size_t)q->limit, &text);

	if (r < 0)
		return r;
	r = dir_make(directory, 0700, &f);
	if (r < 0)
		return r;
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = fd_write_all(to, text.data ? text.data : "", text.len);
	return close(to) < 0 && r == 0 ? -errno : r;
}

static const char *what_it_is(mode_t mode)
{
	return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a fifo" : S_ISSOCK(mode) ? "a socket" : S_ISLNK(mode) ? "a link" : "no regular file";
}

static void take(const struct request *q, int fd, const struct stat *st)
{
	if (!S_ISREG(st->st_mode)) {
		tell(q, "refused", st, what_it_is(st->st_mode));
	} else if (q->look) {
		tell(q, "seen", st, NULL);
	} else if (st->st_size > q->limit) {
		char *reason CLEANUP(freep) = xasprintf("larger than %" PRId64 " KiB", q->limit >> 10);
		tell(q, "refused", st, reason);
	} else {
		int r = copy_out(q, fd);
		tell(q, r < 0 ? "refused" : "copied", st, r < 0 ? strerror(-r) : NULL);
	}
}

static void serve(const struct request *q)
{
	bool below = q->mode == 'b';
	int fd CLEANUP(closep) = below ? open_below(q->root, q->rest) : open(q->rest, O_PATH | O_CLOEXEC);
	int sys = fd < 0 && !below ? -errno : fd;
	char *out CLEANUP(freep) = fd >= 0 && q->mode == 'l' ? leads_out(fd, q->root) : NULL;
	struct stat st;

	if (out) {
		char *reason CLEANUP(freep) = xasprintf("a link to %s, which lies elsewhere", out);
		tell(q, "refused", NULL, reason);
		return;
	}
	if (fd >= 0 && fstat(fd, &st) == 0)
		take(q, fd, &st);
	else if (sys == -ENOENT || sys == -ENOTDIR)
		tell(q, "missing", NULL, "not there");
	else
		tell(q, "refused", NULL, sys == -ELOOP ? "a link" : strerror(-sys));
}

int main(int argc, char **argv)
{
	int at = 3;

	if (argc < 7 || (argc - at) % 4 != 0) {
		fprintf(stderr, "kopi-docka-copy TO LIMIT {MODE AS ROOT REST}...: started by kopi-dockad\n");
		return 2;
	}
	for (; at < argc; at += 4) {
		bool look = argv[at][0] == 's';
		const struct request q = {
			.to = argv[1], .as = argv[at + 1], .root = argv[at + 2], .rest = argv[at + 3], .mode = argv[at][look], .look = look,
			.limit = strtoll(argv[2], NULL, 10),
		};
		serve(&q);
	}
	return 0;
}
