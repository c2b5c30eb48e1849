/* SPDX-License-Identifier: MIT */
/*
 * THE table of keys: each stands here once, with its type and where its value goes;
 * both syntaxes, the defaults and the messages work from it. kopi-docka.conf(5) is its
 * description, and a test holds the two against each other.
 */
#include "common/conf_keys.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"

enum key_type {
	KEY_TEXT,
	KEY_PATH,     /* absolute */
	KEY_LIST,
	KEY_FLAG,
	KEY_NUMBER,   /* min..max */
	KEY_WORKERS,  /* auto or 1..64 */
	KEY_SECONDS,  /* whole seconds: 30, 30s, 2min */
	KEY_DURATION, /* ms */
	KEY_SIZE,
	KEY_METHOD,
	KEY_MTIME,
	KEY_MAINTENANCE,
	KEY_LEVEL,
	KEY_ENCRYPTION,
	KEY_COMPRESSION,
	KEY_CALENDAR,
	KEY_UNIT_SCHEDULE, /* or never */
	KEY_NO_TIMEOUT, /* the order's abolished task_timeout: only 0 */
};

struct key {
	const char *section, *name;
	enum key_type type;
	size_t offset;
	int min, max; /* KEY_NUMBER, KEY_SECONDS */
	const char *preset;
};

#define AT(member) offsetof(struct conf, member)

static const struct key keys[] = {
	{ "kopia", "repository_path", KEY_PATH, AT(kopia.repository_path), 0, 0, NULL },
	{ "kopia", "repository", KEY_LIST, AT(kopia.repository), 0, 0, NULL },
	{ "kopia", "password", KEY_TEXT, AT(kopia.password), 0, 0, NULL },
	{ "kopia", "password_file", KEY_PATH, AT(kopia.password_file), 0, 0, NULL },
	{ "kopia", "compression", KEY_COMPRESSION, AT(kopia.compression), 0, 0, "zstd-fastest" },
	{ "kopia", "encryption", KEY_ENCRYPTION, AT(kopia.encryption), 0, 0, "aes256" },
	{ "kopia", "splitter", KEY_TEXT, AT(kopia.splitter), 0, 0, "DYNAMIC-1M-BUZHASH" },
	{ "kopia", "hash", KEY_TEXT, AT(kopia.hash), 0, 0, "BLAKE3-256-128" },
	{ "kopia", "cache_directory", KEY_PATH, AT(kopia.cache_directory), 0, 0, NULL },
	{ "kopia", "cache_size", KEY_SIZE, AT(kopia.cache_size_mb), 0, 0, "2GiB" },
	{ "kopia", "identity", KEY_TEXT, AT(kopia.identity), 0, 0, NULL },
	{ "kopia", "maintenance", KEY_MAINTENANCE, AT(kopia.maintenance), 0, 0, "auto" },
	{ "kopia", "program", KEY_PATH, AT(kopia.program), 0, 0, NULL },
	{ "backup", "backup_base_path", KEY_PATH, AT(backup.base_path), 0, 0, NULL },
	{ "backup", "parallel_workers", KEY_WORKERS, AT(backup.parallel_workers), 0, 0, "auto" },
	{ "backup", "stop_timeout", KEY_SECONDS, AT(backup.stop_timeout_s), 0, 86400, "30" },
	{ "backup", "start_timeout", KEY_SECONDS, AT(backup.start_timeout_s), 1, 86400, "60" },
	{ "backup", "task_timeout", KEY_NO_TIMEOUT, 0, 0, 0, NULL },
	{ "backup", "exclude_patterns", KEY_LIST, AT(backup.exclude_patterns), 0, 0, NULL },
	{ "backup", "exclude_mounts", KEY_LIST, AT(backup.exclude_mounts), 0, 0, NULL },
	{ "backup", "update_recovery_bundle", KEY_FLAG, AT(backup.update_recovery_bundle), 0, 0, "false" },
	{ "backup", "recovery_bundle_path", KEY_PATH, AT(backup.recovery_bundle_path), 0, 0, NULL },
	{ "backup", "recovery_password_path", KEY_PATH, AT(backup.recovery_password_path), 0, 0, NULL },
	{ "backup", "recovery_bundle_retention", KEY_NUMBER, AT(backup.recovery_bundle_retention), 1, 1000, "3" },
	{ "backup", "method", KEY_METHOD, AT(backup.method), 0, 0, "auto" },
	{ "backup", "max_window", KEY_DURATION, AT(backup.max_window_ms), 0, 0, "0" },
	{ "backup", "stall_timeout", KEY_DURATION, AT(backup.stall_timeout_ms), 0, 0, "5min" },
	{ "backup", "mtime", KEY_MTIME, AT(backup.clamp_mtime), 0, 0, "preserve" },
	{ "backup", "allow_autoremove", KEY_FLAG, AT(backup.allow_autoremove), 0, 0, "false" },
	{ "backup", "trusted_writers", KEY_LIST, AT(backup.trusted_writers), 0, 0, NULL },
	{ "retention", "latest", KEY_NUMBER, AT(retention.latest), 0, 10000, "3" },
	{ "retention", "daily", KEY_NUMBER, AT(retention.daily), 0, 10000, "7" },
	{ "retention", "weekly", KEY_NUMBER, AT(retention.weekly), 0, 10000, "4" },
	{ "retention", "monthly", KEY_NUMBER, AT(retention.monthly), 0, 10000, "12" },
	{ "retention", "yearly", KEY_NUMBER, AT(retention.yearly), 0, 10000, "2" },
	{ "schedule", "calendar", KEY_CALENDAR, AT(schedule.calendar), 0, 0, NULL },
	{ "schedule", "interval_minutes", KEY_NUMBER, AT(schedule.interval_minutes), 0, 10000000, "0" },
	{ "schedule", "random_delay", KEY_DURATION, AT(schedule.random_delay_ms), 0, 0, "0" },
	{ "schedule", "catch_up", KEY_FLAG, AT(schedule.catch_up), 0, 0, "true" },
	{ "schedule", "coalesce", KEY_DURATION, AT(schedule.coalesce_ms), 0, 0, "1h" },
	{ "spool", "max", KEY_SIZE, AT(spool.max_bytes), 0, 0, "0" },
	{ "spool", "directory", KEY_PATH, AT(spool.directory), 0, 0, NULL },
	{ "logging", "level", KEY_LEVEL, AT(logging.level), 0, 0, "INFO" },
	{ "recipe", "secrets", KEY_FLAG, AT(recipe.secrets), 0, 0, "false" },
	{ "restore", "kept_days", KEY_NUMBER, AT(restore.kept_days), 0, 10000, "7" },
	{ "access", "uids", KEY_LIST, AT(access.uids), 0, 0, NULL },
	{ "access", "group", KEY_TEXT, AT(access.group), 0, 0, "kopi-docka" },
	{ "paths", "state", KEY_PATH, AT(paths.state), 0, 0, PATH_STATE },
	{ "paths", "runtime", KEY_PATH, AT(paths.runtime), 0, 0, PATH_RUNTIME },
	{ "paths", "cache", KEY_PATH, AT(paths.cache), 0, 0, PATH_CACHE },
	{ "docker", "socket", KEY_PATH, AT(docker_socket), 0, 0, "/run/docker.sock" },
};

#undef AT
#define AT(member) offsetof(struct conf_unit, member)
static const struct key unit_keys[] = { /* of [unit:NAME] */
	{ "unit", "method", KEY_METHOD, AT(method), 0, 0, NULL },
	{ "unit", "stop_timeout", KEY_SECONDS, AT(stop_timeout_s), 0, 86400, NULL },
	{ "unit", "max_window", KEY_DURATION, AT(max_window_ms), 0, 0, NULL },
	{ "unit", "exclude_patterns", KEY_LIST, AT(exclude_patterns), 0, 0, NULL },
	{ "unit", "exclude_mounts", KEY_LIST, AT(exclude_mounts), 0, 0, NULL },
	{ "unit", "retention_latest", KEY_NUMBER, AT(retention.latest), 0, 10000, NULL },
	{ "unit", "retention_daily", KEY_NUMBER, AT(retention.daily), 0, 10000, NULL },
	{ "unit", "retention_weekly", KEY_NUMBER, AT(retention.weekly), 0, 10000, NULL },
	{ "unit", "retention_monthly", KEY_NUMBER, AT(retention.monthly), 0, 10000, NULL },
	{ "unit", "retention_yearly", KEY_NUMBER, AT(retention.yearly), 0, 10000, NULL },
	{ "unit", "schedule", KEY_UNIT_SCHEDULE, AT(schedule), 0, 0, NULL },
};

/* --- values, by type ----------------------------------------------------------------------- */

struct value {
	const struct key *key;
	void *to;
	const char *text;
	const struct strv *list;
	char *why; /* caller's: what would be right */
};

static int refuse(struct value *v, const char *why)
{
	v->why = xstrdup(why);
	return -EINVAL;
}

static int set_text(struct value *v, const char *text)
{
	char **to = v->to;

	free(*to);
	*to = xstrdup(text);
	return 0;
}

static int set_path(struct value *v)
{
	if (*v->text != '/')
		return refuse(v, "an absolute path is needed");
	return set_text(v, v->text);
}

static int set_list(struct value *v)
{
	struct strv *to = v->to, parsed = { 0 };

	if (v->list)
		strv_copy(&parsed, v->list);
	else if (conf_parse_list(v->text, &parsed) < 0) {
		strv_done(&parsed);
		return refuse(v, "a list is needed, as in [\"*.tmp\", \"lost+found\"]");
	}
	strv_done(to);
	*to = parsed;
	return 0;
}

static int set_number(struct value *v)
{
	char *end;
	errno = 0;
	long n = strtol(v->text, &end, 10);

	if (errno || end == v->text || *end || n < v->key->min || n > v->key->max) {
		v->why = xasprintf("a whole number from %d to %d is needed", v->key->min, v->key->max);
		return -EINVAL;
	}
	*(int *)v->to = (int)n;
	return 0;
}

static int set_workers(struct value *v)
{
	struct key bounded = *v->key;

	if (strcasecmp(v->text, "auto") == 0) {
		*(int *)v->to = 0;
		return 0;
	}
	bounded.min = 1;
	bounded.max = 64;
	v->key = &bounded;
	int r = set_number(v);
	if (r < 0) {
		free(v->why);
		return refuse(v, "auto, or a whole number from 1 to 64 is needed");
	}
	return 0;
}

static int set_seconds(struct value *v)
{
	int64_t ms = 0;

	if (conf_parse_duration(v->text, &ms) < 0 || ms % 1000 != 0 || ms / 1000 < v->key->min || ms / 1000 > v->key->max) {
		v->why = xasprintf("whole seconds from %d to %d are needed, as in 30 or 2min", v->key->min, v->key->max);
		return -EINVAL;
	}
	*(int *)v->to = (int)(ms / 1000);
	return 0;
}

static int set_duration(struct value *v)
{
	return conf_parse_duration(v->text, v->to) < 0 ? refuse(v, "a duration is needed, as in 250ms, 90s, 5min or 1h") : 0;
}

static int set_size(struct value *v)
{
	return conf_parse_size(v->text, v->to) < 0 ? refuse(v, "a size is needed, as in 512MiB or 20GB") : 0;
}

static int set_flag(struct value *v)
{
	return conf_parse_flag(v->text, v->to) < 0 ? refuse(v, "true or false is needed") : 0;
}

static int set_method(struct value *v)
{
	static const char *const names[] = { "auto", "stream", "spool" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(v->text, names[i]) == 0) {
			*(enum conf_method *)v->to = (enum conf_method)i;
			return 0;
		}
	return refuse(v, "auto, stream or spool is needed (delta and snapshot are not built yet)");
}

static int set_mtime(struct value *v)
{
	bool clamp = strcasecmp(v->text, "clamp") == 0;

	if (!clamp && strcasecmp(v->text, "preserve") != 0)
		return refuse(v, "preserve or clamp is needed");
	*(bool *)v->to = clamp;
	return 0;
}

static int set_maintenance(struct value *v)
{
	bool automatic = strcasecmp(v->text, "auto") == 0;

	if (!automatic && strcasecmp(v->text, "off") != 0)
		return refuse(v, "auto or off is needed");
	*(bool *)v->to = automatic;
	return 0;
}

static int set_level(struct value *v)
{
	return log_level_parse(v->text, v->to) < 0 ? refuse(v, "ERROR, WARNING, INFO or DEBUG is needed") : 0;
}

static int set_encryption(struct value *v)
{
	static const char *const names[][2] = {
		{ "aes256", "AES256-GCM-HMAC-SHA256" },
		{ "chacha20", "CHACHA20-POLY1305-HMAC-SHA256" },
		{ "AES256-GCM-HMAC-SHA256", "AES256-GCM-HMAC-SHA256" },
		{ "CHACHA20-POLY1305-HMAC-SHA256", "CHACHA20-POLY1305-HMAC-SHA256" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(v->text, names[i][0]) == 0)
			return set_text(v, names[i][1]);
	return refuse(v, "aes256 or chacha20 is needed");
}

static int set_compression(struct value *v)
{
	static const char *const names[] = { "none", "zstd", "zstd-fastest", "zstd-better-compression",
		"zstd-best-compression", "s2-default", "s2-better", "s2-parallel-4", "s2-parallel-8", "gzip",
		"gzip-best-speed", "gzip-best-compression", "pgzip", "pgzip-best-speed", "pgzip-best-compression",
		"deflate-default", "deflate-best-speed", "deflate-best-compression", "lz4" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(v->text, names[i]))
			return set_text(v, v->text);
	return refuse(v, "one of kopia's is needed, as zstd-fastest, zstd, s2-default, gzip or none");
}

static int set_calendar(struct value *v)
{
	return conf_parse_calendars(v->text, v->list, v->key->type == KEY_UNIT_SCHEDULE, v->to, &v->why);
}

static int set_no_timeout(struct value *v)
{
	if (streq(v->text, "0"))
		return 0;
	return refuse(v, "the task timeout was abolished, only 0 is accepted; backup.max_window bounds the downtime and "
		"backup.stall_timeout ends what hangs");
}

static int set_plain_text(struct value *v)
{
	return *v->text ? set_text(v, v->text) : refuse(v, "it may not be empty");
}

static int (*const setters[])(struct value *v) = {
	[KEY_TEXT] = set_plain_text,
	[KEY_PATH] = set_path,
	[KEY_LIST] = set_list,
	[KEY_FLAG] = set_flag,
	[KEY_NUMBER] = set_number,
	[KEY_WORKERS] = set_workers,
	[KEY_SECONDS] = set_seconds,
	[KEY_DURATION] = set_duration,
	[KEY_SIZE] = set_size,
	[KEY_METHOD] = set_method,
	[KEY_MTIME] = set_mtime,
	[KEY_MAINTENANCE] = set_maintenance,
	[KEY_LEVEL] = set_level,
	[KEY_ENCRYPTION] = set_encryption,
	[KEY_COMPRESSION] = set_compression,
	[KEY_CALENDAR] = set_calendar,
	[KEY_UNIT_SCHEDULE] = set_calendar,
	[KEY_NO_TIMEOUT] = set_no_timeout,
};

/* --- looking keys up ------------------------------------------------------------------------ */

static int unknown(const struct conf_place *at, const char *section, const char *key, const struct key *table,
	size_t n, struct fault *f)
{
	const struct key *best = &table[0];
	bool known_section = false;

	for (size_t i = 0; i < n; i++) {
		bool here = streq(table[i].section, section), best_here = streq(best->section, section);
		known_section |= here;
		size_t d = conf_distance(key, table[i].name), e = conf_distance(key, best->name);
		if ((here && !best_here) || (here == best_here && d < e))
			best = &table[i];
	}
	if (known_section)
		fault_set(f, FAULT_CONF, -EINVAL, "%s:%d: unknown key '%.64s' in [%s]", at->file, at->line, key, section);
	else
		fault_set(f, FAULT_CONF, -EINVAL, "%s:%d: unknown section [%.64s]", at->file, at->line, section);
	fault_advise(f, "did you mean '%s' in [%s]?", best->name, best->section);
	return -EINVAL;
}

static int set_one(void *base, const struct key *k, const struct conf_place *at, const char *text,
	const struct strv *list, struct fault *f)
{
	struct value v = { .key = k, .to = (char *)base + k->offset, .text = text ? text : "", .list = list };
	bool takes_list = k->type == KEY_LIST || k->type == KEY_CALENDAR || k->type == KEY_UNIT_SCHEDULE;
	int r = list && !takes_list ? refuse(&v, "one value is needed, not a list") : setters[k->type](&v);

	if (r < 0) {
		/* The value may be a secret that stands in the wrong place: it is not repeated. */
		bool secret = strstr(k->name, "password") || streq(k->name, "repository"); /* keys among its flags */
		fault_set(f, FAULT_CONF, -EINVAL, "%s:%d: %s.%s = %s%.80s%s cannot be used: %s", at->file, at->line, k->section,
			k->name, list ? "(" : "'", list ? "list" : secret ? "***" : v.text, list ? ")" : "'", v.why);
	}
	free(v.why);
	return r;
}

static int mark_seen(struct strv *seen, const struct conf_place *at, const char *section, const char *key, struct fault *f)
{
	char *full CLEANUP(freep) = xasprintf("%s.%s", section, key);

	if (strv_has(seen, full))
		return fault_set(f, FAULT_CONF, -EEXIST, "%s:%d: %s is set twice", at->file, at->line, full);
	strv_take(seen, TAKE_PTR(full));
	return 0;
}

int conf_set(struct conf *c, struct strv *seen, const struct conf_place *at, const char *section, const char *key,
	const char *text, const struct strv *list, struct fault *f)
{
	bool unit = starts_with(section, "unit:");
	const struct key *table = unit ? unit_keys : keys;
	size_t n = unit ? ARRAY_SIZE(unit_keys) : ARRAY_SIZE(keys);
	void *base = c;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!streq(table[i].name, key) || (!unit && !streq(table[i].section, section)))
			continue;
		if ((r = mark_seen(seen, at, section, key, f)) < 0)
			return r;
		if (unit) {
			struct conf_unit *u = conf_unit_make(c, section + strlen("unit:"));
			u->has_method |= streq(key, "method");
			base = u;
		}
		return set_one(base, &table[i], at, text, list, f);
	}
	return unknown(at, unit ? "unit" : section, key, table, n, f);
}

void conf_set_defaults(struct conf *c)
{
	const struct conf_place nowhere = { .file = "built-in" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].preset)
			IGNORE(set_one(c, &keys[i], &nowhere, keys[i].preset, NULL, NULL)); /* the table's own values are good */
}

struct conf_unit *conf_unit_make(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_units; i++)
		if (streq(c->units[i].name, name))
			return &c->units[i];
	GROW(c->units, c->n_units);
	struct conf_unit *u = &c->units[c->n_units++];
	*u = (struct conf_unit){
		.name = xstrdup(name), .stop_timeout_s = -1, .max_window_ms = -1, .retention = { -1, -1, -1, -1, -1 },
	};
	return u;
}
