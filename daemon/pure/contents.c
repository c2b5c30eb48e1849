/* SPDX-License-Identifier: MIT */
/*
 * An item is compared with what it had at its last good point, not with an ideal: whatever was
 * empty from the beginning may stay so. What lost most keeps what it had as its measure for 14
 * days, so that the warning stands; then the smaller is the measure. A few files more or less are
 * no news: small items are compared by whether they have anything at all.
 */
#include "daemon/pure/contents.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FEW_ENTRIES 8
#define FEW_BYTES   65536

static const char *const loss_names[] = {
	[LOSS_NONE] = "none", [LOSS_MOST] = "lost most", [LOSS_ALL] = "empty", [LOSS_TURNED] = "another kind",
};
_Static_assert(ARRAY_SIZE(loss_names) == CONTENT_LOSSES, "every loss has a name");

const char *content_loss_name(enum content_loss l)
{
	return l < CONTENT_LOSSES ? loss_names[l] : "none";
}

struct content content_of(const struct item *i)
{
	return (struct content){ .is_file = i->is_file, .entries = i->entries, .bytes = i->size_bytes };
}

static bool is_empty(const struct content *had, const struct content *now)
{
	if (had->is_file)
		return had->bytes > 0 && now->bytes == 0;
	if (now->entries == 0)
		return had->entries > 0 || (had->entries < 0 && had->bytes > 0);
	return had->bytes >= FEW_BYTES && now->bytes == 0; /* what is left is a skeleton of directories */
}

enum content_loss content_judge(const struct content *had, const struct content *now)
{
	if (now->entries < 0 || now->bytes < 0 || (had->entries < 0 && had->bytes < 0))
		return LOSS_NONE; /* nobody knows */
	if (had->is_file != now->is_file && had->entries >= 0)
		return LOSS_TURNED;
	if (is_empty(had, now))
		return LOSS_ALL;
	if (had->entries >= FEW_ENTRIES && now->entries < had->entries - now->entries)
		return LOSS_MOST;
	return had->bytes >= FEW_BYTES && now->bytes < had->bytes - now->bytes ? LOSS_MOST : LOSS_NONE;
}

/* --- telling ------------------------------------------------------------------------------ */

static char *amount(const struct content *c)
{
	if (c->is_file)
		return xasprintf("%" PRId64 " bytes", c->bytes);
	if (c->entries < 0)
		return xasprintf("%" PRId64 " bytes", c->bytes);
	return xasprintf("%" PRId64 " entries, %" PRId64 " bytes", c->entries, c->bytes);
}

static char *lost_sentence(const struct known_unit *k, const struct known_item *had, const struct content *now, enum content_loss l)
{
	char *then CLEANUP(freep) = amount(&had->had);
	const char *what = l == LOSS_ALL ? "has no data now" : now->is_file ? "was a directory and is a file now" : "was a file and is a directory now";

	return xasprintf("%s (%s at %s): look for a disk that is not mounted; kopi-docka accept %s --item %s says that it is meant",
		what, then, had->backup_id ? had->backup_id : "its last restore point", k->unit, had->id);
}

static char *most_sentence(const struct known_unit *k, const struct known_item *had, const struct content *now, int64_t now_ms)
{
	char *then CLEANUP(freep) = amount(&had->had), *today CLEANUP(freep) = amount(now);
	char *until CLEANUP(freep) = format_time((had->since_ms ? had->since_ms : now_ms) + CONTENT_HOLD_MS);

	return xasprintf("%s lost most of what it had: %s at %s, %s now; until %.10s no restore point of %s expires; "
		"kopi-docka accept %s --item %s says that it is meant", had->id, then,
		had->backup_id ? had->backup_id : "its last restore point", today, until, k->unit, k->unit, had->id);
}

static bool is_over(const struct known_item *i, int64_t now_ms)
{
	return i->since_ms > 0 && now_ms - i->since_ms >= CONTENT_HOLD_MS;
}

void contents_compare(const struct known_unit *k, struct unit *u, int64_t now_ms)
{
	for (size_t i = 0; i < u->n_items; i++) {
		const struct known_item *had = known_unit_item(k, u->items[i].id);
		struct content now = content_of(&u->items[i]);
		enum content_loss l = had ? content_judge(&had->had, &now) : LOSS_NONE;
		if (!u->items[i].lost && (l == LOSS_ALL || l == LOSS_TURNED))
			u->items[i].lost = lost_sentence(k, had, &now, l);
		if (l == LOSS_MOST && !is_over(had, now_ms))
			strv_take(&u->warnings, most_sentence(k, had, &now, now_ms));
	}
}

char *contents_hold(const struct known_unit *k, int64_t now_ms)
{
	for (size_t i = 0; i < k->n_items; i++) {
		const struct known_item *it = &k->items[i];
		if (it->lost)
			return xasprintf("%s had data and has none", it->id);
		if (it->since_ms > 0 && !is_over(it, now_ms))
			return xasprintf("%s lost most of what it had", it->id);
	}
	return NULL;
}

/* --- keeping ------------------------------------------------------------------------------- */

static void acceptance_done(struct acceptance *a)
{
	free(a->what);
	free(a->reason);
	*a = (struct acceptance){ 0 };
}

void acceptance_copy(struct acceptance *to, const struct acceptance *from)
{
	struct acceptance copy = { xstrdup(from->what), xstrdup(from->reason), from->time_ms, from->uid };

	acceptance_done(to);
	*to = copy;
}

static void has_now(struct known_item *i, const struct content *now, const char *backup_id)
{
	i->had = *now;
	i->since_ms = 0;
	i->lost = false;
	free(i->backup_id);
	i->backup_id = xstrdup(backup_id);
	/* What was accepted is over: it has again what it had, and if that goes, it is told. */
	if (i->accepted.what && content_judge(&i->before, now) == LOSS_NONE)
		acceptance_done(&i->accepted);
}

static void update_item(struct known_item *i, const struct content *now, bool saved, const char *backup_id, int64_t now_ms)
{
	enum content_loss l = content_judge(&i->had, now);

	i->lost = l == LOSS_ALL || l == LOSS_TURNED;
	if (!saved || i->lost)
		return;
	if (l == LOSS_MOST && i->since_ms == 0)
		i->since_ms = now_ms;
	if (l == LOSS_NONE || is_over(i, now_ms))
		has_now(i, now, backup_id);
}

static void item_done(struct known_item *i)
{
	free(i->id);
	free(i->backup_id);
	acceptance_done(&i->accepted);
}

static void drop_others(struct known_unit *k, const struct unit *u)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->n_items; i++) {
		bool there = false;
		for (size_t j = 0; j < u->n_items; j++)
			there |= streq(u->items[j].id, k->items[i].id);
		if (there)
			k->items[kept++] = k->items[i];
		else
			item_done(&k->items[i]);
	}
	k->n_items = kept;
}

static struct known_item *find(struct known_unit *k, const char *id)
{
	for (size_t i = 0; i < k->n_items; i++)
		if (streq(k->items[i].id, id))
			return &k->items[i];
	return NULL;
}

void contents_update(struct known_unit *k, const struct unit *u, const struct strv *saved, const char *backup_id, int64_t now_ms)
{
	drop_others(k, u);
	for (size_t i = 0; i < u->n_items; i++) {
		const char *id = u->items[i].id;
		struct content now = content_of(&u->items[i]);
		struct known_item *it = find(k, id);
		if (it)
			update_item(it, &now, strv_has(saved, id), backup_id, now_ms);
		else if (strv_has(saved, id))
			has_now(known_unit_add(k, id), &now, backup_id);
	}
	acceptance_done(&k->gone);
	free(k->unit);
	free(k->backup_id);
	k->unit = xstrdup(u->name);
	k->backup_id = xstrdup(backup_id);
}

int contents_accept(struct known_unit *k, const struct item *now, const struct acceptance *a)
{
	struct known_item *it = find(k, now->id);
	struct content today = content_of(now);
	enum content_loss l = it ? content_judge(&it->had, &today) : LOSS_NONE;

	if (l == LOSS_NONE)
		return -ENOENT;
	acceptance_copy(&it->accepted, a);
	free(it->accepted.what);
	it->accepted.what = xstrdup(content_loss_name(l));
	it->before = it->had;
	it->had = today;
	it->since_ms = 0;
	it->lost = false;
	return 0;
}

/* --- the value ------------------------------------------------------------------------------- */

const struct known_item *known_unit_item(const struct known_unit *k, const char *id)
{
	for (size_t i = 0; i < k->n_items; i++)
		if (streq(k->items[i].id, id))
			return &k->items[i];
	return NULL;
}

struct known_item *known_unit_add(struct known_unit *k, const char *id)
{
	GROW(k->items, k->n_items);
	k->items[k->n_items] = (struct known_item){ .id = xstrdup(id), .had = { .entries = -1, .bytes = -1 } };
	return &k->items[k->n_items++];
}

void known_unit_done(struct known_unit *k)
{
	for (size_t i = 0; i < k->n_items; i++)
		item_done(&k->items[i]);
	free(k->items);
	free(k->unit);
	free(k->complete);
	free(k->backup_id);
	acceptance_done(&k->gone);
	*k = (struct known_unit){ 0 };
}
