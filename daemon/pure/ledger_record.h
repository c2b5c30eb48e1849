/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_LEDGER_RECORD_H
#define KD_PURE_LEDGER_RECORD_H

#include "common/buf.h"

/*
 * One line of the ledger: "CRC32 JSON\n", the CRC in eight hex digits over the JSON. A
 * line that is torn, or whose CRC is wrong, ends what can be trusted: the longest valid
 * prefix counts.
 */
enum ledger_kind { LEDGER_CONTAINER, LEDGER_RUN, LEDGER_TEMP, LEDGER_SWAP, LEDGER_KINDS };

struct ledger_entry {
	enum ledger_kind kind;
	char *key;        /* container id, "BACKUP_ID/UNIT", or path: unique among open entries */
	/* LEDGER_CONTAINER */
	char *name, *unit, *service, *started_at;
	bool paused;
	bool owed;        /* ours to start whichever run of it ended last: it may have gone down by itself */
	int level;        /* start order */
	int grace_s;      /* a stop in flight may last this long */
	char *inspect;    /* full inspect, to bring it back by hand */
	/* LEDGER_SWAP: the restore that the key names has no verdict yet: its record (swaps.h) says what is to be done */
	/* LEDGER_RUN: snapshots of a run that never committed are deleted by backup_id */
	char *backup_id;
};

/* What a line says: an entry was opened, or the one with this key was closed. */
struct ledger_record {
	bool closes;
	struct ledger_entry entry; /* owned; of a closing record the key alone */
};

void ledger_format_open(struct buf *b, const struct ledger_entry *e);
void ledger_format_close(struct buf *b, const char *key, const char *why);
/*
 * Read the record at ${text}. Returns the line's length with its newline, 0 at the end
 * or where nothing valid stands. A record of a kind that this version does not know has
 * key NULL (a newer version wrote it: it is passed over).
 */
size_t ledger_parse(const char *text, size_t len, struct ledger_record *ret);
void ledger_entry_copy(struct ledger_entry *to, const struct ledger_entry *from);
void ledger_entry_done(struct ledger_entry *e);

#endif
