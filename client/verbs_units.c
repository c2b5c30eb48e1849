/* SPDX-License-Identifier: MIT */
/* write-units: the systemd units into a directory of the administrator's, with the paths of this installation. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/units.h"
#include "client/verb.h"
#include "common/conf.h"
#include "common/fd.h"
#include "common/iface.h"
#include "common/paths.h"

#define DIRECTORY  "/etc/systemd/system"
#define UNIT_MAX   65536
#define MAIN_CONF  "/etc/kopi-docka.conf"

struct found_paths {
	char *kopi_dockad, *kopi_docka, *socket, *config; /* owned */
};

static void found_paths_done(struct found_paths *p)
{
	free(p->kopi_dockad);
	free(p->kopi_docka);
	free(p->socket);
	free(p->config);
}

static int find_paths(const struct options *o, struct found_paths *ret, struct fault *f)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	int r = conf_load(o->config, &c, f);

	if (r < 0)
		return r;
	*ret = (struct found_paths){
		.kopi_dockad = path_daemon(),
		.kopi_docka = path_client(),
		.socket = path_socket(c),
		/* The one in /etc is found without being named. */
		.config = c->path && !streq(c->path, MAIN_CONF) ? realpath(c->path, NULL) : NULL,
	};
	if (!ret->kopi_dockad || !ret->kopi_docka) {
		fault_set(f, FAULT_FAILED, -ENOENT, "kopi-dockad is neither beside this program nor in ../sbin");
		fault_advise(f, "install both (meson install), then run write-units of the installed kopi-docka");
		return -ENOENT;
	}
	const char *all[] = { ret->kopi_dockad, ret->kopi_docka, ret->socket, ret->config };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] && !unit_path_plain(all[i]))
			return fault_set(f, FAULT_FAILED, -EINVAL, "%s has characters that a unit would need quoted; use a plain path",
				all[i]);
	return 0;
}

/* NULL text and 0: nothing is there. A symlink (a masked unit) is somebody's wish: as if changed. */
static int read_there(const char *path, char **ret, struct fault *f)
{
	struct buf b = { 0 };
	struct stat st;

	*ret = NULL;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_FAILED, -errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode)) {
		*ret = xstrdup("");
		return 0;
	}
	int r = file_read(path, UNIT_MAX, &b);
	if (r < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot read %s", path);
	*ret = buf_steal(&b);
	if (!*ret)
		*ret = xstrdup("");
	return 0;
}

static void tell(const struct options *o, const char *path, const char *what)
{
	if (!o->json) {
		printf("%-9s %s\n", what, path);
		return;
	}
	struct json_object *j = json_object_new_object();
	json_put_text(j, "path", path);
	json_put_text(j, "state", what);
	puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN));
	json_object_put(j);
}

/* 0, 1: kept because someone changed it, negative: could not. */
static int write_one(const struct options *o, const char *path, const char *wanted, struct fault *f)
{
	static const char *const words[] = {
		[UNIT_ABSENT] = "written", [UNIT_SAME] = "unchanged", [UNIT_OURS] = "updated", [UNIT_CHANGED] = "replaced",
	};
	char *there CLEANUP(freep) = NULL;
	int r = read_there(path, &there, f);

	if (r < 0)
		return r;
	enum unit_found found = unit_compare(there, wanted);
	if (found == UNIT_CHANGED && !o->force) {
		tell(o, path, "kept");
		return 1;
	}
	if (found != UNIT_SAME && (r = file_replace(path, wanted, strlen(wanted), 0644, f)) < 0)
		return r;
	tell(o, path, words[found]);
	return 0;
}

static int write_all(const struct options *o, const char *directory, const struct unit_paths *p, struct fault *f)
{
	int kept = 0;

	for (const struct unit_template *t = unit_templates; t->name; t++) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", directory, t->name);
		char *wanted CLEANUP(freep) = unit_render(t, p);
		int r = write_one(o, path, wanted, f);
		if (r < 0)
			return r;
		kept += r;
	}
	return kept;
}

static void next_steps(const char *directory)
{
	static const char *const shipped[] = { "/usr/lib/systemd/system/kopi-dockad.service",
		"/usr/local/lib/systemd/system/kopi-dockad.service" };

	for (size_t i = 0; i < ARRAY_SIZE(shipped); i++)
		if (access(shipped[i], F_OK) == 0)
			printf("note: units are installed in %.*s too; those in /etc go before them\n",
				(int)(strrchr(shipped[i], '/') - shipped[i]), shipped[i]);
	if (!streq(directory, DIRECTORY))
		printf("note: systemd reads %s, not %s: copy them there\n", DIRECTORY, directory);
	fputs("next:\n  systemctl daemon-reload\n"
	      "  systemctl enable --now kopi-docka.timer     a backup of all units every night at two\n"
	      "and where a schedule of the configuration is used instead, or the daemon shall stay:\n"
	      "  systemctl enable --now kopi-dockad.service\n", stdout);
}

static int run_write_units(const struct verb *v, struct options *o)
{
	const char *directory = o->directory ? o->directory : DIRECTORY;
	struct found_paths p = { 0 };
	struct fault f = { 0 };
	struct stat st;
	int r = find_paths(o, &p, &f);

	(void)v;
	if (r == 0 && (stat(directory, &st) < 0 || !S_ISDIR(st.st_mode)))
		r = fault_set(&f, FAULT_FAILED, -ENOTDIR, "%s is not a directory: make it first, or name another with --directory", directory);
	if (r == 0)
		r = write_all(o, directory, &(struct unit_paths){ p.kopi_dockad, p.kopi_docka, p.socket, p.config }, &f);
	found_paths_done(&p);
	if (r < 0) {
		fprintf(stderr, "%s\n%s%s", f.text, f.advice, f.advice[0] ? "\n" : "");
		if (geteuid() != 0)
			fputs("run it as root: sudo\n", stderr);
		return EXIT_FAILED;
	}
	if (r > 0)
		fputs("what is kept was changed by hand: --force replaces it; a drop-in (systemctl edit) keeps such changes apart\n",
			stderr);
	if (!o->json)
		next_steps(directory);
	return r > 0 ? EXIT_WARNINGS : EXIT_OK;
}

static const struct verb verbs[] = {
	{ .name = "write-units", .summary = "write the systemd units: service, socket, timer",
		.about = "The units name this program as it is installed. Files that were changed by hand are kept and named\n"
			 "(exit status 3). Running it again changes nothing.",
		.options = OPTIONS(TEXT("directory", "DIR", directory, "where to; " DIRECTORY " if it is not given"),
			FLAG("force", force, "replace files that were changed by hand, too")),
		.examples = "write-units\nwrite-units --directory /tmp/look", .run = run_write_units },
	{ 0 },
};

const struct verb_group verbs_units = { "systemd", verbs };
