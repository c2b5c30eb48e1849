/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_SCRIPT_H
#define KD_PURE_SCRIPT_H

#include "common/base.h"

/*
 * Text for people and sh: the restore script (RESTORE.md of a recipe: restore_md.h). Names from
 * outside stand in them only as single-quoted words; the password never does.
 */
struct script_item {
	const char *id;
	const char *object, *file; /* of kopia show */
	const char *dest;          /* host path; NULL: the volume's mountpoint, asked from docker */
	const char *volume;        /* NULL for a bind */
	const struct strv *create; /* words of docker volume create behind its name-less beginning; may be NULL */
	const char *left;          /* why it is not put back; NULL: it is */
	bool only_missing;         /* put back only where nothing is: its containers only read it */
};

struct script_options {
	const char *unit, *backup_id;
	const char *config_file;       /* kopia's on this host */
	const struct strv *connect;    /* words behind "kopia repository connect" */
	const char *identity;          /* user@host */
	const struct script_item *items;
	size_t n_items;                /* outer items before those that lie in them */
	const char *target;            /* the directory that all of them go to; NULL: their own places */
	const struct strv *stop, *start; /* container names, each in its order */
};

/*
 * POSIX sh: stops, takes a safety tar of everything, restores all or nothing, starts. What it does on
 * the way of others it does from inside checked directories (law 11). Caller's.
 */
char *script_restore(const struct script_options *o);

#endif
