/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_OWNERSHIP_H
#define KD_PURE_OWNERSHIP_H

#include "daemon/pure/kopia.h"

/*
 * Whose the snapshots of an identity (user@host) are. Names repeat: machines are called alike,
 * reinstalled, cloned. So each snapshot has two more tags: machine, the machine's id, and
 * instance, a random number that init makes and our state keeps.
 */
struct predecessor { /* an instance that wrote under the same identity before */
	char *instance;
	char *until;  /* the newest backup_id it had then: what it writes later is another's */
	bool claimed; /* somebody has said that it is ours: else it is only read, never deleted */
};

struct ownership { /* identity.json */
	char *identity;   /* NULL: init was never through */
	char *unique_id, *repository, *initialised;
	char *instead_of; /* the identity that another machine has, so that ours got a name of its own; NULL */
	char *machine;    /* of this installation; NULL: unknown */
	char *instance;   /* NULL: made by a version that had none */
	struct predecessor *v;
	size_t n;
};

void ownership_parse(const char *text, size_t len, struct ownership *ret);
char *ownership_format(const struct ownership *o); /* caller's */
void ownership_copy(struct ownership *to, const struct ownership *from);
void ownership_done(struct ownership *o);

enum owner {
	OWNER_ELSEWHERE, /* of another identity */
	OWNER_OURS,      /* without the tags too: of a version that had none, or made by hand */
	OWNER_UNCLAIMED, /* ours as it seems: read, counted, never deleted */
	OWNER_OTHER      /* of our identity, but another's */
};
bool ownership_has_unclaimed(const struct ownership *o);
enum owner ownership_of(const struct ownership *o, const struct kopia_snapshot *s);

/* What this machine knows of itself today. */
struct oneself {
	const char *machine; /* NULL: unknown */
	struct strv made;    /* the backup_ids that its state has given out, ascending; empty: unknown */
};
/* May we act as ${o->identity}? -ESTALE and a fault that says who else is there. */
int ownership_check(const struct ownership *o, const struct oneself *self, const struct kopia_snapshot *v, size_t n, struct fault *f)
	WARN_UNUSED;
#define OWNERSHIP_ADVICE "kopi-docka init --adopt: this machine takes its place; kopi-docka init --new-identity: both live, and this one gets " \
	"a name of its own"

/* What init was asked for, and by whom. */
struct claim {
	const char *base;     /* the identity by configuration or host name */
	bool base_configured; /* kopia.identity says so: it is that or none */
	struct oneself self;
	const char *instance; /* a fresh one */
	bool adopt, new_identity;
	const char *host;     /* with adopt: whose identity, user@host or host; NULL: the one that is in question */
};
/* As whom we go on, from what ${o} says and what is in the repository; ${o} is changed on success alone. */
int ownership_claim(struct ownership *o, const struct claim *c, const struct kopia_snapshot *v, size_t n, struct fault *f) WARN_UNUSED;

/* Between ownership.c and ownership_claim.c. */
bool ownership_is_of(const struct kopia_snapshot *s, const char *identity);
bool ownership_is_point(const struct kopia_snapshot *s); /* of a restore point: no safety copy, nobody's own */
void ownership_add_predecessor(struct ownership *o, const char *instance, const char *until, bool claimed);
void ownership_forget_predecessors(struct ownership *o);

/* Who has restore points there: host, units, newest; [] if nobody. Type PointHost, caller's. */
struct json_object *ownership_hosts(const struct ownership *o, const struct kopia_snapshot *v, size_t n);

#endif
