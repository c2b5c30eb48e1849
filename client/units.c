/* SPDX-License-Identifier: MIT */
/*
 * The first line of a unit that we write says so, with a checksum of what follows. Whoever
 * edits the file leaves a checksum that does not fit any more: such a file is never
 * replaced unasked. It guards against forgetting, not against forging.
 */
#include "client/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define MARK "# Written by kopi-docka write-units "

const struct unit_template unit_templates[] = {
	{ "kopi-dockad.service", unit_text_dockad_service },
	{ "kopi-dockad.socket", unit_text_dockad_socket },
	{ "kopi-dockad-recover.service", unit_text_dockad_recover_service },
	{ "kopi-docka.service", unit_text_docka_service },
	{ "kopi-docka.timer", unit_text_docka_timer },
	{ 0 },
};

bool unit_path_plain(const char *path)
{
	return path[0] == '/' && path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@-")] == '\0';
}

/* FNV-1a */
static uint64_t checksum(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h;
}

static void substitute(struct buf *b, const char *text, const struct unit_paths *p)
{
	const struct {
		const char *name, *before, *value;
	} open[] = {
		{ "@kopi_dockad@", "", p->kopi_dockad }, { "@kopi_docka@", "", p->kopi_docka }, { "@socket@", "", p->socket },
		{ "@config@", " --config ", p->config },
	};

	while (*text) {
		size_t i = 0;
		while (i < ARRAY_SIZE(open) && strncmp(text, open[i].name, strlen(open[i].name)) != 0)
			i++;
		if (i == ARRAY_SIZE(open)) {
			size_t plain = 1 + strcspn(text + 1, "@");
			buf_printf(b, "%.*s", (int)plain, text);
			text += plain;
			continue;
		}
		if (open[i].value)
			buf_printf(b, "%s%s", open[i].before, open[i].value);
		text += strlen(open[i].name);
	}
}

char *unit_render(const struct unit_template *t, const struct unit_paths *p)
{
	struct buf body = { 0 };

	substitute(&body, t->text, p);
	char *text = buf_steal(&body);
	char *whole = xasprintf(MARK "%016" PRIx64 ". Changes belong in a drop-in: systemctl edit %s\n%s", checksum(text), t->name,
		text);
	free(text);
	return whole;
}

enum unit_found unit_compare(const char *found, const char *wanted)
{
	char *end;

	if (!found)
		return UNIT_ABSENT;
	if (strcmp(found, wanted) == 0)
		return UNIT_SAME;
	const char *rest = strchr(found, '\n');
	if (!rest || strncmp(found, MARK, strlen(MARK)) != 0)
		return UNIT_CHANGED;
	uint64_t sum = strtoull(found + strlen(MARK), &end, 16);
	return *end == '.' && sum == checksum(rest + 1) ? UNIT_OURS : UNIT_CHANGED;
}
