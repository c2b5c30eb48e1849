/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_RESTORE_MD_H
#define KD_PURE_RESTORE_MD_H

#include "daemon/pure/recreate.h"

/* What RESTORE.md is made from. Everything borrowed; strings may be anything. */
struct restore_md_item {
	const char *id, *path;  /* path: of a bind */
	const char *volume;     /* NULL for a bind */
	bool is_file;
	const char *left;       /* why it is not put back: the host's; NULL */
	bool only_missing;      /* put back only where nothing is: its containers only read it */
	/* an anonymous volume of a compose project: found through the container that has it */
	const char *service, *destination;
	int number;
};

struct restore_md_object { /* a network or a volume */
	const char *name;
	struct strv create; /* "network create …", "volume create …" */
};

struct restore_md_file {
	const char *path, *mode; /* mode: "0644", NULL unknown */
	bool redacted, of_manager;
};

struct restore_md_options {
	const char *unit, *backup_id;
	const struct strv *connect;     /* words behind "kopia repository connect" */
	const char *identity;           /* user@host */
	const struct restore_md_object *networks, *volumes;
	size_t n_networks, n_volumes;
	const struct restore_md_item *items;
	size_t n_items;
	bool compose;                   /* compose makes the containers again; else: containers */
	const char *working_dir;        /* of a compose project; NULL unknown */
	const struct strv *compose_files, *env_files;
	const struct strv *services, *running; /* words behind up: which have containers, which of them ran */
	const struct restore_md_file *files; /* those below compose/ */
	size_t n_files;
	const struct recreate *containers; /* of a unit that is no compose project */
	size_t n_containers;
	bool secrets;                   /* nothing was redacted (recipe.secrets) */
	const struct strv *redacted;    /* "NAME of container X", "NAME in FILE" */
	const char *coverage;           /* lines of Markdown */
};

/*
 * The recipe's RESTORE.md. Its sh blocks, run in order as root in one shell in the directory of the
 * file, make networks and volumes, bring every item back and start the containers. Where a secret
 * was redacted, the block that needs it fails and says so. No name from outside can end a block
 * or begin one: control characters stand in no word. Caller's.
 */
char *restore_md(const struct restore_md_options *o);

#endif
