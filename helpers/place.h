/* SPDX-License-Identifier: MIT */
#ifndef KD_HELPERS_PLACE_H
#define KD_HELPERS_PLACE_H

#include "common/base.h"

/* Shared by the files of kopi-docka-place only. All functions that return int give the
 * process's exit status: 0, or 1 after one sentence on stderr. */
#define PLACE_STAGING ".kopi-docka-staging"
#define PLACE_KEPT    ".kopi-docka-kept"

int place_fail(const char *what, const char *path);
int place_refuse(const char *fmt, ...) PRINTF(1, 2);
char *place_parent(const char *path);
const char *place_name(const char *path);
int place_make_parent(const char *path, mode_t mode);
/* Entries of a directory that are not the item's: ours, and lost+found. */
bool place_skips(const char *name);

/* place_stage.c */
struct stage {
	bool file, paths;
	const char *beside, *id, *name, *dest;
};
int place_stage(const struct stage *s);
/* {"free": bytes} of the directory, made where only it is missing; refused inside one of ${items}. */
int place_room(const char *path, char *const *items, size_t n_items);
int place_used(const char *path);  /* {"used": bytes} */
int place_save(const char *path);  /* stdin into a new file, 0600, whole or not at all */

/* place_swap.c: see there for the order of renames. */
struct exchange {
	const char *mode; /* rename | contents | path */
	const char *new, *dest, *kept, *failed;
	const char *marker;       /* rename, path: says which of two is the new one */
	bool nothing;             /* new may be missing: dest is only moved away */
	const char *root, *below; /* path: dest is relative to root, new's directories stand below */
};
int place_swap(const struct exchange *x);
int place_undo(const struct exchange *x);

/* place_tree.c */
int place_move_entries(const char *from, const char *to);
int place_copy_attributes(int from, int to, const char *name);
int place_clear(const char *dir, const char *marker);    /* empties it; other devices stay */
int place_sweep(const char *staged);
int place_tell_kept(const char *kept);                   /* prints "kept" if something is in it */
int place_forget(const char *id, char **paths, int n);

#endif
