/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_PLAN_INTERNAL_H
#define KD_PURE_PLAN_INTERNAL_H

#include "daemon/pure/mounts.h"
#include "daemon/pure/path.h"
#include "daemon/pure/plan.h"

/* Shared by the files of inventory and plan only. */

/*
 * The string at ${key}, copied; NULL if absent, empty or not a string.
 * A NUL inside is \\000 since it was parsed (gate_repair()): a hostile name is never cut into somebody else's.
 */
char *engine_text(struct json_object *o, const char *key);
/* The same for a value. */
char *engine_value_text(struct json_object *value);

/* What sources_take() put in goes. */
void mount_forget_place(struct mount *m);

/* database.c: "postgres", …: static; NULL if ${image} (may be NULL) speaks of none. */
const char *database_of_image(const char *image);

/* One place on the host that a container can reach through a mount. */
struct use {
	char *path; /* owned: normalised, or a place (8:1/…), which sorts before all paths */
	const struct container *c;
	bool rw;
	const struct mount *m; /* it comes from; borrowed */
};

/* ${c} lives in a namespace of ${owner}. */
struct sharer {
	const struct container *owner, *c;
};

/* What all units are planned from: sorted once, searched often. */
struct plan_index {
	const struct inventory *inv;
	const struct plan_options *options;
	const struct container **by_id, **by_name; /* owned arrays of borrowed containers */
	const struct volume **volumes;             /* by name */
	struct use *uses;                          /* by path, in tree order */
	size_t n_uses;
	struct sharer *sharers; /* by owner's id, with repeats */
	size_t n_sharers;
	struct mounts mounts;
	struct strv mount_points; /* normalised, in tree order, unique: those, and subvolumes that were measured */
	struct strv forbidden;    /* normalised */
	char *root_dir;           /* the engine's, normalised; NULL unknown */
	char *volumes_path;       /* where all volumes lie; NULL unknown */
	const char *volumes_place; /* the same, borrowed from the inventory */
	/* both by place of the container in inv->containers */
	const char **unit_of;    /* name of its unit, borrowed; NULL: in none */
	size_t *unit_number;     /* of its unit, from 0 */
	size_t *position;        /* in the members of the unit being planned; NO_POSITION */
	const struct item **met; /* by unit number: the item that it was last found to share */
};
#define NO_POSITION SIZE_MAX

void plan_index_init(
	struct plan_index *x, const struct inventory *inv, const struct plan_options *o);
void plan_index_done(struct plan_index *x);
const struct container *plan_index_container(
	const struct plan_index *x, const char *id_or_name);
const struct volume *plan_index_volume(const struct plan_index *x, const char *name);
size_t plan_index_number(const struct plan_index *x, const struct container *c);
bool plan_index_is_self(const struct plan_index *x, const struct container *c);
/* First of x->uses, of x->mount_points, that is not before ${path}. */
size_t plan_index_first_use(const struct plan_index *x, const char *path);
size_t plan_index_first_mount_point(const struct plan_index *x, const char *path);
/* First of x->sharers whose owner is ${c}; n_sharers if none. */
size_t plan_index_first_sharer(const struct plan_index *x, const struct container *c);

/* coverage.c: where one mount's data lies, and what becomes of it. */
struct place {
	enum item_kind kind;
	char *path; /* normalised; NULL: nothing on the host */
	const struct volume *volume;
	const char *word; /* kind of the coverage line */
	char *skip;       /* why it is not saved; NULL: it is */
	bool warn;        /* the reason deserves a warning */
	bool refuse;      /* the reason refuses the unit */
	bool on_demand;   /* mounted by the engine while a container uses it */
	char *lost;       /* it is to be saved and cannot be read: why; NULL: it can */
	bool left_out;    /* the admin said so */
};
void place_find(const struct plan_index *x, const struct mount *m, struct place *ret);
/* The pattern by which the configuration leaves ${m}, at ${p}, out of ${unit}; NULL: none. Borrowed. */
const char *place_left_out(const struct plan_index *x, const char *unit, const struct mount *m, const struct place *p);
void place_done(struct place *p);

/* Fill items, coverage, and what they refuse or warn of, from u->members. */
void coverage_plan(const struct plan_index *x, struct unit *u);
/* For a skipped unit: every mount a line with ${reason}. */
void coverage_skip(struct unit *u, const char *reason);

/* guests.c: append the guests to u->members; fill shared_with; may refuse. */
void guests_plan(const struct plan_index *x, struct unit *u);

/* order.c: fill edges, levels, n_levels; warns of broken cycles. */
void order_plan(const struct plan_index *x, struct unit *u);

/* plan.c: the first reason stays. Takes ${reason}. */
void unit_refuse(struct unit *u, char *reason);
/* Refuse ${u} if ${c}, which it would stop, must not be stopped. */
void unit_check_container(
	const struct plan_index *x, struct unit *u, const struct container *c);

#endif
