/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_UNITS_H
#define KD_CLIENT_UNITS_H

#include "common/base.h"

/*
 * The units of data/systemd as text: the templates that `meson install` configures are built
 * into the client, so that there is one source for both.
 */
struct unit_template {
	const char *name, *text;
};
extern const struct unit_template unit_templates[]; /* ends with a NULL name */

/* What the templates leave open. Absolute paths; ${config} is NULL or a path for --config. */
struct unit_paths {
	const char *kopi_dockad, *kopi_docka, *socket, *config;
};

/* Of what stands where a unit is to be written. */
enum unit_found {
	UNIT_ABSENT,
	UNIT_SAME,
	UNIT_OURS,   /* as we once wrote it: may be replaced */
	UNIT_CHANGED /* by someone else */
};

/* Can systemd read ${path} in a unit without any quoting? */
bool unit_path_plain(const char *path);
/* The file's whole text: a first line that knows the rest, so that a change by hand is seen. Yours to free. */
char *unit_render(const struct unit_template *t, const struct unit_paths *p);
/* ${found} is the text of the file there, NULL if there is none. */
enum unit_found unit_compare(const char *found, const char *wanted);

extern const char unit_text_dockad_service[], unit_text_dockad_socket[], unit_text_dockad_recover_service[],
	unit_text_docka_service[], unit_text_docka_timer[];

#endif
