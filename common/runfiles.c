/* SPDX-License-Identifier: MIT */
/* One file a run; their names are the backup ids, so the newest are the last by name. */
#include "common/runfiles.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

bool runfiles_is(const char *name)
{
	return strspn(name, "0123456789") == 8 && name[8] == 'T' && strspn(name + 9, "0123456789") == 6 &&
		streq(name + 15, "Z.json");
}

void runfiles_list(const char *directory, struct strv *ret)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (runfiles_is(e->d_name))
			strv_add(ret, e->d_name);
	closedir(d);
	strv_sort_unique(ret);
}

void runfiles_prune(const char *directory, size_t kept)
{
	struct strv names CLEANUP(strv_done) = { 0 };

	runfiles_list(directory, &names);
	for (size_t i = 0; i + kept < names.n; i++) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", directory, names.v[i]);
		unlink(path);
	}
}
