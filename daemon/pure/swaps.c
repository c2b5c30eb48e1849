/* SPDX-License-Identifier: MIT */
/* A restore's record as JSON: texts by one table, so that what is written is what is read. */
#include "daemon/pure/swaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "common/varlink.h"

static const char *const modes[] = {
	[SWAP_RENAME] = "rename", [SWAP_CONTENTS] = "contents", [SWAP_PATH] = "path", [SWAP_IN_PLACE] = "in-place",
};
_Static_assert(ARRAY_SIZE(modes) == SWAP_MODES, "every mode has a name");

static const char *const states[] = {
	[SWAPS_UNDER_WAY] = "under-way", [SWAPS_PLACED] = "placed", [SWAPS_CONDEMNED] = "condemned",
	[SWAPS_SETTLED] = "settled",
};
_Static_assert(ARRAY_SIZE(states) == SWAPS_STATES, "every state has a name");

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "item", offsetof(struct swap, item) },
	{ "dest", offsetof(struct swap, dest) },
	{ "new", offsetof(struct swap, new) },
	{ "kept", offsetof(struct swap, kept) },
	{ "failed", offsetof(struct swap, failed) },
	{ "marker", offsetof(struct swap, marker) },
	{ "root", offsetof(struct swap, root) },
	{ "staged", offsetof(struct swap, staged) },
	{ "staged_is", offsetof(struct swap, staged_is) },
	{ "dest_is", offsetof(struct swap, dest_is) },
	{ "above_is", offsetof(struct swap, above_is) },
	{ "from_object", offsetof(struct swap, from.object) },
	{ "from_file", offsetof(struct swap, from.file) },
	{ "from_path", offsetof(struct swap, from.path) },
	{ "safety_object", offsetof(struct swap, safety.object) },
	{ "safety_file", offsetof(struct swap, safety.file) },
	{ "safety_path", offsetof(struct swap, safety.path) },
};

static char **text_of(struct swap *s, size_t i)
{
	return (char **)(void *)((char *)s + texts[i].offset);
}

const char *swap_mode_name(enum swap_mode m)
{
	return modes[m];
}

enum swap_mode swap_mode_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (streq(modes[i], name))
			return (enum swap_mode)i;
	return SWAP_MODES;
}

char *swap_place(const struct swap *s)
{
	return s->mode == SWAP_PATH ? xasprintf("%s/%s", s->root, s->dest) : xstrdup(s->dest);
}

struct swap *swaps_add(struct swaps *s)
{
	GROW(s->v, s->n);
	return &s->v[s->n++];
}

/* Names of files are bytes, and JSON has text. */
static void put_quoted(struct json_object *o, const char *key, const char *text)
{
	char *quoted CLEANUP(freep) = text ? text_quote(text) : NULL;

	json_put_text(o, key, quoted);
}

struct json_object *swaps_json(const struct swaps *s)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_put_text(o, "restore_id", s->id);
	json_put_text(o, "unit", s->unit);
	json_put_text(o, "backup_id", s->backup_id);
	json_put_flag(o, "elsewhere", s->elsewhere);
	json_put_text(o, "safety", s->safety);
	json_put_list(o, "containers", &s->containers);
	json_put_list(o, "unhealthy", &s->unhealthy);
	json_put_text(o, "state", states[s->state]);
	json_put_flag(o, "way_back", s->way_back);
	for (size_t i = 0; i < s->n; i++) {
		struct json_object *one = json_object_new_object();
		json_put_text(one, "mode", modes[s->v[i].mode]);
		json_put_flag(one, "is_file", s->v[i].is_file);
		json_put_flag(one, "nothing", s->v[i].nothing);
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++)
			put_quoted(one, texts[j].key, *text_of(&s->v[i], j));
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "swaps", list);
	return o;
}

static bool usable(const struct swap *s)
{
	if (!s->item || !s->dest || s->mode == SWAP_MODES)
		return false;
	if (s->mode == SWAP_IN_PLACE)
		return s->marker && (s->from.object || s->from.path);
	return s->new && s->kept && s->failed && s->marker && (s->mode != SWAP_PATH || (s->root && s->staged));
}

static int read_swaps(struct json_object *list, struct swaps *ret)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct swap *s = swaps_add(ret);
		s->mode = swap_mode_by_name(json_text(o, "mode"));
		s->is_file = json_flag(o, "is_file", false);
		s->nothing = json_flag(o, "nothing", false);
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++)
			*text_of(s, j) = json_text(o, texts[j].key) ? text_unquote(json_text(o, texts[j].key)) : NULL;
		if (!usable(s))
			return -EBADMSG;
	}
	return 0;
}

/* Without one it was written before there were any: half of it may be new. */
static enum swaps_state read_state(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(states) && !streq(states[i], name))
		i++;
	return i < ARRAY_SIZE(states) ? (enum swaps_state)i : SWAPS_UNDER_WAY;
}

int swaps_parse(const char *text, size_t len, struct swaps *ret)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(text, len);
	int64_t ms;

	*ret = (struct swaps){
		.id = xstrdup(json_text(o, "restore_id")),
		.unit = xstrdup(json_text(o, "unit")),
		.backup_id = xstrdup(json_text(o, "backup_id")),
		.elsewhere = json_flag(o, "elsewhere", false),
		.safety = xstrdup(json_text(o, "safety")),
		.state = read_state(json_text(o, "state")),
		.way_back = json_flag(o, "way_back", false),
	};
	json_read_list(o, "containers", &ret->containers);
	json_read_list(o, "unhealthy", &ret->unhealthy);
	if (ret->id && ret->unit && restore_id_time(ret->id, &ms) == 0 && read_swaps(json_member(o, "swaps"), ret) == 0)
		return 0;
	swaps_done(ret);
	return -EBADMSG;
}

void swaps_done(struct swaps *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++)
			free(*text_of(&s->v[i], j));
		free(s->v[i].put_back);
		strv_done(&s->v[i].lost);
		strv_done(&s->v[i].stays);
	}
	free(s->v);
	strv_done(&s->containers);
	strv_done(&s->unhealthy);
	free(s->id);
	free(s->unit);
	free(s->backup_id);
	free(s->safety);
	*s = (struct swaps){ 0 };
}

#define ID_FORMAT "%Y%m%dT%H%M%SZ"

int restore_id_time(const char *id, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	char again[32];
	const char *end = id ? strptime(id, ID_FORMAT, &tm) : NULL;

	if (!end || *end || strlen(id) >= sizeof(again))
		return -EINVAL;
	time_t t = timegm(&tm);
	gmtime_r(&t, &tm);
	strftime(again, sizeof(again), ID_FORMAT, &tm);
	if (!streq(again, id))
		return -EINVAL;
	*ret_ms = (int64_t)t * 1000;
	return 0;
}

char *restore_id_format(int64_t wall)
{
	time_t t = (time_t)(wall / 1000);
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), ID_FORMAT, &tm);
	return xstrdup(text);
}

#define KEY "swap/"

char *swaps_key(const char *id)
{
	return xasprintf(KEY "%s", id);
}

const char *swaps_key_id(const char *key)
{
	return starts_with(key, KEY) ? key + strlen(KEY) : NULL;
}

void archive_copy(struct archive *to, const struct archive *from)
{
	*to = (struct archive){ xstrdup(from->object), xstrdup(from->file), xstrdup(from->path) };
}

void archive_done(struct archive *a)
{
	free(a->object);
	free(a->file);
	free(a->path);
	*a = (struct archive){ 0 };
}
