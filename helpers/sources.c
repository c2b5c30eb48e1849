/* SPDX-License-Identifier: MIT */
/*
 * kopi-docka-sources: what containers really have mounted, and where paths of the host really lead. A child of the
 * daemon and killable, because a dead mount blocks whoever touches it.
 *
 * It reads one JSON object, {"containers": [{id, pid, destinations}], "paths": […]}, and prints one JSON line for each:
 * a container with state seen (and its mounts), gone (it ended), other (that process is not the container's) or denied;
 * a path with its place (mountinfo_place) and the first link on its way that others may have put there.
 *
 * A name proves nothing: a link, a second mount of the same directory, a directory that was replaced while the container
 * ran. What a container has mounted is told by the kernel: by its process, which a pidfd keeps from being taken for
 * another one, and whose links are resolved in its own root. Containers come first, for their tables do not block.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/mountinfo.h"
#include "common/varlink.h"
#include "common/way.h"

#define TABLE_MAX ((size_t)16 << 20)

static void print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(o);
}

/* --- one container --------------------------------------------------------------------------- */

struct look {
	int pidfd, root;
	struct mountinfo mounts;
	char *denied; /* what may not be done */
};

static int denied(struct look *k, const char *what)
{
	if (!k->denied)
		k->denied = xasprintf("%s: %s", what, strerror(errno));
	return -EPERM;
}

/* Filtered calls fail with EPERM, and a missing capability with EPERM or EACCES: neither says anything of the host. */
static int fail(struct look *k, const char *what)
{
	return errno == EPERM || errno == EACCES ? denied(k, what) : -errno;
}

static int read_table(int proc, const char *name, struct buf *ret)
{
	int fd CLEANUP(closep) = openat(proc, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_read_all(fd, TABLE_MAX, ret);
}

static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

/*
 * The engine's number may be another process's by now. What was opened below /proc is of the one that the pidfd holds,
 * if that one has not ended since; and it is the container's if its cgroup, or a file that the engine mounts in
 * every container, bears the id.
 */
static int open_process(struct look *k, const char *id, int pid)
{
	char *path CLEANUP(freep) = xasprintf("/proc/%d", pid);
	struct buf mounts CLEANUP(buf_done) = { 0 }, cgroup CLEANUP(buf_done) = { 0 };

	k->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (k->pidfd < 0)
		return fail(k, "pidfd_open");
	int proc CLEANUP(closep) = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	k->root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (k->root < 0)
		return fail(k, "/proc/PID/root");
	int r = read_table(proc, "mountinfo", &mounts);
	if (r == 0)
		r = read_table(proc, "cgroup", &cgroup);
	if (has_ended(k->pidfd))
		return -ESRCH;
	if (r < 0)
		return r;
	if (!(mounts.data && strstr(mounts.data, id)) && !(cgroup.data && strstr(cgroup.data, id)))
		return -EXDEV;
	mountinfo_parse(mounts.data, &k->mounts);
	return 0;
}

/* The engine mounts where the destination's links lead in the container, so the text may not be in the table. */
static const struct mountinfo_line *find_mount(struct look *k, const char *destination, struct way_id *ret_id, mode_t *ret_mode)
{
	const struct mountinfo_line *line = mountinfo_at(&k->mounts, destination);
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	struct stat st;

	if (line && mountinfo_may_block(line))
		return line;
	int fd CLEANUP(closep) = (int)syscall(SYS_openat2, k->root, destination, &how, sizeof(how));
	if (fd < 0) {
		IGNORE(fail(k, "openat2")); /* a destination that is away is no fault: the container may have unmounted it */
		return line;
	}
	if (way_identify(fd, ret_id) < 0 || fstat(fd, &st) < 0) {
		IGNORE(fail(k, "statx"));
		return line;
	}
	*ret_mode = st.st_mode;
	const struct mountinfo_line *by_id = ret_id->mount ? mountinfo_by_id(&k->mounts, ret_id->mount) : NULL;
	return by_id ? by_id : line;
}

static bool holds_data(const struct mountinfo_line *l)
{
	static const char *const none[] = { "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "securityfs",
		"pstore", "bpf", "configfs", "fusectl", "hugetlbfs", "nsfs", "binfmt_misc", "autofs", "devtmpfs" };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (streq(l->type, none[i]))
			return false;
	return true;
}

/* A bind comes with what is mounted below its source, and more may come later. */
static struct json_object *list_nested(const struct look *k, const struct mountinfo_line *outer)
{
	struct json_object *list = json_object_new_array();
	size_t len = streq(outer->point, "/") ? 0 : strlen(outer->point);

	for (size_t i = 0; i < k->mounts.n; i++) {
		const struct mountinfo_line *l = &k->mounts.v[i];
		if (l == outer || !holds_data(l) || strncmp(l->point, outer->point, len) != 0 || l->point[len] != '/')
			continue;
		struct json_object *o = json_object_new_object();
		char *place CLEANUP(freep) = mountinfo_line_place(l);
		json_put_text(o, "place", place);
		json_put_flag(o, "rw", l->rw);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *describe(struct look *k, const char *destination)
{
	struct json_object *o = json_object_new_object();
	struct way_id id = { 0 };
	mode_t mode = S_IFDIR; /* of what is not touched: taken for one */
	const struct mountinfo_line *line = find_mount(k, destination, &id, &mode);

	json_put_text(o, "destination", destination);
	/* What is reached there but not mounted there is the container's own file system: nothing of a mount is left. */
	if (!line || (!mountinfo_at(&k->mounts, destination) && streq(line->point, "/") && !streq(destination, "/")))
		return o;
	char *place CLEANUP(freep) = mountinfo_line_place(line);
	json_put_text(o, "place", place);
	json_put_flag(o, "directory", S_ISDIR(mode));
	if (id.inode) {
		json_put_number(o, "device", (int64_t)id.device);
		json_put_number(o, "inode", (int64_t)id.inode);
	}
	json_object_object_add(o, "nested", list_nested(k, line));
	return o;
}

static const char *state_of(int r)
{
	return r == 0 ? "seen" : r == -EPERM ? "denied" : r == -EXDEV ? "other" : "gone";
}

static void serve_container(struct json_object *q)
{
	struct look k = { .pidfd = -1, .root = -1 };
	const char *id = json_text(q, "id");
	struct json_object *wanted = json_member(q, "destinations"), *mounts = json_object_new_array(), *o = json_object_new_object();
	int r = open_process(&k, id ? id : "", (int)json_number(q, "pid", 0));

	for (size_t i = 0; r == 0 && json_object_is_type(wanted, json_type_array) && i < json_object_array_length(wanted); i++) {
		const char *destination = json_object_get_string(json_object_array_get_idx(wanted, i));
		json_object_array_add(mounts, describe(&k, destination));
	}
	json_put_text(o, "id", id);
	json_put_text(o, "state", state_of(k.denied ? -EPERM : r));
	json_put_text(o, "reason", k.denied);
	json_object_object_add(o, "mounts", mounts);
	print(o);
	mountinfo_done(&k.mounts);
	free(k.denied);
	closep(&k.pidfd);
	closep(&k.root);
}

/* --- one path -------------------------------------------------------------------------------- */

static void serve_path(const struct mountinfo *host, const char *path)
{
	struct json_object *o = json_object_new_object();
	const struct mountinfo_line *line = mountinfo_of(host, path);
	struct way_links links = { 0 };
	struct fault f = { 0 };
	struct stat st;
	/* Links on a network are taken as they stand: to look at them may never end. */
	bool as_it_stands = line && mountinfo_may_block(line);
	char *real CLEANUP(freep) = as_it_stands ? xstrdup(path) : way_resolve(path, &links, &f);
	bool there = real && (as_it_stands || lstat(real, &st) == 0);
	char *place CLEANUP(freep) = there ? mountinfo_place(host, real) : NULL;

	json_put_text(o, "path", path);
	json_put_text(o, "place", place);
	json_put_text(o, "foreign", links.foreign);
	free(links.foreign);
	print(o);
}

static void serve(struct json_object *request)
{
	struct json_object *containers = json_member(request, "containers"), *paths = json_member(request, "paths");
	struct buf text CLEANUP(buf_done) = { 0 };
	struct mountinfo host = { 0 };
	int fd CLEANUP(closep) = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; json_object_is_type(containers, json_type_array) && i < json_object_array_length(containers); i++)
		serve_container(json_object_array_get_idx(containers, i));
	if (fd >= 0 && fd_read_all(fd, TABLE_MAX, &text) == 0)
		mountinfo_parse(text.data, &host);
	for (size_t i = 0; json_object_is_type(paths, json_type_array) && i < json_object_array_length(paths); i++)
		serve_path(&host, json_object_get_string(json_object_array_get_idx(paths, i)));
	mountinfo_done(&host);
}

int main(int argc, char **argv)
{
	struct buf text CLEANUP(buf_done) = { 0 };

	(void)argv;
	if (argc != 1 || fd_read_all(STDIN_FILENO, (size_t)64 << 20, &text) < 0) {
		fputs("usage: kopi-docka-sources <REQUEST: called by kopi-dockad\n", stderr);
		return 2;
	}
	struct json_object *request CLEANUP(json_putp) = json_parse(text.data ? text.data : "", text.len);
	if (!request) {
		fputs("kopi-docka-sources: its input is no JSON object\n", stderr);
		return 2;
	}
	serve(request);
	return fflush(stdout) == 0 ? 0 : 1;
}
