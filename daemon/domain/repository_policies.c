/* SPDX-License-Identifier: MIT */
/*
 * kopia's policies: one list tells them all, and a set is asked only where a unit's
 * prefixes say something else than the configuration. They describe what the daemon
 * does (expiry.c) and set the compression; kopia itself expires nothing that is pinned.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/domain/repository_internal.h"
#include "daemon/pure/plan.h"

/* --- the list ---------------------------------------------------------------------------------- */

static void on_policy_list(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };
	repository_text_fn *done = c->on_text;

	if (!child_ok(res))
		repository_explain(c->r, res, &f);
	c->on_text = NULL;
	done(c->arg, f.code == FAULT_NONE ? NULL : &f, res->out, res->out_len);
	repository_call_over(c, NULL);
}

static void on_policy_list_checked(void *arg, const struct fault *f)
{
	struct call *c = arg;
	struct kopia_place p;

	if (f) {
		repository_call_over(c, f);
		return;
	}
	repository_place(c->r, &p);
	kopia_argv_policy_list(&p, &c->argv);
	repository_run(c, REPOSITORY_DEADLINE_MS, on_policy_list);
}

void repository_policy_list(struct repository *r, repository_text_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->on_text = done;
	repository_still_there(r, on_policy_list_checked, c);
}

/* --- what a unit's prefixes should say --------------------------------------------------------- */

static void next_policy(struct call *c);

static void on_policy_set(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (child_ok(res)) {
		next_policy(c);
		return;
	}
	repository_explain(c->r, res, &f);
	repository_call_over(c, &f);
}

/* The prefixes of one unit that say something else than the configuration. */
static void drifted(const struct call *c, const char *unit, const struct conf_retention *keep, struct strv *ret)
{
	static const char *const prefixes[] = { "recipes", "volumes", "binds" };
	char *name CLEANUP(freep) = name_encode(unit);

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		char *target CLEANUP(freep) = xasprintf("%s:/%s/%s", c->r->own.identity, prefixes[i], name);
		if (kopia_policy_differs(c->policies, target, keep, c->r->conf->kopia.compression))
			strv_take(ret, TAKE_PTR(target));
	}
}

static void next_policy(struct call *c)
{
	const struct conf *conf = c->r->conf;

	while (c->next < c->words.n) {
		const char *unit = c->words.v[c->next++];
		struct conf_retention keep = conf_retention(conf, unit);
		struct strv targets CLEANUP(strv_done) = { 0 };
		struct kopia_place p;
		drifted(c, unit, &keep, &targets);
		if (targets.n == 0)
			continue;
		repository_place(c->r, &p);
		kopia_argv_policy_set(&p, &keep, conf->kopia.compression, &targets, &c->argv);
		repository_run(c, REPOSITORY_DEADLINE_MS, on_policy_set);
		return;
	}
	repository_call_over(c, NULL);
}

static void on_policies(void *arg, const struct fault *f, const char *text, size_t len)
{
	struct call *c = arg;
	struct fault own = { 0 };

	if (!f)
		c->policies = kopia_parse_policies(text, len, &own);
	if (c->policies)
		next_policy(c);
	else
		repository_call_over(c, f ? f : &own);
}

void repository_policies(struct repository *r, const struct strv *units, repository_done_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->done = done;
	strv_copy(&c->words, units);
	repository_policy_list(r, on_policies, c);
}
