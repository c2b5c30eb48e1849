/* SPDX-License-Identifier: MIT */
/*
 * People know where a file is in their container, not in which item it is saved. The unit's coverage says what is mounted where:
 * in each container the deepest mount above the path counts, as in the kernel.
 */
#include "daemon/pure/container_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/path.h"

struct found {
	const char *item; /* borrowed from the unit */
	char *path;
	const char *container, *reason; /* of what was met and is not saved */
	bool differs;
	const char *other;
};

bool container_path_is(const char *text)
{
	const char *colon = strchr(text, ':');

	return *text == '/' || (colon && colon > text && colon[1] == '/' && !memchr(text, '/', (size_t)(colon - text)));
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* Is ${container} the one that ${name} (of ${len}) means, by its own name or its service? */
static bool is_called(struct json_object *unit, const char *container, const char *name, size_t len)
{
	struct json_object *members = json_member(unit, "members");

	if (len == 0 || (strlen(container) == len && strncmp(container, name, len) == 0))
		return true;
	for (size_t i = 0; i < length(members); i++) {
		struct json_object *m = json_object_array_get_idx(members, i);
		const char *service = json_text(m, "service");
		if (streq(json_text(m, "name"), container) && service && strlen(service) == len && strncmp(service, name, len) == 0)
			return true;
	}
	return false;
}

/* What is left of ${path} below ${top}: "" for itself; NULL if it is not in it. */
static const char *rest_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (len == 1 && *top == '/')
		return path + 1;
	if (strncmp(path, top, len) != 0)
		return NULL;
	return path[len] == '\0' ? path + len : path[len] == '/' ? path + len + 1 : NULL;
}

/* The deepest mount of ${container} above ${path}. */
static struct json_object *mount_above(struct json_object *unit, const char *container, const char *path)
{
	struct json_object *list = json_member(unit, "coverage"), *best = NULL;
	size_t deepest = 0;

	for (size_t i = 0; i < length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		const char *to = json_text(m, "destination");
		if (to && streq(json_text(m, "container"), container) && rest_below(path, to) && (!best || strlen(to) > deepest)) {
			best = m;
			deepest = strlen(to);
		}
	}
	return best;
}

static void take(struct json_object *unit, struct json_object *mount, const char *path, const char *only, struct found *ret)
{
	struct json_object *items = json_member(unit, "items");
	const char *to = json_text(mount, "destination"), *source = json_text(mount, "source");
	const char *rest = to ? rest_below(path, to) : NULL; /* mount_above() chose it by that */
	const char *item = NULL, *inside = NULL, *name = json_text(mount, "container");
	char *host CLEANUP(freep) = xasprintf("%s%s%s", source ? source : "", rest && *rest ? "/" : "", rest ? rest : "");
	size_t deepest = 0;

	for (size_t i = 0; source && i < length(items); i++) {
		struct json_object *o = json_object_array_get_idx(items, i);
		const char *id = json_text(o, "id"), *at = json_text(o, "path"), *below = id && at ? rest_below(host, at) : NULL;
		if (below && strlen(at) >= deepest && (!only || streq(id, only))) {
			item = id;
			inside = below;
			deepest = strlen(at);
		}
	}
	if (!item) {
		ret->reason = json_text(mount, "reason");
		ret->container = name;
	} else if (!ret->item) {
		ret->item = item;
		ret->path = xstrdup(inside);
		ret->container = name;
	} else if (!streq(ret->item, item) || !streq(ret->path, inside)) {
		ret->differs = true;
		ret->other = item;
	}
}

static int judge(const struct found *found, const char *asked, struct fault *f)
{
	if (found->differs) {
		fault_set(f, FAULT_NO_SUCH_ITEM, -EINVAL, "%s is in %s for one container and in %s for another", asked, found->item, found->other);
		fault_advise(f, "say whose it is, NAME:%s, or name the item with --item", strchr(asked, '/'));
		return -EINVAL;
	}
	if (found->item)
		return 0;
	fault_set(f, FAULT_NO_SUCH_ITEM, -ENOENT, "%s is in nothing that is saved%s%s%s%s", asked, found->container ? ": what " : "",
		found->container ? found->container : "", found->container ? " has there is not: " : "",
		found->container && found->reason ? found->reason : "");
	fault_advise(f, "kopi-docka list --units shows what is mounted where; --item ID --path names a path in an item");
	return -ENOENT;
}

int container_path_find(struct json_object *unit, const char *asked, const char *item, char **ret_item, char **ret_path,
	struct fault *f)
{
	struct json_object *list = json_member(unit, "coverage");
	const char *slash = strchr(asked, '/');
	size_t name = *asked == '/' ? 0 : (size_t)(slash - asked - 1);
	char *path CLEANUP(freep) = path_normal(slash);
	struct strv seen CLEANUP(strv_done) = { 0 };
	struct found found = { 0 };

	for (size_t i = 0; path && i < length(list); i++) {
		const char *container = json_text(json_object_array_get_idx(list, i), "container");
		if (!container || strv_has(&seen, container) || !is_called(unit, container, asked, name))
			continue;
		strv_add(&seen, container);
		struct json_object *m = mount_above(unit, container, path);
		if (m)
			take(unit, m, path, item, &found);
	}
	int r = judge(&found, asked, f);
	if (r < 0) {
		free(found.path);
		return r;
	}
	*ret_item = xstrdup(found.item);
	*ret_path = found.path;
	return 0;
}
