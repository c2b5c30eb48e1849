/* SPDX-License-Identifier: MIT */
/* Self-describing lines, so that a newer or older version still finds the containers in them. */
#include "daemon/pure/ledger_record.h"

#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"

#define CRC_DIGITS 8

static const char *const kinds[] = {
	[LEDGER_CONTAINER] = "container", [LEDGER_RUN] = "run", [LEDGER_TEMP] = "temporary",
	[LEDGER_SWAP] = "swap",
};
_Static_assert(ARRAY_SIZE(kinds) == LEDGER_KINDS, "every kind has a name");

/* CRC-32 (IEEE 802.3), bit by bit: a ledger has a few lines. */
static uint32_t crc32_of(const char *data, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void format_line(struct buf *b, struct json_object *o)
{
	char *text CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PLAIN, NULL);

	buf_printf(b, "%08x ", crc32_of(text, strlen(text)));
	buf_puts(b, text);
	buf_puts(b, "\n");
	json_object_put(o);
}

void ledger_format_open(struct buf *b, const struct ledger_entry *e)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "open", kinds[e->kind]);
	json_put_text(o, "key", e->key);
	json_put_text(o, "name", e->name);
	json_put_text(o, "unit", e->unit);
	json_put_text(o, "service", e->service);
	json_put_text(o, "started_at", e->started_at);
	json_put_text(o, "backup_id", e->backup_id);
	if (e->kind == LEDGER_CONTAINER) {
		json_put_flag(o, "paused", e->paused);
		if (e->owed)
			json_put_flag(o, "owed", true);
		json_put_number(o, "level", e->level);
		json_put_number(o, "grace_s", e->grace_s);
	}
	json_put_text(o, "inspect", e->inspect);
	format_line(b, o);
}

void ledger_format_close(struct buf *b, const char *key, const char *why)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "close", key);
	json_put_text(o, "why", why);
	format_line(b, o);
}

static void read_entry(struct json_object *o, struct ledger_entry *e)
{
	const char *kind = json_text(o, "open");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!streq(kinds[i], kind) || !json_text(o, "key"))
			continue;
		*e = (struct ledger_entry){
			.kind = (enum ledger_kind)i,
			.key = xstrdup(json_text(o, "key")),
			.name = xstrdup(json_text(o, "name")),
			.unit = xstrdup(json_text(o, "unit")),
			.service = xstrdup(json_text(o, "service")),
			.started_at = xstrdup(json_text(o, "started_at")),
			.backup_id = xstrdup(json_text(o, "backup_id")),
			.paused = json_flag(o, "paused", false),
			.owed = json_flag(o, "owed", false),
			.level = (int)json_number(o, "level", 0),
			.grace_s = (int)json_number(o, "grace_s", 10),
			.inspect = xstrdup(json_text(o, "inspect")),
		};
	}
}

size_t ledger_parse(const char *text, size_t len, struct ledger_record *ret)
{
	const char *end = len ? memchr(text, '\n', len) : NULL;
	char digits[CRC_DIGITS + 1] = { 0 };

	if (!end || (size_t)(end - text) < CRC_DIGITS + 2 || text[CRC_DIGITS] != ' ')
		return 0;
	const char *json = text + CRC_DIGITS + 1;
	size_t json_len = (size_t)(end - json);
	memcpy(digits, text, CRC_DIGITS);
	char *stop;
	unsigned long crc = strtoul(digits, &stop, 16);
	if (*stop || crc != crc32_of(json, json_len))
		return 0;
	struct json_object *o CLEANUP(json_putp) = json_parse(json, json_len);
	if (!o)
		return 0;
	*ret = (struct ledger_record){ .closes = json_text(o, "close") != NULL };
	if (ret->closes)
		ret->entry.key = xstrdup(json_text(o, "close"));
	else
		read_entry(o, &ret->entry);
	return (size_t)(end - text) + 1;
}

void ledger_entry_copy(struct ledger_entry *to, const struct ledger_entry *from)
{
	*to = *from;
	to->key = xstrdup(from->key);
	to->name = xstrdup(from->name);
	to->unit = xstrdup(from->unit ? from->unit : "");
	to->service = xstrdup(from->service);
	to->started_at = xstrdup(from->started_at);
	to->inspect = xstrdup(from->inspect);
	to->backup_id = xstrdup(from->backup_id);
}

void ledger_entry_done(struct ledger_entry *e)
{
	char *owned[] = { e->key, e->name, e->unit, e->service, e->started_at, e->inspect, e->backup_id };

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	*e = (struct ledger_entry){ 0 };
}
