/* SPDX-License-Identifier: MIT */
/* Small files of our own: read whole, replaced atomically, directories made and removed. */
#include "common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, size_t max, struct buf *ret)
{
	char block[16384];

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (ret->len + (size_t)n > max)
			return -EFBIG;
		int r = buf_add(ret, block, (size_t)n);
		if (r < 0)
			return r;
	}
}

int file_read(const char *path, size_t max, struct buf *ret)
{
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, max, ret);
}

int file_sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir CLEANUP(freep) = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
	int fd CLEANUP(closep) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int write_synced(int fd, const void *data, size_t len, mode_t mode)
{
	int r = fd_write_all(fd, data, len);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_move(const char *from, const char *to, bool replace, struct fault *f)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, replace ? 0 : RENAME_NOREPLACE) < 0)
		return fault_errno(f, errno == ENOSPC ? FAULT_NO_SPACE : FAULT_FAILED, -errno, "cannot write %s", to);
	int r = file_sync_parent(to);
	return r < 0 ? fault_errno(f, FAULT_FAILED, r, "cannot sync the directory of %s", to) : 0;
}

int file_remove(const char *path, struct fault *f)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_FAILED, -errno, "cannot remove %s", path);
	int r = file_sync_parent(path);
	return r < 0 ? fault_errno(f, FAULT_FAILED, r, "cannot sync the directory of %s", path) : 0;
}

static int put_file(const char *path, const void *data, size_t len, mode_t mode, bool replace, struct fault *f)
{
	char *temporary CLEANUP(freep) = xasprintf("%s.XXXXXX" FILE_UNFINISHED, path);
	int fd CLEANUP(closep) = mkostemps(temporary, (int)strlen(FILE_UNFINISHED), O_CLOEXEC);

	if (fd < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot make a file beside %s", path);
	int r = write_synced(fd, data, len, mode);
	if (r < 0)
		fault_errno(f, r == -ENOSPC ? FAULT_NO_SPACE : FAULT_FAILED, r, "cannot write %s", path);
	else
		r = file_move(temporary, path, replace, f);
	if (r < 0)
		unlink(temporary); /* gone already where only the directory could not be synced */
	return r;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct fault *f)
{
	return put_file(path, data, len, mode, true, f);
}

int file_create(const char *path, const void *data, size_t len, mode_t mode, struct fault *f)
{
	return put_file(path, data, len, mode, false, f);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int dir_make(const char *path, mode_t mode, struct fault *f)
{
	char *part CLEANUP(freep) = xstrdup(path);

	for (char *p = part + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char kept = *p;
		*p = '\0';
		if (mkdir(part, mode) == 0)
			IGNORE(file_sync_parent(part)); /* what is written into it says itself when it is not durable */
		else if (!is_directory(part))
			return fault_errno(f, FAULT_FAILED, errno == EEXIST ? -ENOTDIR : -errno, "cannot make the directory %s", part);
		*p = kept;
		if (!kept)
			return 0;
	}
}

int dir_remove_at(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *e;
	int r = 0;

	if (fd < 0)
		return (errno == ENOTDIR || errno == ELOOP) && unlinkat(parent, name, 0) == 0 ? 0 : -errno;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		int one = dir_remove_at(fd, e->d_name);
		r = r < 0 ? r : one;
	}
	closedir(d);
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int dir_remove(const char *path)
{
	return dir_remove_at(AT_FDCWD, path);
}
