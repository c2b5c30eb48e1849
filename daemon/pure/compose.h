/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_COMPOSE_H
#define KD_PURE_COMPOSE_H

#include "common/fault.h"

/*
 * Which other files a compose file names. Text in, list out; no file is touched here.
 * The text may be anybody's: it is parsed by libyaml, walked to a fixed depth, and what
 * it names is bounded.
 */
enum compose_kind {
	COMPOSE_FILE,   /* include, extends: a compose file itself */
	COMPOSE_ENV,    /* env_file */
	COMPOSE_CONFIG, /* configs, label_file */
	COMPOSE_SECRET, /* secrets */
	COMPOSE_BUILD,  /* the directory an image is built from */
	COMPOSE_KINDS
};
/* "compose file", "env file", …: static. */
const char *compose_kind_name(enum compose_kind k);

struct compose_reference {
	enum compose_kind kind;
	char *path;      /* absolute, normalised */
	char *directory; /* of a COMPOSE_FILE: what the paths in it are relative to */
	char *by;        /* "secrets: db", "env_file of web" */
	bool optional;   /* required: false */
};

struct compose_references {
	struct compose_reference *v;
	size_t n;
	struct strv unresolved; /* sentences about what is named and cannot be found from here */
	struct strv notes;      /* about what was never a file of this host */
};

#define COMPOSE_TEXT_MAX ((size_t)512 << 10)
#define COMPOSE_REFERENCES_MAX 256

/*
 * Append to ${ret} what ${text} names. Relative paths are below ${directory} (absolute).
 * ${variables} ("NAME=value") are put in place of ${NAME} as compose does. -EBADMSG where
 * ${text} is no compose file, with the line; -EFBIG beyond COMPOSE_TEXT_MAX.
 */
int compose_read(const char *text, size_t len, const char *directory, const struct strv *variables,
	struct compose_references *ret, struct fault *f) WARN_UNUSED;
void compose_references_done(struct compose_references *r);

/*
 * ${text} with the variables put in, caller's; NULL where one is not known and has no default:
 * ${missing} (may be NULL) gets its name, caller's.
 */
char *compose_interpolate(const char *text, const struct strv *variables, char **missing);

#endif
