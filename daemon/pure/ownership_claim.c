/* SPDX-License-Identifier: MIT */
/*
 * As whom init goes on. A name that nobody has is taken. One whose points were all made on this
 * machine is gone on with, as if the state had been lost: they are read, and deleted only once
 * somebody has said --adopt. One that another machine has is never taken without a word: a
 * machine that was called so by its host name alone gets a name of its own beside it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/ownership.h"

#define SHORT 8 /* characters of an id in a name */

struct view { /* what is there under one identity */
	size_t points; /* snapshots of them */
	const char *newest;
	bool all_here; /* made on this machine, by versions that said so */
};

static struct view look_at(const char *identity, const char *machine, const struct kopia_snapshot *v, size_t n)
{
	struct view r = { .all_here = true };

	for (size_t i = 0; i < n; i++) {
		if (!ownership_is_of(&v[i], identity) || !ownership_is_point(&v[i]))
			continue;
		const char *id = kopia_tag(&v[i], "backup_id");
		r.points++;
		r.all_here &= machine && kopia_tag(&v[i], "instance") && streq(kopia_tag(&v[i], "machine"), machine);
		if (!r.newest || strcmp(id, r.newest) > 0)
			r.newest = id;
	}
	return r;
}

static void put(char **at, const char *text)
{
	char *copy = xstrdup(text);

	free(*at);
	*at = copy;
}

/* Go on as ${identity}, with everything that is there under it. */
static void take(struct ownership *o, const struct claim *c, const char *identity, bool claimed, const struct kopia_snapshot *v, size_t n)
{
	put(&o->identity, identity);
	put(&o->machine, c->self.machine);
	put(&o->instance, c->instance);
	put(&o->instead_of, NULL);
	ownership_forget_predecessors(o);
	for (size_t i = 0; i < n; i++) {
		const char *instance = kopia_tag(&v[i], "instance"), *id = kopia_tag(&v[i], "backup_id");
		size_t k = 0;
		if (!instance || !ownership_is_of(&v[i], identity) || !ownership_is_point(&v[i]))
			continue;
		while (k < o->n && !streq(o->v[k].instance, instance))
			k++;
		if (k == o->n)
			ownership_add_predecessor(o, instance, id, claimed);
		else if (strcmp(id, o->v[k].until) > 0)
			put(&o->v[k].until, id);
	}
}

/* user@host-12ab34cd: of the machine where that is free or was ours, so that it comes out the same again. */
static void take_own(struct ownership *o, const struct claim *c, const char *base, const struct kopia_snapshot *v, size_t n)
{
	char *name CLEANUP(freep) = xasprintf("%s-%.*s", base, SHORT, c->self.machine ? c->self.machine : c->instance);
	struct view there = look_at(name, c->self.machine, v, n);

	if ((there.points && !there.all_here) || streq(name, o->identity)) {
		free(name);
		name = xasprintf("%s-%.*s", base, SHORT, c->instance);
	}
	take(o, c, name, false, v, n);
}

/* Whose --adopt means: a host that was named; else ours where somebody else is in it; else the name we could not have. */
static char *adopted(const struct ownership *o, const struct claim *c, bool contested, const struct kopia_snapshot *v, size_t n,
	struct fault *f)
{
	if (!c->host)
		return xstrdup(!o->identity ? c->base : contested || !o->instead_of ? o->identity : o->instead_of);
	char *found = NULL;
	for (size_t i = 0; i < n; i++) {
		char *who CLEANUP(freep) = xasprintf("%s@%s", v[i].user ? v[i].user : "", v[i].host ? v[i].host : "");
		if (!ownership_is_point(&v[i]) || !(streq(who, c->host) || streq(v[i].host, c->host)) || streq(found, who))
			continue;
		if (found) {
			fault_set(f, FAULT_NO_SUCH_POINT, -EINVAL, "%s is more than one in the repository: %s and %s", c->host, found, who);
			free(found);
			return NULL;
		}
		found = TAKE_PTR(who);
	}
	if (!found) {
		fault_set(f, FAULT_NO_SUCH_POINT, -ENOENT, "nobody called %s has restore points in the repository", c->host);
		fault_advise(f, "kopi-docka list --restore-points shows who has");
	}
	return found;
}

bool ownership_has_unclaimed(const struct ownership *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->v[i].claimed)
			return true;
	return false;
}

static int first_time(struct ownership *o, const struct claim *c, const struct kopia_snapshot *v, size_t n, struct fault *f)
{
	struct view there = look_at(c->base, c->self.machine, v, n);

	if (!there.points || there.all_here) {
		take(o, c, c->base, false, v, n);
		return 0;
	}
	if (c->base_configured) {
		fault_set(f, FAULT_REPOSITORY, -ESTALE, "kopia.identity %s is another machine's: it has restore points in the repository, the newest %s",
			c->base, there.newest);
		fault_advise(f, "kopi-docka init --adopt: this machine takes its place; else choose another kopia.identity");
		return -ESTALE;
	}
	take_own(o, c, c->base, v, n);
	put(&o->instead_of, c->base);
	return 0;
}

int ownership_claim(struct ownership *o, const struct claim *c, const struct kopia_snapshot *v, size_t n, struct fault *f)
{
	struct fault why = { 0 };
	bool contested = o->identity && ownership_check(o, &c->self, v, n, &why) < 0;

	if (c->new_identity) {
		take_own(o, c, c->base, v, n);
		return 0;
	}
	if (c->adopt) {
		char *who CLEANUP(freep) = adopted(o, c, contested, v, n, f);
		if (!who)
			return -ENOENT;
		if (contested || ownership_has_unclaimed(o) || !streq(who, o->identity))
			take(o, c, who, true, v, n);
		return 0;
	}
	if (contested) {
		*f = why;
		return -ESTALE;
	}
	return o->identity ? 0 : first_time(o, c, v, n, f);
}

/* --- who is there --------------------------------------------------------------------------------- */

struct host {
	char *name;
	struct strv units;
	struct strv points;
	const char *newest;
};

static struct host *host_of(struct host **hosts, size_t *n, const struct kopia_snapshot *s)
{
	char *name CLEANUP(freep) = xasprintf("%s@%s", s->user ? s->user : "", s->host ? s->host : "");

	for (size_t i = 0; i < *n; i++)
		if (streq((*hosts)[i].name, name))
			return &(*hosts)[i];
	GROW(*hosts, *n);
	(*hosts)[*n] = (struct host){ .name = TAKE_PTR(name) };
	return &(*hosts)[(*n)++];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

static struct json_object *host_json(struct host *h, const struct ownership *o)
{
	struct json_object *j = json_object_new_object();

	strv_sort_unique(&h->units);
	strv_sort_unique(&h->points);
	json_put_text(j, "host", h->name);
	json_put_number(j, "units", (int64_t)h->units.n);
	json_put_number(j, "points", (int64_t)h->points.n);
	json_put_text(j, "newest", h->newest);
	json_put_flag(j, "own", streq(h->name, o->identity));
	free(h->name);
	strv_done(&h->units);
	strv_done(&h->points);
	return j;
}

struct json_object *ownership_hosts(const struct ownership *o, const struct kopia_snapshot *v, size_t n)
{
	struct json_object *list = json_object_new_array();
	struct host *hosts = NULL;
	size_t n_hosts = 0;

	for (size_t i = 0; i < n; i++) {
		if (!ownership_is_point(&v[i]))
			continue;
		struct host *h = host_of(&hosts, &n_hosts, &v[i]);
		const char *unit = kopia_tag(&v[i], "unit"), *id = kopia_tag(&v[i], "backup_id");
		strv_add(&h->units, unit);
		strv_addf(&h->points, "%s %s", unit, id);
		if (!h->newest || strcmp(id, h->newest) > 0)
			h->newest = id;
	}
	if (n_hosts)
		qsort(hosts, n_hosts, sizeof(*hosts), by_name);
	for (size_t i = 0; i < n_hosts; i++)
		json_object_array_add(list, host_json(&hosts[i], o));
	free(hosts);
	return list;
}
