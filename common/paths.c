/* SPDX-License-Identifier: MIT */
/* Every file of ours is named here and nowhere else. */
#include "common/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#ifndef KD_LIBEXEC
# define KD_LIBEXEC "/usr/libexec/kopi-docka"
#endif

static char *below(const char *directory, const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

char *path_socket(const struct conf *c)
{
	return below(c->paths.runtime, "io.kopidocka");
}

char *path_lock(const struct conf *c)
{
	char real[PATH_MAX];
	const char *socket = realpath(c->docker_socket, real) ? real : c->docker_socket;
	const char *slash = strrchr(socket, '/');

	return xasprintf("%.*s/kopi-docka.lock", slash ? (int)(slash - socket) : 0, socket);
}

char *path_ledger(const struct conf *c)
{
	return below(c->paths.state, "ledger");
}

char *path_history(const struct conf *c)
{
	return below(c->paths.state, "history");
}

char *path_units(const struct conf *c)
{
	return below(c->paths.state, "units");
}

char *path_identity(const struct conf *c)
{
	return below(c->paths.state, "identity.json");
}

char *path_kopia_config(const struct conf *c)
{
	return below(c->paths.state, "repository.config");
}

char *path_kopia_cache(const struct conf *c)
{
	return c->kopia.cache_directory ? xstrdup(c->kopia.cache_directory) : below(c->paths.cache, "kopia");
}

char *path_kopia_logs(const struct conf *c)
{
	return below(c->paths.cache, "kopia-logs");
}

char *path_spool(const struct conf *c)
{
	return c->spool.directory ? xstrdup(c->spool.directory) : below(c->paths.cache, "spool");
}

char *path_restore_history(const struct conf *c)
{
	return below(c->paths.state, "restore-history");
}

char *path_staging(const struct conf *c)
{
	return below(c->paths.cache, "staging");
}

char *path_jobs(const struct conf *c)
{
	return below(c->paths.state, "last-job");
}

char *path_restored(const struct conf *c)
{
	return below(c->paths.state, "restored");
}

char *path_laying_out(const struct conf *c)
{
	return below(c->paths.state, "restored/.new");
}

char *path_schedule(const struct conf *c)
{
	return below(c->paths.state, "schedule.json");
}

char *path_restores(const struct conf *c)
{
	return below(c->paths.state, "restores");
}

char *path_log(const struct conf *c)
{
	return below(c->paths.state, "daemon.log");
}

char *path_underway(const struct conf *c)
{
	return below(c->paths.state, "run-under-way.json");
}

char *path_clock(const struct conf *c)
{
	return below(c->paths.state, "clock.json");
}

char *path_made(const struct conf *c)
{
	return below(c->paths.state, "runs-made");
}

char *path_retention(const struct conf *c)
{
	return below(c->paths.state, "retention.json");
}

char *path_maintenance(const struct conf *c)
{
	return below(c->paths.state, "maintenance.json");
}

char *path_rates(const struct conf *c)
{
	return below(c->paths.state, "rates.json");
}

int paths_make(const struct conf *c, struct fault *f)
{
	char *history CLEANUP(freep) = path_history(c), *spool CLEANUP(freep) = path_spool(c);
	char *staging CLEANUP(freep) = path_staging(c), *logs CLEANUP(freep) = path_kopia_logs(c);
	const struct {
		const char *path;
		mode_t mode;
	} directories[] = {
		{ c->paths.state, 0700 }, { c->paths.cache, 0700 }, { c->paths.runtime, 0755 }, { history, 0700 },
		{ spool, 0700 }, { staging, 0700 }, { logs, 0700 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		int r = dir_make(directories[i].path, directories[i].mode, f);
		if (r < 0)
			return r;
		if (chmod(directories[i].path, directories[i].mode) < 0)
			return fault_errno(f, FAULT_FAILED, -errno, "cannot set the mode of %s", directories[i].path);
	}
	return 0;
}

static bool runnable(const char *path)
{
	return access(path, X_OK) == 0;
}

/* In a build tree the helpers stand beside the daemon's directory. */
static char *beside_program(const char *relative, const char *name)
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n <= 0)
		return NULL;
	program[n] = '\0';
	char *slash = strrchr(program, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return xasprintf("%s/%s%s", program, relative, name);
}

char *path_helper(const char *name)
{
	static const char *const relatives[] = { "", "../helpers/" };
	const char *named = getauxval(AT_SECURE) ? NULL : getenv("KOPI_DOCKA_HELPERS");

	if (named && *named == '/')
		return below(named, name);
	for (size_t i = 0; i < ARRAY_SIZE(relatives); i++) {
		char *path = beside_program(relatives[i], name);
		if (path && runnable(path))
			return path;
		free(path);
	}
	return below(KD_LIBEXEC, name);
}

static char *resolve(char *path /* taken */)
{
	char real[PATH_MAX];
	char *found = path && runnable(path) && realpath(path, real) ? xstrdup(real) : NULL;

	free(path);
	return found;
}

char *path_daemon(void)
{
	static const char *const relatives[] = { "", "../sbin/", "../daemon/" };
	char *found = NULL;

	for (size_t i = 0; !found && i < ARRAY_SIZE(relatives); i++)
		found = resolve(beside_program(relatives[i], "kopi-dockad"));
	return found;
}

char *path_client(void)
{
	char *path = beside_program("", "kopi-docka");

	if (path && runnable(path))
		return path; /* its name is how people know it: not resolved */
	free(path);
	return resolve(xstrdup("/proc/self/exe"));
}
