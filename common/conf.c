/* SPDX-License-Identifier: MIT */
/*
 * Finding the configuration, deciding whether the file may be trusted, and what holds
 * between keys. A file that is there and cannot be read is an error, never "not found":
 * else a second configuration with other passwords would be used.
 */
#include "common/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf_keys.h"
#include "common/fd.h"
#include "common/paths.h"

#define CONF_MAX       ((size_t)1 << 20)
#define PASSWORD_MAX   4096
#define CREDENTIAL     "kopi-docka.password"

/* --- what holds between keys ---------------------------------------------------------------- */

static int check_together(const char *name, struct conf *c, struct fault *f)
{
	if (c->kopia.repository_path && c->kopia.repository.n)
		return fault_set(f, FAULT_CONF, -EINVAL, "%s: kopia.repository_path and kopia.repository are both set: one is meant", name);
	if (c->kopia.password && c->kopia.password_file)
		return fault_set(f, FAULT_CONF, -EINVAL, "%s: kopia.password and kopia.password_file are both set: one is meant", name);
	if (c->schedule.calendar.n && c->schedule.interval_minutes)
		return fault_set(f, FAULT_CONF, -EINVAL, "%s: schedule.calendar and schedule.interval_minutes are both set: one is meant", name);
	if (c->kopia.identity) {
		const char *at = strchr(c->kopia.identity, '@');
		if (!at || at == c->kopia.identity || !at[1] || strpbrk(c->kopia.identity, ":/ "))
			return fault_set(f, FAULT_CONF, -EINVAL, "%s: kopia.identity must be user@host", name);
	}
	if (c->backup.update_recovery_bundle && !c->backup.recovery_bundle_path)
		return fault_set(f, FAULT_CONF, -EINVAL, "%s: backup.update_recovery_bundle needs backup.recovery_bundle_path: where the bundles go", name);
	return 0;
}

static bool placeholder(const char *password)
{
	static const char *const known[] = { "changeme-very-secret", "changeme", "change-me", "password", "secret" };

	for (size_t i = 0; password && i < ARRAY_SIZE(known); i++)
		if (strcasecmp(password, known[i]) == 0)
			return true;
	return false;
}

/* [section] at the first line that says anything: the order's INI form. */
static bool looks_like_ini(const char *text)
{
	for (const char *p = text; *p;) {
		p += strspn(p, " \t\r\n");
		if (*p == '[')
			return true;
		if (*p != ';' && *p != '#')
			return false;
		p += strcspn(p, "\n");
	}
	return false;
}

int conf_parse(const char *name, const char *text, struct conf **ret, struct fault *f)
{
	struct conf *c CLEANUP(conf_freep) = xcalloc(1, sizeof(*c));

	conf_set_defaults(c);
	int r = looks_like_ini(text) ? conf_parse_ini(c, name, text, f) : conf_parse_libconfig(c, name, text, f);
	if (r == 0)
		r = check_together(name, c, f);
	if (r < 0)
		return r;
	c->kopia.cache_size_mb >>= 20;
	c->kopia.password_is_placeholder = placeholder(c->kopia.password);
	*ret = TAKE_PTR(c);
	return 0;
}

/* --- files -------------------------------------------------------------------------------------- */

/* Others who can write it can make root run what they want. */
static int check_trust(const char *path, int fd, bool secret, struct strv *warnings, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fault_errno(f, FAULT_CONF, -errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return fault_set(f, FAULT_CONF, -EINVAL, "%s is not a regular file", path);
	if (getuid() != 0)
		return 0;
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		fault_set(f, FAULT_CONF, -EPERM, "%s is refused: root must own it, and no one else may write it", path);
		fault_advise(f, "chown root:root %s; chmod 600 %s", path, path);
		return -EPERM;
	}
	if (secret && (st.st_mode & S_IROTH))
		strv_addf(warnings, "%s has a password and can be read by others: chmod 600 %s", path, path);
	return 0;
}

static int read_password(struct conf *c, const char *path, struct fault *f)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fault_errno(f, FAULT_CONF, -errno, "cannot read the password file %s", path);
	int r = check_trust(path, fd, true, &c->warnings, f);
	if (r < 0)
		return r;
	if (fd_read_all(fd, PASSWORD_MAX, &text) < 0)
		return fault_set(f, FAULT_CONF, -EINVAL, "the password file %s is longer than %d bytes", path, PASSWORD_MAX);
	size_t len = text.data ? strcspn(text.data, "\r\n") : 0;
	if (len == 0)
		return fault_set(f, FAULT_CONF, -EINVAL, "the password file %s is empty", path);
	c->kopia.password = xstrndup(text.data, len);
	c->kopia.password_is_placeholder = placeholder(c->kopia.password);
	explicit_bzero(text.data, text.len);
	return 0;
}

static int take_password(struct conf *c, struct fault *f)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (c->kopia.password)
		return 0;
	if (c->kopia.password_file)
		return read_password(c, c->kopia.password_file, f);
	if (!credentials)
		return 0;
	char *path CLEANUP(freep) = xasprintf("%s/" CREDENTIAL, credentials);
	return access(path, F_OK) == 0 ? read_password(c, path, f) : 0;
}

/* DOCKER_HOST counts where the file says nothing; only a unix socket can be used. */
static void take_docker_host(struct conf *c)
{
	const char *host = getenv("DOCKER_HOST");

	if (!host || !starts_with(host, "unix:///") || !streq(c->docker_socket, "/run/docker.sock"))
		return;
	free(c->docker_socket);
	c->docker_socket = xstrdup(host + strlen("unix://"));
}

/* kopia's own variable counts where the file says nothing. */
static void take_kopia_cache(struct conf *c)
{
	const char *directory = getenv("KOPIA_CACHE_DIRECTORY");

	if (!c->kopia.cache_directory && directory && *directory == '/')
		c->kopia.cache_directory = xstrdup(directory);
}

static int load_fd(const char *path, int fd, struct conf **ret, struct fault *f)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct buf text CLEANUP(buf_done) = { 0 };
	int r = fd_read_all(fd, CONF_MAX, &text);

	if (r < 0)
		return fault_errno(f, FAULT_CONF, r, "cannot read %s", path);
	if (text.data && memchr(text.data, '\0', text.len))
		return fault_set(f, FAULT_CONF, -EINVAL, "%s has a NUL byte: it is no text", path);
	if ((r = conf_parse(path, text.data ? text.data : "", &c, f)) < 0)
		return r;
	if ((r = check_trust(path, fd, c->kopia.password != NULL, &c->warnings, f)) < 0)
		return r;
	if (text.data)
		explicit_bzero(text.data, text.len);
	c->path = xstrdup(path);
	*ret = TAKE_PTR(c);
	return 0;
}

/* 1: read; 0: not there. */
static int try_load(const char *path, struct conf **ret, struct fault *f)
{
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return fault_errno(f, FAULT_CONF, -errno, "cannot read the configuration %s", path);
	int r = load_fd(path, fd, ret, f);
	return r < 0 ? r : 1;
}

static int search(struct conf **ret, struct fault *f)
{
	const char *home = getenv("HOME");
	int r = try_load(PATH_CONF_SYSTEM, ret, f);

	if (r != 0 || !home || *home != '/')
		return r;
	char *path CLEANUP(freep) = xasprintf("%s/" PATH_CONF_USER, home);
	return try_load(path, ret, f);
}

int conf_load(const char *path, struct conf **ret, struct fault *f)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	int r = path ? try_load(path, &c, f) : search(&c, f);

	if (r == 0 && path)
		return fault_set(f, FAULT_CONF, -ENOENT, "there is no configuration %s", path);
	if (r == 0)
		r = conf_parse("built-in", "", &c, f);
	if (r < 0 || (r = take_password(c, f)) < 0)
		return r;
	take_docker_host(c);
	take_kopia_cache(c);
	*ret = TAKE_PTR(c);
	return 0;
}

int conf_check_password(const struct conf *c, struct fault *f)
{
	if (c->kopia.password && !c->kopia.password_is_placeholder)
		return 0;
	fault_set(f, FAULT_CONF, -EINVAL, c->kopia.password ? "the repository's password is still the example's: anyone can guess it"
							      : "no password is set for the repository");
	fault_advise(f, "make one: (umask 077; openssl rand -base64 30 > /etc/kopi-docka.password), then set "
		"kopia.password_file = /etc/kopi-docka.password, and keep a copy elsewhere");
	return -EINVAL;
}

const struct conf_unit *conf_unit(const struct conf *c, const char *unit)
{
	for (size_t i = 0; i < c->n_units; i++)
		if (streq(c->units[i].name, unit))
			return &c->units[i];
	return NULL;
}

struct conf_retention conf_retention(const struct conf *c, const char *unit)
{
	const struct conf_unit *u = conf_unit(c, unit);
	struct conf_retention keep = c->retention;

	if (!u)
		return keep;
	keep.latest = u->retention.latest >= 0 ? u->retention.latest : keep.latest;
	keep.daily = u->retention.daily >= 0 ? u->retention.daily : keep.daily;
	keep.weekly = u->retention.weekly >= 0 ? u->retention.weekly : keep.weekly;
	keep.monthly = u->retention.monthly >= 0 ? u->retention.monthly : keep.monthly;
	keep.yearly = u->retention.yearly >= 0 ? u->retention.yearly : keep.yearly;
	return keep;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	if (c->kopia.password)
		explicit_bzero(c->kopia.password, strlen(c->kopia.password));
	char *owned[] = { c->path, c->kopia.program, c->kopia.repository_path, c->kopia.password, c->kopia.password_file,
		c->kopia.compression, c->kopia.encryption, c->kopia.splitter, c->kopia.hash, c->kopia.cache_directory,
		c->kopia.identity, c->backup.base_path, c->backup.recovery_bundle_path, c->backup.recovery_password_path, c->spool.directory, c->access.group,
		c->paths.state, c->paths.runtime, c->paths.cache, c->docker_socket };
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	struct strv *lists[] = { &c->warnings, &c->kopia.repository, &c->backup.exclude_patterns, &c->backup.exclude_mounts, &c->backup.trusted_writers, &c->access.uids,
		&c->schedule.calendar };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
	for (size_t i = 0; i < c->n_units; i++) {
		free(c->units[i].name);
		strv_done(&c->units[i].exclude_patterns);
		strv_done(&c->units[i].exclude_mounts);
		strv_done(&c->units[i].schedule);
	}
	free(c->units);
	free(c);
}

void conf_freep(struct conf **c)
{
	conf_free(*c);
	*c = NULL;
}
