/* SPDX-License-Identifier: MIT */
/*
 * A planned unit as a value: released, compared with a later plan of the same
 * unit, and looked for by a name that was perhaps mistyped.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"

#define SUGGEST_LENGTH 64 /* longer names are not compared letter by letter */
#define SUGGEST_MAX    3

const char *item_place(const struct item *it)
{
	return it->read_at ? it->read_at : it->path;
}

void unit_item_done(struct item *it)
{
	char *owned[] = { it->id, it->path, it->volume, it->read_at, it->hold, it->shared_fs, it->lost, it->method_reason };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	strv_done(&it->shared_with);
	strv_done(&it->ours);
}

void unit_done(struct unit *u)
{
	size_t i;

	for (i = 0; i < u->n_items; i++)
		unit_item_done(&u->items[i]);
	for (i = 0; i < u->n_coverage; i++) {
		free(u->coverage[i].container);
		free(u->coverage[i].source);
		free(u->coverage[i].destination);
		free(u->coverage[i].kind);
		free(u->coverage[i].reason);
	}
	free(u->name);
	free(u->working_dir);
	free(u->members);
	free(u->items);
	free(u->coverage);
	free(u->edges);
	free(u->refused);
	free(u->skipped);
	strv_done(&u->compose_files);
	strv_done(&u->env_files);
	strv_done(&u->warnings);
	strv_done(&u->tolerated);
	*u = (struct unit){ 0 };
}

void units_done(struct units *u)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		unit_done(&u->v[i]);
	free(u->v);
	strv_done(&u->unattached_volumes);
	*u = (struct units){ 0 };
}

static bool same_mounts(const struct container *a, const struct container *b)
{
	size_t i;

	if (a->n_mounts != b->n_mounts)
		return false;
	for (i = 0; i < a->n_mounts; i++) {
		const struct mount *x = &a->mounts[i], *y = &b->mounts[i];

		if (!streq(x->type, y->type) || !streq(x->name, y->name) ||
			!streq(x->source, y->source) ||
			!streq(x->destination, y->destination) || x->rw != y->rw)
			return false;
	}
	return true;
}

static bool same_member(const struct member *a, const struct member *b)
{
	return streq(a->c->id, b->c->id) && a->c->state == b->c->state &&
	       streq(a->c->started_at, b->c->started_at) && a->guest == b->guest &&
	       a->stop == b->stop && a->level == b->level && same_mounts(a->c, b->c);
}

bool unit_same(const struct unit *a, const struct unit *b)
{
	size_t i;

	if (!streq(a->name, b->name) || !streq(a->refused, b->refused) ||
		!streq(a->skipped, b->skipped) || a->n_members != b->n_members ||
		a->n_items != b->n_items)
		return false;
	for (i = 0; i < a->n_members; i++)
		if (!same_member(&a->members[i], &b->members[i]))
			return false;
	for (i = 0; i < a->n_items; i++)
		if (!streq(a->items[i].id, b->items[i].id) ||
			!streq(a->items[i].path, b->items[i].path) ||
			!streq(a->items[i].volume, b->items[i].volume))
			return false;
	return true;
}

/* Levenshtein's distance, letters of either case alike; both at most SUGGEST_LENGTH long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[SUGGEST_LENGTH + 1], i, k, n = strlen(b);

	for (k = 0; k <= n; k++)
		row[k] = k;
	for (i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (k = 0; k < n; k++) {
			bool differ = tolower((unsigned char)a[i]) !=
				      tolower((unsigned char)b[k]);
			size_t best = diagonal + differ;

			diagonal = row[k + 1];
			if (row[k + 1] + 1 < best)
				best = row[k + 1] + 1;
			if (row[k] + 1 < best)
				best = row[k] + 1;
			row[k + 1] = best;
		}
	}
	return row[n];
}

/* Smaller is nearer; SIZE_MAX: not alike. */
static size_t likeness(const char *asked, const char *name)
{
	size_t length = strlen(asked), far;

	if (length > SUGGEST_LENGTH || strlen(name) > SUGGEST_LENGTH || length == 0)
		return SIZE_MAX;
	far = distance(asked, name);
	if (far <= 1 + length / 3)
		return far;
	return length >= 3 && (strcasestr(name, asked) || strcasestr(asked, name)) ? far
										   : SIZE_MAX;
}

struct suggestion {
	size_t far;
	const char *name;
};

/* Put one into the short sorted list. */
static void suggest(struct suggestion *best, size_t far, const char *name)
{
	size_t i, k;

	for (i = 0; i < SUGGEST_MAX; i++) {
		if (far >= best[i].far)
			continue;
		for (k = SUGGEST_MAX - 1; k > i; k--)
			best[k] = best[k - 1];
		best[i] = (struct suggestion){ far, name };
		return;
	}
}

/* What a person can read in a message: one line, not too long, characters whole. */
static char *readable(const char *name)
{
	size_t len = strlen(name), i;
	char *out;

	if (len > 100) {
		len = 100;
		while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80)
			len--;
	}
	out = xstrndup(name, len);
	for (i = 0; out[i]; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7F)
			out[i] = '?';
	return out;
}

void units_suggest(const struct units *u, const char *name, struct fault *f)
{
	struct suggestion best[SUGGEST_MAX];
	struct strv words = { 0 };
	CLEANUP(freep) char *asked = readable(name);
	size_t i;

	for (i = 0; i < SUGGEST_MAX; i++)
		best[i] = (struct suggestion){ SIZE_MAX, NULL };
	for (i = 0; i < u->n; i++) {
		size_t far = likeness(name, u->v[i].name);

		if (far != SIZE_MAX)
			suggest(best, far, u->v[i].name);
	}
	IGNORE(fault_set(f, FAULT_NO_SUCH_UNIT, -ENOENT, "there is no unit %s", asked));
	fault_about(f, name, 0, 0);
	for (i = 0; i < SUGGEST_MAX && best[i].name; i++)
		strv_take(&words, readable(best[i].name));
	if (words.n == 0)
		fault_advise(f, "list --units shows what there is");
	else
		fault_advise(f, "did you mean %s%s%s%s%s?", words.v[0], words.n > 1 ? ", " : "",
			words.n > 1 ? words.v[1] : "", words.n > 2 ? " or " : "",
			words.n > 2 ? words.v[2] : "");
	strv_done(&words);
}
