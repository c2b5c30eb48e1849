/* SPDX-License-Identifier: MIT */
/*
 * The table of checks, and its runner. All checks are looked at side by side: one that
 * waits for a dead mount delays no other. What they say is put together in the order of
 * the table. Nothing here touches a path of an item, of the repository or of anyone's
 * network mount: children do, each with a deadline.
 */
#include "daemon/domain/doctor_internal.h"

#include <stdlib.h>

#include "common/varlink.h"

#define CHILD_DEADLINE_MS 20000
#define CHILD_OUT_MAX     ((size_t)64 << 20)

static const struct {
	const char *name;
	check_fn *start;
} table[] = {
	{ "configuration", check_configuration },
	{ "password", check_password },
	{ "engine", check_engine },
	{ "kopia", check_kopia },
	{ "tar", check_tar },
	{ "openssl", check_openssl },
	{ "helpers", check_helpers },
	{ "repository", check_repository },
	{ "repository storage", check_place },
	{ "identity", check_identity },
	{ "policies", check_policies },
	{ "retention", check_retention },
	{ "maintenance", check_maintenance },
	{ "state directory", check_place },
	{ "spool", check_place },
	{ "cache", check_place },
	{ "reports", check_place },
	{ "recovery bundle", check_bundle },
	{ "recovery bundles", check_place },
	{ "recovery passphrases", check_place },
	{ "lock", check_lock },
	{ "systemd units", check_units },
	{ "schedule", check_schedule },
	{ "last run", check_last_run },
	{ "stopped by us", check_ledger },
	{ "left down", check_containers },
	{ "missing units", check_missing_units },
	{ "old copies", check_old_copies },
	{ "clock", check_run_clock },
};

struct doctor {
	struct doctor_options o;
	struct check checks[ARRAY_SIZE(table)];
	size_t open; /* checks that are not over; one more while they are started */
	doctor_fn *done;
	void *arg;
};

static const char *const state_names[] = {
	[CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_FAILED] = "failed", [CHECK_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_SIZE(state_names) == CHECK_STATES, "every state has a name");

/* --- what a check says ------------------------------------------------------------------ */

static void add_row(struct check *c, const char *name, enum check_state s, const char *detail, const char *advice)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "name", name ? name : c->name);
	json_put_text(o, "state", state_names[s]);
	json_put_text(o, "detail", detail);
	json_put_text(o, "advice", advice && *advice ? advice : NULL);
	json_object_array_add(c->rows, o);
}

void check_say(struct check *c, const char *name, enum check_state s, const char *advice, const char *detail, ...)
{
	va_list ap;

	va_start(ap, detail);
	char *text CLEANUP(freep) = xvasprintf(detail, ap);
	va_end(ap);
	add_row(c, name, s, text, advice);
}

void check_say_fault(struct check *c, const char *name, const struct fault *f)
{
	add_row(c, name, CHECK_FAILED, f->text, f->advice);
}

void check_say_child(struct check *c, const char *name, const char *what, const struct child_result *r, const char *advice)
{
	struct fault f = { 0 };

	child_explain(r, what, &f);
	add_row(c, name, CHECK_FAILED, f.text, advice ? advice : f.advice);
}

void check_run(struct check *c, const char *const *argv, const char *const *env, child_done_fn *done)
{
	struct child_options o = CHILD_OPTIONS_INIT;

	o.argv = argv;
	o.env = env;
	o.deadline_ms = CHILD_DEADLINE_MS;
	o.out_max = CHILD_OUT_MAX;
	o.arg = c;
	child_start(c->o->ctx->loop, &o, done);
}

/* --- the runner -------------------------------------------------------------------------- */

static void one_less(struct doctor *d)
{
	if (--d->open)
		return;
	struct json_object *all = json_object_new_array();
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct json_object *rows = d->checks[i].rows;
		for (size_t j = 0; j < json_object_array_length(rows); j++)
			json_object_array_add(all, json_object_get(json_object_array_get_idx(rows, j)));
		json_object_put(rows);
	}
	d->done(d->arg, all);
	free(d);
}

void check_over(struct check *c)
{
	one_less(c->doctor);
}

static void on_all_started(void *arg)
{
	one_less(arg);
}

void doctor_start(const struct doctor_options *o, doctor_fn *done, void *arg)
{
	struct doctor *d = xcalloc(1, sizeof(*d));

	d->o = *o;
	d->done = done;
	d->arg = arg;
	d->open = ARRAY_SIZE(table) + 1;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		d->checks[i] = (struct check){
			.name = table[i].name, .o = &d->o, .doctor = d, .rows = json_object_new_array(),
		};
		table[i].start(&d->checks[i]);
	}
	loop_defer(o->ctx->loop, on_all_started, d);
}
