/* SPDX-License-Identifier: MIT */
/*
 * Who a snapshot is of, and whether somebody else writes under our name. Times decide nothing
 * here: an instance is known or it is not, and one that was there before us ends with the
 * newest point it had when we came.
 */
#include "daemon/pure/ownership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"

/* --- identity.json --------------------------------------------------------------------------- */

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "identity", offsetof(struct ownership, identity) }, { "unique_id", offsetof(struct ownership, unique_id) },
	{ "repository", offsetof(struct ownership, repository) }, { "initialised", offsetof(struct ownership, initialised) },
	{ "instead_of", offsetof(struct ownership, instead_of) }, { "machine", offsetof(struct ownership, machine) },
	{ "instance", offsetof(struct ownership, instance) },
};

static char **text_at(const struct ownership *o, size_t i)
{
	return (char **)(void *)((char *)(uintptr_t)o + texts[i].offset);
}

void ownership_add_predecessor(struct ownership *o, const char *instance, const char *until, bool claimed)
{
	GROW(o->v, o->n);
	o->v[o->n++] = (struct predecessor){ .instance = xstrdup(instance), .until = xstrdup(until), .claimed = claimed };
}

void ownership_parse(const char *text, size_t len, struct ownership *ret)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(text, len), *list = json_member(o, "before");

	*ret = (struct ownership){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*text_at(ret, i) = xstrdup(json_text(o, texts[i].key));
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
		struct json_object *p = json_object_array_get_idx(list, i);
		if (json_text(p, "instance") && json_text(p, "until"))
			ownership_add_predecessor(ret, json_text(p, "instance"), json_text(p, "until"), json_flag(p, "claimed", false));
	}
}

char *ownership_format(const struct ownership *own)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_put_text(o, texts[i].key, *text_at(own, i));
	for (size_t i = 0; i < own->n; i++) {
		struct json_object *p = json_object_new_object();
		json_put_text(p, "instance", own->v[i].instance);
		json_put_text(p, "until", own->v[i].until);
		json_put_flag(p, "claimed", own->v[i].claimed);
		json_object_array_add(list, p);
	}
	json_object_object_add(o, "before", list);
	return json_write(o, JSON_C_TO_STRING_PRETTY, NULL);
}

void ownership_copy(struct ownership *to, const struct ownership *from)
{
	*to = (struct ownership){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*text_at(to, i) = xstrdup(*text_at(from, i));
	for (size_t i = 0; i < from->n; i++)
		ownership_add_predecessor(to, from->v[i].instance, from->v[i].until, from->v[i].claimed);
}

void ownership_forget_predecessors(struct ownership *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->v[i].instance);
		free(o->v[i].until);
	}
	free(o->v);
	o->v = NULL;
	o->n = 0;
}

void ownership_done(struct ownership *o)
{
	ownership_forget_predecessors(o);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(*text_at(o, i));
	*o = (struct ownership){ 0 };
}

/* --- of one snapshot --------------------------------------------------------------------------- */

bool ownership_is_of(const struct kopia_snapshot *s, const char *identity)
{
	const char *at = identity ? strchr(identity, '@') : NULL;

	return at && s->user && s->host && strlen(s->user) == (size_t)(at - identity) &&
		strncmp(s->user, identity, (size_t)(at - identity)) == 0 && streq(s->host, at + 1);
}

/* A point's id, also of the safety copy of a restore: both are times. NULL: not one of ours. */
static const char *id_of(const struct kopia_snapshot *s)
{
	const char *id = kopia_tag(s, "backup_id");

	return id && starts_with(id, "safety-") ? id + strlen("safety-") : id;
}

enum owner ownership_of(const struct ownership *o, const struct kopia_snapshot *s)
{
	const char *instance = kopia_tag(s, "instance"), *id = id_of(s);

	if (!ownership_is_of(s, o->identity))
		return OWNER_ELSEWHERE;
	if (!instance || streq(instance, o->instance))
		return OWNER_OURS;
	for (size_t i = 0; id && i < o->n; i++)
		if (streq(o->v[i].instance, instance) && strcmp(id, o->v[i].until) <= 0)
			return o->v[i].claimed ? OWNER_OURS : OWNER_UNCLAIMED;
	return OWNER_OTHER;
}

/* --- may we act ---------------------------------------------------------------------------------- */

bool ownership_is_point(const struct kopia_snapshot *s)
{
	const char *type = kopia_tag(s, "type");

	return kopia_tag(s, "unit") && kopia_tag(s, "backup_id") && type && !streq(type, "safety");
}

/* The newest point of our identity that is another's. */
static const struct kopia_snapshot *newest_other(const struct ownership *o, const struct kopia_snapshot *v, size_t n)
{
	const struct kopia_snapshot *newest = NULL;

	for (size_t i = 0; i < n; i++)
		if (ownership_is_point(&v[i]) && ownership_of(o, &v[i]) == OWNER_OTHER &&
			(!newest || strcmp(kopia_tag(&v[i], "backup_id"), kopia_tag(newest, "backup_id")) > 0))
			newest = &v[i];
	return newest;
}

/* One that bears our own instance's number, and that our state never made: only a copy of it can have. */
static const struct kopia_snapshot *copied(const struct ownership *o, const struct strv *made, const struct kopia_snapshot *v, size_t n)
{
	for (size_t i = 0; made->n && o->instance && i < n; i++) {
		const char *id = kopia_tag(&v[i], "backup_id");
		if (ownership_is_point(&v[i]) && ownership_is_of(&v[i], o->identity) && streq(kopia_tag(&v[i], "instance"), o->instance) &&
			strcmp(id, made->v[0]) > 0 && !strv_has(made, id))
			return &v[i];
	}
	return NULL;
}

int ownership_check(const struct ownership *o, const struct oneself *self, const struct kopia_snapshot *v, size_t n, struct fault *f)
{
	const struct kopia_snapshot *s;
	const char *id = o->identity, *machine = self->machine;

	if (machine && o->machine && !streq(machine, o->machine))
		fault_set(f, FAULT_REPOSITORY, -ESTALE, "%s is the identity of another machine: its id is %s, this one's is %s", id, o->machine, machine);
	else if ((s = newest_other(o, v, n)))
		fault_set(f, FAULT_REPOSITORY, -ESTALE, "%s writes to the repository as %s: restore point %s of unit %s is not this one's",
			machine && streq(kopia_tag(s, "machine"), machine) ? "another installation on this machine, or a clone of it," : "another machine",
			id, kopia_tag(s, "backup_id"), kopia_tag(s, "unit"));
	else if ((s = copied(o, &self->made, v, n)))
		fault_set(f, FAULT_REPOSITORY, -ESTALE, "restore point %s of unit %s as %s was made by a copy of this machine, or before this one was "
			"put back to an older state", kopia_tag(s, "backup_id"), kopia_tag(s, "unit"), id);
	else
		return 0;
	fault_advise(f, "%s", OWNERSHIP_ADVICE);
	return -ESTALE;
}
