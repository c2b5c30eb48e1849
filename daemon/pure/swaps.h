/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_SWAPS_H
#define KD_PURE_SWAPS_H

#include <json-c/json.h>

#include "common/fault.h"

/*
 * What a restore puts in the place of what: known before it begins, so that whoever comes
 * next (the way back, recovery after a kill, the removal of old copies, restore --back)
 * needs nothing else. Kept as one JSON file a restore.
 */
struct archive { /* a tar: in the repository, or in a directory */
	char *object, *file; /* of kopia show */
	char *path;          /* NULL: in the repository */
};

enum swap_mode {
	SWAP_RENAME,   /* the item changes names with what is beside it */
	SWAP_CONTENTS, /* it is a mount point: its entries move */
	SWAP_PATH,     /* one path in it */
	SWAP_IN_PLACE, /* no room beside it: emptied, and extracted into, after a safety copy */
	SWAP_MODES
};

struct swap {
	char *item;
	enum swap_mode mode;
	char *dest;                  /* PATH: relative to root */
	char *new, *kept, *failed, *marker, *root, *staged; /* of kopi-docka-place */
	char *staged_is, *dest_is;   /* "DEVICE:INODE": what was made, and what was found at dest (PATH: at root); NULL: a record of old */
	char *above_is;              /* the same of the directory above dest */
	bool is_file;
	bool nothing;                /* there was nothing before: the way back leaves nothing */
	struct archive from, safety; /* IN_PLACE */
	/* of this process, never in the file: */
	bool done, has_kept;
	bool bring_nothing;          /* new may be missing: that is what is brought back */
	struct strv lost;            /* what could not be made: its path is too long */
	struct strv stays;           /* what is mounted in it: paths below it */
	char *put_back;              /* where the new went on the way back, NULL */
};

/* How far it is, for whoever finds its ledger entry open after a kill. */
enum swaps_state {
	SWAPS_UNDER_WAY, /* old and new may be mixed: what was there comes back, before a container starts */
	SWAPS_PLACED,    /* all is in place: whether it stays is the containers' health to say */
	SWAPS_CONDEMNED, /* they do not want it: who runs with it is stopped, and what was there comes back */
	SWAPS_SETTLED,   /* one or the other is in place for good, and what was staged goes */
	SWAPS_STATES
};

struct swaps {
	char *id;        /* of the restore: its time */
	bool elsewhere;  /* into a directory: no restore --back brings that to the place */
	char *unit, *backup_id;
	struct strv containers; /* ids of what it stopped and started */
	struct strv unhealthy;  /* those of them that were so before it: they need only run */
	enum swaps_state state;
	bool way_back;   /* not healthy with the new data: the old is to come back by itself */
	char *safety;    /* the backup_id of its safety copies in the repository, NULL: none */
	struct swap *v;
	size_t n;
};

const char *swap_mode_name(enum swap_mode m);
/* SWAP_MODES if there is none of that name. */
enum swap_mode swap_mode_by_name(const char *name);
/* Where it goes, as a host path. Caller's. */
char *swap_place(const struct swap *s);
struct swap *swaps_add(struct swaps *s); /* zeroed; valid until the next */
struct json_object *swaps_json(const struct swaps *s); /* caller's */
/* -EBADMSG: not one of ours. */
int swaps_parse(const char *text, size_t len, struct swaps *ret) WARN_UNUSED;
void swaps_done(struct swaps *s);

/* "20260131T020000Z" → wall clock; -EINVAL. */
int restore_id_time(const char *id, int64_t *ret_ms) WARN_UNUSED;
char *restore_id_format(int64_t wall_ms_value); /* caller's */
char *swaps_key(const char *id);                /* of its ledger entry. Caller's */
const char *swaps_key_id(const char *key);      /* back; borrowed, NULL if it is none */

void archive_copy(struct archive *to, const struct archive *from);
void archive_done(struct archive *a);

#endif
