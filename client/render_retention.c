/* SPDX-License-Identifier: MIT */
/* Which restore points stay and which go: what goes must not be overlooked among what stays. */
#include "client/render.h"

#include "common/buf.h"
#include "common/iface.h"

#define EACH(list, i, o)                                                                           \
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list) && \
		((o) = json_object_array_get_idx(list, i), true); i++)

struct tally {
	size_t stay, go;
};

static void render_policy(FILE *to, struct json_object *u)
{
	static const char *const names[] = { "latest", "daily", "weekly", "monthly", "yearly" };
	struct json_object *policy = json_member(u, "policy");
	char *unit CLEANUP(freep) = render_clean(json_text(u, "unit"));

	fprintf(to, "%s keeps", unit);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fprintf(to, "%s %s %lld", i ? "," : "", names[i], (long long)json_number(policy, names[i], 0));
	fputc('\n', to);
}

static void render_judged(FILE *to, struct json_object *p, const char *goes, struct tally *t)
{
	struct buf why CLEANUP(buf_done) = { 0 };
	struct json_object *reason;
	bool stays = json_flag(p, "stays", true);
	char *id CLEANUP(freep) = render_clean(json_text(p, "backup_id"));
	char *size CLEANUP(freep) = render_size(json_number(p, "size_bytes", -1));

	EACH(json_member(p, "reasons"), i, reason)
		buf_printf(&why, "%s%s", i ? ", " : "", json_object_get_string(reason));
	char *text CLEANUP(freep) = render_clean(why.len ? why.data : NULL);
	fprintf(to, "  %s  %s  %s  %s%s%s\n", stays ? "stays" : goes, id, json_flag(p, "complete", false) ? "complete" : "PARTIAL ",
		size, *text ? "  " : "", text);
	*(stays ? &t->stay : &t->go) += 1;
}

static struct tally render_units_retention(FILE *to, struct json_object *reply, const char *goes)
{
	struct json_object *u, *p;
	struct tally t = { 0 };

	EACH(json_member(reply, "units"), i, u)
	{
		render_policy(to, u);
		EACH(json_member(u, "points"), j, p)
			render_judged(to, p, goes, &t);
		char *held CLEANUP(freep) = render_clean(json_text(u, "held"));
		if (*held)
			fprintf(to, "  no complete point goes: %s\n", held);
		char *waits CLEANUP(freep) = render_clean(json_text(u, "waits"));
		if (*waits)
			fprintf(to, "  WAITS for kopi-docka retention --yes: %s\n", waits);
	}
	return t;
}

int render_retention(FILE *to, struct json_object *reply)
{
	struct tally t = render_units_retention(to, reply, "GONE ");

	fprintf(to, "%zu restore point%s deleted, %zu left\n", t.go, t.go == 1 ? "" : "s", t.stay);
	return EXIT_OK;
}

int render_retention_plan(FILE *to, struct json_object *reply)
{
	struct tally t = render_units_retention(to, reply, "GOES ");

	fprintf(to, "%zu restore point%s would go, %zu stay; nothing was deleted\n", t.go, t.go == 1 ? "" : "s", t.stay);
	return EXIT_OK;
}
