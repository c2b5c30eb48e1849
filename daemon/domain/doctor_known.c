/* SPDX-License-Identifier: MIT */
/* The check for units that have restore points and are gone (law 5). */
#include "daemon/domain/doctor_internal.h"
#include "daemon/domain/known.h"
#include "daemon/domain/planner.h"

/* No fault, and nothing that a run could save: whoever relies on it shall know. */
static void say_skipped(struct check *c, const struct units *units)
{
	for (size_t i = 0; i < units->n; i++)
		if (units->v[i].skipped)
			check_say(c, "left out", CHECK_OK, "its data is not saved: save it by other means", "%s: %s", units->v[i].name, units->v[i].skipped);
}

static void on_planned(void *arg, const struct fault *f, struct planned *p)
{
	struct check *c = arg;
	struct strv missing CLEANUP(strv_done) = { 0 };

	if (f) {
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "which units are there is not known: %s", f->text);
		check_over(c);
		return;
	}
	known_missing(c->o->ctx->conf, &p->units, &missing);
	say_skipped(c, &p->units);
	planned_free(p);
	for (size_t i = 0; i < missing.n; i++)
		check_say(c, NULL, CHECK_FAILED, "start it again, or kopi-docka accept NAME: its restore points stay",
			"%s has restore points, and none of its containers is there any more", missing.v[i]);
	if (missing.n == 0)
		check_say(c, NULL, CHECK_OK, NULL, "every unit with restore points is there");
	check_over(c);
}

void check_missing_units(struct check *c)
{
	struct planner_options o = { .ctx = c->o->ctx };

	if (known_learned(c->o->ctx->conf)) {
		planner_start(&o, on_planned, c);
		return;
	}
	check_say(c, NULL, CHECK_UNKNOWN, "kopi-docka init or the next backup of all units asks the repository",
		"which units have restore points is not known yet");
	check_over(c);
}
