/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_CONTAINER_PATH_H
#define KD_PURE_CONTAINER_PATH_H

#include "common/varlink.h"

/* "/path" or "NAME:/path", NAME being a container or a service: a path as a container sees it, not one in an item. */
bool container_path_is(const char *text);
/*
 * Which item of ${unit} (borrowed; a Unit as ListUnits and the recipe have it) has the path ${asked}, and where in it:
 * ${ret_item} and ${ret_path} ("": the whole item) are the caller's. ${item}: only this one; NULL: any.
 * Fault: nothing saved has it (the reason is named), or containers have different items there.
 */
int container_path_find(struct json_object *unit, const char *asked, const char *item, char **ret_item, char **ret_path,
	struct fault *f) WARN_UNUSED;

#endif
