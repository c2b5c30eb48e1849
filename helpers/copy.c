/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-copy: copies the user's files into a recipe. A child of the daemon and killable,
 * because a dead mount blocks whoever touches it.
 *
 *   copy TO LIMIT { MODE AS ROOT REST }...
 *       AS is how the file is called, and where it is put below TO. MODE says where it is read:
 *         c  at REST, following links, also out of ROOT, but not one by which others could lead root to a file of
 *            which they are not the owner; a link that leads out is told as the reason
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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "common/way.h"

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

/* ${path}, links followed: the way is resolved first and what it leads to opened without a link, so that nobody exchanges
 * one in between. -errno. */
static int open_real(const char *path, char **ret_real, struct way_links *links)
{
	struct fault f = { 0 };
	char *real = way_resolve(path, links, &f);
	int fd = real ? open_below("/", real) : f.sys;

	*ret_real = real;
	return fd;
}

static bool lies_in(const char *path, const char *directory)
{
	size_t len = streq(directory, "/") ? 0 : strlen(directory);

	return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* Does ${real} lie in ${directory}, whose own way nobody but root could bend? */
static bool lies_at_home(const char *real, const char *directory)
{
	struct way_links links = { 0 };
	struct fault f = { 0 };
	char *home CLEANUP(freep) = way_resolve(directory, &links, &f);
	bool at_home = home && !links.foreign && lies_in(real, home);

	free(links.foreign);
	return at_home;
}

/*
 * May a link that others than root can set have led root to a file that they could not read? Its own owner's files are no
 * secret to him (as the kernel judges links in /tmp), nor is what lies in the project. Why not: caller's, or NULL.
 */
static char *led_astray(const char *foreign, const char *real, int fd, const char *home)
{
	struct stat link, st;
	bool own = lstat(foreign, &link) == 0 && S_ISLNK(link.st_mode) && fstat(fd, &st) == 0 && link.st_uid == st.st_uid && st.st_uid != 0;

	if (own || (home && lies_at_home(real, home)))
		return NULL;
	return xasprintf("the link %s, which others than root can set, leads to %s, which is not theirs", foreign, real);
}

/* What links lead out of ${directory}: caller's; NULL: nothing does. */
static char *leads_out(const char *real, const char *directory)
{
	struct way_links links = { 0 };
	struct fault f = { 0 };
	char *home CLEANUP(freep) = way_resolve(directory, &links, &f);

	free(links.foreign);
	return home && lies_in(real, home) ? NULL : xstrdup(real);
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

static void take(const struct request *q, int fd, const struct stat *st, const char *note)
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
		tell(q, r < 0 ? "refused" : "copied", st, r < 0 ? strerror(-r) : note);
	}
}

/* In a container's volume: its root's way may be bent, too. */
static int open_in_volume(const struct request *q, char **ret_reason)
{
	char *real CLEANUP(freep) = NULL;
	struct way_links links = { 0 };
	int root CLEANUP(closep) = open_real(q->root, &real, &links);

	if (root >= 0 && links.foreign)
		*ret_reason = led_astray(links.foreign, real, root, NULL);
	free(links.foreign);
	return root < 0 ? root : *ret_reason ? -ELOOP : open_below(real, q->rest);
}

static int open_asked(const struct request *q, char **ret_reason, char **ret_note)
{
	char *real CLEANUP(freep) = NULL;
	struct way_links links = { 0 };
	int fd = open_real(q->rest, &real, &links);
	char *out CLEANUP(freep) = fd >= 0 ? leads_out(real, q->root) : NULL;

	if (out && q->mode == 'l')
		*ret_reason = xasprintf("a link to %s, which lies elsewhere", out);
	else if (fd >= 0 && links.foreign)
		*ret_reason = led_astray(links.foreign, real, fd, q->root);
	if (out)
		*ret_note = xasprintf("by a link to %s", out);
	free(links.foreign);
	if (*ret_reason)
		closep(&fd);
	return *ret_reason ? -ELOOP : fd;
}

static void serve(const struct request *q)
{
	char *reason CLEANUP(freep) = NULL, *note CLEANUP(freep) = NULL;
	int fd CLEANUP(closep) = q->mode == 'b' ? open_in_volume(q, &reason) : open_asked(q, &reason, &note);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		take(q, fd, &st, note);
	else if (fd == -ENOENT || fd == -ENOTDIR)
		tell(q, "missing", NULL, "not there");
	else
		tell(q, "refused", NULL, reason ? reason : fd == -ELOOP ? "a link" : strerror(-fd));
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
