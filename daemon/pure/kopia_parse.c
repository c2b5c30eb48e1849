/* SPDX-License-Identifier: MIT */
/* kopia's JSON, parsed fully at the edge; fields that are not there are unknown, never 0. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink.h"
#include "daemon/pure/kopia.h"
#include "daemon/pure/plan.h"

static int not_json(struct fault *f, const char *what)
{
	return fault_set(f, FAULT_REPOSITORY, -EBADMSG, "kopia's answer to %s cannot be read", what);
}

/* kopia prints warnings and tables before the JSON of some commands: it begins at the first { or [. */
static struct json_object *parse_output(const char *text, size_t len, char first)
{
	const char *at = text ? memchr(text, first, len) : NULL;

	return at ? json_parse(at, len - (size_t)(at - text)) : NULL;
}

int kopia_parse_created(const char *text, size_t len, struct kopia_created *ret, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = parse_output(text, len, '{');
	struct json_object *root = json_member(o, "rootEntry"), *sum = json_member(root, "summ");

	if (!json_text(o, "id") || !json_text(root, "obj") || !sum)
		return not_json(f, "snapshot create");
	ret->id = xstrdup(json_text(o, "id"));
	ret->object = xstrdup(json_text(root, "obj"));
	ret->size = json_number(sum, "size", -1);
	ret->files = (int)json_number(sum, "files", -1);
	ret->failed = (int)json_number(sum, "numFailed", 0);
	const char *incomplete = json_text(o, "incomplete");
	ret->incomplete = xstrdup(incomplete ? incomplete : json_text(sum, "incomplete"));
	return 0;
}

static void take_tags(struct kopia_snapshot *s, struct json_object *tags)
{
	if (!json_object_is_type(tags, json_type_object))
		return;
	json_object_object_foreach(tags, key, value)
	{
		if (!json_object_is_type(value, json_type_string))
			continue;
		GROW(s->tags, s->n_tags);
		s->tags[s->n_tags++] = (struct kopia_tag){
			.key = xstrdup(starts_with(key, "tag:") ? key + 4 : key),
			.value = xstrdup(json_object_get_string(value)),
		};
	}
}

static bool take_snapshot(struct kopia_snapshot *s, struct json_object *o)
{
	struct json_object *source = json_member(o, "source"), *root = json_member(o, "rootEntry");
	struct json_object *sum = json_member(root, "summ");

	if (!json_text(o, "id") || !source)
		return false;
	s->id = xstrdup(json_text(o, "id"));
	s->object = xstrdup(json_text(root, "obj"));
	s->user = xstrdup(json_text(source, "userName"));
	s->host = xstrdup(json_text(source, "host"));
	s->path = xstrdup(json_text(source, "path"));
	s->incomplete = xstrdup(json_text(o, "incomplete"));
	if (parse_time(json_text(o, "startTime"), &s->start_ms) < 0)
		s->start_ms = 0;
	s->size = json_number(sum, "size", -1);
	s->files = (int)json_number(sum, "files", -1);
	s->failed = (int)json_number(sum, "numFailed", 0);
	take_tags(s, json_member(o, "tags"));
	json_read_list(o, "pins", &s->pins);
	return true;
}

int kopia_parse_list(const char *text, size_t len, struct kopia_snapshot **ret, size_t *ret_n, struct fault *f)
{
	struct json_object *list CLEANUP(json_putp) = parse_output(text, len, '[');
	struct kopia_snapshot *v = NULL;
	size_t n = 0;

	if (!json_object_is_type(list, json_type_array))
		return not_json(f, "snapshot list");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		GROW(v, n);
		if (take_snapshot(&v[n], json_object_array_get_idx(list, i)))
			n++;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

int kopia_parse_status(const char *text, size_t len, struct kopia_status *ret, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = parse_output(text, len, '{');
	struct json_object *storage = json_member(o, "storage"), *format = json_member(o, "contentFormat");
	struct json_object *volume = json_member(o, "volume"), *client = json_member(o, "clientOptions");

	if (!client)
		return not_json(f, "repository status");
	ret->unique_id = xstrdup(json_text(o, "uniqueIDHex"));
	ret->storage = xstrdup(json_text(storage, "type"));
	ret->path = xstrdup(json_text(json_member(storage, "config"), "path"));
	ret->hash = xstrdup(json_text(format, "hash"));
	ret->encryption = xstrdup(json_text(format, "encryption"));
	ret->splitter = xstrdup(json_text(json_member(o, "objectFormat"), "splitter"));
	ret->user = xstrdup(json_text(client, "username"));
	ret->host = xstrdup(json_text(client, "hostname"));
	ret->capacity = json_number(volume, "capacity", -1);
	ret->available = json_number(volume, "available", -1);
	return 0;
}

int kopia_parse_version(const char *text, int *ret)
{
	int major, minor, patch;

	if (*text == 'v')
		text++;
	if (sscanf(text, "%d.%d.%d", &major, &minor, &patch) != 3 || major < 0 || minor < 0 || patch < 0)
		return -EINVAL;
	*ret = major * 1000000 + minor * 1000 + patch;
	return 0;
}

int kopia_parse_maintenance_owner(const char *text, size_t len, char **ret, struct fault *f)
{
	struct json_object *o CLEANUP(json_putp) = parse_output(text, len, '{');

	if (!json_text(o, "owner"))
		return not_json(f, "maintenance info");
	*ret = xstrdup(json_text(o, "owner"));
	return 0;
}

struct json_object *kopia_parse_policies(const char *text, size_t len, struct fault *f)
{
	struct json_object *list = parse_output(text, len, '[');

	if (json_object_is_type(list, json_type_array))
		return list;
	json_object_put(list);
	IGNORE(not_json(f, "policy list")); /* the fault tells */
	return NULL;
}

static bool policy_differs(struct json_object *o, const struct conf_retention *keep, const char *compression)
{
	struct json_object *is = json_member(o, "retention");
	const char *compressor = json_text(json_member(o, "compression"), "compressorName");

	return json_number(is, "keepLatest", -1) != keep->latest || json_number(is, "keepHourly", -1) != 0 ||
		json_number(is, "keepDaily", -1) != keep->daily || json_number(is, "keepWeekly", -1) != keep->weekly ||
		json_number(is, "keepMonthly", -1) != keep->monthly || json_number(is, "keepAnnual", -1) != keep->yearly ||
		!streq(compressor, compression);
}

bool kopia_policy_differs(struct json_object *policies, const char *target, const struct conf_retention *keep,
	const char *compression)
{
	for (size_t i = 0; i < json_object_array_length(policies); i++) {
		struct json_object *o = json_object_array_get_idx(policies, i), *of = json_member(o, "target");
		const char *user = json_text(of, "userName"), *host = json_text(of, "host"), *path = json_text(of, "path");
		char *name CLEANUP(freep) = xasprintf("%s@%s:%s", user ? user : "", host ? host : "", path ? path : "");
		if (streq(name, target))
			return policy_differs(o, keep, compression);
	}
	return true;
}

/*
 * The unit whose policy USER@HOST:/volumes/UNIT and the like is; NULL: none of ours. What
 * stands below it (kopia itself makes an empty one for every source) takes after it.
 */
static char *unit_of(struct json_object *target, const char *identity)
{
	static const char *const prefixes[] = { "/recipes/", "/volumes/", "/binds/" };
	const char *path = json_text(target, "path"), *user = json_text(target, "userName"), *host = json_text(target, "host");
	char *who CLEANUP(freep) = xasprintf("%s@%s", user ? user : "", host ? host : "");

	for (size_t i = 0; path && streq(who, identity) && i < ARRAY_SIZE(prefixes); i++)
		if (starts_with(path, prefixes[i]) && !strchr(path + strlen(prefixes[i]), '/'))
			return name_decode(path + strlen(prefixes[i]));
	return NULL;
}

int kopia_policies_drift(const char *json, size_t len, const struct conf *c, const char *identity, size_t *ret_n,
	struct strv *ret_drifted)
{
	struct json_object *list CLEANUP(json_putp) = parse_output(json, len, '[');

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *target = json_member(o, "target");
		char *unit CLEANUP(freep) = unit_of(target, identity);
		if (!unit)
			continue;
		++*ret_n;
		struct conf_retention keep = conf_retention(c, unit);
		if (policy_differs(o, &keep, c->kopia.compression))
			strv_add(ret_drifted, json_text(target, "path"));
	}
	return 0;
}

const char *kopia_tag(const struct kopia_snapshot *s, const char *key)
{
	for (size_t i = 0; i < s->n_tags; i++)
		if (streq(s->tags[i].key, key))
			return s->tags[i].value;
	return NULL;
}

int kopia_accept(const struct kopia_created *c, int64_t bytes_written, struct fault *f)
{
	if (c->incomplete)
		return fault_set(f, FAULT_REPOSITORY, -EIO, "kopia says the snapshot is incomplete: %s", c->incomplete);
	if (c->failed != 0)
		return fault_set(f, FAULT_REPOSITORY, -EIO, "kopia failed on %d files", c->failed);
	if (c->files != 1) {
		fault_set(f, FAULT_REPOSITORY, -EIO, "kopia stored %d files, not one", c->files);
		fault_advise(f, "look for an ignore rule in kopia's policies: kopi-docka kopia policy show --global");
		return -EIO;
	}
	if (c->size != bytes_written)
		return fault_set(f, FAULT_REPOSITORY, -EIO, "kopia stored %" PRId64 " bytes of %" PRId64, c->size, bytes_written);
	return 0;
}

void kopia_created_done(struct kopia_created *c)
{
	free(c->id);
	free(c->object);
	free(c->incomplete);
	*c = (struct kopia_created){ 0 };
}

void kopia_snapshots_free(struct kopia_snapshot *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *owned[] = { v[i].id, v[i].object, v[i].user, v[i].host, v[i].path, v[i].incomplete };
		for (size_t j = 0; j < ARRAY_SIZE(owned); j++)
			free(owned[j]);
		for (size_t j = 0; j < v[i].n_tags; j++) {
			free(v[i].tags[j].key);
			free(v[i].tags[j].value);
		}
		free(v[i].tags);
		strv_done(&v[i].pins);
	}
	free(v);
}

void kopia_status_done(struct kopia_status *s)
{
	char *owned[] = { s->unique_id, s->storage, s->path, s->hash, s->encryption, s->splitter, s->user, s->host };

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	*s = (struct kopia_status){ 0 };
}
