/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_PATHS_H
#define KD_COMMON_PATHS_H

#include "common/conf.h"

/* Every file of ours, each named in one place. All returned strings are the caller's. */
#define PATH_CONF_SYSTEM "/etc/kopi-docka.conf"
#define PATH_CONF_USER ".config/kopi-docker/config.conf"
#define PATH_STATE "/var/lib/kopi-docka"
#define PATH_RUNTIME "/run/kopi-docka"
#define PATH_CACHE "/var/cache/kopi-docka"
#define PATH_SOCKET "/run/kopi-docka/io.kopidocka"

char *path_socket(const struct conf *c);
char *path_lock(const struct conf *c);       /* beside the engine's socket: one lock an engine */
char *path_ledger(const struct conf *c);
char *path_history(const struct conf *c);   /* directory */
char *path_units(const struct conf *c);     /* directory: the units that have restore points */
char *path_identity(const struct conf *c);  /* identity.json */
char *path_kopia_config(const struct conf *c);
char *path_kopia_cache(const struct conf *c);
char *path_kopia_logs(const struct conf *c);
char *path_spool(const struct conf *c);     /* directory */
char *path_restores(const struct conf *c);  /* directory, one record a restore */
char *path_restore_history(const struct conf *c); /* directory, what each did, by number */
char *path_restored(const struct conf *c); /* directory, recipes that restores laid out */
char *path_laying_out(const struct conf *c); /* directory in it: those of restores that are not over */
char *path_staging(const struct conf *c);   /* directory, recipes being made */
char *path_jobs(const struct conf *c);      /* the number of the last job */
char *path_schedule(const struct conf *c);  /* what schedules remember */
char *path_log(const struct conf *c);       /* of a daemon that no journal hears */
char *path_clock(const struct conf *c);       /* clock.json: when we looked last, by the wall clock */
char *path_made(const struct conf *c);        /* runs-made: the backup_ids given out */
char *path_retention(const struct conf *c);   /* retention.json: what its passes remember */
char *path_maintenance(const struct conf *c); /* maintenance.json: when it was done */
char *path_underway(const struct conf *c);  /* the run under way, as far as it is */
char *path_rates(const struct conf *c);     /* what was measured: forecast */
/* Create state, runtime and cache with their modes. */
int paths_make(const struct conf *c, struct fault *f) WARN_UNUSED;
/* One of our helper programs: beside this program, else libexec. */
char *path_helper(const char *name);

/* The daemon that belongs to the program that runs: beside it, in ../sbin, in the build tree; NULL. */
char *path_daemon(void);
/* The same for another name of the client: "kopi-docka" beside it, else the program itself. NULL: cannot be known. */
char *path_client(void);

#endif
