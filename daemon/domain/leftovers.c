/* SPDX-License-Identifier: MIT */
/*
 * Everything temporary of ours lies in a place that is known by its name alone, so no record of it is needed:
 * two directories that are empty between jobs, two names of init, and one ending of files beside those they
 * replace. All of it is on our own filesystems, never on an item's path.
 */
#include "daemon/domain/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"

static void told(const char *directory, const char *name, int r)
{
	if (r < 0 && r != -ENOENT)
		log_warning("what an interrupted operation left cannot be removed: %s/%s: %s", directory, name, strerror(-r));
	else if (r == 0)
		log_info("removed what an interrupted operation left: %s/%s", directory, name);
}

typedef bool leftovers_fn(const char *directory, const char *name, const void *arg);

static void remove_those(const char *directory, leftovers_fn *is_one, const void *arg)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, "..") || !is_one(directory, e->d_name, arg))
			continue;
		char *path CLEANUP(freep) = xasprintf("%s/%s", directory, e->d_name);
		told(directory, e->d_name, dir_remove(path));
	}
	if (d)
		closedir(d);
}

static bool is_any(const char *directory, const char *name, const void *arg)
{
	(void)directory;
	(void)name;
	(void)arg;
	return true;
}

static bool is_unfinished(const char *directory, const char *name, const void *arg)
{
	(void)directory;
	(void)arg;
	return ends_with(name, FILE_UNFINISHED);
}

void leftovers_remove(const struct conf *c)
{
	char *staging CLEANUP(freep) = path_staging(c), *laid_out CLEANUP(freep) = path_laying_out(c);
	char *history CLEANUP(freep) = path_history(c), *units CLEANUP(freep) = path_units(c), *restores CLEANUP(freep) = path_restores(c);
	char *removed CLEANUP(freep) = xasprintf("%s/removed", c->paths.state);
	char *config CLEANUP(freep) = path_kopia_config(c), *cache CLEANUP(freep) = path_kopia_cache(c);
	char *new_config CLEANUP(freep) = xasprintf("%s.new", config), *new_cache CLEANUP(freep) = xasprintf("%s.new", cache);
	const char *const files[] = { c->paths.state, c->paths.cache, history, units, restores, removed };

	remove_those(staging, is_any, NULL);
	remove_those(laid_out, is_any, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		remove_those(files[i], is_unfinished, NULL);
	told(c->paths.state, "repository.config.new", unlink(new_config) < 0 ? -errno : 0);
	told("kopia's cache", ".new", dir_remove(new_cache));
}

static bool is_of(const char *directory, const char *name, const void *id)
{
	size_t len = strlen(id);

	(void)directory;
	return starts_with(name, id) && name[len] == '-';
}

void leftovers_of_restore(const struct conf *c, const char *id)
{
	char *restored CLEANUP(freep) = path_restored(c);

	remove_those(restored, is_of, id);
}
