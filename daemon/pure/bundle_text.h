/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_BUNDLE_TEXT_H
#define KD_PURE_BUNDLE_TEXT_H

#include "common/base.h"

/*
 * Names and texts of a disaster-recovery bundle. All returned strings are the caller's.
 *
 *     kopi-docka-recovery-USER@HOST-YYYYMMDDThhmmssZ.tar.enc   .README .PASSWORD .sha256
 */
#define BUNDLE_ITERATIONS 600000 /* of PBKDF2, as OWASP wants it; our passphrases have 264 random bits anyway */

struct bundle_facts { /* all borrowed */
	const char *name;            /* without ending */
	const char *identity;        /* user@host of the snapshots */
	const char *host;            /* this machine's name */
	const char *repository;      /* "filesystem:/backup/repo" */
	const char *repository_path; /* NULL: not a directory */
	const char *unique_id;       /* may be NULL */
	const char *made;            /* RFC 3339 */
	const char *passwords;       /* directory of the PASSWORD file, NULL: beside */
	const char *kopia, *docker;  /* versions, may be NULL */
	const struct strv *environment; /* NAME=VALUE: what kopia's storage reads from there */
};

/* What all bundles of one identity begin with, and only they end it with a time. */
char *bundle_text_series(const char *identity);
char *bundle_text_name(const char *identity, int64_t wall);
/* Its first line is "Kopi-Docka recovery bundle NAME": rotation goes by it. */
char *bundle_text_readme(const struct bundle_facts *f);
/* recover.sh: what differs stands at its head, the rest is daemon/pure/recover.sh. */
char *bundle_text_recover(const struct bundle_facts *f);

#endif
