/* SPDX-License-Identifier: MIT */
#ifndef KD_CLIENT_VERB_H
#define KD_CLIENT_VERB_H

#include "common/varlink.h"

/*
 * A verb is a row of one of the tables in verbs_*.c and, where it has parameters to put together,
 * a function beside it. A new option is a field here and a row in its verb's list.
 */
struct options {
	const char *socket, *config; /* borrowed from argv, as every text here */
	bool json, help, version;
	bool own; /* an option of the verb's own list was given */
	struct strv words; /* what follows the verb without being an option */
	struct strv units, items, paths, map;
	const char *host, *target, *as, *directory, *reason, *back, *safety_directory;
	int64_t limit, interval_minutes; /* -1: not given */
	bool list_units, list_points, list_accepted, dry_run, yes, script, full, force, in_place, keep_owners, recursive, all_hosts, adopt, new_identity, reconnect;
};

enum option_kind { OPTION_FLAG = 1, OPTION_TEXT, OPTION_NUMBER, OPTION_LIST };

struct verb_option {
	const char *name;  /* without the dashes; NULL ends the list */
	const char *value; /* "NAME", NULL for a flag */
	const char *help;  /* one line */
	enum option_kind kind;
	size_t offset; /* of its field in struct options: bool, const char *, int64_t, struct strv */
};

#define OPTIONS(...) ((const struct verb_option[]){ __VA_ARGS__, { 0 } })
#define FLAG(name, field, help) { name, NULL, help, OPTION_FLAG, offsetof(struct options, field) }
#define TEXT(name, value, field, help) { name, value, help, OPTION_TEXT, offsetof(struct options, field) }
#define NUMBER(name, value, field, help) { name, value, help, OPTION_NUMBER, offsetof(struct options, field) }
#define LIST(name, value, field, help) { name, value, help, OPTION_LIST, offsetof(struct options, field) }

struct verb {
	const char *name;  /* NULL ends the table */
	const char *words; /* "UNIT [BACKUP_ID]" for the usage line, or NULL */
	size_t words_min, words_max;
	bool raw; /* everything behind the verb is words, options too */
	const char *summary;  /* one line, for the list of verbs */
	const char *about;    /* some lines more, or NULL */
	const char *examples; /* one a line, without the program's name */
	const struct verb_option *options;
	/* NULL: ask ${method} without parameters. Returns the exit status. */
	int (*run)(const struct verb *v, struct options *o);
	const char *method;
	bool more; /* a job: progress is shown, Ctrl-C cancels it; what ask_plain() asks for */
	/* The reply for people; returns the exit status it means. */
	int (*render)(FILE *to, struct json_object *reply);
};

struct verb_group {
	const char *title;
	const struct verb *verbs;
};

/* One a file verbs_*.c; listed in main.c in the order of kopi-docka --help. */
extern const struct verb_group verbs_backup, verbs_kopia, verbs_restore, verbs_repository, verbs_service, verbs_units;

/* The options that may stand before or behind every verb. */
extern const struct verb_option options_common[];

/*
 * Read ${argv} (what follows the program's name or the verb) by ${v}'s list and options_common into
 * ${o}. With ${v} NULL: stops at the first word. Returns how many were read, or -1 after a sentence
 * on stderr that names what is wrong and what may have been meant.
 */
int parse_options(int argc, char **argv, const struct verb *v, struct options *o) WARN_UNUSED;
/* Does the number of words suit ${v}? -1 after a sentence on stderr. */
int parse_words(const struct verb *v, const struct options *o) WARN_UNUSED;
void options_done(struct options *o);

/* kopi-docka --help, kopi-docka VERB --help. ${groups} ends with a NULL title. */
void help_all(FILE *to, const struct verb_group *const *groups);
void help_verb(FILE *to, const struct verb *v);
/* ${why} and the usage line on stderr; returns EXIT_USAGE. */
int help_usage(const struct verb *v, const char *why);
/* Is ${candidate} near enough to the mistyped ${word}? Smaller is nearer, -1: no. */
int help_distance(const char *word, const char *candidate);

#endif
