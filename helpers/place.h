/* SPDX-License-Identifier: MIT */
#ifndef KD_HELPERS_PLACE_H
#define KD_HELPERS_PLACE_H

#include "common/way.h"

/* Shared by the files of kopi-docka-place only. All functions that return int give the
 * process's exit status: 0, or 1 after one sentence on stderr; unless they say otherwise. */
#define PLACE_STAGING ".kopi-docka-staging"
#define PLACE_KEPT    ".kopi-docka-kept"

int place_fail(const char *what, const char *path);
int place_refuse(const char *fmt, ...) PRINTF(1, 2);
const char *place_name(const char *path);
/* Entries of a directory that are not the item's: ours, and lost+found. */
bool place_skips(const char *name);

/* place_spot.c: an entry of a directory that is open, so that nobody puts another in its place. */
struct spot {
	int dir;    /* owned; -1: a directory above it is not there */
	char *name; /* owned */
};
#define SPOT_INIT { .dir = -1 }
void spot_done(struct spot *s);
/* BASE/.kopi-docka-staging/ID… or BASE/.kopi-docka-kept/ID/NAME…: from there on only root can enter, and that is checked.
 * What is missing above it is made if ${make}, else the spot is not there. */
int spot_ours(const char *path, bool make, struct spot *ret);
/* ${path} in the item at ${root}, which must be ${is} (NULL: whichever). A directory that is missing on the way is made with the
 * attributes of that in ${models} if ${make}, laid out in the staging directory first. */
struct below {
	const char *root, *is, *path;
	const struct spot *models; /* the staged tree; may be NULL */
};
int spot_below(const struct below *b, bool make, struct spot *ret);
/* The entry ${path} of a directory that is there. */
int spot_at(const char *path, struct spot *ret);
char *spot_identity(const struct spot *s); /* caller's; NULL: not there */
/* Are they the same inode, of the same filesystem as is known otherwise? After a reboot that may have another number. */
bool place_same_inode(const char *a, const char *b);
/* The directory at ${s} itself; -1 with errno. */
int spot_open(const struct spot *s);
int spot_move(const struct spot *from, const struct spot *to);
/* The directory ${path} if it is ${is} (NULL: whichever); -1 after a sentence. */
int place_open(const char *path, const char *is);
/* The same on the way back, ${undo}: after a reboot a filesystem may have another number, and the inode counts alone. */
int place_open_again(const char *path, const char *is, bool undo);

/* A directory's times, to be given back when what we did to it is done. */
struct times {
	int fd; /* owned; -1: none */
	struct timespec at[2];
};
struct times times_of(const struct spot *s);
void times_give_back(struct times *t);

/* place_stage.c */
struct stage {
	bool file, paths, secret;
	const char *beside, *state; /* directories of root's where staging may be; may be NULL */
	const char *outer;          /* where the item is laid out that this one lies in; may be NULL */
	const char *id, *name, *dest;
	struct strv mounted;        /* processes of containers that have the item mounted */
	struct strv running;        /* of all containers */
	char *const *wanted;        /* paths in the item */
	size_t n_wanted;
};
int place_stage(const struct stage *s);
/* A staging directory that is still as it was made: ours, empty and ${is}. */
int place_fresh(const char *staged, const char *is);

/* place_base.c: where the new is laid out and the old is kept. */
struct base {
	char *path; /* owned, real */
	bool inside; /* it is the item itself, whose entries move */
	bool around; /* something is mounted in the item: its entries move, too */
	bool late;   /* a running container can write there: nothing is laid out before it is stopped */
};
/* ${dest}: the item's spot, ${shown} its path. */
int base_choose(const struct stage *s, const struct spot *dest, const char *shown, struct base *ret);

/* place_mounts.c: what processes have mounted, by /proc/PID/mountinfo. */
struct within { /* a place, as every mount of its filesystem calls it */
	char *device, *path; /* owned */
};
int within_find(int fd, const char *real, struct within *ret); /* 0 or -errno */
void within_done(struct within *w);
bool mounts_below(const char *real); /* is anything mounted in the directory, as our own mountinfo says; yes on any doubt */
bool within_is_mounted(const struct within *w, const char *pid);  /* it itself */
bool within_is_written(const struct within *w, const char *pid); /* it or what it lies in, writable; or that cannot be known */

/* place_room.c */
/* {"free": bytes} of the directory, made where only it is missing; refused inside one of ${items}. */
int place_room(const char *path, char *const *items, size_t n_items);
int place_used(const char *path);  /* {"used": bytes} */
int place_save(const char *path);  /* stdin into a new file, 0600, whole or not at all */

/* place_swap.c: see there for the order of renames. */
struct exchange {
	const char *mode; /* rename | contents | path */
	const char *new, *dest, *kept, *failed;
	const char *marker;       /* rename, path: says which of two is the new one */
	bool undo;                /* of clear and give-back */
	bool nothing;             /* new may be missing: dest is only moved away */
	const char *root;         /* path: dest is relative to it */
	const char *staged, *staged_is; /* the directory that new lies in or is; NULL: new was kept */
	const char *dest_is;      /* what is exchanged, or root; "none"; NULL: whichever */
};
int place_swap(const struct exchange *x);
int place_undo(const struct exchange *x);

/* place_contents.c */
int place_swap_contents(const struct exchange *x);
int place_undo_contents(const struct exchange *x);

/* place_clear.c */
struct clearing {
	const char *dest, *is; /* ${is} NULL: whichever */
	const char *marker;
	bool file, undo;
};
/* What is mounted in it stays. One JSON line: is (what is to be filled), and on the way back what could not be removed: left (a
 * number), named (the first of these), emptied (it may be of what was restored). */
int place_clear(const struct clearing *c);
/* When it is filled: what was taken over and is not in the archive; with ${undo} all, as it was. */
int place_give_back(const struct clearing *c);

/* place_tree.c */
/* ${to} gets what ${from} has, and loses the xattrs that ${from} has not. */
int place_copy_attributes(int from, int to, const char *name);
int place_sweep(const char *staged, const char *is);
bool place_is_something(const struct spot *kept);        /* there, and no empty directory */
int place_tell_kept(const struct spot *kept);            /* prints "kept" if it is something */
int place_forget(const char *id, char **paths, int n);

#endif
