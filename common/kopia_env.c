/* SPDX-License-Identifier: MIT */
/*
 * The environment is an allow-list: what is not named here does not reach kopia. Without
 * HOME kopia would write below its working directory; the password travels here and
 * nowhere else.
 */
#include "common/kopia_env.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *kopia_program(const struct conf *c)
{
	static const char *const directories[] = { "/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin" };
	const char *path = getenv("PATH");

	if (c->kopia.program)
		return xstrdup(c->kopia.program);
	for (const char *p = path ? path : ""; *p;) {
		size_t len = strcspn(p, ":");
		char *full CLEANUP(freep) = xasprintf("%.*s/kopia", (int)len, p);
		if (*p == '/' && access(full, X_OK) == 0)
			return TAKE_PTR(full);
		p += len + (p[len] == ':');
	}
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		char *full CLEANUP(freep) = xasprintf("%s/kopia", directories[i]);
		if (access(full, X_OK) == 0)
			return TAKE_PTR(full);
	}
	return NULL;
}

extern char **environ;

void kopia_environment(const struct kopia_place *p, struct strv *env)
{
	/* Credentials of storage providers, which kopia reads from its environment. */
	static const char *const passed[] = { "AWS_", "B2_", "AZURE_", "GOOGLE_", "GCLOUD_", "RCLONE_", "SSH_AUTH_SOCK=",
		"HTTPS_PROXY=", "NO_PROXY=", "SSL_CERT_FILE=", "SSL_CERT_DIR=" };
	const char *slash = strrchr(p->config_file, '/');

	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_addf(env, "HOME=%.*s", slash ? (int)(slash - p->config_file) : 1, p->config_file);
	strv_addf(env, "KOPIA_PASSWORD=%s", p->password ? p->password : "");
	strv_addf(env, "KOPIA_CONFIG_PATH=%s", p->config_file);
	strv_addf(env, "KOPIA_CACHE_DIRECTORY=%s", p->cache_dir);
	strv_addf(env, "KOPIA_LOG_DIR=%s", p->log_dir);
	strv_add(env, "KOPIA_CHECK_FOR_UPDATES=false");
	strv_add(env, "KOPIA_PERSIST_CREDENTIALS_ON_CONNECT=false");
	strv_add(env, "LC_ALL=C");
	strv_add(env, "TZ=UTC");
	for (char **e = environ; e && *e; e++)
		for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
			if (starts_with(*e, passed[i]))
				strv_add(env, *e);
}
