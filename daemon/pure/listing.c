/* SPDX-License-Identifier: MIT */
/*
 * One line: `-rw-r----- 0/0  1234 2026-01-31 02:00:00.5 "./a b\n" -> "target"`. With
 * --quoting-style=c every name is one quoted word, so that whatever stands in it is read
 * back exactly.
 */
#include "daemon/pure/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/varlink.h"

static const char *kind_of(char c)
{
	static const struct {
		char letter;
		const char *name;
	} kinds[] = { { '-', "file" }, { 'd', "directory" }, { 'l', "symlink" }, { 'h', "hardlink" }, { 'p', "fifo" },
		{ 'c', "character-device" }, { 'b', "block-device" } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].letter == c)
			return kinds[i].name;
	return "other";
}

static int mode_of(const char *text)
{
	int mode = 0;

	for (int i = 0; i < 9; i++)
		if (text[i + 1] != '-' && text[i + 1] != 'S' && text[i + 1] != 'T')
			mode |= 0400 >> i;
	mode |= text[3] == 's' || text[3] == 'S' ? 04000 : 0;
	mode |= text[6] == 's' || text[6] == 'S' ? 02000 : 0;
	mode |= text[9] == 't' || text[9] == 'T' ? 01000 : 0;
	return mode;
}

/* The quoted word at ${p}: its text as it stands; ${ret_end} behind the closing mark. NULL if it is none. */
static char *take_word(const char *p, const char **ret_end)
{
	const char *begin = p + 1;

	if (*p != '"')
		return NULL;
	for (p = begin; *p && *p != '"'; p++)
		if (*p == '\\' && *++p == '\0')
			return NULL;
	if (*p != '"')
		return NULL;
	*ret_end = p + 1;
	return xstrndup(begin, (size_t)(p - begin));
}

/* "./a/b/" is a/b in the item. */
static void strip(char *path)
{
	size_t len;

	if (starts_with(path, "./"))
		memmove(path, path + 2, strlen(path + 2) + 1);
	len = strlen(path);
	if (len && path[len - 1] == '/')
		path[len - 1] = '\0';
}

int listing_parse(const char *line, struct listing_entry *ret)
{
	char mode[16], size[32], date[16], time[32];
	const char *word = strchr(line, '"'), *end = NULL;

	if (!word || sscanf(line, "%15s %*s %31s %15s %31s", mode, size, date, time) != 4 || strlen(mode) < 10)
		return -EBADMSG;
	char *quoted = take_word(word, &end);
	if (!quoted)
		return -EBADMSG;
	*ret = (struct listing_entry){
		.path = text_unquote(quoted),
		.quoted = quoted,
		.kind = kind_of(*mode),
		.mode = mode_of(mode),
		.size = strchr(size, ',') ? 0 : strtoll(size, NULL, 10), /* a device has numbers there */
		.mtime = xasprintf("%sT%sZ", date, time),
	};
	strip(ret->path);
	strip(ret->quoted);
	word = strchr(end, '"');
	ret->link = word ? take_word(word, &end) : NULL;
	return 0;
}

void listing_done(struct listing_entry *e)
{
	free(e->path);
	free(e->quoted);
	free(e->link);
	free(e->mtime);
	*e = (struct listing_entry){ 0 };
}

struct json_object *listing_json(const struct listing_entry *e)
{
	struct json_object *o = json_object_new_object();
	bool is_plain = text_is_plain(e->path);

	json_put_text(o, "path", is_plain ? e->path : e->quoted);
	json_put_text(o, "kind", e->kind);
	if (streq(e->kind, "file"))
		json_put_number(o, "size_bytes", e->size);
	json_put_text(o, "mtime", e->mtime);
	json_put_number(o, "mode", e->mode);
	json_put_text(o, "link", e->link);
	if (!is_plain)
		json_put_flag(o, "quoted", true);
	return o;
}

enum listing_place listing_place(const struct listing_entry *e, const char *path)
{
	size_t len = strlen(path);
	const char *rest = e->path;

	if (streq(e->path, path))
		return LISTING_ITSELF;
	if (len && (strncmp(e->path, path, len) != 0 || e->path[len] != '/'))
		return LISTING_ELSEWHERE;
	rest += len ? len + 1 : 0;
	return strchr(rest, '/') ? LISTING_DEEPER : LISTING_BELOW;
}
