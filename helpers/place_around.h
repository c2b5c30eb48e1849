/* SPDX-License-Identifier: MIT */
#ifndef KD_HELPERS_PLACE_AROUND_H
#define KD_HELPERS_PLACE_AROUND_H

#include "helpers/place_top.h"

/*
 * An item whose entries are exchanged or removed one by one, because it is a mount point or something is mounted in it: what is
 * mounted there (a filesystem, a directory bound over another, a btrfs subvolume) stays where it is, at any depth, and with
 * it the directories that lead to it. Nothing is ever entered through a link. Descriptors are borrowed; ${shown} is
 * the item's path in messages. Functions that return int give 0, or 1 after a sentence, unless they say otherwise.
 */
struct around {
	struct way_id is;     /* of the item: what is of another filesystem or mount is mounted */
	const char *shown;
	struct strv mounted;  /* paths below the item */
	struct strv ways;     /* the directories that lead there, from the top, "" first */
	char *fixed;          /* the first entry that chattr keeps from being removed; NULL. By path below the item */
	const char *flag;     /* of that: how it is called */
};

/* Walk it. What is fixed counts everywhere if ${all}, else only in the directories whose entries move. */
int around_look(int item, const char *shown, bool all, struct around *ret);
/* Refuses what around_look() found fixed. */
int around_check(const struct around *a);
/* The same of one entry by itself; one that is not there is fine. */
int around_check_entry(int dir, const char *name, const char *shown);
void around_done(struct around *a);

/* "stays" of a reply: what is mounted, in C escapes. */
struct json_object;
void around_put_stays(const struct around *a, struct json_object *o);

/* Remove all but what is ours at the top. With ${left} it goes on over what cannot be removed, whose paths are appended; else it
 * ends there. */
int around_empty(const struct around *a, int item, struct strv *left);
/* All entries to ${to}, which is empty or has what an interrupted call brought there; ways are made there like ${tops} say. */
int around_move_away(const struct around *a, int item, int to, const struct tops *tops);
/* Can around_move_in() find its places? Nothing is moved. */
int around_fits(const struct around *a, int from, int item);
/* All entries of ${from} to the item, whose ways get owner, mode, xattrs and times of theirs; ${from} is empty then. */
int around_move_in(const struct around *a, int from, int item);

#endif
