/* SPDX-License-Identifier: MIT */
/* Which restore point is meant; and where there is none, whose points of that unit there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/kopia.h"
#include "daemon/pure/result.h"

/* Points stand newest first. The newest of another host than the one asked for. */
static const struct point *elsewhere(const struct point *v, size_t n, const struct point_question *q)
{
	for (size_t i = 0; i < n; i++)
		if (!q->backup_id ? v[i].complete : streq(v[i].backup_id, q->backup_id))
			return &v[i];
	return n ? &v[0] : NULL;
}

static void explain(const struct kopia_snapshot *s, size_t n_s, const struct point_question *q, struct fault *f)
{
	struct point *all = NULL;
	size_t n = 0;

	points_from_snapshots(s, n_s, q->unit, NULL, &all, &n);
	const struct point *other = elsewhere(all, n, q);
	const char *host = q->host ? q->host : q->identity;
	bool same = false; /* it has points of the unit, but not this one */
	for (size_t i = 0; i < n; i++)
		same |= streq(all[i].host, host);
	fault_set(f, FAULT_NO_SUCH_POINT, -ENOENT, "there is no %srestore point %s%sof unit %s", q->backup_id ? "" : "complete ",
		q->backup_id ? q->backup_id : "", q->backup_id ? " " : "", q->unit);
	if (other && !same) {
		fault_set(f, FAULT_NO_SUCH_POINT, -ENOENT, "there is no %srestore point %s%sof unit %s of %s; %s has some, the newest %s",
			q->backup_id ? "" : "complete ", q->backup_id ? q->backup_id : "", q->backup_id ? " " : "", q->unit,
			q->host ? q->host : "this host", other->host, other->backup_id);
		fault_advise(f, "kopi-docka %s %s%s%s --host %s", q->verb, q->unit, q->backup_id ? " " : "", q->backup_id ? q->backup_id : "", other->host);
	} else {
		fault_advise(f, "kopi-docka list --restore-points%s%s shows what there is", q->host ? " --host " : "", q->host ? q->host : "");
	}
	points_free(all, n);
}

const struct point *point_choose(const struct kopia_snapshot *s, size_t n_s, const struct point *v, size_t n,
	const struct point_question *q, struct fault *f)
{
	const struct point *p = point_find(v, n, q->unit, q->backup_id);

	for (size_t i = 0; p && i < n; i++) {
		if (!streq(v[i].unit, q->unit) || streq(v[i].host, p->host))
			continue;
		fault_set(f, FAULT_NO_SUCH_POINT, -EINVAL, "%s is more than one host: %s and %s", q->host, p->host, v[i].host);
		fault_advise(f, "kopi-docka %s %s --host %s", q->verb, q->unit, p->host);
		return NULL;
	}
	if (!p)
		explain(s, n_s, q, f);
	return p;
}
