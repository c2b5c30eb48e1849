/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_CONTENTS_H
#define KD_PURE_CONTENTS_H

#include "daemon/pure/plan.h"

/*
 * What each item of a unit had when it was last saved well, so that one that has nothing any more
 * is an error (law 5), and one that lost most is told; and what of that somebody has accepted.
 * No I/O: domain/known.c keeps it, a file a unit.
 */
enum content_loss {
	LOSS_NONE,
	LOSS_MOST,   /* of its entries or bytes: a warning, and older points are held */
	LOSS_ALL,    /* it had data and has none: an error */
	LOSS_TURNED, /* a file that is a directory now, or the reverse: an error */
	CONTENT_LOSSES
};
const char *content_loss_name(enum content_loss l); /* "none", "lost most", "empty", "another kind" */

struct content {
	bool is_file;
	int64_t entries, bytes; /* -1 unknown */
};

struct acceptance {
	char *what, *reason; /* what: NULL: nothing is accepted; reason: NULL none was given */
	int64_t time_ms, uid;
};

struct known_item {
	char *id, *backup_id; /* backup_id: of the point that has it */
	struct content had;
	int64_t since_ms;     /* when it was first seen that it had lost most; 0 it has not */
	bool lost;            /* was empty or another kind at the last run */
	struct acceptance accepted;
	struct content before; /* what it had before what is accepted; it is told again once it has that again */
};

struct known_unit {
	char *unit, *backup_id;
	char *complete; /* the backup_id of the newest complete one; NULL: not known */
	struct acceptance gone; /* that it is gone is accepted */
	struct known_item *items;
	size_t n_items;
};

#define CONTENT_HOLD_MS ((int64_t)14 * 24 * 3600 * 1000)

enum content_loss content_judge(const struct content *had, const struct content *now);
struct content content_of(const struct item *i);
/* By what ${k} had: ->lost of the measured items of ${u}, and warnings of those that lost most. */
void contents_compare(const struct known_unit *k, struct unit *u, int64_t now_ms);
/* After a run: those of ${u} that are in ${saved} have now what was measured, unless they lost most of it less than
 * CONTENT_HOLD_MS ago. Items that the unit does not have any more go. */
void contents_update(struct known_unit *k, const struct unit *u, const struct strv *saved, const char *backup_id, int64_t now_ms);
/* The loss of ${id} is meant. -ENOENT: it has none. */
int contents_accept(struct known_unit *k, const struct item *now, const struct acceptance *a) WARN_UNUSED;
/* Why no restore point of the unit may expire; NULL: nothing is against it. Caller's. */
char *contents_hold(const struct known_unit *k, int64_t now_ms);

const struct known_item *known_unit_item(const struct known_unit *k, const char *id);
struct known_item *known_unit_add(struct known_unit *k, const char *id);
struct json_object *known_unit_json(const struct known_unit *k); /* caller's */
/* -EBADMSG: it is none. */
int known_unit_parse(struct json_object *o, struct known_unit *ret) WARN_UNUSED;
/* The accepted things of ${k}, of the interface's type Acceptance, appended to the array ${to}. */
void known_unit_accepted(const struct known_unit *k, struct json_object *to);
void known_unit_done(struct known_unit *k);
void acceptance_copy(struct acceptance *to, const struct acceptance *from);

#endif
