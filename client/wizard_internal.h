/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_WIZARD_INTERNAL_H
#define KD_CLIENT_WIZARD_INTERNAL_H

#include "client/verb.h"

/* Shared by wizard.c (the story), wizard_choose.c (what) and wizard_scripts.c (writing the scripts) only. */
struct wizard_point {
	struct json_object *o; /* borrowed from the reply */
	const char *backup_id; /* as it goes back to the daemon; shown through render_clean */
	int64_t time_ms;       /* -1: unknown */
	bool complete;
};

struct wizard_unit {
	const char *name;
	struct wizard_point *points; /* newest first */
	size_t n;
};

struct wizard {
	const struct options *o;
	struct varlink_reply reply; /* of ListRestorePoints */
	struct wizard_unit *units;  /* by name */
	size_t n_units;
	/* What was chosen. */
	const struct wizard_unit *unit;
	const struct wizard_point *point;
	struct strv items;
	bool all;       /* every item that is the unit's own */
	bool acted;     /* something was written or asked to be changed */
};

/* Group the reply's points. Points that lack a name or an id are left out. */
void wizard_group(struct wizard *w);
void wizard_done(struct wizard *w);
/* Each asks until it is answered; < 0 as the prompts'. */
int wizard_choose_unit(struct wizard *w) WARN_UNUSED;
int wizard_choose_point(struct wizard *w) WARN_UNUSED;
int wizard_choose_items(struct wizard *w) WARN_UNUSED;
/* The parameters that name what was chosen. Caller's. */
struct json_object *wizard_parameters(const struct wizard *w);
/* Asks for a directory, lays the recipe out in it and writes the scripts. Exit status, or < 0 as the prompts'. */
int wizard_write_scripts(struct wizard *w) WARN_UNUSED;

#endif
