/* SPDX-License-Identifier: MIT */
/* Bringing a restore point back. Nothing is replaced without a yes. */
#include <errno.h>

#include "client/ask.h"
#include "client/prompt.h"
#include "client/render.h"
#include "client/screen.h"
#include "client/wizard.h"
#include "common/iface.h"

static int render_script(FILE *to, struct json_object *reply)
{
	struct strv warnings CLEANUP(strv_done) = { 0 };
	const char *script = json_text(reply, "script");

	json_read_list(reply, "warnings", &warnings);
	for (size_t i = 0; i < warnings.n; i++) {
		char *text CLEANUP(freep) = render_clean(warnings.v[i]);
		fprintf(stderr, "warning: %s\n", text);
	}
	fputs(script ? script : "", to);
	return EXIT_OK;
}

static int confirm(const struct options *o)
{
	screen_say(stdout, 0, "This stops the containers of %s and replaces its %s by what is in the repository; what is there "
			      "now is kept beside it.",
		o->words.v[0], o->items.n ? "named items" : "volumes and binds");
	int r = prompt_yes("Go on?");
	if (r == 1)
		return EXIT_OK;
	fputs("nothing was changed\n", stderr);
	return r == -EINTR ? EXIT_INTERRUPTED : EXIT_FAILED;
}

/* Without a unit: the wizard, where there is someone to ask. */
static int choose(const struct verb *v, struct options *o)
{
	if (o->items.n || o->target || o->yes || o->script || o->json)
		return help_usage(v, "with options, restore needs the UNIT they are for");
	if (!prompt_possible())
		return help_usage(v, "there is no terminal to ask on what to restore: name it, restore UNIT [BACKUP_ID] --yes");
	return wizard_run(v, o);
}

static int run_restore(const struct verb *v, struct options *o)
{
	static const struct verb script = { .name = "restore", .method = "RenderRestore", .render = render_script };

	if (o->words.n == 0)
		return choose(v, o);
	if (!o->yes && !o->script && !o->target) {
		if (!prompt_possible())
			return help_usage(v, "without a terminal, --yes is needed to replace data");
		int status = confirm(o);
		if (status != EXIT_OK)
			return status;
	}
	struct json_object *p = json_object_new_object();
	json_put_text(p, "unit", o->words.v[0]);
	json_put_text(p, "backup_id", o->words.n > 1 ? o->words.v[1] : NULL);
	json_put_text(p, "target", o->target);
	if (o->items.n)
		json_put_list(p, "items", &o->items);
	return o->script ? ask(&script, o, p, false) : ask(v, o, p, true);
}

static const struct verb verbs[] = {
	{ .name = "restore", .words = "[UNIT [BACKUP_ID]]", .words_max = 2, .summary = "bring a restore point back",
		.about = "Without UNIT, on a terminal: shows what there is and asks. Without BACKUP_ID: the newest\n"
			 "complete one. What is there now is kept beside it.",
		.options = OPTIONS(LIST("item", "ID", items, "only this item, as list --units names it; may be given again"),
			TEXT("target", "DIR", target, "restore into this directory instead; stops nothing"),
			FLAG("yes", yes, "do not ask before data is replaced"),
			FLAG("script", script, "only print a script that does it")),
		.examples = "restore\nrestore shop\nrestore shop 20260131T020000Z --item volume:shop_data --yes\nrestore shop --target /srv/look --yes\n"
			    "restore shop --script > restore-shop.sh",
		.run = run_restore, .method = "Restore", .render = render_restore },
	{ 0 },
};

const struct verb_group verbs_restore = { "Restoring", verbs };
