/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_INVENTORY_H
#define KD_PURE_INVENTORY_H

#include <json-c/json.h>

#include "common/fault.h"

/*
 * What the engine says, as structs. Parsed fully from the engine's JSON; the
 * tree can be dropped afterwards. Strings are owned, NULL where the engine has none.
 */
enum container_state {
	CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_RESTARTING,
	CONTAINER_REMOVING, CONTAINER_EXITED, CONTAINER_DEAD, CONTAINER_STATES
};
const char *container_state_name(enum container_state s);

enum container_health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* A place of the host by filesystem and path in it (common/mountinfo.h), which a container reaches. */
struct reach {
	char *place;
	bool rw;
};

struct mount {
	char *type;        /* volume bind tmpfs npipe image cluster */
	char *name;        /* of a volume */
	char *source;      /* host path as the engine says it */
	char *destination;
	char *driver;
	bool rw;
	bool part;         /* a directory in the volume (volume-subpath), which its source does not say */
	/* what the running container really has there, by sources_take(): */
	char *place;           /* NULL: not known */
	bool directory;
	int64_t device, inode; /* 0: not known */
	struct reach *nested;  /* mounts below the destination */
	size_t n_nested;
};

/* Could it be seen what a running container has mounted? */
enum sight { SIGHT_NONE, SIGHT_SEEN, SIGHT_GONE, SIGHT_OTHER };

enum dependency_condition { DEP_STARTED, DEP_HEALTHY, DEP_COMPLETED };
struct dependency { /* from com.docker.compose.depends_on */
	char *service;
	enum dependency_condition condition;
};

struct container {
	char *id, *name, *image; /* name without the leading slash */
	char *project, *service, *working_dir;
	int number;              /* com.docker.compose.container-number, 0 */
	bool oneoff;
	struct strv config_files, env_files; /* absolute where working_dir makes them so */
	enum container_state state;
	enum container_health health;
	bool has_healthcheck;
	int64_t health_deadline_ms; /* start_period + retries × (interval + timeout) + interval + 30 s */
	char *started_at, *finished_at; /* verbatim: compared, not parsed */
	int exit_code;
	enum sight sight;
	bool oom_killed;
	int pid;                 /* of its first process on the host; 0: not running */
	int restart_count;
	char *restart_policy;
	bool auto_remove, swarm, kubernetes;
	int stop_timeout_s;      /* the container's own, -1 unset */
	char *network_of, *pid_of, *ipc_of; /* container ids of container:X modes */
	struct strv links;       /* names of containers */
	struct dependency *depends;
	size_t n_depends;
	struct mount *mounts;
	size_t n_mounts;
	struct strv tmpfs;       /* destinations of HostConfig.Tmpfs */
	struct strv networks;    /* names */
	const char *database;    /* "postgres", …: static, NULL; a hint from the image */
	char *raw;               /* whole inspect, NULL unless kept */
};

struct volume {
	char *name, *driver, *mountpoint;
	char *type, *o, *device;   /* driver options */
	bool has_options;          /* type or device set: mounted on demand */
	bool anonymous;            /* 64 hex digits, or the engine's label */
	char *raw;
};

struct engine {
	char *id, *name, *root_dir, *version, *api_version;
	bool podman, rootless, userns, live_restore;
};

/* Where a path of the host leads now. */
struct known_place {
	char *path, *place; /* place: NULL, nothing is there */
	char *foreign;      /* NULL, or the first link on its way that others than root may have put there */
};

struct inventory {
	struct engine engine;
	struct container *containers;
	size_t n_containers;
	struct volume *volumes;
	size_t n_volumes;
	char *self_id; /* our own container's id if we run in one, NULL */
	struct known_place *places; /* by path, once sources_take() was called */
	size_t n_places;
};

/* Parse one answer of GET /containers/ID/json. ${keep_raw}: c->raw gets the text. */
int inventory_parse_container(const char *text, size_t len, bool keep_raw, struct container *ret,
	struct fault *f) WARN_UNUSED;
/* GET /volumes → appended to inv->volumes. */
int inventory_parse_volumes(const char *text, size_t len, struct inventory *inv, struct fault *f)
	WARN_UNUSED;
/* Forget the volume of that name, if it is known. */
void inventory_drop_volume(struct inventory *inv, const char *name);
int inventory_parse_info(const char *text, size_t len, struct engine *ret, struct fault *f) WARN_UNUSED;
/*
 * Whose a file is that a container writes as its own root: "host", "userns-remap UID.GID" (the engine shifts every
 * owner by that), or "rootless" (by the mapping of the user it belongs to). Caller's.
 */
char *engine_owners(const struct engine *e);
/* GET /containers/json → ids only. */
int inventory_parse_ids(const char *text, size_t len, struct strv *ret, struct fault *f) WARN_UNUSED;
/* "sha:/docker/containers/ID/hostname" lines of /proc/self/mountinfo → id or NULL. Caller's. */
char *inventory_self_id(const char *mountinfo);

const struct container *inventory_container(const struct inventory *inv, const char *id_or_name);
const struct volume *inventory_volume(const struct inventory *inv, const char *name);
/* NULL: not asked for, or not answered. ${path} as path_normal() gives it. */
const struct known_place *inventory_place(const struct inventory *inv, const char *path);
void container_done(struct container *c);
void engine_done(struct engine *e);
void inventory_free(struct inventory *inv);
void inventory_freep(struct inventory **inv);

#endif
