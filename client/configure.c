/* SPDX-License-Identifier: MIT */
/*
 * The first configuration. A daemon that has one is asked for nothing more; where none
 * is found, the template is written with a password that nobody knows yet: whole, 0600,
 * and only under a name that is free. The daemon that runs without one then reads it.
 */
#include "client/configure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/call.h"
#include "client/render.h"
#include "common/conf.h"
#include "common/fd.h"
#include "common/iface.h"
#include "common/paths.h"

#define RELOAD_TRIES    50
#define RELOAD_PAUSE_US 100000
#define PLACEHOLDER     "changeme-very-secret"
#define PASSWORD_LENGTH 32 /* of 64 letters: 192 bits */

static int say(const struct fault *f)
{
	fprintf(stderr, "%s\n", f->text);
	if (f->advice[0])
		fprintf(stderr, "%s\n", f->advice);
	return EXIT_FAILED;
}

/* --- what there is already ---------------------------------------------------------------------- */

/* The configuration that a running daemon has read; NULL: none. Caller's. */
static char *of_daemon(const char *socket, bool *ret_runs)
{
	struct call_options c = { .socket = socket, .method = "Status" };
	struct varlink_reply r = { 0 };
	struct fault f = { 0 };

	*ret_runs = call_method(&c, &r, &f) == 0 && !r.error;
	char *path = *ret_runs ? xstrdup(json_text(r.parameters, "config_path")) : NULL;
	varlink_reply_done(&r);
	return path;
}

/* 1: there is one, 0: there is none, < 0: there is one that cannot be used. */
static int on_host(const char *config, struct fault *f)
{
	struct conf *c CLEANUP(conf_freep) = NULL;

	if (config && access(config, F_OK) < 0 && errno == ENOENT)
		return 0;
	int r = conf_load(config, &c, f);
	return r < 0 ? r : c->path != NULL;
}

/* --- writing one ----------------------------------------------------------------------------------- */

static int make_password(char text[PASSWORD_LENGTH + 1])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[PASSWORD_LENGTH];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		text[i] = letters[bytes[i] & 63];
	if (text[0] == '-' || text[0] == '_') /* looks like an option where someone types it */
		text[0] = 'K';
	text[PASSWORD_LENGTH] = '\0';
	return 0;
}

char *configure_text(const char *password)
{
	const char *at = strstr(conf_template, PLACEHOLDER);

	return xasprintf("%.*s%s%s", (int)(at - conf_template), conf_template, password, at + strlen(PLACEHOLDER));
}

/* The example's directory is nobody's choice yet: the one above it may be made too. */
static void make_place(const char *config)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct stat root, place;

	if (conf_load(config, &c, NULL) < 0 || !c->kopia.repository_path)
		return;
	const char *slash = strrchr(c->kopia.repository_path, '/');
	char *above CLEANUP(freep) = xstrndup(c->kopia.repository_path, (size_t)(slash - c->kopia.repository_path));
	if (*above && mkdir(above, 0700) == 0)
		fprintf(stderr, "made %s\n", above);
	if (*above && stat(above, &place) == 0 && stat("/", &root) == 0 && place.st_dev == root.st_dev)
		fprintf(stderr, "note: %s lies on the disk of the system: a backup should lie on another one, mounted there\n", above);
}

static int create(const char *path)
{
	char password[PASSWORD_LENGTH + 1];
	struct fault f = { 0 };

	if (geteuid() != 0) {
		fault_set(&f, FAULT_CONF, -EPERM, "there is no configuration %s, and only root can write one", path);
		fault_advise(&f, "sudo kopi-docka init");
		return say(&f);
	}
	if (make_password(password) < 0) {
		fault_set(&f, FAULT_FAILED, -EIO, "the system gives no random numbers for a password");
		return say(&f);
	}
	char *text CLEANUP(freep) = configure_text(password);
	int r = file_create(path, text, strlen(text), 0600, &f);
	explicit_bzero(text, strlen(text));
	explicit_bzero(password, sizeof(password));
	if (r < 0)
		return say(&f);
	fprintf(stderr, "wrote %s with a new password for the repository: without it nothing can be restored, so keep a copy elsewhere\n",
		path);
	make_place(path);
	return 0;
}

static int have_read(const char *socket, const char *path)
{
	struct call_options c = { .socket = socket, .method = "Reload" };
	struct varlink_reply r = { 0 };
	struct fault f = { 0 };
	bool runs;

	if (call_method(&c, &r, &f) < 0)
		return say(&f);
	if (r.error) {
		int status = render_error(stderr, &r);
		varlink_reply_done(&r);
		return status;
	}
	varlink_reply_done(&r);
	for (int i = 0; i < RELOAD_TRIES; i++) { /* it is read when nothing is under way */
		char *now CLEANUP(freep) = of_daemon(socket, &runs);
		if (streq(now, path))
			return 0;
		usleep(RELOAD_PAUSE_US);
	}
	fault_set(&f, FAULT_CONF, -ESTALE, "the running daemon does not read %s", path);
	fault_advise(&f, "restart it with --config %s", path);
	return say(&f);
}

int configure(const struct options *o)
{
	char *socket CLEANUP(freep) = ask_socket(o);
	char *here CLEANUP(freep) = o->config && *o->config != '/' ? getcwd(NULL, 0) : NULL;
	char *path CLEANUP(freep) = o->config ? xasprintf("%s%s%s", here ? here : "", here ? "/" : "", o->config)
					      : xstrdup(PATH_CONF_SYSTEM);
	struct fault f = { 0 };
	bool runs;
	char *theirs CLEANUP(freep) = of_daemon(socket, &runs);
	int r = theirs ? !o->config || access(path, F_OK) == 0 : on_host(o->config, &f);

	if (r < 0)
		return say(&f);
	if (r > 0 || (!runs && o->socket)) /* whose daemon that would be is not known here */
		return 0;
	if (theirs) {
		fault_set(&f, FAULT_CONF, -EEXIST, "there is no %s, and the running daemon reads %s", path, theirs);
		fault_advise(&f, "leave --config out, or stop that daemon first");
		return say(&f);
	}
	r = create(path);
	return r == 0 && runs ? have_read(socket, path) : r;
}
