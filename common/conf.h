/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_CONF_H
#define KD_COMMON_CONF_H

#include "common/fault.h"
#include "common/log.h"

/*
 * The configuration: every key of kopi-docka.conf(5), parsed fully into this
 * struct at the edge. Both syntaxes (libconfig, and the INI form of the order)
 * fill it through one table of keys, so a key exists once.
 */
enum conf_method { CONF_METHOD_AUTO, CONF_METHOD_STREAM, CONF_METHOD_SPOOL };

struct conf_retention {
	int latest, daily, weekly, monthly, yearly;
};

struct conf_unit { /* units.NAME.*: what one unit has of its own */
	char *name;
	enum conf_method method;
	bool has_method;
	int stop_timeout_s;     /* -1: not set */
	int64_t max_window_ms;  /* -1: not set */
	struct strv exclude_patterns;
	struct strv exclude_mounts;
	struct conf_retention retention; /* each -1: not set */
	struct strv schedule;   /* calendar expressions, or CONF_NEVER alone; empty: the host's */
};
#define CONF_NEVER "never"

struct conf {
	char *path;            /* file it came from, NULL for built-in defaults */
	struct strv warnings;  /* sentences: readable by others, … */

	struct {
		char *program;         /* kopia.program: absolute path or NULL: looked up in PATH */
		char *repository_path; /* filesystem repository; NULL if repository is set */
		struct strv repository; /* provider and its flags, as given */
		char *password;        /* NULL if none; from password, password_file or credential */
		bool password_is_placeholder;
		char *password_file;
		char *compression;     /* default zstd-fastest */
		char *encryption;      /* kopia's own name: aes256 is translated */
		char *splitter;
		char *hash;
		char *cache_directory; /* NULL: paths.cache/kopia */
		int64_t cache_size_mb; /* content and metadata cache each */
		char *identity;        /* NULL: fixed at init */
		bool maintenance;      /* kopia.maintenance = auto */
	} kopia;

	struct {
		char *base_path;        /* backup_base_path: reports; NULL: none written */
		int parallel_workers;   /* 0: auto */
		int stop_timeout_s;     /* 30 */
		int start_timeout_s;    /* 60 */
		struct strv exclude_patterns;
		struct strv exclude_mounts; /* names of volumes, host paths: glob patterns */
		bool update_recovery_bundle;
		char *recovery_bundle_path;
		char *recovery_password_path; /* NULL: beside the bundle */
		int recovery_bundle_retention;
		enum conf_method method;
		int64_t max_window_ms;   /* 0: none */
		int64_t stall_timeout_ms; /* 5 min */
		bool clamp_mtime;        /* backup.mtime = clamp */
		bool allow_autoremove;
		struct strv trusted_writers; /* names of containers that reach the whole host and do not write */
	} backup;

	struct conf_retention retention;

	struct {
		struct strv calendar;    /* expressions of calendar.h; any of them */
		int interval_minutes;    /* 0: none; else no calendar */
		int64_t random_delay_ms;
		int64_t coalesce_ms;     /* a scheduled run so young is not repeated */
		bool catch_up;
	} schedule;

	struct {
		int64_t max_bytes; /* 0: only the reserve bounds it */
		char *directory;   /* NULL: paths.cache/spool */
	} spool;

	struct {
		enum log_level level;
	} logging;

	struct {
		bool secrets;
	} recipe;

	struct {
		int kept_days; /* 7 */
	} restore;

	struct {
		struct strv uids; /* access.uids: numbers or names, as good as root */
		char *group;      /* kopi-docka */
	} access;

	struct {
		char *state, *runtime, *cache; /* absolute */
	} paths;

	char *docker_socket; /* /run/docker.sock, DOCKER_HOST=unix:// is honoured */

	struct conf_unit *units;
	size_t n_units;
};

/*
 * Find and read the configuration: ${path} if not NULL, else /etc/kopi-docka.conf,
 * else ~/.config/kopi-docker/config.conf, else built-in defaults (path NULL).
 * A file that is there and cannot be read is an error, never "not found". As root:
 * only a file that root owns and no one else can write. *${ret} is owned by the caller.
 */
int conf_load(const char *path, struct conf **ret, struct fault *f) WARN_UNUSED;
/* Parse ${text} (for tests and fuzzing); ${name} is the file's name in messages. */
int conf_parse(const char *name, const char *text, struct conf **ret, struct fault *f) WARN_UNUSED;
/* Refuse what init and backup must not use: no password, the order's placeholder. */
int conf_check_password(const struct conf *c, struct fault *f) WARN_UNUSED;
/* The unit's own settings or NULL. Borrowed. */
const struct conf_unit *conf_unit(const struct conf *c, const char *unit);
/* What is kept of ${unit}: [retention], and what [unit:NAME] says instead. */
struct conf_retention conf_retention(const struct conf *c, const char *unit);
void conf_free(struct conf *c);
void conf_freep(struct conf **c);

/* "512 MiB", "10GB", "1048576" → bytes; "90s", "5 min", "1h", "250ms" → ms. -EINVAL. */
int conf_parse_size(const char *text, int64_t *ret_bytes) WARN_UNUSED;
int conf_parse_duration(const char *text, int64_t *ret_ms) WARN_UNUSED;

#endif
