/* SPDX-License-Identifier: MIT */
/*
 * Whatever an engine answers: parsing, planning and showing it must not crash,
 * and planning twice must give the same. With libFuzzer, LLVMFuzzerTestOneInput;
 * without (-DFUZZ_REPLAY), a program that replays the files it is given.
 *
 * The input is one text: lines that begin with 'v' go to the list of volumes,
 * 'i' to the engine's description, 'l' to the list of containers, 'm' to
 * mountinfo; any other line is the inspect of one container.
 */
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_container(struct inventory *inv, const char *line, size_t len)
{
	struct container c;

	if (inventory_parse_container(line, len, true, &c, NULL) < 0)
		return;
	GROW(inv->containers, inv->n_containers);
	inv->containers[inv->n_containers++] = c;
}

static void feed_line(
	struct inventory *inv, struct buf *mountinfo, const char *line, size_t len)
{
	struct strv ids = { 0 };
	struct engine e;
	char *own;

	switch (len > 0 ? *line : '\0') {
	case 'v':
		IGNORE(inventory_parse_volumes(line + 1, len - 1, inv, NULL)); /* any outcome */
		return;
	case 'i':
		if (!inv->engine.id && !inv->engine.root_dir &&
			inventory_parse_info(line + 1, len - 1, &e, NULL) == 0) {
			free(inv->engine.name);
			free(inv->engine.version);
			inv->engine = e;
		}
		return;
	case 'l':
		IGNORE(inventory_parse_ids(line + 1, len - 1, &ids, NULL)); /* any outcome */
		strv_done(&ids);
		return;
	case 'm':
		own = xstrndup(line + 1, len - 1);
		buf_puts(mountinfo, own);
		buf_puts(mountinfo, "\n");
		free(own);
		return;
	default:
		add_container(inv, line, len);
	}
}

/* The plans of all units as one text. Caller's. */
static char *plan_text(const struct inventory *inv, const struct plan_options *o)
{
	struct buf b = { 0 };
	struct units u;
	size_t i;

	if (plan_units(inv, o, &u, NULL) < 0)
		return xstrdup("");
	for (i = 0; i < u.n; i++) {
		CLEANUP(json_putp) struct json_object *json = unit_plan_json(&u.v[i], 1);
		CLEANUP(freep) char *encoded = name_encode(u.v[i].name);
		CLEANUP(freep) char *back = name_decode(encoded);
		struct fault f = { 0 };

		if (!streq(back, u.v[i].name) || !units_find(&u, u.v[i].name) ||
			!unit_same(&u.v[i], &u.v[i]))
			abort();
		units_suggest(&u, u.v[i].name, &f);
		buf_puts(&b, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
	}
	units_done(&u);
	return buf_steal(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	struct plan_options o = { 0 };
	struct buf mountinfo = { 0 };
	const char *line = text, *end;

	for (; line && *line; line = *end ? end + 1 : NULL) {
		end = strchrnul(line, '\n');
		feed_line(inv, &mountinfo, line, (size_t)(end - line));
	}
	o.mountinfo = mountinfo.data;
	strv_add(&o.forbidden, "/var/lib/kopi-docka");
	inv->self_id = inventory_self_id(mountinfo.data);
	{
		CLEANUP(freep) char *once = plan_text(inv, &o);
		CLEANUP(freep) char *again = plan_text(inv, &o);

		if (!streq(once, again))
			abort();
	}
	strv_done(&o.forbidden);
	buf_done(&mountinfo);
	inventory_free(inv);
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		CLEANUP(freep) uint8_t *data = xcalloc(1, 1 << 20);
		CLEANUP(fclosep) FILE *file = fopen(argv[i], "re");

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		IGNORE(LLVMFuzzerTestOneInput(data, fread(data, 1, 1 << 20, file)));
	}
	return 0;
}
#endif
