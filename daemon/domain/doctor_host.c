/* SPDX-License-Identifier: MIT */
/* Checks of this host: configuration, password, the programs we run, the lock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "daemon/domain/doctor_internal.h"

#define TAR     "/bin/tar"
#define OPENSSL "/usr/bin/openssl"

/* --- configuration ------------------------------------------------------------------------ */

void check_configuration(struct check *c)
{
	const struct conf *conf = c->o->ctx->conf;

	if (!conf->path)
		check_say(c, NULL, CHECK_WARNING, "kopi-docka init writes one", "no configuration file was found: built-in defaults");
	for (size_t i = 0; i < conf->warnings.n; i++)
		check_say(c, NULL, CHECK_WARNING, NULL, "%s", conf->warnings.v[i]);
	if (conf->path && !conf->warnings.n)
		check_say(c, NULL, CHECK_OK, NULL, "%s", conf->path);
	check_over(c);
}

void check_password(struct check *c)
{
	struct fault f = { 0 };

	if (conf_check_password(c->o->ctx->conf, &f) < 0)
		check_say_fault(c, NULL, &f);
	else
		check_say(c, NULL, CHECK_OK, NULL, "one is set");
	check_over(c);
}

/* --- programs ------------------------------------------------------------------------------- */

void check_helpers(struct check *c)
{
	static const char *const names[] = { "kopi-docka-bundle", "kopi-docka-copy", "kopi-docka-exec", "kopi-docka-hold", "kopi-docka-pack", "kopi-docka-place",
		"kopi-docka-probe", "kopi-docka-report", "kopi-docka-sources" };
	struct buf missing CLEANUP(buf_done) = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path CLEANUP(freep) = path_helper(names[i]);
		if (access(path, X_OK) < 0)
			buf_printf(&missing, "%s%s", missing.len ? ", " : "", path);
	}
	if (missing.len)
		check_say(c, NULL, CHECK_FAILED, "install Kopi-Docka again", "our own programs are missing: %s", missing.data);
	else
		check_say(c, NULL, CHECK_OK, NULL, "all are there");
	check_over(c);
}

static int first_line(const char *text)
{
	return (int)strcspn(text, "\n");
}

static void on_tar(void *arg, const struct child_result *r)
{
	struct check *c = arg;
	int len = first_line(r->out);

	if (!child_ok(r))
		check_say_child(c, NULL, TAR, r, "install GNU tar");
	else if (!starts_with(r->out, "tar (GNU tar)"))
		check_say(c, NULL, CHECK_FAILED, "install GNU tar: others lose xattrs and sparse files",
			TAR " is not GNU tar but %.*s", len, r->out);
	else
		check_say(c, NULL, CHECK_OK, NULL, "%.*s", len, r->out);
	check_over(c);
}

void check_tar(struct check *c)
{
	static const char *const argv[] = { TAR, "--version", NULL };

	check_run(c, argv, NULL, on_tar);
}

static void on_openssl(void *arg, const struct child_result *r)
{
	struct check *c = arg;

	if (child_ok(r))
		check_say(c, NULL, CHECK_OK, NULL, "%.*s", first_line(r->out), r->out);
	else
		check_say_child(c, NULL, OPENSSL, r, "install openssl: it encrypts the disaster-recovery bundle");
	check_over(c);
}

/* Only a configured bundle needs it. */
void check_openssl(struct check *c)
{
	static const char *const argv[] = { OPENSSL, "version", NULL };
	const struct conf *conf = c->o->ctx->conf;

	if (conf->backup.update_recovery_bundle || conf->backup.recovery_bundle_path)
		check_run(c, argv, NULL, on_openssl);
	else
		check_over(c);
}

static void on_kopia(void *arg, const struct child_result *r)
{
	struct check *c = arg;
	const char *program = repository_program(c->o->ctx->repository);
	int version = 0;

	if (!child_ok(r))
		check_say_child(c, NULL, program, r, "install kopia (https://kopia.io/docs/installation/), or set kopia.program");
	else if (kopia_parse_version(r->out, &version) < 0)
		check_say(c, NULL, CHECK_OK, NULL, "%s, of an unknown version", program);
	else if (version < KOPIA_OLDEST)
		check_say(c, NULL, CHECK_FAILED, "install a newer kopia, or set kopia.program",
			"%s is %.*s: 0.20 or newer is needed", program, (int)strcspn(r->out, " \n"), r->out);
	else
		check_say(c, NULL, CHECK_OK, NULL, "%s %.*s", program, (int)strcspn(r->out, " \n"), r->out);
	check_over(c);
}

void check_kopia(struct check *c)
{
	const char *program = repository_program(c->o->ctx->repository);
	const char *const argv[] = { program, "--version", NULL };
	static const char *const env[] = { "PATH=/usr/bin:/bin", "HOME=/", "KOPIA_CHECK_FOR_UPDATES=false", NULL };

	if (program) {
		check_run(c, argv, env, on_kopia);
		return;
	}
	check_say(c, NULL, CHECK_FAILED, "install kopia (https://kopia.io/docs/installation/), or set kopia.program",
		"kopia was not found");
	check_over(c);
}

/* --- lock ---------------------------------------------------------------------------------------- */

/* Whoever removes the file lets a second daemon in: ours is then a lock on a file without a name. */
void check_lock(struct check *c)
{
	char *path CLEANUP(freep) = path_lock(c->o->ctx->conf);
	struct stat ours, there;

	if (fstat(c->o->lock_fd, &ours) < 0)
		check_say(c, NULL, CHECK_FAILED, "restart kopi-dockad", "the lock is not held");
	else if (stat(path, &there) < 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
		check_say(c, NULL, CHECK_FAILED, "restart kopi-dockad; leave its lock alone",
			"%s is not the lock that this daemon holds: a second one could start", path);
	else
		check_say(c, NULL, CHECK_OK, NULL, "%s is held by this daemon, pid %d", path, (int)getpid());
	check_over(c);
}
