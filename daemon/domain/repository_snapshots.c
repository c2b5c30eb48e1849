/* SPDX-License-Identifier: MIT */
/* What is in the repository: listing, deleting. */
#include <stdlib.h>
#include <string.h>

#include "daemon/domain/repository_internal.h"
#include "daemon/pure/plan.h"

static void find_run(struct call *c);

/* --- list --------------------------------------------------------------------------------------- */

static void on_list(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct kopia_snapshot *v = NULL;
	size_t n = 0;
	struct fault f = { 0 };
	repository_list_fn *done = c->on_list;

	if (!child_ok(res))
		repository_explain(c->r, res, &f);
	else
		IGNORE(kopia_parse_list(res->out, res->out_len, &v, &n, &f)); /* the fault tells */
	c->on_list = NULL;
	done(c->arg, f.code == FAULT_NONE ? NULL : &f, v, n);
	kopia_snapshots_free(v, n);
	repository_call_over(c, NULL);
}

static void on_list_checked(void *arg, const struct fault *f)
{
	struct call *c = arg;
	struct kopia_place p;

	if (f) {
		repository_call_over(c, f);
		return;
	}
	repository_place(c->r, &p);
	kopia_argv_list(&p, c->words.n ? c->words.v[0] : NULL, &c->argv);
	repository_run(c, REPOSITORY_DEADLINE_MS, on_list);
}

void repository_list(struct repository *r, const char *tag, repository_list_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->on_list = done;
	if (tag)
		strv_add(&c->words, tag);
	repository_still_there(r, on_list_checked, c);
}

/* --- delete -------------------------------------------------------------------------------------- */

#define DELETE_ROUNDS 5

static void on_deleted(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (!child_ok(res) && c->next >= DELETE_ROUNDS) {
		repository_explain(c->r, res, &f);
		repository_call_over(c, &f);
		return;
	}
	find_run(c); /* again, until none is left: one that was just being committed is seen now */
}

static bool of_run(const struct call *c, const struct kopia_snapshot *s)
{
	char *unit CLEANUP(freep) = name_encode(c->unit ? c->unit : "");

	/* Two machines that begin at the same second have the same backup_id. */
	enum owner owner = repository_owner(c->r, s);
	if (owner == OWNER_ELSEWHERE || owner == OWNER_OTHER)
		return false;
	if (!streq(kopia_tag(s, "backup_id"), c->backup_id) || (c->unit && !streq(kopia_tag(s, "unit"), unit)))
		return false;
	return !c->flag || !strv_has(&c->keep, s->object);
}

static void on_found(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct call *c = arg;
	struct strv ids CLEANUP(strv_done) = { 0 };
	struct kopia_place p;

	if (f) {
		repository_call_over(c, f);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (of_run(c, &v[i]))
			strv_add(&ids, v[i].id);
	if (ids.n == 0) {
		repository_call_over(c, NULL);
		return;
	}
	c->next++;
	repository_place(c->r, &p);
	kopia_argv_delete(&p, &ids, &c->argv);
	repository_run(c, REPOSITORY_DEADLINE_MS, on_deleted);
}

static void find_run(struct call *c)
{
	char *tag CLEANUP(freep) = xasprintf("backup_id:%s", c->backup_id);

	repository_list(c->r, tag, on_found, c);
}

static struct call *delete_call(struct repository *r, const char *backup_id, const char *unit,
	repository_done_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->done = done;
	c->backup_id = xstrdup(backup_id);
	c->unit = xstrdup(unit);
	return c;
}

void repository_delete_run(struct repository *r, const char *backup_id, const char *unit,
	repository_done_fn *done, void *arg)
{
	find_run(delete_call(r, backup_id, unit, done, arg));
}

void repository_keep_only(struct repository *r, const char *backup_id, const char *unit,
	const struct strv *objects, repository_done_fn *done, void *arg)
{
	struct call *c = delete_call(r, backup_id, unit, done, arg);

	c->flag = true;
	strv_copy(&c->keep, objects);
	find_run(c);
}

static void on_ids_deleted(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct fault f = { 0 };

	if (!child_ok(res))
		repository_explain(c->r, res, &f);
	repository_call_over(c, f.code == FAULT_NONE ? NULL : &f);
}

static void begin_delete(void *arg, const struct fault *f)
{
	struct call *c = arg;
	struct kopia_place p;

	if (f) {
		repository_call_over(c, f);
		return;
	}
	repository_place(c->r, &p);
	kopia_argv_delete(&p, &c->words, &c->argv);
	repository_run(c, REPOSITORY_DEADLINE_MS, on_ids_deleted);
}

void repository_delete(struct repository *r, const struct strv *ids, repository_done_fn *done, void *arg)
{
	struct call *c = repository_call_new(r, arg);

	c->done = done;
	strv_copy(&c->words, ids);
	repository_still_there(r, begin_delete, c);
}
