/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_KOPIA_H
#define KD_PURE_KOPIA_H

#include <json-c/json.h>

#include "common/conf.h"
#include "common/kopia_env.h"

/*
 * kopia's command lines, environment and outputs. Nothing runs here. Facts:
 * kopia 0.23.1, docs/design.md. No password ever goes into argv.
 */
struct kopia_tag {
	char *key, *value;
};

struct kopia_create {
	const char *source;    /* user@host:/volumes/UNIT/VOLUME */
	const char *file;      /* VOLUME.tar, no slash */
	int64_t start_ms;      /* wall clock of the run: the same for the whole run */
	struct kopia_tag *tags;
	size_t n_tags;
	const char *description; /* may be NULL */
};

struct kopia_created { /* of snapshot create --json */
	char *id, *object; /* manifest id, root object id */
	int64_t size;
	int files, failed;
	char *incomplete;  /* NULL: whole */
};

struct kopia_snapshot {
	char *id, *object, *user, *host, *path, *incomplete;
	int64_t start_ms, size;
	int files, failed;
	struct kopia_tag *tags;
	size_t n_tags;
	struct strv pins;
};

struct kopia_status {
	char *unique_id, *storage, *path, *hash, *encryption, *splitter, *user, *host;
	int64_t capacity, available; /* -1 unknown */
};

/* Program and the global flags every command has. */
void kopia_base(const struct kopia_place *p, struct strv *argv);
void kopia_argv_create_snapshot(const struct kopia_place *p, const struct kopia_create *o, struct strv *argv);
void kopia_argv_list(const struct kopia_place *p, const char *tag_filter, struct strv *argv); /* "unit:x" or NULL */
void kopia_argv_show(const struct kopia_place *p, const char *object, const char *file, struct strv *argv);
void kopia_argv_delete(const struct kopia_place *p, const struct strv *ids, struct strv *argv);
void kopia_argv_status(const struct kopia_place *p, struct strv *argv);
void kopia_argv_policy_list(const struct kopia_place *p, struct strv *argv);
void kopia_argv_policy_set(const struct kopia_place *p, const struct conf_retention *keep, const char *compression,
	const struct strv *targets, struct strv *argv);
void kopia_argv_policy_global(const struct kopia_place *p, const struct conf *c, struct strv *argv);
/*
 * The secrets among the flags of kopia.repository as environment: they stand in no argv. Appends. Returns a
 * flag that kopia takes from argv alone, NULL: there is none.
 */
const char *kopia_provider_environment(const struct conf *c, struct strv *env);
/* repository create/connect with the configured provider, without its secrets; ${identity} = user@host. */
void kopia_argv_repository(const struct kopia_place *p, const struct conf *c, const char *verb,
	const char *identity, struct strv *argv);
/* Be known as ${identity} (user@host) from now on. */
void kopia_argv_set_client(const struct kopia_place *p, const char *identity, struct strv *argv);
void kopia_argv_maintenance(const struct kopia_place *p, bool full, struct strv *argv);
void kopia_argv_maintenance_info(const struct kopia_place *p, struct strv *argv);

int kopia_parse_created(const char *text, size_t len, struct kopia_created *ret, struct fault *f) WARN_UNUSED;
int kopia_parse_list(const char *text, size_t len, struct kopia_snapshot **ret, size_t *ret_n,
	struct fault *f) WARN_UNUSED;
int kopia_parse_status(const char *text, size_t len, struct kopia_status *ret, struct fault *f) WARN_UNUSED;
/* "0.23.1 build: …" or "v0.23.1 …" → 23001 (major*1e6 + minor*1e3 + patch). -EINVAL. */
int kopia_parse_version(const char *text, int *ret) WARN_UNUSED;
#define KOPIA_OLDEST 20000 /* 0.20.0 */
/* maintenance info --json: user@host whose it is, caller's. */
int kopia_parse_maintenance_owner(const char *text, size_t len, char **ret, struct fault *f) WARN_UNUSED;
/* The array of policy list --json; caller's. NULL and the fault: cannot be read. */
struct json_object *kopia_parse_policies(const char *text, size_t len, struct fault *f);
/* Drift: ${policies} have none of ${target} (user@host:/path), or one that says something else. */
bool kopia_policy_differs(struct json_object *policies, const char *target, const struct conf_retention *keep,
	const char *compression);
/* policy list --json: how many are of ${identity}'s units, and the targets of those that differ. -EBADMSG. */
int kopia_policies_drift(const char *json, size_t len, const struct conf *c, const char *identity, size_t *ret_n,
	struct strv *ret_drifted) WARN_UNUSED;
/* What kopia's stderr means: sets code, sentence, advice. */
void kopia_explain(const char *err, const struct conf *c, struct fault *f);

const char *kopia_tag(const struct kopia_snapshot *s, const char *key); /* without "tag:"; NULL */
void kopia_created_done(struct kopia_created *c);
void kopia_snapshots_free(struct kopia_snapshot *v, size_t n);
void kopia_status_done(struct kopia_status *s);

/*
 * The accept rule for one archive, after kopia ended with 0 and its
 * JSON was parsed: no incomplete, no failed files, exactly 1 file, size as written.
 */
int kopia_accept(const struct kopia_created *c, int64_t bytes_written, struct fault *f) WARN_UNUSED;

#endif
