/* SPDX-License-Identifier: MIT */
/*
 * kopia's command lines. The environment is common/kopia_env.c's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/pure/kopia.h"

void kopia_base(const struct kopia_place *p, struct strv *argv)
{
	strv_add(argv, p->program);
	strv_addf(argv, "--config-file=%s", p->config_file);
	strv_add(argv, "--no-auto-maintenance");
	strv_add(argv, "--no-progress");
	strv_add(argv, "--log-level=info"); /* the line "Snapshotting …" says that stdin is read */
	strv_add(argv, "--file-log-level=info");
	strv_add(argv, "--disable-content-log");
}

static void format_start(int64_t wall, char *text, size_t size)
{
	time_t s = (time_t)(wall / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

void kopia_argv_create_snapshot(const struct kopia_place *p, const struct kopia_create *o, struct strv *argv)
{
	const char *colon = strchr(o->source, ':');
	char start[64];

	kopia_base(p, argv);
	strv_add(argv, "snapshot");
	strv_add(argv, "create");
	strv_add(argv, "--json");
	strv_add(argv, "--fail-fast");
	strv_add(argv, "--no-send-snapshot-report");
	strv_add(argv, "--pin=kopi-docka"); /* kopia's own retention tears restore points apart */
	format_start(o->start_ms, start, sizeof(start));
	strv_addf(argv, "--start-time=%s", start);
	if (o->description)
		strv_addf(argv, "--description=%s", o->description);
	for (size_t i = 0; i < o->n_tags; i++)
		strv_addf(argv, "--tags=%s:%s", o->tags[i].key, o->tags[i].value);
	strv_addf(argv, "--stdin-file=%s", o->file);
	strv_addf(argv, "--override-source=%s", o->source);
	strv_add(argv, colon ? colon + 1 : "/"); /* a virtual path: kopia never looks at it */
}

void kopia_argv_list(const struct kopia_place *p, const char *tag_filter, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "snapshot");
	strv_add(argv, "list");
	strv_add(argv, "--all");
	strv_add(argv, "--json");
	strv_add(argv, "--no-retention");
	if (tag_filter)
		strv_addf(argv, "--tags=%s", tag_filter);
}

void kopia_argv_show(const struct kopia_place *p, const char *object, const char *file, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "show");
	strv_addf(argv, "%s/%s", object, file);
}

void kopia_argv_delete(const struct kopia_place *p, const struct strv *ids, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "snapshot");
	strv_add(argv, "delete");
	strv_add(argv, "--delete");
	for (size_t i = 0; i < ids->n; i++)
		strv_add(argv, ids->v[i]);
}

void kopia_argv_status(const struct kopia_place *p, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "repository");
	strv_add(argv, "status");
	strv_add(argv, "--json");
}

void kopia_argv_policy_list(const struct kopia_place *p, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "policy");
	strv_add(argv, "list");
	strv_add(argv, "--json");
}

void kopia_argv_policy_set(const struct kopia_place *p, const struct conf_retention *keep, const char *compression,
	const struct strv *targets, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "policy");
	strv_add(argv, "set");
	strv_addf(argv, "--keep-latest=%d", keep->latest);
	strv_add(argv, "--keep-hourly=0");
	strv_addf(argv, "--keep-daily=%d", keep->daily);
	strv_addf(argv, "--keep-weekly=%d", keep->weekly);
	strv_addf(argv, "--keep-monthly=%d", keep->monthly);
	strv_addf(argv, "--keep-annual=%d", keep->yearly);
	strv_addf(argv, "--compression=%s", compression);
	for (size_t i = 0; i < targets->n; i++)
		strv_add(argv, targets->v[i]);
}

void kopia_argv_policy_global(const struct kopia_place *p, const struct conf *c, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "policy");
	strv_add(argv, "set");
	strv_add(argv, "--global");
	strv_addf(argv, "--compression=%s", c->kopia.compression);
}

/* Flags of storage providers that are secrets, and the variable that says the same to kopia. */
static const struct secret_flag {
	const char *provider, *flag, *variable; /* variable NULL: there is none */
} secret_flags[] = {
	{ "s3", "--secret-access-key", "AWS_SECRET_ACCESS_KEY" },
	{ "s3", "--session-token", "AWS_SESSION_TOKEN" },
	{ "b2", "--key", "B2_KEY" },
	{ "azure", "--storage-key", "AZURE_STORAGE_KEY" },
	{ "azure", "--sas-token", "AZURE_STORAGE_SAS_TOKEN" },
	{ "azure", "--client-secret", "AZURE_CLIENT_SECRET" },
	{ "webdav", "--webdav-password", "KOPIA_WEBDAV_PASSWORD" },
	{ "sftp", "--sftp-password", NULL },
	{ "sftp", "--key-data", NULL },
};

/* The secret at ${at}, which is moved behind it: --flag=value, or the two as words of their own. NULL: none there. */
static const struct secret_flag *take_secret(const struct strv *words, size_t *at, const char **ret_value)
{
	const char *word = words->v[*at];

	for (size_t i = 0; i < ARRAY_SIZE(secret_flags); i++) {
		size_t len = strlen(secret_flags[i].flag);
		if (!streq(words->v[0], secret_flags[i].provider) || strncmp(word, secret_flags[i].flag, len) != 0 ||
			(word[len] != '=' && word[len] != '\0'))
			continue;
		bool apart = word[len] == '\0';
		*at += 1;
		*ret_value = !apart ? word + len + 1 : *at < words->n ? words->v[*at] : "";
		*at += apart && *at < words->n;
		return &secret_flags[i];
	}
	return NULL;
}

const char *kopia_provider_environment(const struct conf *c, struct strv *env)
{
	const struct strv *words = &c->kopia.repository;
	const char *value, *without = NULL;

	for (size_t at = 0; at < words->n;) {
		const struct secret_flag *s = take_secret(words, &at, &value);
		if (!s)
			at++;
		else if (s->variable)
			strv_addf(env, "%s=%s", s->variable, value);
		else
			without = s->flag;
	}
	return without;
}

static void add_provider(const struct conf *c, struct strv *argv)
{
	if (c->kopia.repository_path) {
		strv_add(argv, "filesystem");
		strv_addf(argv, "--path=%s", c->kopia.repository_path);
		return;
	}
	const struct strv *words = &c->kopia.repository;
	const char *value;
	for (size_t at = 0; at < words->n;)
		if (!take_secret(words, &at, &value))
			strv_add(argv, words->v[at++]);
}

static void add_identity(const char *identity, const char *flag, struct strv *argv)
{
	const char *at = strchr(identity, '@');

	strv_addf(argv, "--%susername=%.*s", flag, at ? (int)(at - identity) : 0, identity);
	strv_addf(argv, "--%shostname=%s", flag, at ? at + 1 : identity);
}

void kopia_argv_set_client(const struct kopia_place *p, const char *identity, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "repository");
	strv_add(argv, "set-client");
	add_identity(identity, "", argv);
}

void kopia_argv_repository(const struct kopia_place *p, const struct conf *c, const char *verb,
	const char *identity, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "repository");
	strv_add(argv, verb);
	add_provider(c, argv);
	add_identity(identity, "override-", argv);
	strv_addf(argv, "--cache-directory=%s", p->cache_dir);
	strv_addf(argv, "--content-cache-size-mb=%" PRId64, c->kopia.cache_size_mb);
	strv_addf(argv, "--metadata-cache-size-mb=%" PRId64, c->kopia.cache_size_mb);
	strv_add(argv, "--no-persist-credentials");
	if (!streq(verb, "create"))
		return;
	strv_addf(argv, "--block-hash=%s", c->kopia.hash);
	strv_addf(argv, "--encryption=%s", c->kopia.encryption);
	strv_addf(argv, "--object-splitter=%s", c->kopia.splitter);
}

void kopia_argv_maintenance(const struct kopia_place *p, bool full, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "maintenance");
	strv_add(argv, "run");
	if (full)
		strv_add(argv, "--full");
}

void kopia_argv_maintenance_info(const struct kopia_place *p, struct strv *argv)
{
	kopia_base(p, argv);
	strv_add(argv, "maintenance");
	strv_add(argv, "info");
	strv_add(argv, "--json");
}
