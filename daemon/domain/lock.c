/* SPDX-License-Identifier: MIT */
/*
 * The lock is the flock; the text in the file is for people, and tells whether the holder
 * makes way: a daemon that a call has started lives on for a minute, and whoever then
 * starts the service, or kopi-docka daemon, should not be told that it is busy.
 */
#include "daemon/domain/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/paths.h"

#define FOR_A_CALL ", for a call only"
#define HOLDER_MAX ((size_t)4096)
#define WAIT_MS    5000
#define PAUSE_MS   100

static void read_holder(int fd, struct buf *ret)
{
	ret->len = 0;
	if (lseek(fd, 0, SEEK_SET) == 0)
		IGNORE(fd_read_all(fd, HOLDER_MAX, ret)); /* who it is may stay unknown */
}

/* The file's word alone is not enough to send a signal: the process must be one of ours. */
static bool ask_to_make_way(const struct buf *holder)
{
	struct buf name CLEANUP(buf_done) = { 0 };
	int pid = 0;

	if (!holder->len || !ends_with(holder->data, FOR_A_CALL) || sscanf(holder->data, "pid %d,", &pid) != 1 || pid <= 1)
		return false;
	char *path CLEANUP(freep) = xasprintf("/proc/%d/comm", pid);
	return file_read(path, HOLDER_MAX, &name) == 0 && streq(name.data, "kopi-dockad\n") && kill(pid, LOCK_MAKE_WAY) == 0;
}

static int get(int fd, bool insist, struct buf *holder)
{
	uint64_t begin = clock_ms();

	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		read_holder(fd, holder);
		if (!insist || clock_ms() - begin > WAIT_MS || !ask_to_make_way(holder))
			return -EWOULDBLOCK;
		poll(NULL, 0, PAUSE_MS);
	}
}

int lock_take(const struct conf *c, bool for_a_call, bool insist, int *ret_fd, struct fault *f)
{
	char *path CLEANUP(freep) = path_lock(c);
	struct buf holder CLEANUP(buf_done) = { 0 };
	int fd CLEANUP(closep) = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fault_errno(f, errno == ENOENT ? FAULT_ENGINE : FAULT_FAILED, -errno, "cannot open the lock %s", path);
	if (get(fd, insist && !for_a_call, &holder) < 0) {
		fault_set(f, FAULT_BUSY, -EWOULDBLOCK, "another daemon serves this engine already: %s",
			holder.len ? holder.data : "unknown");
		fault_advise(f, "use that one, or stop it first; the lock is %s", path);
		return -EWOULDBLOCK;
	}
	char *text CLEANUP(freep) = xasprintf("pid %d, configuration %s%s", (int)getpid(), c->path ? c->path : "(none)",
		for_a_call ? FOR_A_CALL : "");
	IGNORE(ftruncate(fd, 0)); /* without it the text is wrong, the lock is not */
	IGNORE(pwrite(fd, text, strlen(text), 0));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int lock_state(const struct conf *c, int *ret_fd, struct fault *f)
{
	int fd CLEANUP(closep) = open(c->paths.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot open %s", c->paths.state);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fault_set(f, FAULT_BUSY, -EWOULDBLOCK, "another daemon has its state in %s", c->paths.state);
		fault_advise(f, "give the daemon of each engine paths of its own: paths.state, paths.runtime, paths.cache");
		return -EWOULDBLOCK;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
