/* SPDX-License-Identifier: MIT */
/*
 * Whose repository this is to write to: identity.json, the machine's id, and what our state
 * remembers of its own runs. The judging is pure/ownership.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/made.h"
#include "daemon/domain/repository_internal.h"

#define IDENTITY_MAX 65536
#define FRESH_MS     (10 * 60 * 1000) /* so long a good answer holds: the units of a run ask once */
#define MACHINE_ID   "/etc/machine-id"

/* 32 digits, as systemd writes it; NULL where there is none (yet). */
static char *read_machine(void)
{
	struct buf text CLEANUP(buf_done) = { 0 };

	if (file_read(MACHINE_ID, 4096, &text) < 0 || text.len < 32 || strspn(text.data, "0123456789abcdef") != 32)
		return NULL;
	return xstrndup(text.data, 32);
}

char *repository_fresh_instance(void)
{
	unsigned char bytes[8];
	struct buf b = { 0 };

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return NULL;
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&b, "%02x", bytes[i]);
	return buf_steal(&b);
}

int repository_save_identity(const struct repository *r, const struct ownership *o, struct fault *f)
{
	char *text CLEANUP(freep) = ownership_format(o);

	return file_replace(r->identity_file, text, strlen(text), 0600, f);
}

/*
 * Set up by a version that had no instances: it gets one now. Where that cannot be written it goes on without, as
 * before. Once in a state directory's life, when the daemon starts.
 */
static void make_instance(struct repository *r)
{
	struct fault f = { 0 };

	r->own.instance = repository_fresh_instance();
	if (!r->own.machine)
		r->own.machine = xstrdup(r->machine);
	if (!r->own.instance || repository_save_identity(r, &r->own, &f) == 0)
		return;
	log_warning("%s", f.text);
	free(r->own.instance);
	r->own.instance = NULL;
}

void repository_load_identity(struct repository *r)
{
	struct buf text CLEANUP(buf_done) = { 0 };

	ownership_done(&r->own);
	free(r->machine);
	r->machine = read_machine();
	r->owned_at = 0;
	r->since_ms = 0;
	if (file_read(r->identity_file, IDENTITY_MAX, &text) < 0)
		return;
	ownership_parse(text.data, text.len, &r->own);
	if (!r->own.initialised || parse_time(r->own.initialised, &r->since_ms) < 0)
		r->since_ms = 0;
	if (r->own.identity && !r->own.instance)
		make_instance(r);
}

/* --- may we act -------------------------------------------------------------------------------- */

enum owner repository_owner(const struct repository *r, const struct kopia_snapshot *s)
{
	return ownership_of(&r->own, s);
}

const char *repository_instead_of(const struct repository *r)
{
	return r->own.instead_of;
}

bool repository_unclaimed(const struct repository *r)
{
	return ownership_has_unclaimed(&r->own);
}

const char *repository_machine(const struct repository *r)
{
	return r->own.machine;
}

const char *repository_instance(const struct repository *r)
{
	return r->own.instance;
}

struct json_object *repository_hosts(const struct repository *r, const struct kopia_snapshot *v, size_t n)
{
	return ownership_hosts(&r->own, v, n);
}

int repository_owned(struct repository *r, const struct kopia_snapshot *v, size_t n, struct fault *f)
{
	struct oneself self = { .machine = r->machine };

	made_list(r->conf, &self.made);
	int ret = ownership_check(&r->own, &self, v, n, f);
	strv_done(&self.made);

	r->owned_at = ret < 0 ? 0 : loop_now(r->loop);
	return ret;
}

static void on_list(void *arg, const struct child_result *res)
{
	struct call *c = arg;
	struct kopia_snapshot *v = NULL;
	size_t n = 0;
	struct fault f = { 0 };

	if (!child_ok(res))
		repository_explain(c->r, res, &f);
	else if (kopia_parse_list(res->out, res->out_len, &v, &n, &f) == 0)
		IGNORE(repository_owned(c->r, v, n, &f)); /* the fault tells */
	kopia_snapshots_free(v, n);
	repository_call_over(c, f.code == FAULT_NONE ? NULL : &f);
}

void repository_ask_owner(struct call *c)
{
	struct kopia_place p;

	if (c->r->owned_at && loop_now(c->r->loop) - c->r->owned_at < FRESH_MS) {
		repository_call_over(c, NULL);
		return;
	}
	repository_place(c->r, &p);
	kopia_argv_list(&p, NULL, &c->argv);
	repository_run(c, REPOSITORY_DEADLINE_MS, on_list);
}
