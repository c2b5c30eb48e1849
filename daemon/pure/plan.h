/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_PLAN_H
#define KD_PURE_PLAN_H

#include "daemon/pure/inventory.h"

/*
 * From the inventory to units, and from a unit to what a backup of it does:
 * members, guests, items, coverage, the order of stopping and starting. No I/O:
 * what must be known of the host's mounts comes in as text and as measures.
 */
#define PLAN_HOLD_READ_ONLY "the containers can only read it, and it is not in the project's own directory"

struct coverage { /* varlink type Mount, plus whose it is */
	char *container;
	/* kind: volume anonymous bind tmpfs npipe image cluster unknown; mount: nested, of the host */
	char *source, *destination, *kind;
	bool saved;
	char *reason; /* not saved: why; saved: NULL, "with ITEM" whose tar it goes with, or that it is put back only when named */
};

enum item_kind { ITEM_VOLUME, ITEM_BIND, ITEM_ANON };
struct item {
	enum item_kind kind;
	char *id;        /* volume:NAME | bind:/path | anon:SERVICE:/destination */
	char *path;      /* host path that tar reads */
	char *volume;    /* engine's volume name; NULL for a bind */
	bool is_file;    /* a bind of a single file; known after measuring */
	bool read_only;  /* a bind that none of the unit's containers can write to */
	char *hold;      /* why a restore leaves what is there alone unless the item is named; NULL: it does not */
	bool no_xattrs;  /* its filesystem has none; known after measuring */
	bool on_demand;  /* mounted by the engine only while in use: has to be held before the stop */
	char *read_at;   /* where it is read while its mount is held, NULL: at path */
	char *shared_fs; /* filesystem that other hosts can write to ("nfs4"): cold on this host alone; NULL: none can */
	char *lost;      /* why it cannot be read, or has nothing of what it had (contents.h): it fails, the others are read; NULL */
	struct strv shared_with; /* other units that use it */
	/* filled from measuring (kopi-docka-pack measure), -1 unknown */
	int64_t size_bytes, entries, tar_bytes;
	int64_t too_long;      /* paths that are archived, and that no tar can make again */
	int64_t excluded_entries, excluded_bytes; /* what exclude_patterns leave out of it */
	struct strv ours;      /* "./a/.kopi-docka-kept": where restores keep what was there; not the item's */
	int64_t device, inode; /* of its root while the containers ran */
	/* filled by method_choose() */
	const char *method;
	char *method_reason;
	int64_t forecast_ms;
};

/* Is it mounted (or kept in memory) only while a container uses it? */
bool volume_on_demand(const struct volume *v);
/* Why nothing can be put into ${v} in its place: -EBUSY with the fault; 0: it can. ${v} may be NULL. */
int volume_check_in_place(const struct volume *v, struct fault *f) WARN_UNUSED;
/* Where ${it} is to be read now. Borrowed. */
const char *item_place(const struct item *it);
void unit_item_done(struct item *it);

struct member {
	const struct container *c; /* borrowed from the inventory */
	bool guest;
	bool stop;  /* running or paused: will be stopped and started */
	bool paused;
	size_t level; /* start level; stopped in reverse */
};

struct edge { /* member ${from} depends on member ${to} (indices) */
	size_t from, to;
	bool healthy; /* service_healthy */
};

struct unit {
	char *name;
	bool compose;
	char *working_dir;
	struct strv compose_files, env_files;
	struct member *members;
	size_t n_members;
	struct item *items;
	size_t n_items;
	struct coverage *coverage;
	size_t n_coverage;
	struct edge *edges;
	size_t n_edges;
	size_t n_levels;
	struct strv tolerated; /* ids of running containers that could write to items and are left alone */
	struct strv warnings;
	char *refused;  /* why this unit cannot be backed up, or NULL */
	char *skipped;  /* swarm, kubernetes: the reason, or NULL */
};

struct conf;
struct plan_options {
	const struct conf *conf;        /* exclude_mounts; may be NULL. Borrowed */
	const char *mountinfo;          /* text of /proc/self/mountinfo; NULL: nested mounts unknown */
	struct strv forbidden;          /* our state, cache, runtime and the repository's path */
	struct strv needed_containers;  /* names or ids the repository needs: refused */
	bool allow_autoremove;
	struct strv nested;             /* mount points and subvolumes that mountinfo does not show */
	struct strv nothing;            /* paths of sockets, fifos and devices, as measured: nothing to archive */
	struct strv trusted_writers;    /* names of containers: no warning where they reach the whole host */
};

struct units {
	struct unit *v;
	size_t n;
	struct strv unattached_volumes;
};

/*
 * All units of the host, sorted by name; deterministic. Borrows from ${inv}; ${o} may be NULL.
 *
 * One-off containers ("compose run") are members: their data is saved, but they stop only if they write to an item or
 * live in a namespace of one that stops. What only a running one of --rm has is not saved; coverage and a warning say so.
 * A mount that is `/`, or is, lies in or contains a forbidden path or the engine's own
 * directory, is never saved: coverage says "refused: …" and the unit warns. The unit itself
 * is refused only if the mount contains such a path and is writable: it would be incomplete.
 * What belongs to the host (common/host_path.h), and a bind that is read-only and not in the project's own
 * directory, is saved with ->hold; what a container can write inside such a place is an item of its own.
 * A foreign container that mounts the whole host or all volumes writable (an agent, a monitor) is no
 * guest of every unit: it is tolerated, with a warning unless it is trusted. So are we ourselves.
 * One mount that cannot be saved leaves the rest of its unit alone: volumes that are mounted on demand and are
 * not mounted now are items with .lost, what exclude_mounts names is none. Also refused: members or guests that are restarting, dead or being removed, that
 * the repository needs, that we run in, or (running) that are --rm or an orchestrator's.
 * A refused unit is planned like any other. A skipped one has coverage, but no items, guests
 * and order. Edges and levels are of members with .stop; others keep level 0.
 */
int plan_units(const struct inventory *inv, const struct plan_options *o, struct units *ret,
	struct fault *f) WARN_UNUSED;
const struct unit *units_find(const struct units *u, const char *name);
/* FAULT_NO_SUCH_UNIT with the nearest names as advice. */
void units_suggest(const struct units *u, const char *name, struct fault *f);
void unit_done(struct unit *u);
void units_done(struct units *u);

/* Does ${path} (normalised) lie in the directory of the project, or in one that its files are in? */
bool unit_owns_path(const struct unit *u, const char *path);
/* Did what matters change between two plans of one unit (ids, StartedAt, mounts, states)? */
bool unit_same(const struct unit *a, const struct unit *b);
/* JSON of the socket's types Unit and UnitPlan (levels, steps, forecast). Owned by the caller. */
struct json_object *unit_json(const struct unit *u);
struct json_object *unit_plan_json(const struct unit *u, int64_t forecast_window_ms);
struct json_object *coverage_json(const struct unit *u);
/* Percent-encode a name for a kopia path segment or tag value: [A-Za-z0-9_.-] stay. Caller's. */
char *name_encode(const char *name);
char *name_decode(const char *encoded);

#endif
